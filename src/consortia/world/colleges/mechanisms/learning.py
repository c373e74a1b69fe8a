"""Mechanisms on learners and results: campaigns, pooled money for outcomes, networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from consortia.specs.ranges import need
from consortia.world.colleges.ledger import pence, split
from consortia.world.colleges.mechanisms.rule import Accounts

Floats = NDArray[np.float64]
Pence = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class JointCampaign:
    """Each member spends ``spend`` pounds a year on advertising together. Learners feel ``power``
    per unit of log(1 + total / 100,000 pounds) for members, and ``spill_over`` of it for other
    colleges within ``reach`` km of one."""

    members: tuple[str, ...] = ()
    first: int = 0
    spend: float = 40_000.0
    spill_over: float = 0.3
    power: float = 0.05
    reach: float = 30.0
    name: Literal["joint-campaign"] = "joint-campaign"

    def __post_init__(self) -> None:
        need(self.spend >= 0, "the spend of a campaign is zero or more")
        need(0 <= self.spill_over <= 1, "spill-over lies between 0 and 1")


def campaign_appeal(spec: JointCampaign, accounts: Accounts) -> Floats:
    joined = accounts.joined
    strength = spec.power * np.log1p(spec.spend * joined.sum() / 100_000)
    near = (accounts.between[:, joined] <= spec.reach).any(axis=1)
    return np.where(joined, strength, np.where(near, spec.spill_over * strength, 0.0))


def campaign_costs(spec: JointCampaign, accounts: Accounts) -> Pence:
    return np.where(accounts.joined, pence(spec.spend), 0).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledOutcomeFund:
    """Members put ``share`` of last year's income into a fund, which is paid out by learners times
    what they achieved: ``metric`` "achievement" (1 + gain / 10 points on the year before) or
    "filled" (share of posts filled)."""

    members: tuple[str, ...] = ()
    first: int = 0
    share: float = 0.02
    metric: Literal["achievement", "filled"] = "achievement"
    name: Literal["pooled-outcome-fund"] = "pooled-outcome-fund"

    def __post_init__(self) -> None:
        need(0 <= self.share <= 1, "the share of income lies between 0 and 1")
        need(self.metric in ("achievement", "filled"), "no such metric of outcomes")


def outcome_fund(spec: PooledOutcomeFund, accounts: Accounts) -> Pence:
    paid_in = np.where(accounts.joined, np.rint(spec.share * accounts.income), 0).astype(np.int64)
    metric = accounts.filled
    if spec.metric == "achievement":
        metric = np.maximum(1 + accounts.gain / 10, 0.0)
    weight = np.where(accounts.joined, accounts.learners * metric, 0.0)
    if not weight.any():
        return np.zeros_like(paid_in)
    return split(int(paid_in.sum()), weight, accounts.key) - paid_in


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseNetwork:
    """Members share ideas and then do their own thing: it costs ``cost`` pounds of time a year and
    raises achievement by ``gain`` points (nobody knows how much; the default is nothing)."""

    members: tuple[str, ...] = ()
    first: int = 0
    cost: float = 10_000.0
    gain: float = 0.0
    name: Literal["loose-network"] = "loose-network"

    def __post_init__(self) -> None:
        need(self.cost >= 0, "the cost of a network is zero or more")


def network_costs(spec: LooseNetwork, accounts: Accounts) -> Pence:
    return np.where(accounts.joined, pence(spec.cost), 0).astype(np.int64)


def network_gain(spec: LooseNetwork, accounts: Accounts) -> Floats:
    return np.where(accounts.joined, spec.gain, 0.0)
