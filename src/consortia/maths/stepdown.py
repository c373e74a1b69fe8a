"""Stepdown p-values of Romano & Wolf (2005, 2016): several hypotheses at once, chance that even one
true one is rejected held at the level, the dependence between them used and not feared."""

from __future__ import annotations

import numpy as np

from consortia.maths.influence import Floats


def romano_wolf(t: Floats, draws: Floats) -> Floats:
    """Adjusted two-sided p-values (K,) from statistics t (K,) and their joint draws (B, K) under
    the null, both studentised (Romano & Wolf 2016, algorithm 3.1 with the p-values of section 3).

    The largest is judged against the largest of all, the next against the largest of those left;
    p-values never fall on the way. A statistic that is NaN takes no part and has p NaN.
    """
    size = np.abs(t)
    known = np.flatnonzero(np.isfinite(size))
    order = known[np.argsort(-size[known], kind="stable")]
    out = np.full(t.size, np.nan)
    # From the least to the largest: the running maximum is that of all that are left.
    worst = np.maximum.accumulate(np.abs(draws[:, order[::-1]]), axis=1)[:, ::-1]
    top = 0.0
    for j, k in enumerate(order.tolist()):
        count = int((worst[:, j] >= size[k] * (1 - 1e-12)).sum())
        top = max(top, (1 + count) / (1 + draws.shape[0]))
        out[k] = top
    return out
