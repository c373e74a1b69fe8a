"""Wilcoxon's signed rank test with hidden bias: Rosenbaum's bounds.

Rosenbaum, P. R. (2002), "Observational studies", 2nd ed., section 4.3. In a pair that looks alike,
the odds of joining of one are at most Gamma times those of the other. Then the sum of ranks of
positive differences lies, in chance order, below one whose terms are independent, each its rank
with probability ``Gamma / (1 + Gamma)`` and 0 otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Floats = NDArray[np.float64]

EXACT = 60
"""Up to that many differences the distribution is counted out; beyond, it is all but normal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRank:
    """Sum ``T`` of the ranks (ties: mean rank) of positive differences; ``ranks`` (m,) of those
    that are not zero."""

    T: float
    ranks: Floats


def signed_rank(d: Floats) -> SignedRank:
    """The statistic of differences d (n,); zeros are ranked and then left out (Pratt 1959)."""
    ranks = np.asarray(stats.rankdata(np.abs(d)), dtype=np.float64)
    return SignedRank(T=float(ranks[d > 0].sum()), ranks=ranks[d != 0])


def upper_p(s: SignedRank, gamma: float, exact: bool | None = None) -> float:
    """Largest one-sided p-value (differences above zero) at hidden bias ``gamma`` >= 1.

    ``exact`` None: counted out up to EXACT differences. Raises ValueError for gamma below 1.
    """
    if gamma < 1:
        raise ValueError("gamma is 1 (no hidden bias) or more")
    if s.ranks.size == 0:
        return 1.0
    chance = gamma / (1 + gamma)
    if exact if exact is not None else s.ranks.size <= EXACT:
        return _counted(s, chance)
    mean = chance * float(s.ranks.sum())
    sd = float(np.sqrt(chance * (1 - chance) * (s.ranks**2).sum()))
    return float(stats.norm.sf((s.T - mean) / sd))


def _counted(s: SignedRank, chance: float) -> float:
    """P(sum >= T), ranks doubled so that mean ranks of ties are whole numbers."""
    twice = np.rint(2 * s.ranks).astype(np.int64)
    at = np.zeros(int(twice.sum()) + 1)
    at[0] = 1.0
    for r in twice.tolist():
        moved = np.zeros_like(at)
        moved[r:] = at[: at.size - r]
        at = (1 - chance) * at + chance * moved
    return float(at[round(2 * s.T) :].sum())


def gamma_at(s: SignedRank, size: float, most: float = 100.0) -> float:
    """The largest Gamma at which the differences still lie above zero at one-sided ``size``; 0 when
    they do not at Gamma = 1, ``most`` when even that is not enough."""
    if upper_p(s, 1.0) > size:
        return 0.0
    if upper_p(s, most) <= size:
        return most
    return float(optimize.brentq(lambda g: upper_p(s, g) - size, 1.0, most, xtol=1e-6))
