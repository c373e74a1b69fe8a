"""Arms by year: what a provider holds, how much of it, and when it first did.

Plain arms (a kind of membership, a status) are settled by their dates alone (exposure.py). This
module serves those that need the years themselves: bounds on the size of a collaboration, filters
of memberships, columns with a threshold, arms that may be left again, doses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.exposure import (
    NEVER_YEAR,
    Spans,
    Spells,
    first_years,
    in_years,
    rows_of,
    spells_of,
    together,
)
from consortia.panel import Panel
from consortia.specs import Arm, Exposure, Where

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_BACK = 30
"""Years before the window over which a size is followed, to tell old members from joiners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmYears:
    """``span`` as for a plain arm; ``on`` (n, T) whether held in the year; ``dose`` (n, T) how
    much, None for an arm without dose; ``moves`` (n,) collaborations joined after the first."""

    span: Spans
    on: Bools
    dose: Floats | None
    moves: Ints


def arm_years(arm: Arm, panel: Panel, index: pl.DataFrame, years: Ints, rule: Exposure) -> ArmYears:
    """The arm of the providers of ``index`` (provider, row) in ``years`` (T,)."""
    n = index.height
    chosen = memberships_of(arm, panel)
    if arm.exposure:
        value = column(panel, arm.exposure, index, years)
        on = np.asarray(value >= (arm.threshold if arm.threshold is not None else 0.0))
        if arm.threshold is None:
            on = np.asarray(value > 0)
        span = _from_years(on, years)
        return ArmYears(
            span=span,
            on=on,
            dose=_dose(arm, on, np.nan_to_num(value), None, years, span),
            moves=np.zeros(n, dtype=np.int64),
        )
    dated = chosen if arm.kinds else spells_of(arm, chosen, panel.statuses)
    row = rows_of(dated["provider"], index)
    spells = in_years(dated, row, rule)
    span = together(spells, n, rule)
    moves = np.zeros(n, dtype=np.int64)
    if arm.kinds:
        _count_moves(moves, chosen["collaboration"], row, spells, span, years)
    plain = years[None, :] >= span.first[:, None]
    if not arm.by_year:
        return ArmYears(span=span, on=plain & (years < span.left[:, None]), dose=None, moves=moves)
    if not arm.kinds:
        on = plain & (years[None, :] < span.left[:, None])
        dose = _dose(arm, on, None, None, years, span)
        return ArmYears(span=span, on=on, dose=dose, moves=moves)
    start = int(max(years[0] - _BACK, min(int(years[0]), int(span.first.min(initial=NEVER_YEAR)))))
    every = np.arange(start, int(years[-1]) + 1)
    held = _memberships_by_year(arm, chosen, index, every, rule)
    on_all = np.zeros((n, every.size), dtype=np.bool_)
    at = (held["row"].to_numpy(), held["year"].to_numpy() - start)
    on_all[at] = True
    if arm.min_size is not None or arm.max_size is not None:
        # Without bounds the dates say more than the years: who left, whose start is unknown.
        span = _from_years(on_all, every)
    inside = np.searchsorted(every, years)
    on = on_all[:, inside]
    size = np.zeros((n, every.size))
    size[at] = held["size"].to_numpy()
    count = np.zeros((n, every.size))
    count[at] = held["memberships"].to_numpy()
    return ArmYears(
        span=span,
        on=on,
        dose=_dose(arm, on, size[:, inside], count[:, inside], years, span),
        moves=moves,
    )


def memberships_of(arm: Arm, panel: Panel) -> pl.DataFrame:
    """The memberships of the arm's kinds that pass its filters."""
    chosen = panel.memberships.filter(pl.col("kind").is_in(list(arm.kinds)))
    for where in arm.only:
        if where.column in chosen.columns:
            text = chosen[where.column]
        else:
            text = chosen.join(
                panel.providers.select("provider", where.column),
                on="provider",
                how="left",
                maintain_order="left",
            )[where.column]
        chosen = chosen.filter(passes(text, where))
    return chosen


def passes(values: pl.Series, where: Where) -> pl.Series:
    """Which values a filter keeps; a missing one is in no list."""
    listed = values.cast(pl.String).is_in(list(where.keep or where.drop)).fill_null(False)
    return listed if where.keep else ~listed


