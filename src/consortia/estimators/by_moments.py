"""ATT(g, t) on a balanced panel without covariates: from cohort moments, no provider touched twice.

Within strata the comparison is exact (a saturated model), so that regression, weighting and
doubly robust adjustment are the same estimator: the treated-share weighted mean over strata of the
difference in differences.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consortia.estimators.aggregation import Summary
from consortia.estimators.cells import CellFits, unions
from consortia.estimators.design import Cell
from consortia.maths.influence import Influence
from consortia.maths.paths import Moments, moments, path_codes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def fit_cells(
    Y: Floats,
    w: Floats | None,
    cohort: Ints,
    stratum: Ints,
    cells: tuple[Cell, ...],
    out: Ints,
) -> tuple[CellFits, Floats, Ints, Ints, Moments]:
    """Cells from Y (n, T), finite for every cohort but those in ``out``; w (n,) or None for 1.

    Returns the cells; B (P, K, T + 1) with ``psi_i = B[path_i] @ (w_i (Y_i - mean, 1))``; path
    (n,); the cohort (P,) of each path; the moments.
    """
    T = Y.shape[1]
    path, of_cohort, of_stratum = path_codes(cohort, stratum, T)
    P, K, S = of_cohort.size, len(cells), int(of_stratum.max()) + 1
    skip = np.flatnonzero(np.isin(of_cohort, out))
    M = moments(Y, w, path, P, skip)
    alive = M.weight > 0
    att = np.full(K, np.nan)
    because = [""] * K
    caution = [""] * K
    treated = np.zeros((K, P), dtype=np.bool_)
    control = np.zeros((K, P), dtype=np.bool_)
    B = np.zeros((P, K, T + 1))
    for k, cell in enumerate(cells):
        mine = alive & (of_cohort == cell.g)
        theirs = alive & cell.compares(of_cohort)
        if not theirs.any():
            because[k] = "no provider is left to compare with"
            continue
        WT = np.bincount(of_stratum[mine], M.weight[mine], S)
        WC = np.bincount(of_stratum[theirs], M.weight[theirs], S)
        both = (WT > 0) & (WC > 0)
        if not both.any():
            because[k] = "no comparison provider holds the same arms"
            continue
        left = int(M.size[mine & ~both[of_stratum]].sum())
        mine &= both[of_stratum]
        theirs &= both[of_stratum]
        if left:
            caution[k] = f"{left:,} treated without a like comparison left out"
        treated[k], control[k] = mine, theirs
        if cell.reference:
            att[k] = 0.0
            continue
        t, b = cell.t, cell.base
        change = M.mean[:, t] - M.mean[:, b]
        WC[~both] = 1.0
        expected = np.bincount(of_stratum[theirs], (M.weight * change)[theirs], S) / WC
        total = WT[both].sum()
        gap = change - expected[of_stratum]
        att[k] = M.weight[mine] @ gap[mine] / total
        lift = np.zeros(P)
        lift[mine] = 1 / total
        lift[theirs] = -(WT / total / WC)[of_stratum[theirs]]
        B[:, k, t] = lift
        B[:, k, b] = -lift
        B[:, k, T] = lift * (gap - np.where(mine, att[k], 0.0))
    # Without gaps a reference cell uses whom the cohort's other cells use.
    used = (treated & np.isfinite(att)[:, None]).any(axis=0)
    share = np.bincount(of_cohort[used], M.weight[used], T + 1).astype(np.float64)
    fits = CellFits(
        att=att,
        because=tuple(because),
        caution=tuple(caution),
        treated=np.packbits(treated, axis=1),
        control=np.packbits(control, axis=1),
        size=M.size,
        share=share,
    )
    return fits, B, path, of_cohort, M


def influence(
    Y: Floats,
    w: Floats | None,
    fits: CellFits,
    B: Floats,
    path: Ints,
    of_cohort: Ints,
    M: Moments,
    summary: Summary,
) -> Influence:
    """Influence of the cells and their summaries, factored."""
    rows = np.einsum("rk,pkz->prz", summary.L, B)
    bits = unions(fits.treated, np.isfinite(fits.att)[None, :])[0]
    used = np.unpackbits(bits, count=of_cohort.size).astype(np.bool_)
    rows[used, :, -1] += summary.H[:, of_cohort[used]].T
    return Influence(
        Z=Y,
        path=path,
        B=np.concatenate([B, rows], axis=1),
        centre=M.mean,
        scale=w,
        moments=M.cross,
        order=(M.order, M.starts),
    )
