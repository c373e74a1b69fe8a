"""The Shapley value, exactly for all coalitions and by sampled orders where they are too many.

Shapley (1953), "A value for n-person games"; antithetic orders as in Mitchell, Cooper, Frank &
Holmes (2022), "Sampling permutations for Shapley value estimation".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial

import numpy as np

from consortia.maths.games.coalitions import Floats, checked, sizes


def shapley(v: Floats) -> Floats:
    """Payments (n,) of the game v (2^n,): each player's mean contribution over all orders.

    Costs n 2^n. Raises ValueError as :func:`checked`.
    """
    n = checked(v)
    weight = np.array([factorial(s) * factorial(n - s - 1) / factorial(n) for s in range(n)])
    out = np.empty(n)
    for i in range(n):
        pairs = v.reshape(-1, 2, 1 << i)
        without = sizes(n).reshape(-1, 2, 1 << i)[:, 0]
        out[i] = (weight[without] * (pairs[:, 1] - pairs[:, 0])).sum()
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """A sampled value (n,), its standard error (n,), the orders drawn and coalitions looked at."""

    value: Floats
    std_error: Floats
    orders: int
    coalitions: int


def sampled_shapley(
    worth: Callable[[int], float], n: int, pairs: int, rng: np.random.Generator
) -> Sampled:
    """The Shapley value from ``pairs`` random orders and their reversals.

    ``worth(mask)`` is asked once for each coalition met. A reversed order turns late into early
    joiners, so that the two errors partly cancel; the standard error is that of the pairs' means
    and is about orders alone, not about noise in the worths. The payments sum to the worth of all
    exactly. Raises ValueError for fewer than two pairs.
    """
    if pairs < 2:
        raise ValueError("a standard error needs at least two pairs of orders")
    known: dict[int, float] = {0: 0.0}

    def value(mask: int) -> float:
        if mask not in known:
            known[mask] = float(worth(mask))
        return known[mask]

    means = np.zeros((pairs, n))
    for k in range(pairs):
        order = rng.permutation(n)
        for way in (order, order[::-1]):
            mask, before = 0, 0.0
            for i in way.tolist():
                mask |= 1 << i
                after = value(mask)
                means[k, i] += (after - before) / 2
                before = after
    return Sampled(
        value=means.mean(axis=0),
        std_error=means.std(axis=0, ddof=1) / np.sqrt(pairs),
        orders=2 * pairs,
        coalitions=len(known) - 1,
    )
