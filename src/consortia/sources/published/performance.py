"""Performance tables, census, absence and workforce: one table of a school and year each."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import polars as pl

from consortia.sources.findings import Findings, Table
from consortia.sources.published.layouts import Layout
from consortia.sources.values import FIRST_YEAR, LAST_YEAR, numeric, years
from consortia.specs import MISSING_CODES

CODES = (*MISSING_CODES, "SUPPMAT", "NAT", "UNK")
SCHOOLS, SPECIAL = "1", "2"
"""RECTYPE of a mainstream and of a special school; the others are authorities and the nation."""

_URN = r"^\d{5,6}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Yearly:
    """Rows of one published table: urn, year, numbers (Float64), then facts (text).

    ``provisional`` results give way to final ones of the same year.
    """

    name: str
    layout: Layout
    year: int
    frame: pl.DataFrame
    numbers: tuple[str, ...]
    facts: tuple[str, ...]
    provisional: bool


def year_of(path: str) -> int | None:
    """The year of the results in a path: 2018-19, 2018_2019 or 2018/2019 before a single 2019.

    The last one in the path counts, so that the file's own name wins over its folder's.
    """
    spans = re.findall(r"(?<!\d)(20\d\d)[-_/ ]?(20\d\d|\d\d)(?!\d)", path)
    for first, second in reversed(spans):
        last = int(second) if len(second) == 4 else int(first) // 100 * 100 + int(second)
        if last == int(first) + 1:
            return last
    single = re.findall(r"(?<!\d)(20\d\d)(?!\d)", path)
    return int(single[-1]) if single else None


def read_yearly(
    table: Table, layout: Layout, path: str, findings: Findings, *, missing: tuple[str, ...] = ()
) -> Yearly | None:
    """One table as published; every problem of it goes to ``findings``."""
    told = len(findings.problems)
    table = _schools_only(table, layout, findings)
    if table.frame.height == 0:
        findings.whole(
            table.name, "the file has no row of a school", "Download it again, or leave it out"
        )
        return None
    year = _year(table, path, findings)
    if year is None:
        return None
    numbers = {new: old for new, old in layout.numbers.items() if old in table.frame.columns}
    facts = {new: old for new, old in layout.facts.items() if old in table.frame.columns}
    columns: dict[str, pl.Series] = {"urn": table.frame["URN"]}
    for new, old in numbers.items():
        read = numeric(table, old, findings, (*CODES, *missing), must=True)
        if read is not None:
            columns[new] = read
    findings.problems[told:] = [
        replace(p, remedy="Correct it; if it is a code for missing, name it with --missing")
        if "data.missing_codes" in p.remedy
        else p
        for p in findings.problems[told:]
    ]
    for new, old in facts.items():
        columns[new] = table.frame[old]
    frame = pl.DataFrame(columns).with_columns(pl.lit(year, dtype=pl.Int32).alias("year"))
    if "RECTYPE" in table.frame.columns:
        frame = frame.with_columns(special=(table.frame["RECTYPE"] == SPECIAL))
    return Yearly(
        name=table.name,
        layout=layout,
        year=year,
        frame=_once(table, frame, findings),
        numbers=tuple(c for c in numbers if c in columns),
        facts=(*facts, *(["special"] if "RECTYPE" in table.frame.columns else [])),
        provisional="provisional" in path.casefold() or "unamended" in path.casefold(),
    )


def _schools_only(table: Table, layout: Layout, findings: Findings) -> Table:
    frame = table.frame
    if "RECTYPE" in frame.columns:
        school = frame["RECTYPE"].is_in([SCHOOLS, SPECIAL]).fill_null(False)
        findings.note(
            table.role, "rows of authorities and the nation, left out", int((~school).sum()),
            column="RECTYPE",
        )  # fmt: skip
    else:
        national = frame["URN"] == "NAT"
        area = layout.facts.get("local_authority", "")
        if area in frame.columns:
            national = national.fill_null(False) | (frame[area] == "NAT")
        school = ~national.fill_null(False)
        findings.note(
            table.role, "rows of the nation, left out", int((~school).sum()), column="URN"
        )
    table = table.take(school)
    good = table.frame["URN"].str.contains(_URN).fill_null(False)
    findings.wrong(
        table, "URN", ~good, "not a school's number (URN)", "It has five or six digits; correct it"
    )
    return table.take(good)


def _year(table: Table, path: str, findings: Findings) -> int | None:
    named = year_of(path)
    if "Academic Year" not in table.frame.columns:
        if named is None or not FIRST_YEAR <= named <= LAST_YEAR:
            findings.whole(
                table.name,
                "neither the file nor its name says which year it is",
                "Put the year of the results into the file's name, such as england_ks4_2019.csv",
            )
            return None
        return named
    read = years(table, "Academic Year", findings)
    known = read.drop_nulls().unique().sort().to_list()
    if len(known) != 1:
        if known:
            findings.whole(
                table.name,
                "the file holds more than one year",
                "Split it into one file for each year",
                column="Academic Year",
                found=", ".join(str(y) for y in known),
            )
        return None
    if named is not None and named != known[0]:
        findings.whole(
            table.name,
            "the year in the file is not the one in its name",
            "Find out which is right and rename the file or correct the column",
            column="Academic Year",
            found=str(known[0]),
        )
        return None
    return int(known[0])


def _once(table: Table, frame: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """One row for each school: a repeated row is counted, a contradicting one is a problem."""
    again = ~frame["urn"].is_first_distinct()
    if not again.any():
        return frame
    distinct = frame.unique(maintain_order=True)
    contradicted = distinct.filter(~pl.col("urn").is_unique())["urn"].unique()
    clash = again & frame["urn"].is_in(contradicted.to_list())
    findings.wrong(table, "URN", clash, "the school has two rows that differ", "Keep the right one")
    findings.note(table.role, "repeated rows, left out", int((again & ~clash).sum()), column="URN")
    return frame.filter(~again)


def joined_by_year(tables: list[Yearly], findings: Findings) -> pl.DataFrame:
    """Final and provisional tables of the same year as one: urn, year, numbers.

    The final table decides which schools there are and every number it has, withheld ones too; a
    provisional one adds only columns that no final table of the year has.
    """
    made: list[pl.DataFrame] = []
    for year in sorted({t.year for t in tables}):
        same = sorted((t for t in tables if t.year == year), key=lambda t: (t.provisional, t.name))
        for extra in same[1:]:
            if extra.provisional == same[0].provisional:
                findings.whole(
                    extra.name,
                    f"another file has the results of {year} too",
                    "Keep one of them in the folder",
                    found=same[0].name,
                )
        first = same[0]
        frame = first.frame.select("urn", "year", *first.numbers)
        for extra in (t for t in same[1:] if t.provisional and not first.provisional):
            new = [c for c in extra.numbers if c not in frame.columns]
            role = extra.name
            for column in new:
                findings.note(
                    role, "taken from provisional results, the final ones lack it",
                    extra.frame[column].count(), column=column,
                )  # fmt: skip
            findings.note(
                role,
                "schools in the provisional results only, left out",
                extra.frame.join(frame, on="urn", how="anti").height,
            )
            frame = frame.join(
                extra.frame.select("urn", *new), on="urn", how="left", maintain_order="left"
            )
        made.append(frame)
    return pl.concat(made, how="diagonal") if made else pl.DataFrame()
