"""Rivals: what competition does to prices, entry, spending and the will to merge."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def logit_markup(n: int, mu: float = 1.0) -> float:
    """Price over cost among n equal rivals under a logit with scale mu and no outside choice:
    mu n / (n - 1) (Anderson, de Palma & Thisse 1992)."""
    _several(n)
    return mu * n / (n - 1)


def own_quality_elasticity(a: float, q: Floats, share: Floats) -> Floats:
    """a q_j (1 - P_j) of the logit, for qualities q and shares P of the same shape."""
    return a * q * (1 - share)


def salop_markup(t: float, n: float) -> float:
    """Price over cost on a circle with travel cost t: t / n (Salop 1979)."""
    return t / n


def salop_entry(t: float, f: float) -> float:
    """How many enter a circle freely at fixed cost f: sqrt(t / f)."""
    return math.sqrt(t / f)


def salop_optimum(t: float, f: float) -> float:
    """How many would be best: half of those who enter (Vickrey 1964; Salop 1979)."""
    return 0.5 * math.sqrt(t / f)


def tullock_spend(n: int, rent: float) -> tuple[float, float]:
    """What one of n rivals spends on winning a fixed rent, and all together: (n - 1) R / n^2 and
    (n - 1) R / n (Tullock 1980). With a fixed number of learners all recruitment is such a contest.
    """
    _several(n)
    return (n - 1) * rent / n**2, (n - 1) * rent / n


def cournot_profit(firms: int, a: float = 1.0) -> float:
    """Profit of each of ``firms`` with linear demand, equal costs: a^2 / (firms + 1)^2."""
    return (a / (firms + 1)) ** 2


def merger_gain(n: int, m: int) -> float:
    """What m of n equal Cournot rivals gain by acting as one: the profit of one of n - m + 1 less
    that of m of n. Raises ValueError unless 1 <= m <= n."""
    if not 1 <= m <= n:
        raise ValueError("between one and all of them merge")
    return cournot_profit(n - m + 1) - m * cournot_profit(n)


def profitable_merger(n: int) -> float:
    """Mergers of more than this many of n gain: (2n + 3 - sqrt(4n + 5)) / 2
    (Salant, Switzer & Reynolds 1983); at this number they break even."""
    return (2 * n + 3 - math.sqrt(4 * n + 5)) / 2


def cartel_pay(n: int) -> tuple[Floats, Floats]:
    """What a member and an outsider earn (n + 1,) when k of n form a Cournot cartel."""
    k = np.arange(n + 1)
    rivals = n - np.maximum(k, 1) + 1
    each = 1.0 / (rivals + 1.0) ** 2
    return each / np.maximum(k, 1), each


def agreement_pay(n: int, benefit: float = 1.0, cost: float = 1.0) -> tuple[Floats, Floats]:
    """What a member and an outsider of an agreement on a public good get (n + 1,), by members k.

    Everybody gains ``benefit`` per unit anybody gives and bears cost q^2 / 2; members choose for
    each other, q = k b / c, outsiders for themselves, q = b / c (Barrett 1994, linear benefit).
    """
    k = np.arange(n + 1, dtype=np.float64)
    inside, outside = k * benefit / cost, benefit / cost
    given = k * inside + (n - k) * outside
    return benefit * given - cost * inside**2 / 2, benefit * given - cost * outside**2 / 2


def _several(n: int) -> None:
    if n < 2:
        raise ValueError("rivals are two or more")
