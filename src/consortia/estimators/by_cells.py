"""ATT(g, t) in general: gaps in the panel, covariates, strata with covariates.

Cells that use the same providers and the same covariates (one cohort, one base year, one comparison
group, one pattern of gaps) share one factorisation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from consortia.estimators.adjustment import (
    Adjust,
    NotEstimable,
    difference,
    difference_of_means,
    prepare,
)
from consortia.estimators.cells import CellFits, Columns, columns_for, unions
from consortia.estimators.design import Cell

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bits = NDArray[np.uint8]


def fit_cells(
    Y: Floats,
    w: Floats,
    cohort: Ints,
    stratum: Ints,
    X: Floats,
    Z: Floats,
    cells: tuple[Cell, ...],
    adjust: Adjust,
    regime: Ints | None = None,
    groups: tuple[tuple[int, ...], ...] | None = None,
) -> tuple[CellFits, Columns]:
    """Cells from Y (n, T) with NaN where not seen, weights w (n,), fixed covariates X (n, p) and
    covariates by year Z (n, T, q), which enter at the base year.

    With ``regime`` (n, T) a cell uses, on both sides, those that hold its regime in every year from
    its base year to its own and to the cohort's first year: who takes on another arm on joining
    is in no cell, so that years before joining speak of the same providers. ``groups`` as in
    columns_for; without it the cells' share is by cohort, with it the caller's (CellFits.share is
    then empty).

    Returns the cells and their influence.
    """
    n = Y.shape[0]
    K = len(cells)
    seen: Bools = np.asarray(np.isfinite(Y))
    ready = np.isfinite(X).all(axis=1) & (w > 0)
    known: Bools = np.asarray(np.isfinite(Z).all(axis=2))
    plain = X.shape[1] == 0 and Z.shape[2] == 0 and int(stratum.max()) == 0
    out = columns_for(cohort, cells, ready, regime, groups)
    data = _Data(Y=Y, w=w, label=out.label, stratum=stratum, X=X, Z=Z, cells=cells)
    cells_of = _Cells(
        att=np.full(K, np.nan),
        because=[""] * K,
        caution=[""] * K,
        treated=np.zeros((K, -(-n // 8)), dtype=np.uint8),
        control=np.zeros((K, -(-n // 8)), dtype=np.uint8),
        n=n,
    )
    alike: dict[tuple[int, int, int, int], list[int]] = {}
    for k, cell in enumerate(cells):
        alike.setdefault((cell.base, cell.g, cell.after, cell.regime), []).append(k)
    last, kept = -1, seen
    for (base, g, _, r), ks in sorted(alike.items()):
        if regime is not None and base != last:
            last = base
            kept = stays(regime, base)
            seen = np.asarray(np.isfinite(Y) & kept)
            data = replace(data, Y=np.where(seen, Y, np.nan))
        here: Bools = np.asarray(ready & seen[:, base] & known[:, base])
        if regime is not None and r >= 0:
            here &= (regime[:, base] == r) & kept[:, g]
        # One block after the other, so that what is found can be put away block by block.
        blocks = np.array(list(out.rows), dtype=np.int64)
        cohorts = np.array([out.cohort[c] for c in blocks.tolist()], dtype=np.int64)
        treated, compared = blocks[cohorts == g], blocks[cells[ks[0]].compares(cohorts)]
        by = [out.rows[c][here[out.rows[c]]] for c in [*treated.tolist(), *compared.tolist()]]
        rows = np.concatenate(by) if by else np.zeros(0, dtype=np.int64)
        D = np.asarray(cohort[rows] == g)
        if plain:
            _by_means(data, rows, D, base, ks, cells_of, out)
            continue
        for part, pick in _patterns(ks, cells, seen, rows):
            _by_covariates(data, rows[pick], D[pick], base, part, cells_of, out, adjust)
    share = np.zeros(0)
    if groups is None:
        share = _shares_by_cohort(cells_of, cells, w, Y.shape[1], out)
    fits = CellFits(
        att=cells_of.att,
        because=tuple(cells_of.because),
        caution=tuple(cells_of.caution),
        treated=cells_of.treated,
        control=cells_of.control,
        size=None,
        share=share,
    )
    return fits, out


def stays(regime: Ints, base: int) -> Bools:
    """(n, T) whether a provider's regime is that of the base year in every year between."""
    same = regime == regime[:, base, None]
    after = np.logical_and.accumulate(same[:, base:], axis=1)
    before = np.logical_and.accumulate(same[:, base::-1], axis=1)[:, ::-1]
    return np.concatenate([before[:, :-1], after], axis=1)


def _shares_by_cohort(
    found: _Cells, cells: tuple[Cell, ...], w: Floats, T: int, out: Columns
) -> Floats:
    real = [not c.reference and math.isfinite(v) for c, v in zip(cells, found.att, strict=True)]
    share = np.zeros(T + 1)
    for c in out.rows:
        of_c = np.array([[r and cell.g == c for r, cell in zip(real, cells, strict=True)]])
        bits = unions(found.treated, of_c)[0]
        used = np.unpackbits(bits, count=found.n)[out.rows[c]].astype(np.bool_)
        out.psi[c][:, -1] = np.where(used, w[out.rows[c]], 0.0)
        share[c] = out.psi[c][:, -1].sum()
    return share


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data:
    Y: Floats
    w: Floats
    label: Ints
    stratum: Ints
    X: Floats
    Z: Floats
    cells: tuple[Cell, ...]


