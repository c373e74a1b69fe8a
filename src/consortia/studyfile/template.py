"""A first study file for somebody's own files: every choice is there, with what it means."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from consortia.errors import DataInvalid, Problem
from consortia.specs import ROLES, DataSpec, Found
from consortia.studyfile.door import UNSETTLED

_LIKELY = re.compile(r"progress|attain|score|point|result|outcome|grade|value_added|mean|average")
_MOST_ARMS = 12


def init(
    found: Found, folder: str | Path, out: str | Path | None = None, *, force: bool = False
) -> Path:
    """Write a commented study file for the files in ``folder`` and return its path.

    ``found`` is what sources.inspect_folder saw there. Without ``out`` the file is study.toml in
    the folder. Raises DataInvalid where the file exists and ``force`` is not set, or where it
    cannot be written.
    """
    folder = Path(folder)
    path = Path(out) if out is not None else folder / "study.toml"
    if path.is_dir():
        path = path / "study.toml"
    if path.exists() and not force:
        raise _refused(
            path, "the file exists already", "Name another file, or say --force to write over it"
        )
    relative = Path(os.path.relpath(folder.resolve(), path.resolve().parent)).as_posix()
    text = template(found, relative)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _refused(
            path, "the file cannot be written", "Name another place with --out", str(error.strerror)
        ) from None
    return path


def _refused(path: Path, problem: str, remedy: str, found: str = "") -> DataInvalid:
    return DataInvalid([Problem(file=path.name, problem=problem, remedy=remedy, found=found)])


def template(found: Found, folder: str = ".") -> str:
    """The text of the study file, TOML with comments.

    Where everything could be guessed it runs as it stands; what could not be guessed is marked
    UNSETTLED, and read_study refuses the file until it is changed.
    """
    outcomes = sorted(found.outcomes, key=lambda c: not _LIKELY.search(c.casefold()))
    arms = _arms(found)
    kinds = [name for name, (field, _, _) in arms.items() if field == "kinds"]
    statuses = [name for name, (field, _, _) in arms.items() if field == "status"]
    outcome = outcomes[0] if outcomes else f"{UNSETTLED}: name of the column with the results"
    arm = (kinds or statuses or ["collaboration"])[0]
    beside = [a for a in statuses if a != arm]
    parts = [
        _head(found),
        _question(outcome, arm, beside),
        _each(outcomes, kinds, outcome, arm),
        _data(found, folder),
        *[_outcome(name, first=k == 0) for k, name in enumerate(outcomes or [outcome])],
        *_arm_tables(arms),
        _exposure(found),
        _rest(found, "cohort" if not kinds and statuses else "collaboration"),
    ]
    return "\n".join(parts)


def _q(text: str) -> str:
    # A JSON string is a TOML basic string, but for the one control character JSON leaves alone.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _q(text)


def _list(values: list[str] | tuple[str, ...]) -> str:
    return "[" + ", ".join(_q(v) for v in values) + "]"


def _arms(found: Found) -> dict[str, tuple[str, str, int]]:
    """Arm name -> (kinds or status, value in the file, rows), the most frequent first."""
    arms: dict[str, tuple[str, str, int]] = {}
    for field, counted in (("kinds", found.kinds), ("status", found.statuses)):
        for value, count in counted[:_MOST_ARMS]:
            name = re.sub(r"[^a-z0-9]+", "-", value.casefold()).strip("-") or field
            while name in arms:
                name += "-status" if field == "status" else "-2"
            arms[name] = (field, value, count)
    return arms


def _head(found: Found) -> str:
    lines = [
        "# A study: one question about working together, asked before it is answered.",
        "#",
        "#   consortia check-data study.toml     what the files hold, and what is wrong with them",
        "#   consortia evaluate study.toml       the answer, as a report",
        "#   consortia explain group-time        what a method answers and assumes",
        "#",
        "# Lines that start with # are comments. A key that is commented out shows its default.",
    ]
    if found.files:
        lines += ["#", f"# Files seen: {_one_line(', '.join(found.files))}"]
    lines += [f"# Not settled: {_one_line(text)}" for text in found.open]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)


def _question(outcome: str, arm: str, beside: list[str]) -> str:
    return f"""\