def _from_years(on: Bools, years: Ints) -> Spans:
    """First and last year of a matrix of years (n, T)."""
    n, T = on.shape
    ever = on.any(axis=1)
    first = np.where(ever, years[on.argmax(axis=1)], NEVER_YEAR)
    last = T - 1 - on[:, ::-1].argmax(axis=1)
    left = np.where(ever & (last < T - 1), years[np.minimum(last + 1, T - 1)], NEVER_YEAR)
    never: Ints = np.full(int(n), NEVER_YEAR, dtype=np.int64)
    no: Bools = np.zeros(int(n), dtype=np.bool_)
    return Spans(
        first=first.astype(np.int64),
        partial=never,
        left=left.astype(np.int64),
        unknown=no,
        unseen=no,
    )


def column(panel: Panel, name: str, index: pl.DataFrame, years: Ints) -> Floats:
    """(n, T) of a column of the outcomes or, the same in every year, of the providers; NaN where
    unknown."""
    out = np.full((index.height, years.size), np.nan)
    if name not in panel.outcomes.columns:
        facts = index.join(panel.providers, on="provider", how="left", maintain_order="left")
        out[:] = facts[name].cast(pl.Float64).fill_null(np.nan).to_numpy()[:, None]
        return out
    rows = (
        panel.outcomes.select("provider", "year", name)
        .join(index, on="provider", how="inner")
        .filter(pl.col("year").is_in(years.tolist()) & pl.col(name).is_not_null())
    )
    t = np.searchsorted(years, rows["year"].to_numpy().astype(np.int64))
    out[rows["row"].to_numpy(), t] = rows[name].cast(pl.Float64).to_numpy()
    return out


def _memberships_by_year(
    arm: Arm, chosen: pl.DataFrame, index: pl.DataFrame, years: Ints, rule: Exposure
) -> pl.DataFrame:
    """row, year, size of the largest collaboration held, number of collaborations held.

    The size of a collaboration is the number of its members in the year, in the study or not.
    """
    first, left = first_years(chosen, rule)
    each = (
        chosen.with_columns(
            first=pl.Series(first).cast(pl.Int32), left=pl.Series(left).cast(pl.Int32)
        )
        .join(pl.DataFrame({"year": years.astype(np.int32)}), how="cross")
        .filter((pl.col("year") >= pl.col("first")) & (pl.col("year") < pl.col("left")))
        .select("provider", "collaboration", "year")
        .unique()
        .with_columns(size=pl.len().over("collaboration", "year").cast(pl.Int64))
    )
    if arm.min_size is not None:
        each = each.filter(pl.col("size") >= arm.min_size)
    if arm.max_size is not None:
        each = each.filter(pl.col("size") <= arm.max_size)
    return (
        each.join(index, on="provider", how="inner")
        .group_by("row", "year")
        .agg(pl.col("size").max(), pl.len().alias("memberships"))
    )


def _dose(
    arm: Arm,
    on: Bools,
    size: Floats | None,
    count: Floats | None,
    years: Ints,
    span: Spans,
) -> Floats | None:
    match arm.dose:
        case "":
            return None
        case "years":
            # An unknown start counts from the first year studied: more is not known.
            start = np.maximum(span.first, years[0])[:, None]
            amount = years[None, :] - start + 1.0
        case "memberships":
            amount = count
        case _:
            amount = size
    assert amount is not None
    return np.where(on, amount, 0.0)


def _count_moves(
    moves: Ints, collaboration: pl.Series, row: Ints, spells: Spells, span: Spans, years: Ints
) -> None:
    """Further collaborations joined after the first one, up to the last year: written into
    ``moves`` (n,). ``collaboration`` and ``row`` are of all memberships, ``spells`` of those with a
    row."""
    began = span.first[spells.row]
    later = (spells.first > began) & (spells.first <= years[-1])
    if not later.any():
        return
    mover = np.zeros(moves.size, dtype=np.bool_)
    mover[spells.row[later]] = True
    theirs = mover[spells.row]
    found = (
        pl.DataFrame(
            {
                "row": spells.row[theirs],
                "collaboration": collaboration.gather(np.flatnonzero(row >= 0)[theirs]),
                "first": spells.first[theirs],
                "began": began[theirs],
            }
        )
        .group_by("row", "collaboration")
        .agg(pl.col("first").min(), pl.col("began").first())
        .filter((pl.col("first") > pl.col("began")) & (pl.col("first") <= int(years[-1])))
    )
    np.add.at(moves, found["row"].to_numpy(), 1)
