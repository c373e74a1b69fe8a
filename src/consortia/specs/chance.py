"""Checks of chance: assignments by lot, resampled clusters, other choices, several outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from consortia.specs.arms import Comparison, Exposure, Window
from consortia.specs.methods import MethodSpec
from consortia.specs.ranges import CLOSED, need


@dataclass(frozen=True, slots=True, kw_only=True)
class Randomisation:
    """Whether chance alone would give such an answer: the dates of joining are dealt out anew.

    Whole adoption paths move, never single years. ``move``: what they move between, "provider" or
    "collaboration" (the joiners of one keep their pattern of dates together). ``within``: columns
    of the providers file (phase, area) within which they move; a held arm always counts as one.
    ``draws``: 999 or 9,999, all assignments where there are no more; ``refits``: instead, for a
    method that has to be fitted again for each.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["randomisation"] = "randomisation"
    move: Literal["provider", "collaboration"] = "provider"
    within: tuple[str, ...] = ()
    draws: int = 999
    refits: int = 199
    size: float = 0.05

    def __post_init__(self) -> None:
        need(99 <= self.draws <= 100_000, "draws must lie between 99 and 100,000")
        need(19 <= self.refits <= 10_000, "refits must lie between 19 and 10,000")
        need(0 < self.size < 0.5, "size must lie between 0 and 0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class WildBootstrap:
    """Wild cluster bootstrap-t: p-value and interval that do not lean on many clusters.

    ``multiplier``: Rademacher, or Webb's six points where clusters are fewer than a dozen ("auto").
    ``subcluster``: multipliers by provider instead of by cluster, for few clusters with joiners
    ("auto": where they are fewer than ``few``).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["wild-bootstrap"] = "wild-bootstrap"
    multiplier: Literal["auto", "rademacher", "webb"] = "auto"
    subcluster: Literal["auto", "yes", "no"] = "auto"
    few: int = 6
    draws: int = 999
    size: float = 0.05

    def __post_init__(self) -> None:
        need(99 <= self.draws <= 100_000, "draws must lie between 99 and 100,000")
        need(1 <= self.few <= 100, "few must lie between 1 and 100")
        need(0 < self.size < 0.5, "size must lie between 0 and 0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class FewClusters:
    """How many independent pieces the answer rests on, and what that does to its error.

    For two-way: CR2 of Bell & McCaffrey with Satterthwaite degrees of freedom. ``enough``: the
    effective number of clusters from which on the usual error is trusted.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["few-clusters"] = "few-clusters"
    enough: float = 20.0
    size: float = 0.05

    def __post_init__(self) -> None:
        need(2 <= self.enough <= 1000, "enough must lie between 2 and 1,000")
        need(0 < self.size < 0.5, "size must lie between 0 and 0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecificationCurve:
    """The answer under every combination of the choices listed; an empty list keeps the study's.

    ``outcomes`` and ``arms`` are names in the study (an arm is a way to count membership: kinds,
    sizes); ``weights`` are columns, "" = all providers alike; ``covariates`` and ``hold`` are lists
    of lists. ``draws``: of the joint test, by permutation of adoption paths within the columns
    ``within``; 0 leaves it out. ``most``: combinations beyond which the study is refused.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["specification-curve"] = "specification-curve"
    outcomes: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    windows: tuple[Window, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    weights: tuple[str, ...] = ()
    covariates: tuple[tuple[str, ...], ...] = ()
    hold: tuple[tuple[str, ...], ...] = ()
    methods: tuple[MethodSpec, ...] = ()
    within: tuple[str, ...] = ()
    draws: int = 199
    size: float = 0.05
    most: int = 5000

    def __post_init__(self) -> None:
        need(self.draws == 0 or 19 <= self.draws <= 10_000, "draws must be 0 or from 19 to 10,000")
        need(0 < self.size < 0.5, "size must lie between 0 and 0.5")
        need(2 <= self.most <= 100_000, "most must lie between 2 and 100,000")
        need(
            any(
                (
                    self.outcomes, self.arms, self.comparisons, self.windows, self.exposures,
                    self.weights, self.covariates, self.hold, self.methods,
                )
            ),
            "list the choices to be tried, for example comparisons = ['never', 'not-yet']",
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiplicity:
    """Several outcomes asked at once: p-values that hold for all of them together.

    ``outcomes``: names in the study, empty = all of them. ``draws``: of the multiplier bootstrap.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["multiplicity"] = "multiplicity"
    outcomes: tuple[str, ...] = ()
    draws: int = 9999
    size: float = 0.05

    def __post_init__(self) -> None:
        need(99 <= self.draws <= 100_000, "draws must lie between 99 and 100,000")
        need(0 < self.size < 0.5, "size must lie between 0 and 0.5")
