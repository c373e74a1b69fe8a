"""A comparison as a question: which sector, who might join, which mechanisms, how sure to be.

Frozen nouns; names of mechanisms and parameters are looked up by the hall that runs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from consortia.maths.stopping import FixedWidth


@dataclass(frozen=True, slots=True, kw_only=True)
class SectorAsked:
    """The embedded region of ``colleges``, or that of the file ``region``; ``years`` that count
    after ``burn_in`` years that do not; the switches of competition and autonomy (1 = as it is);
    ``parameters`` by dotted name."""

    colleges: int = 218
    region: str = ""
    years: int = 10
    burn_in: int = 10
    competition: float = 1.0
    autonomy: float = 1.0
    parameters: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAsked:
    """Who might join: ``members`` by name, or ``around`` a college ('' = the largest) with its
    nearest, ``size`` in all. ``value_of_achiever``: pounds that a college counts a learner who
    achieves for, beside its surplus, when it judges what it gains."""

    members: tuple[str, ...] = ()
    around: str = ""
    size: int = 9
    value_of_achiever: float = 0.0

    def __post_init__(self) -> None:
        if self.size < 2 or len(self.members) == 1:
            raise ValueError("a group has two colleges or more")
        if not 0 <= self.value_of_achiever < 1e6:
            raise ValueError("value_of_achiever is zero pounds or more, and less than a million")
        if len(set(self.members)) < len(self.members):
            raise ValueError("a member is named twice")


@dataclass(frozen=True, slots=True, kw_only=True)
class MechanismAsked:
    """A mechanism by name with its ``parameters``; ``label`` where one name occurs twice.

    Mechanisms with the same label are one package, composed in the order given.
    """

    name: str
    label: str = ""
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def key(self) -> str:
        return self.label or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsAsked:
    """Seeds below ``seed``: at least ``least``, at most ``most``, until what the group gains a year
    is known to plus or minus ``width`` pounds for every mechanism (0: stop at ``least``).

    ``without_me``: seeds for the runs in which the others join without one member (0: none);
    ``hinge``: seeds at both ends of the share of empty posts that agencies cover (0: none)."""

    seed: int = 7
    least: int = 8
    most: int = 64
    width: float = 0.0
    level: float = 0.95
    workers: int = 1
    without_me: int = 8
    hinge: int = 4

    def __post_init__(self) -> None:
        if self.seed < 0 or self.width < 0 or self.workers < 1:
            raise ValueError("seed and width are zero or more, workers one or more")
        if self.without_me == 1 or self.without_me < 0:
            raise ValueError("without_me is zero, or two seeds or more")
        if self.hinge == 1 or self.hinge < 0:
            raise ValueError("hinge is zero, or two seeds or more")
        _ = self.rule

    @property
    def rule(self) -> FixedWidth:
        return FixedWidth(
            width=self.width or None, least=self.least, most=self.most, level=self.level
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CoalitionsAsked:
    """Every coalition of ``players`` members under one mechanism, with ``seeds`` seeds each.

    ``mechanism``: key of one of the scenario's ('' = the one that gains the group most);
    ``players`` nearest to the first member (more than ten are sampled: ``orders`` pairs of
    orders); ``bootstrap`` draws for simulation error.
    """

    mechanism: str = ""
    players: int = 4
    seeds: int = 8
    orders: int = 10
    bootstrap: int = 200

    def __post_init__(self) -> None:
        if self.players < 2 or self.seeds < 2 or self.orders < 2 or self.bootstrap < 20:
            raise ValueError("need two players, seeds and orders, and 20 bootstrap draws, or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivityAsked:
    """Is the ranking of mechanisms the same at both ends of the ranges of ``parameters``?

    () takes those that nobody knows; ``seeds`` at each end."""

    parameters: tuple[str, ...] = ()
    seeds: int = 4

    def __post_init__(self) -> None:
        if self.seeds < 2:
            raise ValueError("need two seeds or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class TippingAsked:
    """Under which intensity of competition (1 = as it is) does a compact that rests on trust alone
    come apart, in ``years`` years, with ``seeds`` seeds at each of ``intensities``?

    ``mechanism``: key of one of the scenario's ('' = the first that can rest on trust).
    """

    mechanism: str = ""
    intensities: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
    seeds: int = 6
    years: int = 20

    def __post_init__(self) -> None:
        if self.seeds < 2 or self.years < 3:
            raise ValueError("need two seeds and three years, or more")
        if len(set(self.intensities)) < 2 or min(self.intensities) < 0:
            raise ValueError("intensities are two or more, none below zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorialAsked:
    """Competition, autonomy and a mechanism each on and off, all eight together."""

    mechanism: str = ""
    seeds: int = 8

    def __post_init__(self) -> None:
        if self.seeds < 2:
            raise ValueError("need two seeds or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatesAsked:
    """Who should form a group: colleges that share learners, at most ``size`` in each, ranked by
    what they would gain under ``mechanism`` ('' = the one that gains the members most)."""

    mechanism: str = ""
    size: int = 9
    seeds: int = 4

    def __post_init__(self) -> None:
        if self.size < 2 or self.seeds < 2:
            raise ValueError("a group has two colleges or more, and needs two seeds or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One comparison; ``agreement``: the words of a proposed agreement, for the law screen;
    ``counterfactual``: unlawful mechanisms are run to see what they would do."""

    title: str = "Which mechanism would help?"
    mechanisms: tuple[MechanismAsked, ...] = ()
    sector: SectorAsked = field(default_factory=SectorAsked)
    group: GroupAsked = field(default_factory=GroupAsked)
    runs: RunsAsked = field(default_factory=RunsAsked)
    coalitions: CoalitionsAsked | None = None
    sensitivity: SensitivityAsked | None = None
    tipping: TippingAsked | None = None
    factorial: FactorialAsked | None = None
    candidates: CandidatesAsked | None = None
    counterfactual: bool = False
    agreement: str = ""

    def __post_init__(self) -> None:
        keys = [m.key for m in self.mechanisms]
        if not keys:
            raise ValueError("name at least one mechanism")
        twice = sorted({m.name for m in self.mechanisms if not m.label and keys.count(m.key) > 1})
        if twice:
            raise ValueError(f"two mechanisms are called {twice[0]!r}: give each a label")
        for part, what in (
            (self.coalitions, "coalitions"),
            (self.tipping, "tipping"),
            (self.factorial, "factorial"),
            (self.candidates, "candidates"),
        ):
            if part is not None and part.mechanism and part.mechanism not in keys:
                raise ValueError(f"{what} names {part.mechanism!r}, which is not among {keys}")
