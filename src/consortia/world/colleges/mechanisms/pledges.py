"""Pledges that bind only if enough pledge: assurance contracts, and with a bonus for trying.

Source: Tabarrok (1998), "The private provision of public goods via dominant assurance contracts",
Public Choice 96. Each invited college believes that every other pledges with a probability equal to
the trust it has in them, and pledges if that is worth more than not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from consortia.specs.ranges import need
from consortia.world.colleges.ledger import pence, split
from consortia.world.colleges.mechanisms.rule import Accounts, Invited

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Pence = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assurance:
    """Each year those invited pledge ``pledge`` pounds; with ``threshold`` pledges or more the
    money pays for trainees who are placed among the pledgers, with fewer nobody pays. A college
    reckons that success would spare it ``relief`` of what its vacancies cost."""

    members: tuple[str, ...] = ()
    first: int = 0
    threshold: int = 5
    pledge: float = 24_000.0
    relief: float = 0.3
    bond: int = 2
    name: Literal["assurance"] = "assurance"

    def __post_init__(self) -> None:
        need(self.threshold >= 1, "the threshold of a pledge is 1 or more")
        need(self.pledge >= 0 and 0 <= self.relief <= 1, "pledge >= 0 and relief in 0 to 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class DominantAssurance:
    """The same with a sponsor, who pays ``bonus`` pounds to everyone that pledged if too few
    did."""

    members: tuple[str, ...] = ()
    first: int = 0
    threshold: int = 5
    pledge: float = 24_000.0
    bonus: float = 6_000.0
    relief: float = 0.3
    bond: int = 2
    name: Literal["dominant-assurance"] = "dominant-assurance"

    def __post_init__(self) -> None:
        need(self.threshold >= 1, "the threshold of a pledge is 1 or more")
        need(self.pledge >= 0 and 0 <= self.relief <= 1, "pledge >= 0 and relief in 0 to 1")
        need(self.bonus >= 0, "a bonus is zero or more")


def worth_of_pledging(
    others: int, threshold: int, belief: Floats, value: Floats, pledge: float, bonus: float
) -> Floats:
    """(n,) expected gain of pledging over not pledging, in the unit of ``value``.

    With m of the ``others`` pledging: m >= K pays -S (the good comes anyway), m = K - 1 pays V - S,
    fewer pay the bonus F.
    """
    at_least = special.bdtrc(threshold - 1, others, belief) if threshold <= others else 0.0
    fewer = special.bdtr(threshold - 2, others, belief) if threshold >= 2 else 0.0
    if threshold - 2 >= others:
        fewer = np.ones_like(belief)
    pivotal = 1.0 - at_least - fewer
    return pivotal * (value - pledge) - at_least * pledge + fewer * bonus


def pledges(spec: Assurance | DominantAssurance, seen: Invited) -> tuple[Bools, Bools]:
    others = int(seen.invited.sum()) - 1
    bonus = spec.bonus if isinstance(spec, DominantAssurance) else 0.0
    worth = worth_of_pledging(
        others, spec.threshold, seen.trust, spec.relief * seen.cost_of_vacancies, spec.pledge, bonus
    )
    # A logistic error of a tenth of the stake: nobody computes this to the pound.
    error = 0.1 * max(spec.pledge, 1.0) * special.logit(seen.luck)
    pledged = seen.invited & (worth + error > 0)
    enough = int(pledged.sum()) >= spec.threshold
    return (pledged if enough else np.zeros_like(pledged)), pledged


def pledge_levy(spec: Assurance | DominantAssurance, accounts: Accounts) -> Pence:
    return np.where(accounts.joined, pence(spec.pledge), 0).astype(np.int64)


def pledge_trainees(spec: Assurance | DominantAssurance, accounts: Accounts) -> Ints:
    total = accounts.fund // int(pence(accounts.parameters.money.train_cost))
    return split(total, np.where(accounts.joined, 1.0, 0.0), accounts.key)


def pledge_bonus(spec: DominantAssurance, accounts: Accounts) -> Pence:
    failed = not accounts.joined.any()
    return np.where(accounts.pledged & failed, pence(spec.bonus), 0).astype(np.int64)
