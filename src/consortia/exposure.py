"""From dated spells to years of exposure: the rule, a column at a time.

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
Bools = NDArray[np.bool_]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Spells:
    """Spells of some providers in years: ``row`` of the provider, ``first`` exposed year, whether
    the year before it was ``touched`` without counting, first year after it was ``left``,
    whether its start was ``unknown`` and whether the latest snapshot has ``lost`` it; all (m,)."""

    row: Ints
    first: Ints
    touched: Bools
    left: Ints
    unknown: Bools
    lost: Bools


def _number(month_day: str) -> int:
    return int(month_day[:2]) * 100 + int(month_day[3:])


def _calendar(days: pl.Series) -> tuple[Ints, Ints]:
    """Year and month-day (as 930) of dates; 1970 and 101 where unknown."""
    number = days.cast(pl.Date).to_physical()
    number = number.fill_null(0) if number.null_count() else number
    day = number.to_numpy().astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    count = month.astype(np.int64)
    year = count // 12
    return year + 1970, (count - 12 * year + 1) * 100 + (day - month).astype(np.int64) + 1


def _dated(days: pl.Series, rule: Exposure) -> tuple[Ints, Bools]:
    """First year of results that a start on each date exposes (NEVER_YEAR where unknown), and
    whether the year before was already under way at it: true unless the date falls between the
    start of the academic year and the cut-off."""
    n = days.len()
    if days.null_count() == n:
        return np.full(n, NEVER_YEAR), np.zeros(n, dtype=np.bool_)
    year, month_day = _calendar(days)
    late = month_day > _number(rule.cutoff)
    first = year + late + (0 if rule.calendar_year else 1)
    touched = late | (month_day < _number(rule.year_starts))
    if days.null_count():
        unknown = days.is_null().to_numpy()
        first[unknown], touched[unknown] = NEVER_YEAR, False
    return first, touched


def first_year(days: pl.Series, rule: Exposure) -> Ints:
    """First year of results that a start on each date exposes; NEVER_YEAR where unknown. As an
    end: the first year after it, as still a member at that year's cut-off means exposed."""
    return _dated(days, rule)[0]


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


def starts(spells: pl.DataFrame, rule: Exposure) -> tuple[Ints, Bools]:
    """First exposed year of each spell, unknown ones by ``unknown_from``; and whether the year
    before it was under way and does not count (with ``partial = "exposed"`` it counts)."""
    first, touched = _dated(spells["from"], rule)
    if spells["from"].null_count():
        unknown = spells["from"].is_null().to_numpy()
        first[unknown] = NEVER_YEAR if rule.unknown_from == "ignore" else BEFORE
        if rule.unknown_from == "first-seen":
            unknown &= spells["first_seen"].is_not_null().to_numpy()
            first[unknown] = first_year(spells["first_seen"], rule)[unknown]
    if rule.partial == "exposed":
        return first - touched, np.zeros_like(touched)
    return first, touched


def first_years(spells: pl.DataFrame, rule: Exposure) -> tuple[Ints, Ints]:
    """Spell by spell: first exposed year, and the first year after it was left."""
    return starts(spells, rule)[0], first_year(spells["to"], rule)


def rows_of(providers: pl.Series, index: pl.DataFrame) -> Ints:
    """The row in ``index`` (provider, row) of each; -1 for those that it does not have."""
    known = index["provider"]
    if not known.len() or not known.is_sorted():
        met = providers.to_frame("provider").join(
            index, on="provider", how="left", maintain_order="left"
        )
        return met["row"].cast(pl.Int64).fill_null(-1).to_numpy()
    at = known.search_sorted(providers).to_numpy()
    at = np.minimum(at, known.len() - 1)
    same = (known.gather(at) == providers).fill_null(False).to_numpy()
    return np.where(same, index["row"].to_numpy()[at].astype(np.int64), -1)


def in_years(spells: pl.DataFrame, row: Ints, rule: Exposure) -> Spells:
    """Spells whose providers have a ``row`` (not -1), by the rule."""
    first, touched = starts(spells, rule)
    unknown = (
        spells["from"].is_null().to_numpy()
        if spells["from"].null_count()
        else np.zeros(row.size, dtype=np.bool_)
    )
    lost = np.zeros(row.size, dtype=np.bool_)
    if spells["last_seen"].null_count() < row.size:
        seen = spells["last_seen"]
        lost = (seen < seen.max()).fill_null(False).to_numpy()
    left = first_year(spells["to"], rule)
    ours = row >= 0
    if ours.all():
        return Spells(row=row, first=first, touched=touched, left=left, unknown=unknown, lost=lost)
    return Spells(
        row=row[ours], first=first[ours], touched=touched[ours], left=left[ours],
        unknown=unknown[ours], lost=lost[ours],
    )  # fmt: skip


def spans(spells: pl.DataFrame, index: pl.DataFrame, rule: Exposure) -> Spans:
    """One Spans row per provider of ``index`` (provider, row), in row order.

    Several spells, or one spell seen in several snapshots, count from the earliest start; a
    provider has left only when every spell has ended.
    """
    return together(in_years(spells, rows_of(spells["provider"], index), rule), index.height, rule)


def together(spells: Spells, n: int, rule: Exposure) -> Spans:
    """The spells of each of ``n`` providers as one."""
    at = spells.row
    has = np.zeros(n, dtype=np.bool_)
    has[at] = True
    first = np.full(n, NEVER_YEAR, dtype=np.int64)
    np.minimum.at(first, at, spells.first)
    touched = np.zeros(n, dtype=np.bool_)
    touched[at[(spells.first == first[at]) & spells.touched]] = True
    left = np.where(has, BEFORE, NEVER_YEAR)
    np.maximum.at(left, at, spells.left)
    unknown = np.zeros(n, dtype=np.bool_)
    unknown[at[spells.unknown]] = True
    lost = has
    lost[at[~spells.lost]] = False
    partial = np.full(n, NEVER_YEAR, dtype=np.int64)
    if rule.partial == "missing":
        partial = np.where(touched & (first < NEVER_YEAR), first - 1, NEVER_YEAR)
    return Spans(first=first, partial=partial, left=left, unknown=unknown, unseen=lost)
