"""How like the data a calibrated world is: the same numbers of both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from consortia.world.calibrated import Observed, changes, inverse_size, year_effects

Floats = NDArray[np.float64]


MOMENTS = {
    "between": "SD between providers (mean of unexposed years)",
    "within": "SD within providers, common years taken out",
    "change": "SD of the change from one year to the next",
    "change_far": "SD of the change over the longest gap",
    "autocorrelation": "correlation of one year with the next, within providers",
    "change_small": "SD of the change, smallest third of providers",
    "change_large": "SD of the change, largest third",
    "together": "correlation of changes within clusters",
    "gap": "level of joiners before joining less that of never-joiners",
    "missing": "share of results missing",
}


def moments(Y: Floats, seen: Observed) -> dict[str, float]:
    """MOMENTS of results (n, T) on the unexposed cells of ``seen``; NaN where not defined."""
    free = np.isfinite(Y) & ~seen.on
    R = np.where(free, Y - year_effects(Y, free), np.nan)
    inverse = inverse_size(seen.size, Y.shape)
    some = free.any(axis=1)
    mean = np.where(free, R, 0.0).sum(axis=1)[some] / free.sum(axis=1)[some]
    left = R[some] - mean[:, None]
    cells = free.sum() - some.sum() - (Y.shape[1] - 1)
    change = np.diff(R, axis=1)[:, np.diff(seen.years) == 1]
    lags, half, _ = changes(R, inverse, seen.years)
    at = inverse.mean(axis=1)
    small = at >= np.quantile(at, 2 / 3)
    large = at <= np.quantile(at, 1 / 3)
    unequal = np.ptp(at) > 0
    T = Y.shape[1]
    joins, never = (seen.cohort > 0) & (seen.cohort < T), seen.cohort == T
    within = np.nansum(left**2) / max(cells, 1)
    a, b = left[:, :-1], left[:, 1:]
    next_to = np.isfinite(a) & np.isfinite(b) & (np.diff(seen.years) == 1)[None, :]
    pairs = next_to.sum()
    sizes = np.asarray(seen.incidence.sum(axis=0)).ravel()
    nan = float("nan")
    return {
        "between": float(mean.std(ddof=1)) if mean.size > 1 else nan,
        "within": float(np.sqrt(within)),
        "change": _root(change),
        "change_far": float(np.sqrt(2 * half[lags == lags.max()].mean())) if lags.size else nan,
        "autocorrelation": float((a * b)[next_to].sum() / pairs / max(within, 1e-300))
        if pairs
        else nan,
        "change_small": _root(change[small]) if unequal else nan,
        "change_large": _root(change[large]) if unequal else nan,
        "together": _together(change, seen.incidence) if (sizes > 1).any() else nan,
        "gap": float(mean[joins[some]].mean() - mean[never[some]].mean())
        if (joins & some).any() and (never & some).any()
        else nan,
        "missing": float(1 - np.isfinite(Y).mean()),
    }


def _root(change: Floats) -> float:
    good = change[np.isfinite(change)]
    return float(np.sqrt((good**2).mean())) if good.size else float("nan")


def _together(change: Floats, incidence: sparse.csr_array) -> float:
    ok = np.isfinite(change)
    d = np.where(ok, change, 0.0)
    inside = sparse.csr_array(incidence.T)
    m = inside @ ok.astype(np.float64)
    pairs = (m * (m - 1)).sum()
    if not pairs:
        return float("nan")
    return float((((inside @ d) ** 2 - inside @ d**2).sum() / pairs) / (d[ok] ** 2).mean())