# In words, as you would ask it at a meeting. {{arm}} and {{outcome}} are replaced by their labels.
question = "Does joining {{arm}} raise {{outcome}}?"

# What is measured (a name under [outcomes]) and what is joined (a name under [arms]).
outcome = {_q(outcome)}
arm = {_q(arm)}

# Arms that often come together with joining: counted beside the answer, not held fixed.
alongside = {_list(beside)}
# Arms held fixed: only providers that hold the same of them are compared.
# hold = []

# Who joiners are compared with: "never" (never join) or "not-yet" (have not joined yet).
comparison = "never"

# Columns that joiners and the others should be alike in, measured before joining.
covariates = []
"""


def _each(outcomes: list[str], kinds: list[str], outcome: str, arm: str) -> str:
    more = outcomes if len(outcomes) > 1 else [outcome]
    arms = kinds if len(kinds) > 1 else [arm]
    return f"""\
# Ask the same for several outcomes and arms at once by removing the # of the next three lines.
# [each]
# outcome = {_list(more)}
# arm = {_list(arms)}
"""


def _data(found: Found, folder: str) -> str:
    data = found.data
    lines = [
        "[data]",
        "# Relative to this file.",
        f"folder = {_q(folder)}",
        "# One row per provider and year: provider, year, then columns of numbers.",
        f"outcomes = {_q(data.outcomes or UNSETTLED + ': outcomes.csv')}",
    ]
    for role, what in (
        ("providers", "One row per provider: facts that do not change, places."),
        ("memberships", "One row per spell: provider, collaboration, kind, from, to."),
        ("statuses", "One row per spell: provider, status, since, until."),
        ("places", "Easting and northing, or latitude and longitude, if not among the providers."),
        ("covariates", "More columns, by provider or by provider and year."),
        ("collaborations", "Names of collaborations (collaboration, name), to show for numbers."),
    ):
        name = getattr(data, role)
        missing = role == "memberships" and not found.statuses
        lines.append(f"# {what}")
        if name:
            lines.append(f"{role} = {_q(name)}")
        elif missing:
            lines.append(f'memberships = "{UNSETTLED}: memberships.csv"')
        else:
            lines.append(f'# {role} = "{role}.csv"')
    lines += [
        "# Whose data, under which licence; the report repeats it.",
        '# licence = ""',
    ]
    if found.kinds:
        listed = [k for k, _ in found.kinds]
        mark = "" if len(listed) <= _MOST_ARMS else "# "
        lines += [
            "# Any other kind in the file is told as a mistake.",
            f"{mark}kinds = {_list(listed)}" if data.memberships and _has_kind(found) else
            f"# kinds = {_list(listed)}",
        ]  # fmt: skip
    lines += [
        "# Dates that stand for an unknown date, columns that look like numbers and are not.",
        f"# unknown_dates = {_list(DataSpec().unknown_dates)}",
        f"# text = {_list(found.groups[:1])}",
        "# Columns that are not read at all.",
        "# ignore = []",
        "",
    ]
    for role in ROLES:
        renames: dict[str, str] = getattr(data.columns, role)
        if renames:
            lines.append("# The name that consortia uses = the name in your file.")
            lines.append(f"[data.columns.{role}]")
            lines += [f"{_key(name)} = {_q(called)}" for name, called in renames.items()]
            lines.append("")
    return "\n".join(lines)


def _has_kind(found: Found) -> bool:
    return not (len(found.kinds) == 1 and found.kinds[0][0] == found.data.default_kind)


def _outcome(name: str, *, first: bool) -> str:
    label = _q(name.replace("_", " "))
    if not first:
        return f'[outcomes.{_key(name)}]\nlabel = {label}\nunit = "points"\n'
    return f"""\
