"""The command that turns pupil rows into sums which may leave a secure setting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from consortia.cli.commands import _print_json, _progress
from consortia.errors import DataInvalid, Problem, did_you_mean

if TYPE_CHECKING:
    from consortia.panel import PupilSums

_KINDS = (".parquet", ".json")


def make(
    file: Path, out: Path, *, by: str, outcome: str, columns: str, weight: str,
    rename: list[str], missing: list[str], minimum: int, cell: int, digits: int, force: bool,
    json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Read, reduce, write, and say what was left out."""
    groups, numbers = _names(by), _names(columns)
    known = (*groups, *numbers, outcome, *((weight,) if weight else ()))
    called = _checked(out, known, groups, rename, digits, force)
    with _progress(json or quiet, 1) as (step, done):
        step(f"reading {file.name} in one pass")
        from consortia.sources.pupil_rows import sums_of_file
        from consortia.sources.pupil_sums import write_pupil_sums
        from consortia.specs import MISSING_CODES

        sums = sums_of_file(
            file, by=groups, outcome=outcome, columns=numbers, weight=weight, minimum=minimum,
            minimum_cell=cell, digits=digits, called=called,
            missing=(*MISSING_CODES, *missing),
        )  # fmt: skip
        out.parent.mkdir(parents=True, exist_ok=True)
        write_pupil_sums(sums, out)
        done()
    told = told_of(sums, out)
    if json:
        _print_json(told)
        return
    _show(told)


def _names(text: str) -> tuple[str, ...]:
    return tuple(n.strip() for n in text.split(",") if n.strip())


def _checked(
    out: Path, known: tuple[str, ...], groups: tuple[str, ...], rename: list[str], digits: int,
    force: bool,
) -> dict[str, str]:  # fmt: skip
    """Our name -> the file's name, after everything that can be wrong with the options was said."""
    problems: list[Problem] = []
    if out.suffix.lower() not in _KINDS:
        problems.append(
            Problem(
                column="--out", found=out.name, problem="sums are written as Parquet or JSON",
                remedy="End the name in .parquet, or in .json to have it read by eye",
            )
        )  # fmt: skip
    elif out.exists() and not force:
        problems.append(
            Problem(
                column="--out", found=str(out), problem="the file exists",
                remedy="Name another, or say --force to write over it",
            )
        )  # fmt: skip
    if not groups:
        problems.append(
            Problem(
                column="--by", problem="nothing to group by", remedy="For example provider,year"
            )
        )
    twice = {n for n in known if known.count(n) > 1}
    if twice:
        problems.append(
            Problem(
                column="--columns", found=", ".join(sorted(twice)),
                problem="named more than once among --by, --outcome, --columns and --weight",
                remedy="Name each column once",
            )
        )  # fmt: skip
    if 0 < digits < 4:
        problems.append(
            Problem(
                column="--digits", found=str(digits), problem="too few digits to fit a model to",
                remedy="Give 4 or more, or 0 to round nothing",
            )
        )  # fmt: skip
    called: dict[str, str] = {}
    for pair in rename:
        mine, _, theirs = (part.strip() for part in pair.partition("="))
        if not mine or not theirs:
            problems.append(
                Problem(
                    column="--rename", found=pair, problem="not of the form ours=theirs",
                    remedy="For example provider=SCHOOL_URN",
                )
            )  # fmt: skip
        elif mine not in known:
            problems.append(
                Problem(
                    column="--rename", found=mine, problem="no column of ours has this name",
                    remedy=did_you_mean(mine, list(known)),
                )
            )  # fmt: skip
        called[mine] = theirs
    if problems:
        raise DataInvalid(problems)
    return called


def told_of(sums: PupilSums, out: Path) -> dict[str, Any]:
    """What was written and what was left out, by the rule that was applied."""
    return {
        "file": str(out),
        "by": list(sums.by),
        "outcome": sums.outcome,
        "columns": [c for c in sums.columns[1:] if c != sums.outcome],
        "weight": sums.weight,
        "groups": sums.frame.height,
        "pupils": int(sums.frame["rows"].sum()),
        "smallest_group": int(sums.frame["rows"].min()),  # pyright: ignore[reportArgumentType]
        "left_out": {
            "groups": sums.groups_suppressed,
            "of_them_small_cells": sums.small_cells,
            "pupils_in_them": sums.rows_suppressed,
            "pupils_incomplete": sums.rows_incomplete,
        },
        "rule": {"minimum": sums.minimum, "cell": sums.minimum_cell, "digits": sums.digits},
    }


def _show(told: dict[str, Any]) -> None:
    left, rule = told["left_out"], told["rule"]
    by = " and ".join(told["by"])
    print(f"Sums of {told['pupils']:,} pupils in {told['groups']:,} groups by {by}: {told['file']}")
    print(f"  The smallest group has {told['smallest_group']:,} pupils; the file holds no pupil.")
    few = left["groups"] - left["of_them_small_cells"]
    print(
        f"  Left out: {few:,} groups of fewer than {rule['minimum']:,} pupils and "
        f"{left['of_them_small_cells']:,} with fewer than {rule['cell']:,} on one side of a yes/no "
        f"column ({left['pupils_in_them']:,} pupils); {left['pupils_incomplete']:,} pupils without "
        "a value in a column used."
    )
    print(
        f"  Sums are rounded to {rule['digits']} significant digits, counts are not."
        if rule["digits"]
        else "  Nothing is rounded."
    )