@dataclass(slots=True)
class _Cells:
    """What is known of the cells so far."""

    att: Floats
    because: list[str]
    caution: list[str]
    treated: Bits
    control: Bits
    n: int

    def use(self, k: int, rows: Ints, D: Bools) -> None:
        flags = np.zeros((2, self.n), dtype=np.bool_)
        flags[0, rows[D]] = True
        flags[1, rows[~D]] = True
        self.treated[k], self.control[k] = np.packbits(flags, axis=1)


def _changes(Y: Floats, rows: Ints, base: int, years: Ints) -> Callable[[slice], Floats]:
    def change(block: slice) -> Floats:
        y = Y.take(rows[block], axis=0)
        return y[:, years] - y[:, base, None]

    return change


def _into(out: Columns, label: Ints, rows: Ints, ks: list[int]) -> Callable[[slice, Floats], None]:
    """Where psi of ``rows`` (one block after the other) and cells ``ks`` is put."""
    of = label[rows]
    cuts = [0, *(np.flatnonzero(np.diff(of)) + 1).tolist(), rows.size]
    wanted = np.array(ks)

    def put(block: slice, psi: Floats) -> None:
        for start, stop in itertools.pairwise(cuts):
            a, b = max(start, block.start), min(stop, block.stop)
            if a >= b:
                continue
            c = int(of[a])
            at = out.spot[c][wanted]
            kept = at >= 0
            at = at[kept]
            mine = psi[a - block.start : b - block.start]
            mine = mine if kept.all() else mine[:, kept]
            places = out.place[rows[a:b]]
            # Neighbouring columns, the usual case, are one stretch of memory per provider.
            if at.size and at[-1] - at[0] + 1 == at.size:
                out.psi[c][places, at[0] : at[-1] + 1] = mine
            elif at.size:
                out.psi[c][places[:, None], at] = mine

    return put


def _by_means(
    data: _Data,
    rows: Ints,
    D: Bools,
    base: int,
    ks: list[int],
    found: _Cells,
    out: Columns,
) -> None:
    """Cells of one cohort, base year and comparison group without covariates, whatever the gaps."""
    if rows.size == 0 or not D.any() or D.all():
        why = _nobody(D, "in both years of the comparison")
        for k in ks:
            found.because[k] = why
        return
    years = np.array([data.cells[k].t for k in ks])
    att, used, both = difference_of_means(
        D, data.w[rows], _changes(data.Y, rows, base, years), _into(out, data.label, rows, ks)
    )
    for j, k in enumerate(ks):
        if not both[j]:
            found.because[k] = _nobody(D[used[:, j]], "in both years of the comparison")
            continue
        found.att[k] = 0.0 if data.cells[k].reference else att[j]
        found.use(k, rows[used[:, j]], D[used[:, j]])


def _by_covariates(
    data: _Data,
    rows: Ints,
    D: Bools,
    base: int,
    ks: list[int],
    found: _Cells,
    out: Columns,
    adjust: Adjust,
) -> None:
    """Cells that compare the same providers, given the same covariates."""
    why, left, rows, D = _alike(data.stratum, rows, D)
    why = why or _nobody(D, "in both years of the comparison")
    for k in ks:
        if why:
            found.because[k] = why
            continue
        found.use(k, rows, D)
        if left:
            found.caution[k] = f"{left:,} treated without a like comparison left out"
        if data.cells[k].reference:
            found.att[k] = 0.0
    ks = [k for k in ks if not data.cells[k].reference]
    if why or not ks:
        return
    try:
        sample = prepare(D, data.w[rows], _design(data, base, rows), adjust)
    except NotEstimable as fault:
        for k in ks:
            found.because[k] = str(fault)
            found.use(k, rows[:0], D[:0])
        return
    years = np.array([data.cells[k].t for k in ks])
    found.att[ks] = difference(
        sample, _changes(data.Y, rows, base, years), _into(out, data.label, rows, ks)
    )


def _patterns(
    members: list[int], cells: tuple[Cell, ...], seen: Bools, rows: Ints
) -> list[tuple[list[int], Bools | slice]]:
    """The cells of a group by which of ``rows`` are seen in their year."""
    by: dict[bytes, tuple[list[int], Bools | slice]] = {}
    for k in members:
        here = seen[rows, cells[k].t]
        found: Bools | slice = slice(None) if here.all() else here
        by.setdefault(np.packbits(here).tobytes(), ([], found))[0].append(k)
    return list(by.values())


def _nobody(d: Bools, when: str) -> str:
    if not d.any():
        return f"no provider of the cohort is seen {when}"
    if d.all():
        return f"no comparison provider is seen {when}"
    return ""


def _alike(stratum: Ints, pick: Ints, d: Bools) -> tuple[str, int, Ints, Bools]:
    """Keep strata with both treated and comparison; count the treated left out."""
    s = stratum[pick]
    if pick.size == 0 or s.min() == s.max():
        return "", 0, pick, d
    S = int(s.max()) + 1
    both = (np.bincount(s[d], minlength=S) > 0) & (np.bincount(s[~d], minlength=S) > 0)
    if d.any() and not d.all() and not both.any():
        return "no comparison provider holds the same arms", 0, pick, d
    keep = both[s]
    if not keep.any():
        return "", 0, pick, d
    return "", int((d & ~keep).sum()), pick[keep], d[keep]


def _design(data: _Data, base: int, pick: Ints) -> Floats:
    """Intercept, strata (first left out), fixed covariates, covariates of the base year."""
    s = data.stratum[pick]
    present = np.flatnonzero(np.bincount(s))[1:]
    return np.column_stack(
        [
            np.ones(pick.size),
            *((s == c).astype(np.float64) for c in present),
            data.X[pick],
            data.Z[pick, base],
        ]
    )
