"""Groups in a network of weights: greedy modularity.

Clauset, Newman & Moore (2004), "Finding community structure in very large networks": begin with
everybody alone and join the two groups that raise modularity most, until none does. With at most
``most`` members a group, pairs that would exceed it are not joined.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def modularity(W: Floats, label: Ints) -> float:
    """Share of weight within groups less what chance would put there; W (n, n) symmetric with an
    empty diagonal, label (n,)."""
    total = float(W.sum())
    if total == 0:
        return 0.0
    degree = W.sum(axis=1) / total
    same = label[:, None] == label
    return float(W[same].sum() / total - (np.outer(degree, degree))[same].sum())


def greedy_modularity(W: Floats, most: int | None = None) -> Ints:
    """Group (n,) of each, numbered by first member. Costs n^3 at worst, for hundreds.

    Raises ValueError unless W is symmetric, not negative, with an empty diagonal.
    """
    n = W.shape[0]
    if W.shape != (n, n) or not np.allclose(W, W.T) or (W < 0).any() or np.diag(W).any():
        raise ValueError("weights are symmetric, not negative, with an empty diagonal")
    label: Ints = np.arange(n, dtype=np.int64)
    total = float(W.sum())
    if total == 0:
        return label
    share = W / total
    degree = share.sum(axis=1)
    size = np.ones(n, dtype=np.int64)
    alive = np.ones(n, dtype=bool)
    while True:
        gain = 2 * (share - np.outer(degree, degree))
        allowed = (alive[:, None] & alive) & (share > 0)
        if most is not None:
            allowed &= size[:, None] + size <= most
        np.fill_diagonal(allowed, False)
        gain = np.where(allowed, gain, -np.inf)
        best = int(np.argmax(gain))
        i, j = sorted(divmod(best, n))
        if not gain[i, j] > 1e-15:
            break
        share[i] += share[j]
        share[:, i] += share[:, j]
        degree[i] += degree[j]
        size[i] += size[j]
        share[i, i] = 0.0
        share[j] = 0.0
        share[:, j] = 0.0
        alive[j] = False
        label[label == j] = i
    return np.searchsorted(np.unique(label), label).astype(np.int64)
