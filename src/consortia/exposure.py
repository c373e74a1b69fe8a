"""From dated spells to years of exposure: the rule, as functions of frames.

A spell is exposed from the first academic year whose cut-off falls on or after its start, so that
two teams with the same dates and the same rule get the same joiners (specs.Exposure states it).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.specs import Arm, Exposure

Ints = NDArray[np.int64]

BEFORE = -(10**6)
"""Year of first exposure for 'member all along, date unknown'."""
NEVER_YEAR = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """Per provider: first exposed year, year partly exposed before it, first year after leaving
    (NEVER_YEAR for none), whether the start was unknown, whether later snapshots lost it."""

    first: Ints
    partial: Ints
    left: Ints
    unknown: NDArray[np.bool_]
    unseen: NDArray[np.bool_]


def _month_day(column: str) -> pl.Expr:
    return pl.col(column).dt.month().cast(pl.Int32) * 100 + pl.col(column).dt.day().cast(pl.Int32)


def first_year(column: str, rule: Exposure) -> pl.Expr:
    """First year of results that a start on this date exposes."""
    cut = int(rule.cutoff[:2]) * 100 + int(rule.cutoff[3:])
    shift = 0 if rule.calendar_year else 1
    late = (_month_day(column) > cut).cast(pl.Int32)
    return pl.col(column).dt.year().cast(pl.Int32) + late + shift


def _partial(column: str, rule: Exposure) -> pl.Expr:
    """Whether the year before the first exposed one was already under way at this date.

    True unless the date falls between the start of the academic year and the cut-off.
    """
    cut = int(rule.cutoff[:2]) * 100 + int(rule.cutoff[3:])
    start = int(rule.year_starts[:2]) * 100 + int(rule.year_starts[3:])
    md = _month_day(column)
    return (md > cut) | (md < start)


def spells_of(arm: Arm, memberships: pl.DataFrame, statuses: pl.DataFrame) -> pl.DataFrame:
    """The spells that make an arm: provider, from, to, first_seen, last_seen."""
    if arm.status:
        return statuses.filter(pl.col("status") == arm.status).select(
            "provider",
            pl.col("since").alias("from"),
            pl.col("until").alias("to"),
            pl.lit(None, dtype=pl.Date).alias("first_seen"),
            pl.lit(None, dtype=pl.Date).alias("last_seen"),
        )
    return memberships.filter(pl.col("kind").is_in(list(arm.kinds))).select(
        "provider", "from", "to", "first_seen", "last_seen"
    )


def _start(rule: Exposure) -> pl.Expr:
    """First exposed year of a spell, before ``partial``; unknown starts by ``unknown_from``."""
    unknown = {
        "before-window": pl.lit(BEFORE, dtype=pl.Int32),
        "first-seen": pl.when(pl.col("first_seen").is_null())
        .then(pl.lit(BEFORE, dtype=pl.Int32))
        .otherwise(first_year("first_seen", rule)),
        "ignore": pl.lit(NEVER_YEAR, dtype=pl.Int32),
    }[rule.unknown_from]
    return pl.when(pl.col("from").is_not_null()).then(first_year("from", rule)).otherwise(unknown)


def _left(rule: Exposure) -> pl.Expr:
    """First year after the spell ended: still a member at that year's cut-off means exposed."""
    return (
        pl.when(pl.col("to").is_null())
        .then(pl.lit(NEVER_YEAR, dtype=pl.Int32))
        .otherwise(first_year("to", rule))
    )


def first_years(rule: Exposure) -> list[pl.Expr]:
    """Spell by spell: ``first`` exposed year and the first year after it has ``left``."""
    start = _start(rule)
    if rule.partial == "exposed":
        touched = pl.col("from").is_not_null() & _partial("from", rule).fill_null(False)
        start = start - touched.cast(pl.Int32)
    return [start.alias("first"), _left(rule).alias("left")]


def spans(spells: pl.DataFrame, index: pl.DataFrame, rule: Exposure) -> Spans:
    """One Spans row per provider of ``index`` (provider, row), in row order.

    Several spells, or one spell seen in several snapshots, count from the earliest start; a
    provider has left only when every spell has ended.
    """
    n = index.height
    known = pl.col("from").is_not_null()
    latest = spells["last_seen"].max() if spells.height else None
    rows = (
        spells.join(index, on="provider", how="inner")
        .with_columns(
            first=_start(rule),
            touched=known & _partial("from", rule).fill_null(False),
            left=_left(rule),
            lost=(pl.col("last_seen") < latest).fill_null(False)
            if latest is not None
            else pl.lit(False),
        )
        .group_by("row")
        .agg(
            pl.col("first").min(),
            pl.col("touched").sort_by("first").first(),
            pl.col("left").max(),
            (~known).any().alias("unknown"),
            pl.col("lost").all(),
        )
    )
    at = rows["row"].to_numpy()
    first = np.full(n, NEVER_YEAR, dtype=np.int64)
    first[at] = rows["first"].to_numpy()
    touched = np.zeros(n, dtype=bool)
    touched[at] = rows["touched"].to_numpy()
    left = np.full(n, NEVER_YEAR, dtype=np.int64)
    left[at] = rows["left"].to_numpy()
    unknown = np.zeros(n, dtype=bool)
    unknown[at] = rows["unknown"].to_numpy()
    lost = np.zeros(n, dtype=bool)
    lost[at] = rows["lost"].to_numpy()
    partial = np.where(touched & (first < NEVER_YEAR), first - 1, NEVER_YEAR)
    if rule.partial == "exposed":
        first = np.where(partial < NEVER_YEAR, first - 1, first)
        partial = np.full(n, NEVER_YEAR, dtype=np.int64)
    elif rule.partial == "unexposed":
        partial = np.full(n, NEVER_YEAR, dtype=np.int64)
    return Spans(first=first, partial=partial, left=left, unknown=unknown, unseen=lost)
