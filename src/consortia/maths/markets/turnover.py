"""Posts, pay and moves between employers.

Burdett & Mortensen (1998), "Wage differentials, employer size, and unemployment"; vacancy chains:
White (1970), Chase (1991); urn and balls: Butters (1977).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BurdettMortensen:
    """Steady state of on-the-job search among equal employers: offers arrive at ``k`` times the
    rate at which jobs end, a worker is worth ``p``, being out of work ``b``.

    Raises ValueError unless k > 0 and p > b.
    """

    k: float
    p: float = 1.0
    b: float = 0.0

    def __post_init__(self) -> None:
        if self.k <= 0 or self.p <= self.b:
            raise ValueError("k must be above 0 and p above b")

    @property
    def out_of_work(self) -> float:
        """Share out of work, 1 / (1 + k)."""
        return 1 / (1 + self.k)

    @property
    def top_wage(self) -> float:
        """Highest wage offered, p - (p - b) / (1 + k)^2."""
        return self.p - (self.p - self.b) / (1 + self.k) ** 2

    def offers(self, w: Floats) -> Floats:
        """F(w): share of offers at or below w."""
        root = np.sqrt((self.p - np.clip(w, self.b, self.top_wage)) / (self.p - self.b))
        return (1 + self.k) / self.k * (1 - root)

    def earned(self, w: Floats) -> Floats:
        """G(w): share of the employed who earn w or less, F / (1 + k (1 - F))."""
        F = self.offers(w)
        return F / (1 + self.k * (1 - F))

    @property
    def mean_earned(self) -> float:
        """Mean wage of the employed, (k p + b) / (1 + k)."""
        return (self.k * self.p + self.b) / (1 + self.k)

    @property
    def mean_offer(self) -> float:
        """Mean wage offered, p - (p - b)(1 + k)(1 - (1 + k)^-3) / (3 k)."""
        one = 1 + self.k
        return self.p - (self.p - self.b) * one / (3 * self.k) * (1 - one**-3)

    @property
    def moves_per_outside_hire(self) -> float:
        """Hires from other employers over hires from outside, ((1 + k)/k) ln(1 + k) - 1."""
        return (1 + self.k) / self.k * math.log1p(self.k) - 1

    @property
    def poached_share(self) -> float:
        """Share of all hires that come from other employers."""
        ratio = self.moves_per_outside_hire
        return ratio / (1 + ratio)


def search_intensity(moves: float, exits: float) -> float:
    """The k at which moves over outside hires is ``moves / exits``, rates a year.

    Raises ValueError unless both are above zero.
    """
    if moves <= 0 or exits <= 0:
        raise ValueError("both rates must be above zero")
    ratio = moves / exits

    def gap(log_k: float) -> float:
        return BurdettMortensen(k=math.exp(log_k)).moves_per_outside_hire - ratio

    return math.exp(float(optimize.brentq(gap, -30, 300, xtol=1e-13)))


def chain_multiplier(p: float) -> float:
    """Vacancies that one vacancy makes in all, 1 / (1 - p): p of them are filled from inside and
    open the next. Raises ValueError unless 0 <= p < 1."""
    if not 0 <= p < 1:
        raise ValueError(f"p is a share from 0 to below 1, not {p}")
    return 1 / (1 - p)


def supply_elasticity(quit: float, recruit: float | None = None) -> float:
    """Elasticity of labour supply to one employer, recruits less quits (Manning 2003); without
    that of recruits minus twice that of quits, as in a steady state."""
    return -2 * quit if recruit is None else recruit - quit


def urn_ball_filled(applications: float, vacancies: float) -> float:
    """Share of vacancies that get at least one application when each lands anywhere by chance, in
    a large market: 1 - exp(-A / V). Raises ValueError without vacancies."""
    if vacancies <= 0 or applications < 0:
        raise ValueError("vacancies must be above zero and applications not below")
    return -math.expm1(-applications / vacancies)
