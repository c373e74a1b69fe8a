"""Paying for something that all have: who gives, and which contracts make them.

Palfrey & Rosenthal (1984); Diekmann (1985); Bagnoli & Lipman (1989); Tabarrok (1998), "The private
provision of public goods via dominant assurance contracts".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import comb

from scipy import optimize

MOST = 12
"""Members up to which all pledge profiles are looked at."""


def threshold_giving(n: int, k: int, cost: float) -> tuple[float, ...]:
    """Chances p with which each of n gives when k givers are needed and lost gifts are not
    returned: ``C(n-1, k-1) p^(k-1) (1-p)^(n-k) = cost`` (cost over value). Two roots, one at the
    peak, none when the cost is above it. Raises ValueError unless 1 <= k <= n and 0 < cost < 1."""
    if not (1 <= k <= n and 0 < cost < 1):
        raise ValueError("need 1 <= k <= n and a cost between 0 and the value")

    def pivotal(p: float) -> float:
        return comb(n - 1, k - 1) * p ** (k - 1) * (1 - p) ** (n - k) - cost

    peak = (k - 1) / (n - 1) if n > 1 else 0.5
    top = pivotal(peak)
    if abs(top) < 1e-12:
        return (peak,)
    if top < 0:
        return ()
    sides = [(0.0, peak), (peak, 1.0)]
    return tuple(
        float(optimize.brentq(pivotal, a, b, xtol=1e-14))
        for a, b in sides
        if pivotal(a) * pivotal(b) < 0
    )


def volunteer(n: int, cost: float) -> tuple[float, float]:
    """Chance that each volunteers, and that nobody does, when one is enough:
    ``1 - c^(1/(n-1))`` and ``c^(n/(n-1))`` with c cost over value (Diekmann 1985)."""
    if n < 2 or not 0 < cost < 1:
        raise ValueError("need two or more and a cost between 0 and the value")
    return 1 - cost ** (1 / (n - 1)), cost ** (n / (n - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pledge:
    """A pledge of ``stake`` that is paid when at least ``needed`` of ``members`` pledge, to get
    something worth ``value`` to each of them, pledger or not. ``bonus``: what a sponsor pays each
    pledger when it fails (above zero: dominant assurance).

    Raises ValueError unless 1 <= needed <= members, and for numbers below zero.
    """

    members: int
    needed: int
    value: float
    stake: float
    bonus: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.needed <= self.members:
            raise ValueError("between one and all members are needed")
        if min(self.value, self.stake, self.bonus) < 0:
            raise ValueError("value, stake and bonus are zero or more")

    def pay(self, pledges: bool, others: int) -> float:
        """What a member gets, given how many others pledge."""
        total = others + pledges
        if total >= self.needed:
            return self.value - self.stake * pledges
        return self.bonus * pledges

    def equilibria(self) -> tuple[tuple[bool, ...], ...]:
        """Every pure equilibrium, found by looking at all 2^n profiles (nobody gains by changing
        alone). Raises ValueError for more than MOST members."""
        if self.members > MOST:
            raise ValueError(f"at most {MOST} members")
        found: list[tuple[bool, ...]] = []
        for profile in product((False, True), repeat=self.members):
            total = sum(profile)
            if all(self.pay(p, total - p) >= self.pay(not p, total - p) for p in set(profile)):
                found.append(profile)
        return tuple(found)

    @property
    def is_dominant(self) -> bool:
        """Whether pledging is strictly better whatever the others do."""
        return all(self.pay(True, m) > self.pay(False, m) for m in range(self.members))

    @property
    def exposure(self) -> float:
        """The most a sponsor can have to pay: a bonus to one fewer than are needed."""
        return (self.needed - 1) * self.bonus
