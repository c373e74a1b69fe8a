"""Members against the rest, as a reader of a league table would compare them: no adjustment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consortia.errors import NotIdentified
from consortia.maths.influence import Influence
from consortia.panel import Arrays
from consortia.results import EffectKey, Fit
from consortia.specs import RawGap
from consortia.study import Study

Floats = NDArray[np.float64]


def fit(arrays: Arrays, spec: RawGap, study: Study, rng: np.random.Generator) -> Fit:
    """Weighted mean of exposed minus unexposed cells: all years pooled, then year by year.

    Raises NotIdentified when no year has both. Takes no randomness.
    """
    D = arrays.held
    Y = np.where(arrays.W > 0, arrays.Y, 0.0)
    n, T = Y.shape
    inside = np.where(D, arrays.W, 0.0)
    outside = arrays.W - inside
    theta = np.full(T + 1, np.nan)
    psi = np.zeros((n, T + 1))
    counts = np.zeros((2, T + 1), dtype=np.int64)
    cautions = [""] * (T + 1)
    S1, S0 = inside.sum(axis=0), outside.sum(axis=0)
    counts[0, 1:], counts[1, 1:] = (inside > 0).sum(axis=0), (outside > 0).sum(axis=0)
    counts[0, 0] = (inside > 0).any(axis=1).sum()
    counts[1, 0] = (outside > 0).any(axis=1).sum()
    if S1.sum() == 0 or S0.sum() == 0:
        side = "exposed" if S1.sum() == 0 else "unexposed"
        raise NotIdentified(f"no {side} provider has a result in the years studied")
    for t in range(T):
        if S1[t] == 0 or S0[t] == 0:
            side = "exposed" if S1[t] == 0 else "unexposed"
            cautions[t + 1] = f"not identified, because no {side} provider has a result that year"
            continue
        y = Y[:, t]
        m1, m0 = inside[:, t] @ y / S1[t], outside[:, t] @ y / S0[t]
        theta[t + 1] = m1 - m0
        psi[:, t + 1] = inside[:, t] / S1[t] * (y - m1) - outside[:, t] / S0[t] * (y - m0)
    m1 = np.einsum("it,it->", inside, Y) / S1.sum()
    m0 = np.einsum("it,it->", outside, Y) / S0.sum()
    theta[0] = m1 - m0
    psi[:, 0] = (np.einsum("it,it->i", inside, Y) - m1 * inside.sum(axis=1)) / S1.sum() - (
        np.einsum("it,it->i", outside, Y) - m0 * outside.sum(axis=1)
    ) / S0.sum()
    keys = (
        EffectKey(estimand="raw-gap"),
        *(EffectKey(estimand="raw-gap-by-year", year=int(y)) for y in arrays.years),
    )
    for i in range(T + 1):
        few = min(counts[0, i], counts[1, i])
        if not cautions[i] and few < 5:
            cautions[i] = (
                "fewer than 5 treated" if counts[0, i] < 5 else "fewer than 5 to compare with"
            )
    return Fit(
        method="raw-gap",
        keys=keys,
        theta=theta,
        influence=Influence(psi=psi),
        n_treated=counts[0],
        n_control=counts[1],
        cautions=tuple(cautions),
        headline=0,
        small_sample="clusters",
        notes=("nothing is adjusted for: members and the rest may have differed all along",),
    )


def truth(arrays: Arrays, spec: RawGap, study: Study, fit: Fit) -> Floats:
    """Weighted mean of the known effect over the exposed cells, pooled and by year."""
    if arrays.truth is None:
        return np.full(fit.theta.size, np.nan)
    W = np.where(arrays.held & np.isfinite(arrays.truth), arrays.W, 0.0)
    effect = np.where(W > 0, np.nan_to_num(arrays.truth), 0.0)
    sums, weights = np.einsum("it,it->t", W, effect), W.sum(axis=0)
    total = weights.sum()
    pooled = sums.sum() / total if total > 0 else np.nan
    by_year = np.divide(sums, weights, out=np.full(weights.size, np.nan), where=weights > 0)
    out = np.concatenate([[pooled], by_year])
    return np.where(np.isfinite(fit.theta), out, np.nan)
