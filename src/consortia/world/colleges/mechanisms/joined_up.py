"""Mechanisms that make several colleges one employer: federation and merger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from consortia.specs.ranges import need
from consortia.world.colleges.mechanisms.rule import Accounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Words = NDArray[np.uint64]
Pence = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Federation:
    """Members pay alike (the mean by staff) and recruit together."""

    members: tuple[str, ...] = ()
    first: int = 0
    rule: Literal["deferred-acceptance", "greedy"] = "deferred-acceptance"
    quota: int | None = None
    name: Literal["federation"] = "federation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merger:
    """Members become one college on several sites: one pay scale, one recruitment, ``saving`` of
    running cost a year (none by default: Frontier for the DfE 2019 found no mean effect in 171
    mergers) and ``one_off`` of a year's income in the first year of each."""

    members: tuple[str, ...] = ()
    first: int = 0
    saving: float = 0.0
    one_off: float = 0.03
    rule: Literal["deferred-acceptance", "greedy"] = "deferred-acceptance"
    quota: int | None = None
    name: Literal["merger"] = "merger"

    def __post_init__(self) -> None:
        need(-0.5 <= self.saving <= 0.5, "the saving of a merger lies between -0.5 and 0.5")
        need(0 <= self.one_off <= 1, "the one-off cost lies between 0 and 1 year's income")


def shared_pay(
    spec: Federation | Merger, log_pay: Floats, staff: Ints, joined: Bools, key: Words
) -> Floats:
    """Members at the mean pay by staff; one member alone stays where it is, to the last bit."""
    if int(joined.sum()) < 2:
        return log_pay
    # In the order of keys, so that the sum does not know how colleges are listed.
    order = np.argsort(key)
    rows = order[joined[order]]
    mean = float(np.average(log_pay[rows], weights=np.maximum(staff[rows], 1)))
    return np.where(joined, mean, log_pay)


def merger_costs(spec: Merger, accounts: Accounts) -> Pence:
    if int(accounts.joined.sum()) < 2:
        return np.zeros_like(accounts.income)
    begins = accounts.since == accounts.year
    cost = np.where(begins, spec.one_off * accounts.income, 0.0) - spec.saving * accounts.running
    return np.where(accounts.joined, np.rint(cost), 0).astype(np.int64)
