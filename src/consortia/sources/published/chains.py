"""One school, one name: predecessor and successor links followed to the school's latest number.

A school that becomes an academy closes on paper and opens again under a new number (URN). Only a
link between one school and one school is such a change of number. Where two schools became one, or
one became two, or a school took in a neighbour, the pupils are not the same school's pupils before
and after, and the link is counted and not followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from consortia.sources.findings import Findings, Table
from consortia.sources.values import dates

Pair: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """``after`` gives the next number of a school; ``opened`` the day of that change, if known."""

    after: Mapping[str, str]
    opened: Mapping[Pair, object]

    def latest(self, urn: str) -> str:
        """The school's latest number: itself where no link leads on."""
        while urn in self.after:
            urn = self.after[urn]
        return urn

    def without(self, cut: set[Pair]) -> Links:
        """The same links without some of them."""
        return Links(
            after={a: b for a, b in self.after.items() if (a, b) not in cut}, opened=self.opened
        )


NO_LINKS = Links(after={}, opened={})


def read_links(table: Table, findings: Findings) -> Links:
    """The table of links as one-to-one chains; what is not followed is among the notes."""
    frame = table.frame
    for column in ("URN", "LinkURN", "LinkType"):
        findings.wrong(table, column, frame[column].is_null(), "the value is missing", "Fill it in")
    kind = pl.col("LinkType")
    if "LinkEstablishedDate" in frame.columns:
        when = dates(table, "LinkEstablishedDate", findings, unknown=("1900-01-01",), codes=())
    else:
        when = pl.Series([None] * frame.height, dtype=pl.Date)
    frame = frame.with_columns(when.alias("when")).drop_nulls(["URN", "LinkURN", "LinkType"])
    for name, count in sorted(
        frame.filter(~kind.is_in(["Predecessor", "Successor"]))["LinkType"].value_counts().rows()
    ):
        findings.note(table.role, "links of this type, not followed", count, found=name)
    edges = (
        pl.concat(
            [
                frame.filter(kind == "Predecessor").select("when", old="LinkURN", new="URN"),
                frame.filter(kind == "Successor").select("when", old="URN", new="LinkURN"),
            ]
        )
        .filter(pl.col("old") != pl.col("new"))
        .group_by("old", "new")
        .agg(pl.col("when").max())
        .sort("old", "new")
    )
    opened = {(a, b): day for a, b, day in edges.select("old", "new", "when").iter_rows()}
    after, counts = one_to_one(list(opened))
    for what, count in counts.items():
        findings.note(table.role, what, count)
    findings.note(table.role, "changes of number, followed", len(after))
    return Links(after=after, opened=opened)


def one_to_one(edges: list[Pair]) -> tuple[dict[str, str], dict[str, int]]:
    """Of (old, new) links, those between one school and one school, and counts of the others."""
    every = set(edges)
    nexts: dict[str, set[str]] = {}
    for old, new in every:
        nexts.setdefault(old, set()).add(new)
    # A link that skips a step says nothing beside the two steps.
    skipping = {
        (a, c) for a, c in every if any(c in nexts.get(b, ()) for b in nexts[a] if b not in (a, c))
    }
    steps = every - skipping
    # Numbers are given in order: a successor with the lower number was there before.
    absorbed = {(a, b) for a, b in steps if _order(a) > _order(b)}
    steps -= absorbed
    into: dict[str, int] = {}
    out: dict[str, int] = {}
    for old, new in steps:
        into[new] = into.get(new, 0) + 1
        out[old] = out.get(old, 0) + 1
    merged = {(a, b) for a, b in steps if into[b] > 1}
    split = {(a, b) for a, b in steps if out[a] > 1} - merged
    after = dict(sorted(steps - merged - split))
    # Every step leads to a higher number, so that no chain can turn in a circle.
    return after, {
        "links that skip a step, not needed": len(skipping),
        "links to a school that was there before (it took the other in), not followed": len(
            absorbed
        ),
        "links of schools merged into one, not followed": len(merged),
        "links of a school split into several, not followed": len(split),
    }


def _order(urn: str) -> tuple[int, str]:
    return (int(urn), "") if urn.isdigit() else (0, urn)


def providers_of(urns: pl.Series, links: Links) -> pl.Series:
    """Each number's provider: the school's latest number."""
    known = {u: links.latest(u) for u in urns.unique().to_list()}
    return urns.replace_strict(known, return_dtype=pl.String)
