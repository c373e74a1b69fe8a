"""Checks: what tries to overturn the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from consortia.specs.chance import (
    FewClusters,
    Multiplicity,
    Randomisation,
    SpecificationCurve,
    WildBootstrap,
)
from consortia.specs.hidden import (
    InfluentialProviders,
    LeeBounds,
    NegativeControl,
    NeverJoiners,
    Oster,
    PlaceboOutcome,
    RegressionToMean,
    Rosenbaum,
    Survivors,
    UnseenConfounder,
)
from consortia.specs.ranges import CLOSED, need


@dataclass(frozen=True, slots=True, kw_only=True)
class PreTrend:
    """Joint test that joiners and comparison moved alike before joining, with its power."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["pre-trend"] = "pre-trend"
    size: float = 0.05
    power: float = 0.8

    def __post_init__(self) -> None:
        need(0 < self.size < 0.5, "size must lie between 0 and 0.5")
        need(0.05 < self.power < 1, "power must lie between 0.05 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceboDate:
    """Pretend that joiners joined ``years`` earlier, and use only years before the real date."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["placebo-date"] = "placebo-date"
    years: int = 1
    size: float = 0.05

    def __post_init__(self) -> None:
        need(1 <= self.years <= 20, "years must lie between 1 and 20")
        need(0 < self.size < 0.5, "size must lie between 0 and 0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class WithoutFlagged:
    """The answer again without the providers that a column of the providers file flags."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["without-flagged"] = "without-flagged"
    column: str = ""

    def __post_init__(self) -> None:
        need(bool(self.column), "column must name the flag in the providers file")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOneOut:
    """The answer again without each collaboration, cohort of joiners, or group of providers.

    ``over``: "collaboration", "cohort", or a column of the providers file such as
    "local_authority". ``refits``: that many of the most influential are fitted again exactly, the
    others by their influence.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["leave-one-out"] = "leave-one-out"
    over: str = "collaboration"
    refits: int = 10

    def __post_init__(self) -> None:
        need(bool(self.over), "over must be 'collaboration', 'cohort' or a column")
        need(1 <= self.refits <= 10_000, "refits must lie between 1 and 10,000")


@dataclass(frozen=True, slots=True, kw_only=True)
class HonestTrends:
    """How far joiners' path could have drifted after joining for the answer still to stand.

    ``target``: the average that is bounded: "answer" is the answer itself where that is an average
    of the effects by year since joining, and their average by joiners where it is not; "mean"
    takes the years after joining alike. ``before``: so many years before the base year are what
    the drift is measured by; 0 = all that are observed.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["honest-trends"] = "honest-trends"
    target: Literal["answer", "mean"] = "answer"
    before: int = 0

    def __post_init__(self) -> None:
        need(0 <= self.before <= 50, "before must lie between 0 (all years) and 50")


CheckSpec = (
    PreTrend
    | PlaceboDate
    | WithoutFlagged
    | LeaveOneOut
    | UnseenConfounder
    | Oster
    | Rosenbaum
    | RegressionToMean
    | Survivors
    | LeeBounds
    | InfluentialProviders
    | PlaceboOutcome
    | NeverJoiners
    | NegativeControl
    | HonestTrends
    | Randomisation
    | WildBootstrap
    | FewClusters
    | SpecificationCurve
    | Multiplicity
)

STANDARD: tuple[CheckSpec, ...] = (
    PreTrend(),
    PlaceboDate(),
    HonestTrends(),
    UnseenConfounder(),
    RegressionToMean(),
    InfluentialProviders(),
)
"""What a study asks that lists no checks: drift, causes nobody recorded, a bad year, a few."""
