"""A folder of published tables in; outcomes, providers, memberships and statuses out."""

from __future__ import annotations

import csv
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from consortia.errors import DataInvalid, did_you_mean
from consortia.panel import Note, Source
from consortia.sources.files import read_table
from consortia.sources.findings import Findings, Table
from consortia.sources.published import groups
from consortia.sources.published.chains import NO_LINKS, Links, providers_of, read_links
from consortia.sources.published.layouts import (
    BREAKS,
    LAYOUTS,
    OUTCOMES,
    PHASES,
    Layout,
    recognise,
)
from consortia.sources.published.performance import Yearly, joined_by_year, read_yearly

LICENCE = "Open Government Licence v3.0"
_ACADEMY_TYPES = ("AC", "ACC", "ACS", "ACCS", "F", "FS", "UTC", "SS")
"""Codes of NFTYPE: sponsored and converter academies, free, technical and studio schools."""
_SPECIAL_TYPES = ("CYS", "FDS", "ACS", "ACCS", "FS", "NMSS", "INDSPEC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The tables that a study file can name, and what there is to know about them.

    * ``outcomes``: provider, year, pupils, then the measures of the phase (Float64).
    * ``providers``: one row for each provider, facts as the newest table tells them.
    * ``memberships``, ``statuses``: see groups.memberships and groups.statuses.
    * ``covariates``: provider, year, census, absence and workforce; only years published.
    * ``identifiers``: urn, provider; every number under which a school has results.
    * ``breaks``: (year, columns, what changed) for the years there are.
    """

    phase: str
    outcomes: pl.DataFrame
    providers: pl.DataFrame
    memberships: pl.DataFrame
    statuses: pl.DataFrame
    covariates: pl.DataFrame
    identifiers: pl.DataFrame
    sources: tuple[Source, ...]
    notes: tuple[Note, ...]
    breaks: tuple[tuple[int, str, str], ...]

    def __repr__(self) -> str:
        years = self.outcomes["year"]
        return (
            f"Gathered({self.phase}: {self.providers.height:,} providers, "
            f"{self.outcomes.height:,} provider-years, {years.min()}-{years.max()}\n"
            f"         {self.memberships.height:,} memberships, {self.statuses.height:,} statuses)"
        )


def gather(folder: str | Path, phase: str, *, missing: tuple[str, ...] = ()) -> Gathered:
    """Every published table in ``folder`` (and the folders in it) that ``phase`` needs.

    ``phase`` is "ks2", "ks4" or "ks5"; ``missing`` are codes for a withheld number beside those
    that publishers use (performance.CODES). Files are recognised by their columns; others are noted
    and left alone. Raises ValueError for an unknown phase and DataInvalid with every problem found.
    """
    if phase not in PHASES:
        raise ValueError(f"phase {phase!r} is not known. {did_you_mean(phase, PHASES)}")
    folder = Path(folder)
    findings = Findings()
    read = _read_all(folder, phase, missing, findings)
    results = [y for y in read.yearly if y.layout.role == "results"]
    if not results:
        _no_results(folder, phase, findings)
    if findings.problems:
        raise DataInvalid(findings.problems)
    frame = joined_by_year(results, findings)
    if findings.problems:
        raise DataInvalid(findings.problems)
    links = _apart(frame, read.links, OUTCOMES[phase], findings)
    outcomes = _one_row_a_year(frame, links, OUTCOMES[phase], findings)
    ours = outcomes.select("provider").unique()
    members = groups.memberships(read.snapshots, read.closings, links, ours, findings)
    academies = _academies(results)
    providers = _facts(outcomes, read, links)
    if read.snapshots:
        told = groups.flags(read.snapshots, members, academies, links)
        providers = providers.join(
            told, on="provider", how="left", maintain_order="left"
        ).with_columns(pl.col(c).fill_null(0) for c in told.columns[1:])
    status = (
        groups.statuses(members, academies, links, findings)
        if read.snapshots
        else pl.DataFrame(schema=groups.STATUSES)
    )
    covariates = _covariates(read.yearly, links, ours, findings)
    years = outcomes["year"]
    first, last = int(years.min()), int(years.max())  # type: ignore[arg-type]
    return Gathered(
        phase=phase,
        outcomes=outcomes,
        providers=providers,
        memberships=members,
        statuses=status,
        covariates=covariates,
        identifiers=_identifiers(frame, links),
        sources=tuple(read.sources),
        notes=tuple(findings.notes),
        breaks=tuple(b for b in BREAKS[phase] if first <= b[0] <= last),
    )


# --- reading ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Read:
    yearly: list[Yearly]
    snapshots: list[groups.Snapshot]
    closings: list[pl.DataFrame]
    links: Links
    regions: pl.DataFrame | None
    places: pl.DataFrame | None
    sources: list[Source]


def _read_all(folder: Path, phase: str, missing: tuple[str, ...], findings: Findings) -> _Read:
    read = _Read([], [], [], NO_LINKS, None, None, [])
    if not folder.is_dir():
        findings.whole(
            str(folder), "the folder does not exist", "Name the folder with the published files"
        )
        return read
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or not path.name.casefold().endswith((".csv", ".csv.gz")):
            continue
        layout = _peek(path)
        shown = path.relative_to(folder).as_posix()
        if layout is None:
            findings.note("files", "not recognised by its columns, not read", 1, found=shown)
            continue
        if layout.phase not in ("", phase):
            continue
        table = read_table(path.name, path.parent, path.name, findings, licence=LICENCE)
        if table is None:
            continue
        read.sources.append(
            Source(role=layout.name, name=shown, rows=table.source.rows,
                   digest=table.source.digest, licence=LICENCE)
        )  # fmt: skip
        _take(read, table, layout, shown, missing, findings)
    return read


def _take(
    read: _Read,
    table: Table,
    layout: Layout,
    shown: str,
    missing: tuple[str, ...],
    findings: Findings,
) -> None:
    if layout.role in ("results", "covariates"):
        yearly = read_yearly(table, layout, shown, findings, missing=missing)
        if yearly is not None:
            read.yearly.append(yearly)
    elif layout.role == "group-links":
        snapshot = groups.read_snapshot(table, shown, findings)
        if snapshot is not None:
            if any(s.seen == snapshot.seen for s in read.snapshots):
                findings.whole(
                    table.name,
                    f"another file has the groups of {snapshot.seen} too",
                    "Keep one of them in the folder",
                )
            read.snapshots.append(snapshot)
            if {"LA (code)", "PhaseOfEducation (name)"} <= set(table.frame.columns):
                # The newest snapshot comes last by name and wins.
                read.places = table.frame.select(
                    urn="URN", local_authority="LA (code)", phase="PhaseOfEducation (name)"
                )
    elif layout.role == "groups":
        read.closings.append(groups.read_closings(table, findings))
    elif layout.role == "school-links":
        if read.links is not NO_LINKS:
            findings.whole(
                table.name, "another file has links between schools too", "Keep the newest"
            )
        read.links = read_links(table, findings)
    else:
        read.regions = table.frame.select(local_authority="LEA", region="REGION NAME").unique(
            "local_authority", keep="first"
        )


def _peek(path: Path) -> Layout | None:
    """The layout that the first line of a file tells; None where it tells none."""
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
            stream.seek(0)
            if packed:
                with gzip.open(stream, "rb") as content:
                    line = content.readline(1 << 20)
            else:
                line = stream.readline(1 << 20)
    except (OSError, EOFError, zlib.error):
        return None
    for encoding in ("utf-8-sig", "windows-1252"):
        try:
            header = next(csv.reader([line.decode(encoding)]), [])
        except (UnicodeDecodeError, csv.Error):
            continue
        return recognise([h.strip() for h in header])
    return None


def _no_results(folder: Path, phase: str, findings: Findings) -> None:
    if findings.problems:
        return
    known = [", ".join(layout.needs) for layout in LAYOUTS
             if layout.role == "results" and layout.phase == phase]  # fmt: skip
    findings.whole(
        folder.name,
        f"the folder holds no results of {phase}",
        "Put the published performance tables there; they are recognised by the columns "
        + " or by ".join(known),
    )


# --- one school, one row ------------------------------------------------------------------------


def _with_results(frame: pl.DataFrame, outcomes: tuple[str, ...]) -> pl.Expr:
    there = [c for c in outcomes if c in frame.columns]
    return pl.any_horizontal(pl.col(c).is_not_null() for c in there)


def _apart(
    frame: pl.DataFrame, links: Links, outcomes: tuple[str, ...], findings: Findings
) -> Links:
    """The links without those between schools that both have results in the same year: these are
    two schools, whatever the link says."""
    total = 0
    while True:
        mine = frame.filter(_with_results(frame, outcomes)).select("urn", "year")
        mine = mine.with_columns(provider=providers_of(mine["urn"], links))
        clash = mine.filter(pl.struct("provider", "year").is_duplicated())
        if clash.height == 0:
            break
        # Cut where the older number leads on, chain by chain, until nobody clashes.
        cut: set[tuple[str, str]] = set()
        for (_, _), same in clash.group_by("provider", "year", maintain_order=True):
            older = min(same["urn"].to_list(), key=int)
            cut.add((older, links.after[older]))
        total += len(cut)
        links = links.without(cut)
    findings.note("school links", "both schools have results in the same year: kept apart", total)
    return links


def _one_row_a_year(
    frame: pl.DataFrame, links: Links, outcomes: tuple[str, ...], findings: Findings
) -> pl.DataFrame:
    """Outcomes by provider and year; of two rows of a school the one with results, else the one of
    the later number."""
    made = frame.with_columns(
        provider=providers_of(frame["urn"], links),
        has=_with_results(frame, outcomes),
        number=pl.col("urn").cast(pl.Int64),
    ).sort("provider", "year", "has", "number")
    once = made.unique(["provider", "year"], keep="last", maintain_order=True)
    findings.note(
        "outcomes",
        "second row of a school in the year of its change of number, left out",
        made.height - once.height,
    )
    findings.note(
        "outcomes", "rows under an earlier number of the school",
        once.filter(pl.col("urn") != pl.col("provider")).height,
    )  # fmt: skip
    numbers = [c for c in frame.columns if c not in ("urn", "year")]
    return once.select("provider", "year", *numbers).sort("provider", "year")


def _identifiers(frame: pl.DataFrame, links: Links) -> pl.DataFrame:
    urns = frame.select("urn").unique().sort("urn")
    return urns.with_columns(providers_of(urns["urn"], links).alias("provider"))


# --- facts --------------------------------------------------------------------------------------


def _facts(outcomes: pl.DataFrame, read: _Read, links: Links) -> pl.DataFrame:
    """One row for each provider: each fact as the newest table that has it tells it."""
    made = outcomes.select("provider").unique().sort("provider")
    parts: list[tuple[tuple[int, ...], pl.DataFrame]] = []
    for y in read.yearly:
        facts = [c for c in y.facts if c in y.frame.columns]
        if facts:
            results = int(y.layout.role == "results")
            parts.append(((results, y.year, int(not y.provisional)), y.frame.select("urn", *facts)))
    if read.places is not None:
        # GIAS tells the phase more finely than the tables, and stands in for an authority.
        places = read.places.unique("urn", keep="first", maintain_order=True)
        parts.append(((9,), places.select("urn", "phase")))
        parts.append(((-1,), places.select("urn", "local_authority")))
    for _, part in sorted(parts, key=lambda p: p[0], reverse=True):
        part = (
            part.with_columns(
                provider=providers_of(part["urn"], links), number=pl.col("urn").cast(pl.Int64)
            )
            .sort("provider", "number")
            .unique("provider", keep="last", maintain_order=True)
            .drop("urn", "number")
        )
        made = made.join(part, on="provider", how="left", suffix="\x00", maintain_order="left")
        for column in [c for c in made.columns if c.endswith("\x00")]:
            name = column[:-1]
            made = made.with_columns(pl.coalesce(name, column).alias(name)).drop(column)
    if read.regions is not None and "local_authority" in made.columns:
        made = made.join(read.regions, on="local_authority", how="left", maintain_order="left")
    made = _sector(made)
    return made.select(c for c in made.columns if made[c].null_count() < made.height)


def _sector(made: pl.DataFrame) -> pl.DataFrame:
    """``sector``: mainstream, special, independent or college; null where no table tells."""
    if "special" not in made.columns:
        return made
    for column in ("school_type", "establishment_type"):
        if column not in made.columns:
            made = made.with_columns(pl.lit(None, dtype=pl.String).alias(column))
    kind, code = pl.col("school_type"), pl.col("establishment_type")
    return made.with_columns(
        sector=pl.when(
            pl.col("special").fill_null(False) | (kind == "Special school")
            | code.is_in(_SPECIAL_TYPES)
        )
        .then(pl.lit("special"))
        .when((kind == "Independent school") | (code == "IND"))
        .then(pl.lit("independent"))
        .when((kind == "College") | (code == "FESI"))
        .then(pl.lit("college"))
        .when(kind.is_in(["Academy", "Maintained school"]) | code.is_not_null())
        .then(pl.lit("mainstream"))
    ).drop("special")  # fmt: skip


def _academies(results: list[Yearly]) -> pl.DataFrame:
    """Schools that a table of results calls an academy: urn, and the last day of that year."""
    parts = [pl.DataFrame(schema={"urn": pl.String, "by": pl.Date})]
    for y in results:
        told = [
            pl.col(column).is_in(list(values)).fill_null(False)
            for column, values in (("school_type", ("Academy",)),
                                   ("establishment_type", _ACADEMY_TYPES))
            if column in y.frame.columns
        ]  # fmt: skip
        if told:
            parts.append(
                y.frame.filter(pl.any_horizontal(told)).select("urn", by=pl.date(y.year, 12, 31))
            )
    return pl.concat(parts).group_by("urn").agg(pl.col("by").min())


def _covariates(
    yearly: list[Yearly], links: Links, ours: pl.DataFrame, findings: Findings
) -> pl.DataFrame:
    """Census, absence and workforce by provider and year."""
    made: pl.DataFrame | None = None
    for name in sorted({y.layout.name for y in yearly if y.layout.role == "covariates"}):
        frame = joined_by_year([y for y in yearly if y.layout.name == name], findings)
        frame = (
            frame.with_columns(
                provider=providers_of(frame["urn"], links), number=pl.col("urn").cast(pl.Int64)
            )
            .sort("provider", "year", "number")
            .unique(["provider", "year"], keep="last", maintain_order=True)
            .drop("urn", "number")
            .join(ours, on="provider", how="semi")
        )
        made = (
            frame
            if made is None
            else made.join(frame, on=["provider", "year"], how="full", coalesce=True)
        )
    if made is None:
        return pl.DataFrame(schema={"provider": pl.String, "year": pl.Int32})
    return made.select("provider", "year", pl.exclude("provider", "year")).sort("provider", "year")
