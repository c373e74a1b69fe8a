"""What a mechanism is: a frozen spec, a row that says who may join and under what law, hooks.

A hook is a plain function of arrays that the yearly schedule calls where it says so; a mechanism
leaves out those it does not need. Where nobody is a member, no hook is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from consortia.legal import LegalNote
from consortia.world.colleges.parameters import Parameters

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Words = NDArray[np.uint64]
Pence = NDArray[np.int64]


class MechanismSpec(Protocol):
    """What every spec has: a name, the ids of those invited, and when it begins (0 = first
    year)."""

    @property
    def name(self) -> str: ...
    @property
    def members(self) -> tuple[str, ...]: ...
    @property
    def first(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """m offers of one member to somebody who works for another: rows of colleges ``frm`` and
    ``to``, pay there (pounds a year, on-costs apart), years of service and in the college,
    subject."""

    frm: Ints
    to: Ints
    pay: Floats
    service: Ints
    tenure: Ints
    subject: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """What a mechanism may look at when money or trainees are decided; all (n,) but the last two.

    ``year`` counts from 0, the first year after burn-in. Money in pence; ``paybill``, ``income``
    and ``surplus`` are those of the year before, as are ``vacancies`` and ``achievement``;
    ``gain`` is the change of achievement to this year in the hook ``fund``, zero before.
    ``fund`` is what the mechanism's own fund holds, in pence; ``since`` the year index from which
    each college is invited.
    """

    year: int
    since: Ints
    joined: Bools
    pledged: Bools
    key: Words
    learners: Ints
    posts: Ints
    staff: Ints
    vacancies: Ints
    log_pay: Floats
    paybill: Pence
    income: Pence
    surplus: Pence
    running: Pence
    achievement: Floats
    gain: Floats
    filled: Floats
    between: Floats
    fund: int
    parameters: Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """What those invited know when they decide whether to join: last year's figures, (n,) each;
    ``trust`` is the mean trust of each towards the others invited, ``luck`` (n,) uniform."""

    year: int
    invited: Bools
    joined: Bools
    trust: Floats
    cost_of_vacancies: Floats
    learners: Ints
    luck: Floats
    parameters: Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Where a mechanism acts. Every hook takes its spec first.

    * ``joins(spec, Invited) -> (joined, pledged)``: who is in this year. Default: all invited.
    * ``eligible(spec, Offers) -> (m,) bool`` and ``offer_cost(spec, Offers) -> (m,) pounds a year
      of pay``: which offers between members are made at all, and what the hiring college must keep
      back from them. ``on_move(spec, Offers) -> (m,) pence`` paid by the hiring college to the
      other.
    * ``levy(spec, Accounts) -> (n,) pence`` from colleges into the fund; ``grant -> (n,) pence``
      out of it. ``bonus -> (n,) pence`` from the sponsor.
    * ``trainees(spec, Accounts) -> (n,) int`` trainees that each member takes on, ``train_cost``
      each paid from the fund; ``pledged_trainees``: they are placed among members with a bond.
    * ``pools``: members place rejected applicants among themselves.
    * ``pay(spec, log_pay, staff, joined, key) -> (n,) log_pay``.
    * ``appeal(spec, Accounts) -> (n,)`` added to what learners feel for a college.
    * ``costs(spec, Accounts) -> (n,) pence`` paid to suppliers (negative: saved).
    * ``fund(spec, Accounts) -> (n,) pence`` in and out of colleges, sums to zero.
    * ``gain(spec, Accounts) -> (n,)`` points of achievement.
    """

    joins: Callable[[Any, Invited], tuple[Bools, Bools]] | None = None
    eligible: Callable[[Any, Offers], Bools] | None = None
    offer_cost: Callable[[Any, Offers], Floats] | None = None
    on_move: Callable[[Any, Offers], Pence] | None = None
    levy: Callable[[Any, Accounts], Pence] | None = None
    grant: Callable[[Any, Accounts], Pence] | None = None
    bonus: Callable[[Any, Accounts], Pence] | None = None
    trainees: Callable[[Any, Accounts], Ints] | None = None
    pledged_trainees: bool = False
    pools: bool = False
    pay: Callable[[Any, Floats, Ints, Bools, Words], Floats] | None = None
    appeal: Callable[[Any, Accounts], Floats] | None = None
    costs: Callable[[Any, Accounts], Pence] | None = None
    fund: Callable[[Any, Accounts], Pence] | None = None
    gain: Callable[[Any, Accounts], Floats] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """One row of the table: what it is, who may join, how one leaves, who enforces it, the law."""

    name: str
    title: str
    does: str
    who: str
    entry: str
    exit: str
    enforcement: str
    legal: LegalNote
    hooks: Hooks
    leaves: bool = True


Enforcement = Literal["contract", "trust"]
"""Whether a rule is a contract that a court holds up, or kept as long as members trust."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A mechanism at work in a run: its label, who is invited (n,), and the year index ``since``
    which each of them is (n,)."""

    label: str
    spec: MechanismSpec
    row: Mechanism
    invited: Bools
    since: Ints

    @property
    def hooks(self) -> Hooks:
        return self.row.hooks

    @property
    def fund(self) -> str:
        return f"fund: {self.label}"

    @property
    def on_trust(self) -> bool:
        """Whether members could break it: rules on offers that no contract holds up."""
        rules = self.hooks.eligible is not None or self.hooks.offer_cost is not None
        return rules and getattr(self.spec, "enforcement", "contract") == "trust"
