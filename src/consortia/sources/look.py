"""Guessing what the files in a folder are, from the names of their columns and a look at values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from consortia.errors import DataInvalid
from consortia.sources.files import read_table
from consortia.sources.findings import Findings, Table
from consortia.sources.values import as_number, codes_mask
from consortia.specs import MISSING_CODES, DataSpec, Found, Renames

ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".parquet")

ALIASES = {
    "provider": (
        "provider", "provider_id", "urn", "school_urn", "school", "school_id", "school_code",
        "college", "college_id", "ukprn", "estab", "laestab", "institution", "institution_id",
        "centre", "nces_id", "ncessch",
    ),
    "year": (
        "year", "results_year", "academic_year", "school_year", "time_period", "cohort_year",
    ),
    "collaboration": (
        "collaboration", "collaboration_id", "group_uid", "linked_uid", "group_id", "group",
        "trust", "trust_id", "trust_name", "group_name", "network", "network_id", "partnership",
        "consortium", "alliance", "cluster", "name",
    ),
    "kind": ("kind", "group_type", "type_of_group", "type", "collaboration_type"),
    "from": (
        "from", "joined", "joined_date", "date_joined", "join_date", "start", "start_date",
        "date_from", "member_since", "since", "entry_date",
    ),
    "to": ("to", "left", "left_date", "date_left", "end", "end_date", "date_to", "until"),
    "weight": ("weight",),
    "first_seen": ("first_seen",),
    "last_seen": ("last_seen",),
    "status": ("status", "provider_status"),
    "since": ("since", "from", "start", "start_date", "date_from", "status_from"),
    "until": ("until", "to", "end", "end_date", "date_to"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon", "lng", "long"),
    "easting": ("easting",),
    "northing": ("northing",),
}  # fmt: skip
"""What the columns are often called; the first match in this order is taken."""
NAMES = ("name", "collaboration_name", "group_name", "trust_name", "network_name")
"""What the names of collaborations are often called."""

_COUNTS = (
    "pupils",
    "learners",
    "students",
    "cohort_size",
    "entries",
    "headcount",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guess:
    role: str
    table: Table
    renames: dict[str, str]


def inspect_folder(folder: str | Path) -> Found:
    """Look through a folder and guess the role of each file; nothing is judged here.

    Raises DataInvalid where the folder does not exist or has no table that can be read.
    """
    folder = Path(folder)
    findings = Findings()
    names = (
        sorted(p.name for p in folder.iterdir() if p.is_file() and p.name.endswith(ENDINGS))
        if folder.is_dir()
        else []
    )
    if not folder.is_dir():
        findings.whole(
            folder.name, "the folder does not exist", "Name the folder that holds your files"
        )
        raise DataInvalid(findings.problems)
    if not names:
        findings.whole(
            folder.name or ".",
            "the folder has no tables",
            f"Put the files there as {', '.join(ENDINGS)}",
        )
        raise DataInvalid(findings.problems)
    read = [read_table("table", folder, name, findings) for name in names]
    tables = [t for t in read if t is not None]
    if not tables:
        raise DataInvalid(findings.problems)
    guesses = [g for t in tables if (g := _guess(t)) is not None]
    chosen: dict[str, _Guess] = {}
    open_: list[str] = []
    for guess in sorted(guesses, key=lambda g: -g.table.frame.height):
        if guess.role in chosen:
            open_.append(
                f"{guess.table.name} could be {guess.role} too; "
                f"{chosen[guess.role].table.name} was taken because it has more rows"
            )
        else:
            chosen[guess.role] = guess
    used = {g.table.name for g in guesses}
    open_ += [f"{t.name} was not recognised and is not used" for t in tables if t.name not in used]
    open_ += [f"{p.file}: {p.problem}" for p in findings.problems]
    return _found(chosen, tuple(names), open_)


def _fold(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _match(table: Table, wanted: str) -> str:
    """The column of the table that is most likely ``wanted``, or ''."""
    folded = {_fold(c): c for c in reversed(table.frame.columns)}
    return next((folded[a] for a in ALIASES[wanted] if a in folded), "")


def _guess(table: Table) -> _Guess | None:
    provider = _match(table, "provider")
    if not provider:
        return _names(table)
    got = {"provider": provider}

    def take(*names: str) -> dict[str, str]:
        out = dict(got)
        for name in names:
            column = _match(table, name)
            if column and column not in out.values():
                out[name] = column
        return out

    year, collaboration, kind, start = (
        _match(table, n) for n in ("year", "collaboration", "kind", "from")
    )
    status, since = _match(table, "status"), _match(table, "since")
    if year and _numbers(table, (provider, year)):
        return _guessed("outcomes", table, take("year"))
    if status and since and not kind:
        return _guessed("statuses", table, take("status", "since", "until"))
    if collaboration and (start or _match(table, "first_seen")):
        return _guessed(
            "memberships",
            table,
            take("collaboration", "kind", "from", "to", "weight", "first_seen", "last_seen"),
        )
    if table.frame[provider].n_unique() == table.frame.height:
        return _guessed("providers", table, take("latitude", "longitude", "easting", "northing"))
    return None


def _names(table: Table) -> _Guess | None:
    """A file of collaborations and what they are called."""
    folded = {_fold(c): c for c in reversed(table.frame.columns)}
    name = next((folded[a] for a in NAMES if a in folded), "")
    called = _match(table, "collaboration")
    if not name or not called or called == name:
        return None
    return _guessed("collaborations", table, {"collaboration": called, "name": name})


def _guessed(role: str, table: Table, renames: dict[str, str]) -> _Guess:
    different = {name: column for name, column in renames.items() if name != column}
    return _Guess(role=role, table=table, renames=different)


def _numbers(table: Table, without: tuple[str, ...]) -> list[str]:
    """Columns of which most known values are numbers."""
    out: list[str] = []
    for column in table.frame.columns:
        values = table.frame[column]
        if column in without:
            continue
        if values.dtype.is_numeric():
            out.append(column)
        elif values.dtype == pl.String:
            known = values.set(codes_mask(values, MISSING_CODES), None).drop_nulls()
            numbers, _, _ = as_number(known)
            if known.len() and numbers.null_count() < known.len() / 10:
                out.append(column)
    return out


def _counts_of(table: Table, column: str) -> tuple[tuple[str, int], ...]:
    counted = table.frame[column].cast(pl.String).drop_nulls().value_counts(sort=True)
    rows = sorted(counted.rows(), key=lambda r: (-r[1], r[0]))
    return tuple((str(name), int(count)) for name, count in rows)


def _found(chosen: dict[str, _Guess], files: tuple[str, ...], open_: list[str]) -> Found:
    named = {role: guess.table.name for role, guess in chosen.items()}
    renames = Renames(**{role: guess.renames for role, guess in chosen.items()})
    data = replace(DataSpec(), columns=renames, **named)
    found = Found(data=data, files=files)
    if "outcomes" in chosen:
        table, called = chosen["outcomes"].table, chosen["outcomes"].renames
        year, provider = called.get("year", "year"), called.get("provider", "provider")
        numbers = _numbers(table, (provider, year))
        weights = [c for c in numbers if _fold(c) in _COUNTS or "pupils" in _fold(c)]
        read, _, _ = as_number(table.frame[year].cast(pl.String))
        found = replace(
            found,
            years=tuple(int(y) for y in read.drop_nulls().unique().sort().to_list()),
            outcomes=tuple(c for c in numbers if c not in weights),
            weights=tuple(weights),
        )
    else:
        open_.append("no file has a provider, a year and numbers: which one holds the outcomes?")
    if "memberships" in chosen:
        table, called = chosen["memberships"].table, chosen["memberships"].renames
        kind = called.get("kind", "kind")
        found = replace(
            found,
            kinds=_counts_of(table, kind)
            if kind in table.frame.columns
            else ((data.default_kind, table.frame.height),),
        )
    if "statuses" in chosen:
        table, called = chosen["statuses"].table, chosen["statuses"].renames
        found = replace(found, statuses=_counts_of(table, called.get("status", "status")))
    if "memberships" not in chosen and "statuses" not in chosen:
        open_.append("no file has memberships (provider, collaboration, date of joining)")
    if "providers" in chosen:
        table, called = chosen["providers"].table, chosen["providers"].renames
        flags, groups = _flags_and_groups(table, called.get("provider", "provider"))
        found = replace(found, flags=flags, groups=groups)
    return replace(found, open=tuple(open_))


def _flags_and_groups(table: Table, provider: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    flags: list[str] = []
    groups: list[str] = []
    for column in table.frame.columns:
        if column == provider:
            continue
        values = table.frame[column].cast(pl.String).drop_nulls()
        distinct = set(values.unique().to_list())
        if distinct == {"0", "1"}:
            flags.append(column)
        elif 10 <= len(distinct) <= values.len() / 5:
            groups.append(column)
    return tuple(flags), tuple(groups)