[outcomes.{_key(name)}]
# How it is called in sentences, and its unit.
label = {label}
unit = "points"
# Standard deviation in this unit, and whose; without it the spread between providers is used.
# sd = 1.0
# sd_of = "pupils"
# The smallest effect that would be worth the effort, in this unit. Decide before you look.
# worthwhile = 1.0
"""


def _arm_tables(arms: dict[str, tuple[str, str, int]]) -> list[str]:
    if not arms:
        return [
            "[arms.collaboration]\n"
            "# The kinds of collaboration, as written in the memberships file.\n"
            f'kinds = ["{UNSETTLED}"]\n'
            'label = "a collaboration"\n'
        ]
    out: list[str] = []
    for name, (field, value, count) in arms.items():
        is_kind = field == "kinds"
        article = "an" if value[:1].casefold() in "aeiou" else "a"
        label = f"{article} {value}" if is_kind else f"{value} status"
        out.append(
            f"# {count:,} rows in the file.\n"
            f"[arms.{_key(name)}]\n"
            + (f"kinds = {_list([value])}" if is_kind else f"status = {_q(value)}")
            + f"\nlabel = {_q(label)}\n"
        )
    return out


def _exposure(found: Found) -> str:
    years = f"# The files hold {found.years[0]} to {found.years[-1]}.\n" if found.years else ""
    first = found.years[0] if found.years else 2016
    last = found.years[-1] if found.years else 2019
    return f"""\
# When membership counts: results of 2017 belong to the year that began on year_starts 2016, and a
# provider that joined by the cut-off of that year is exposed. calendar_year = true takes both in
# 2017 itself (then set year_starts = "01-01").
[exposure]
cutoff = "09-30"
year_starts = "09-01"
# calendar_year = false
# Joined after the cut-off, that year: "unexposed", "exposed" or "missing".
partial = "unexposed"
# No date of joining: "before-window", "first-seen" or "ignore".
unknown_from = "before-window"
# After leaving: "keep" (the question is what joining did) or "censor".
leavers = "keep"

{years}[window]
first = {first}
last = {last}
"""


def _rest(found: Found, over: str) -> str:
    weight = f"column = {_q(found.weights[0])}" if found.weights else '# column = "pupils"'
    group = _one_line(found.groups[0]) if found.groups else ""
    cluster = f" Or a column of the providers file: {group}." if group else ""
    flagged = "".join(
        f"""
# {_one_line(name)} is 0 or 1 in the providers file: the answer again without those with a 1.
# [[checks]]
# name = "without-flagged"
# column = {_q(name)}
"""
        for name in found.flags[:2]
    )
    return f"""\
# Providers count by this column of the outcomes file (mean of the years); without it all alike.
[weights]
{weight}

# consortia explain lists the methods; raw-gap and two-way are there to compare with.
[method]
name = "group-time"
# Years before joining that are already touched, by the decision to join or by a dip that led to it.
anticipation = 0

[[checks]]
name = "pre-trend"

[[checks]]
name = "placebo-date"
years = 1

# How far joiners would have to drift after joining for the answer to vanish.
[[checks]]
name = "honest-trends"

# How strong a cause that nobody recorded would have to be; benchmarks may name your covariates.
[[checks]]
name = "unseen-confounder"

# A bad year before joining, and what comes back of it by itself.
[[checks]]
name = "regression-to-mean"

# A few providers, odd ones, small ones.
[[checks]]
name = "influence"

# Would chance alone do it? Dates of joining dealt out by lot.
[[checks]]
name = "randomisation"

# Those that left, had they done as badly as the worst quarter.
[[checks]]
name = "survivors"

# Does the answer hang on one of them? Also: "cohort", or a column of the providers file.
[[checks]]
name = "leave-one-out"
over = {_q(over)}
{flagged}
# Does the effect depend on a fact, such as how hard those nearby compete? [competition] makes
# rivals, pressure, concentration and more from places; [levels] gives the answer by thirds of any
# column of numbers, as it stood before joining.
# [competition]
# radius_km = 5.0
# [levels]
# by = "pressure"

# Whose luck is shared: "provider", "collaboration" or, with places, "market".{cluster}
[inference]
cluster = "provider"
level = 0.95
draws = 999
seed = 1
"""
