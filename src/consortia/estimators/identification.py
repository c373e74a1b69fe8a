"""What the data can tell apart: which contrasts exist, for whom, and at what price."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.estimators.adjustment import NotEstimable, overlap
from consortia.estimators.by_cells import stays
from consortia.estimators.design import Cell
from consortia.estimators.regime_did import cells_of, regimes
from consortia.maths.absorption import absorb
from consortia.panel import Arrays
from consortia.results import CONTRASTS, Identification
from consortia.specs import RegimeDid
from consortia.study import Study, capital, listed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


_NAMED = 5


def identify(
    arrays: Arrays, spec: RegimeDid, study: Study, price: float | None = None
) -> Identification:
    """The contrasts of regime-did on these arrays, before any outcome is compared.

    Outcomes enter only by being seen or missing. ``price``: see Identification.
    """
    plan = cells_of(arrays, spec, study)
    by: dict[tuple[int, int], list[Cell]] = {}
    for cell in plan.cells:
        if cell.t >= cell.g:
            by.setdefault((cell.regime, cell.g), []).append(cell)
    spoken: Bools = np.zeros(arrays.n, dtype=np.bool_)
    rows = [_contrast(arrays, cells, spoken) for _, cells in sorted(by.items())]
    for g in sorted(plan.without_base):
        rows.append(
            _row(
                regime="",
                cohort=int(arrays.years[g]),
                joiners=int((arrays.cohort == g).sum()),
                why="no year before joining to compare with",
            )
        )
    table = pl.DataFrame(rows, schema=CONTRASTS, orient="row")
    joiners, identified = int(arrays.joiners.sum()), int(spoken.sum())
    inflation, correlations = inflations(arrays)
    held = tuple(h.label for h in arrays.hold)
    return Identification(
        arm=study.arm_label,
        held=held,
        table=table,
        joiners=joiners,
        identified=identified,
        share=identified / joiners if joiners else float("nan"),
        inflation=inflation,
        correlations=tuple(zip(held, correlations, strict=True)),
        price=price,
        sentence=_sentence(
            study.arm_label, held, joiners, identified, int(table["keep"].sum()), price
        )
        + _idle(arrays),
        speaks_for=_speaks_for(table),
        silent_on=_silent_on(table, held),
    )


def inflations(arrays: Arrays) -> tuple[float, tuple[float, ...]]:
    """Variance inflation of the arm through the held arms, and its correlation with each, all less
    provider and year effects; weights as in the cells seen. NaN when the arm does not vary."""
    h = len(arrays.hold)

    def columns(start: int, stop: int) -> Floats:
        out = np.empty((stop - start, arrays.T, h + 1))
        for j, held in enumerate(arrays.hold):
            out[:, :, j] = (held.on if held.dose is None else held.dose)[start:stop]
        out[:, :, h] = arrays.held[start:stop]
        return out

    A = absorb(arrays.Y, arrays.W, columns, h + 1).A
    own = float(A[h, h])
    if own <= 0:
        return float("nan"), (float("nan"),) * h
    if not h:
        return 1.0, ()
    left = own - float(A[h, :h] @ np.linalg.lstsq(A[:h, :h], A[:h, h], rcond=1e-10)[0])
    inflation = own / left if left > 1e-10 * own else float("inf")
    spread = np.sqrt(np.maximum(np.diag(A)[:h], 0.0) * own)
    found = np.divide(A[h, :h], spread, out=np.full(h, np.nan), where=spread > 1e-12)
    return inflation, tuple(found.tolist())


def _row(
    *,
    regime: str,
    cohort: int,
    joiners: int,
    keep: int = 0,
    compared: int = 0,
    comparison: int = 0,
    years: int = 0,
    shared: float | None = None,
    why: str = "",
) -> tuple[object, ...]:
    return (
        regime, cohort, joiners, keep, compared, comparison, years, shared, years > 0, why
    )  # fmt: skip


def _contrast(arrays: Arrays, cells: list[Cell], spoken: Bools) -> tuple[object, ...]:
    """One regime and cohort in its years after joining; marks in ``spoken`` whom it speaks for."""
    g, b, r = cells[0].g, cells[0].base, cells[0].regime
    regime = regimes(arrays)
    labels = [h.label for h in arrays.hold]
    seen: Bools = np.asarray(np.isfinite(arrays.Y) & (arrays.w > 0)[:, None])
    seen &= np.asarray(np.isfinite(arrays.X).all(axis=1))[:, None]
    seen[:, b] &= np.isfinite(arrays.Z[:, b]).all(axis=1)
    here = regime[:, b] == r
    both = seen & seen[:, b, None] & here[:, None]
    kept = stays(regime, b)
    alike = both & kept & kept[:, g, None]
    joiner = arrays.cohort == g
    keep, mine, theirs = (np.zeros(arrays.n, dtype=np.bool_) for _ in range(3))
    years = 0
    first: tuple[Bools, Bools] | None = None
    for cell in cells:
        now = alike[:, cell.t] & joiner
        others = alike[:, cell.t] & cell.compares(arrays.cohort)
        keep |= now
        if now.any() and others.any():
            years += 1
            mine |= now
            theirs |= others
            first = first or (now, others)
    spoken |= mine
    why = ""
    if not years:
        after = np.array([c.t for c in cells])
        ever = both[joiner][:, after].any()
        if not ever:
            why = "not seen both before and after joining"
        elif not keep.any():
            why = f"{listed(labels, 'or')} changed for every one of them by the year of joining"
        else:
            why = "nobody outside holds the same all along"
    shared = None
    if first is not None and arrays.X.shape[1] + arrays.Z.shape[2]:
        now, others = first
        rows = np.flatnonzero(now | others)
        X = np.column_stack([np.ones(rows.size), arrays.X[rows], arrays.Z[rows, b]])
        try:
            shared = overlap(now[rows], arrays.w[rows], X)
        except NotEstimable as fault:
            why = str(fault)
    return _row(
        regime=arrays.regime_names[r],
        cohort=int(arrays.years[g]),
        joiners=int((joiner & here).sum()),
        keep=int(keep.sum()),
        compared=int(mine.sum()),
        comparison=int(theirs.sum()),
        years=years,
        shared=shared,
        why=why,
    )


def _idle(arrays: Arrays) -> str:
    """Which held arms there is nothing to tell from: everybody holds them, or nobody."""
    seen = np.isfinite(arrays.Y)
    same = [
        h.label
        for h in arrays.hold
        if np.ptp((h.on if h.dose is None else h.dose)[seen].astype(np.float64)) == 0
    ]
    if not same:
        return ""
    are = "is" if len(same) == 1 else "are"
    return (
        f" {capital(listed(same))} {are} the same for all providers in all "
        "years studied: there is nothing to tell apart, and holding it changes nothing."
    )


def _sentence(
    arm: str,
    held: tuple[str, ...],
    joiners: int,
    identified: int,
    kept: int,
    price: float | None,
) -> str:
    what = listed(held)
    if not joiners:
        return f"Nobody joins {arm} within the window."
    if not identified and kept:
        return (
            f"None of the {joiners:,} joiners can be compared: {kept:,} stayed as they were in "
            f"{what}, but nobody outside holds the same all along."
        )
    if not identified:
        return (
            f"None of the {joiners:,} joiners tells {arm} apart from {what}: the effect of the one "
            "and of the other are a single number in these data."
        )
    share = identified / joiners
    stayed = "that stayed as it was" if len(held) == 1 else "those stayed as they were"
    text = (
        f"{identified:,} of {joiners:,} joiners ({_percent(share)}) tell {arm} apart from {what}: "
        f"they joined while {stayed}, and there are providers outside with the same."
    )
    if price is not None and price < 1.05:
        text += f" Holding {what} costs next to no precision."
    elif price is not None:
        text += (
            f" The answer that rests on them has {price:.1f} times the standard error of one that "
            f"ignores {what}."
        )
    return text


def _percent(share: float) -> str:
    if share < 0.01:
        return "under 1%"
    return "over 99%" if 0.99 < share < 1 else f"{share:.0%}"


def _groups(table: pl.DataFrame, column: str) -> list[str]:
    """How many with what, for each regime in which the column counts anybody, largest first."""
    by = (
        table.group_by("regime")
        .agg(pl.col(column).sum())
        .filter(pl.col(column) > 0)
        .sort([column, "regime"], descending=[True, False])
    )
    return [f"{row[column]:,} {row['regime']}" for row in by.iter_rows(named=True)]


def _some(groups: list[str]) -> str:
    """The first of them; a held dose can make dozens, and the table names all."""
    rest = len(groups) - _NAMED
    return listed(groups if rest < 2 else [*groups[:_NAMED], f"{rest} smaller groups"])


def _speaks_for(table: pl.DataFrame) -> str:
    groups = _groups(table, "compared")
    return f"It speaks for joiners that stayed as they were: {_some(groups)}." if groups else ""


def _silent_on(table: pl.DataFrame, held: tuple[str, ...]) -> str:
    """Joiners without a contrast, by reason."""
    rest = table.with_columns(
        lost=pl.col("joiners") - pl.col("compared"),
        because=pl.when(pl.col("why") != "")
        .then(pl.col("why"))
        .otherwise(
            pl.lit(f"{listed(held, 'or')} changed, or not seen both before and after joining")
        ),
    )
    by = (
        rest.filter(pl.col("lost") > 0)
        .group_by("regime", "because")
        .agg(pl.col("lost").sum())
        .sort(["lost", "regime", "because"], descending=[True, False, False])
    )
    groups = [
        f"{row['lost']:,}" + (f" {row['regime']}" if row["regime"] else "") + f" ({row['because']})"
        for row in by.iter_rows(named=True)
    ]
    return f"It says nothing about {_some(groups)}." if groups else ""
