"""Checks of what the data do not show: hidden causes, selection, those who left, the odd ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from consortia.specs.ranges import CLOSED, need


@dataclass(frozen=True, slots=True, kw_only=True)
class UnseenConfounder:
    """How strong a cause that nobody recorded would have to be to change the answer.

    ``benchmarks``: what a hidden cause is likened to: covariates of the study, columns of the
    providers file, "prior-outcome" (the outcome in the base year), or several of them joined by
    " + "; none given: each covariate of the study, and the prior outcome. ``times``: how many times
    as strong.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["unseen-confounder"] = "unseen-confounder"
    benchmarks: tuple[str, ...] = ()
    times: tuple[float, ...] = (1.0, 2.0, 3.0)

    def __post_init__(self) -> None:
        need(bool(self.times), "times must name one strength at least")
        need(all(0 < k <= 100 for k in self.times), "times must lie between 0 and 100")


@dataclass(frozen=True, slots=True, kw_only=True)
class Oster:
    """Selection on what is not seen, in proportion to selection on what is (Oster 2019).

    ``controls``: covariates of the study, columns of the providers file or "prior-outcome"; none
    given: the study's covariates. ``rmax``: the R2 that everything together would reach, as a
    multiple of the R2 with the controls (held to 1).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["oster"] = "oster"
    controls: tuple[str, ...] = ()
    rmax: float = 1.3

    def __post_init__(self) -> None:
        need(1 < self.rmax <= 100, "rmax must lie between 1 and 100")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rosenbaum:
    """How unequal the chances of joining within matched pairs would have to be (Rosenbaum's Gamma).

    ``on``: what pairs agree on besides the outcome before joining: columns of the providers file;
    the study's covariates always count. ``size`` of the one-sided test.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["rosenbaum"] = "rosenbaum"
    on: tuple[str, ...] = ()
    size: float = 0.025

    def __post_init__(self) -> None:
        need(0 < self.size < 0.5, "size must lie between 0 and 0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionToMean:
    """A dip before joining, and what it does to the answer.

    ``years``: the base is the last year before joining, and the mean of up to as many as that.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["regression-to-mean"] = "regression-to-mean"
    years: int = 3

    def __post_init__(self) -> None:
        need(2 <= self.years <= 20, "years must lie between 2 and 20")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivors:
    """The answer had those that left the data done as badly as the worst of those that stayed.

    ``share``: how many count as the worst; ``leavers``: whether years after leaving the
    collaboration count as missing too.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["survivors"] = "survivors"
    share: float = 0.25
    leavers: bool = True

    def __post_init__(self) -> None:
        need(0 < self.share < 1, "share must lie between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeeBounds:
    """Bounds on the effect when joiners and comparison leave the data at different rates."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["lee-bounds"] = "lee-bounds"


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluentialProviders:
    """Whether a few providers, outliers or small ones carry the answer.

    ``top``: share of providers looked at as the most influential; ``few``: fewer joiners than that
    in a cohort are a small cell; ``small``: share of providers that count as small.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["influence"] = "influence"
    top: float = 0.01
    few: int = 5
    small: float = 0.25

    def __post_init__(self) -> None:
        need(0 < self.top < 0.5, "top must lie between 0 and 0.5")
        need(self.few >= 1, "few must be 1 or more")
        need(0 < self.small < 1, "small must lie between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceboOutcome:
    """The same question of an outcome that joining cannot touch (a name in [outcomes])."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["placebo-outcome"] = "placebo-outcome"
    outcome: str = ""
    size: float = 0.05

    def __post_init__(self) -> None:
        need(bool(self.outcome), "outcome must name one of the study's outcomes")
        need(0 < self.size < 0.5, "size must lie between 0 and 0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverJoiners:
    """Never-joiners given the dates of joiners: what is then found is no effect of joining.

    ``draws``: how often they are drawn; ``within``: column of the providers file within whose
    values dates are handed out; ``nearest``: from how many like a joiner one is drawn.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["never-joiners"] = "never-joiners"
    draws: int = 99
    within: str = ""
    nearest: int = 10

    def __post_init__(self) -> None:
        need(19 <= self.draws <= 100_000, "draws must lie between 19 and 100,000")
        need(1 <= self.nearest <= 1_000, "nearest must lie between 1 and 1,000")


@dataclass(frozen=True, slots=True, kw_only=True)
class NegativeControl:
    """The same question of an arm that cannot matter for this outcome (a name in [arms])."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["negative-control"] = "negative-control"
    arm: str = ""
    size: float = 0.05

    def __post_init__(self) -> None:
        need(bool(self.arm), "arm must name one of the study's arms")
        need(0 < self.size < 0.5, "size must lie between 0 and 0.5")
