"""Mechanisms on staff: who may hire whom, who pays for training, who finds whom a post."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from consortia.specs.ranges import need
from consortia.world.colleges.ledger import pence, split
from consortia.world.colleges.mechanisms.rule import Accounts, Enforcement, Offers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Pence = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPoach:
    """Members do not hire each other's staff."""

    members: tuple[str, ...] = ()
    first: int = 0
    enforcement: Enforcement = "contract"
    name: Literal["no-poach"] = "no-poach"


def not_eligible(spec: NoPoach, offers: Offers) -> Bools:
    return np.zeros(offers.frm.size, dtype=np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFee:
    """A member that hires another's teacher pays it ``rate`` of a year's pay (inf: nobody moves);
    ``passed_on`` is the share of the fee that the offer to the teacher is lower by."""

    members: tuple[str, ...] = ()
    first: int = 0
    rate: float = 0.15
    passed_on: float = 1.0
    enforcement: Enforcement = "contract"
    name: Literal["transfer-fee"] = "transfer-fee"

    def __post_init__(self) -> None:
        need(self.rate >= 0, "the rate of a transfer fee is zero or more")
        need(0 <= self.passed_on <= 1, "the share passed on lies between 0 and 1")
        need(
            np.isfinite(self.rate) or self.passed_on > 0,
            "an infinite fee that is not passed on could never be paid",
        )


def fee_cost(spec: TransferFee, offers: Offers) -> Floats:
    return spec.passed_on * spec.rate * offers.pay if spec.passed_on > 0 else 0.0 * offers.pay


def fee_paid(spec: TransferFee, offers: Offers) -> Pence:
    return pence(spec.rate * offers.pay)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevyGrant:
    """Members pay ``rate`` of the base into a fund, which pays for trainees where posts are empty;
    the trainees are free to work anywhere."""

    members: tuple[str, ...] = ()
    first: int = 0
    rate: float = 0.005
    base: Literal["paybill", "income", "surplus"] = "paybill"
    name: Literal["levy-grant"] = "levy-grant"

    def __post_init__(self) -> None:
        need(0 <= self.rate <= 0.5, "the rate of a levy lies between 0 and 0.5")
        need(self.base in ("paybill", "income", "surplus"), "no such base of a levy")


def levy_due(spec: LevyGrant, accounts: Accounts) -> Pence:
    base = {
        "paybill": accounts.paybill,
        "income": accounts.income,
        "surplus": np.maximum(accounts.surplus, 0),
    }[spec.base]
    return np.where(accounts.joined, np.rint(spec.rate * base), 0).astype(np.int64)


def levy_trainees(spec: LevyGrant, accounts: Accounts) -> Ints:
    """As many as the fund pays for, where vacancies are (by posts where there are none)."""
    total = accounts.fund // int(pence(accounts.parameters.money.train_cost))
    short = np.where(accounts.joined, accounts.vacancies, 0).astype(np.float64)
    if short.sum() == 0:
        short = np.where(accounts.joined, accounts.posts, 0).astype(np.float64)
    return split(total, short, accounts.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPipeline:
    """Each member pays for ``trainees`` a year; they are placed among members (``rule``: where most
    posts are empty, or in turn) and stay for ``bond`` years."""

    members: tuple[str, ...] = ()
    first: int = 0
    trainees: int = 4
    bond: int = 2
    rule: Literal["short", "equal"] = "short"
    name: Literal["shared-pipeline"] = "shared-pipeline"

    def __post_init__(self) -> None:
        need(self.trainees >= 0 and self.bond >= 0, "trainees and bond are zero or more")
        need(self.rule in ("short", "equal"), "no such rule of placing trainees")


def pipeline_levy(spec: SharedPipeline, accounts: Accounts) -> Pence:
    cost = int(pence(accounts.parameters.money.train_cost)) * spec.trainees
    return np.where(accounts.joined, cost, 0).astype(np.int64)


def pipeline_trainees(spec: SharedPipeline, accounts: Accounts) -> Ints:
    return np.where(accounts.joined, spec.trainees, 0).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPool:
    """Applicants whom one member turns away are matched to the empty posts of the others: deferred
    acceptance or, one by one, greedy; ``quota`` is the most a member takes from the pool a year."""

    members: tuple[str, ...] = ()
    first: int = 0
    rule: Literal["deferred-acceptance", "greedy"] = "deferred-acceptance"
    quota: int | None = None
    name: Literal["shared-pool"] = "shared-pool"

    def __post_init__(self) -> None:
        need(self.rule in ("deferred-acceptance", "greedy"), "no such rule of matching")
        need(self.quota is None or self.quota >= 0, "a quota is zero or more")
