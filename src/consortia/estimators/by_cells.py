"""ATT(g, t) in general: gaps in the panel, covariates, strata with covariates.

Cells that use the same providers and the same covariates (one cohort, one base year, one comparison
group, one pattern of gaps) share one factorisation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consortia.estimators.adjustment import Adjust, NotEstimable, difference, prepare
from consortia.estimators.cells import CellFits
from consortia.estimators.design import Cell

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def fit_cells(
    Y: Floats,
    w: Floats,
    cohort: Ints,
    stratum: Ints,
    X: Floats,
    Z: Floats,
    cells: tuple[Cell, ...],
    adjust: Adjust,
) -> tuple[CellFits, Floats, Ints]:
    """Cells from Y (n, T) with NaN where not seen, weights w (n,), fixed covariates X (n, p) and
    covariates by year Z (n, T, q), which enter at the base year.

    Returns the cells; the matrix (n, K + G) that cells.join takes; the cohorts (G,) present.
    """
    n, T = Y.shape
    K = len(cells)
    seen = np.isfinite(Y)
    known = np.isfinite(Z).all(axis=2)
    fixed = np.isfinite(X).all(axis=1) & (w > 0)
    cohorts = np.unique(np.array([c.g for c in cells], dtype=np.int64))
    out = np.zeros((n, K + cohorts.size), order="F")
    att = np.full(K, np.nan)
    because = [""] * K
    caution = [""] * K
    treated = np.zeros((K, n), dtype=np.bool_)
    control = np.zeros((K, n), dtype=np.bool_)
    groups: dict[tuple[int, int, int], list[int]] = {}
    for k, cell in enumerate(cells):
        groups.setdefault((cell.g, cell.base, cell.after), []).append(k)
    for (g, base, _), members in groups.items():
        cell = cells[members[0]]
        ready = fixed & seen[:, base] & known[:, base]
        mine = np.flatnonzero(ready & (cohort == g))
        theirs = np.flatnonzero(ready & cell.compares(cohort))
        rows = np.concatenate([mine, theirs])
        D = np.arange(rows.size) < mine.size
        for ks, here in _patterns(members, cells, seen, rows):
            pick, d = rows[here], D[here]
            why, left, pick, d = _alike(stratum, pick, d)
            if not why:
                why = _nobody(d, "in both years of the comparison")
            if why:
                for k in ks:
                    because[k] = why
                continue
            for k in ks:
                treated[k, pick[d]] = True
                control[k, pick[~d]] = True
                if left:
                    caution[k] = f"{left:,} treated without a like comparison left out"
                if cells[k].reference:
                    att[k] = 0.0
            real = [k for k in ks if not cells[k].reference]
            if not real:
                continue
            try:
                sample = prepare(d, w[pick], _design(X, Z[:, base], stratum, pick), adjust)
            except NotEstimable as fault:
                for k in real:
                    because[k] = str(fault)
                    treated[k], control[k] = False, False
                continue
            years = [cells[k].t for k in real]
            change = _columns(Y, pick, years) - Y[pick, base][:, None]
            values, psi = difference(sample, change, adjust)
            att[real] = values
            for j, k in enumerate(real):
                out[pick, k] = psi[:, j]
    for j, g in enumerate(cohorts.tolist()):
        of_g = [
            k for k, c in enumerate(cells) if c.g == g and not c.reference and np.isfinite(att[k])
        ]
        used = treated[of_g].any(axis=0) if of_g else np.zeros(n, dtype=np.bool_)
        out[used, K + j] = w[used]
    share = np.zeros(T + 1)
    share[cohorts] = out[:, K:].sum(axis=0)
    fits = CellFits(
        att=att,
        because=tuple(because),
        caution=tuple(caution),
        treated=treated,
        control=control,
        size=np.ones(n, dtype=np.int64),
        share=share,
    )
    return fits, out, cohorts


def _columns(Y: Floats, rows: Ints, years: list[int]) -> Floats:
    return Y[np.ix_(rows, np.array(years))]


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


def _design(X: Floats, Zb: Floats, stratum: Ints, pick: Ints) -> Floats:
    """Intercept, strata (first left out), fixed covariates, covariates of the base year."""
    s = stratum[pick]
    present = np.unique(s)[1:]
    return np.column_stack(
        [np.ones(pick.size), *((s == c).astype(np.float64) for c in present), X[pick], Zb[pick]]
    )
