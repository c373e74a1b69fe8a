"""Methods: how the question is answered."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

from consortia.specs.arms import Arm
from consortia.specs.inference import MemberWeights
from consortia.specs.ranges import CLOSED, need

Aggregation = Literal["simple", "group", "calendar", "dynamic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawGap:
    """Members against the rest, as a reader of a league table would compare them."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["raw-gap"] = "raw-gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoWay:
    """Provider and year effects, one coefficient for being a member."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["two-way"] = "two-way"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTime:
    """Group-time effects of Callaway & Sant'Anna (2021).

    ``anticipation`` is the number of years before joining that are already touched (by the
    decision to join, or by a dip that led to it): the base year moves that far back.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["group-time"] = "group-time"
    adjust: Literal["regression", "weighting", "doubly-robust"] = "doubly-robust"
    base: Literal["universal", "varying"] = "universal"
    anticipation: int = 0
    aggregate: Aggregation = "group"
    few: int = 5

    def __post_init__(self) -> None:
        need(0 <= self.anticipation <= 10, "anticipation must lie between 0 and 10 years")
        need(self.few >= 1, "few must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeDid:
    """Joiners of one arm against those that hold the same other arms and keep them as they were.

    The other arms are those in ``hold``. ``weights``: how regimes, cohorts and years are averaged:
    "cells" = every joiner counts in every year in which it is compared; "joiners" = every joiner
    that is used counts alike in all years of its cohort and regime, as in group-time.
    The remaining fields are those of GroupTime.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["regime-did"] = "regime-did"
    adjust: Literal["regression", "weighting", "doubly-robust"] = "doubly-robust"
    base: Literal["universal", "varying"] = "universal"
    anticipation: int = 0
    aggregate: Aggregation = "simple"
    weights: Literal["cells", "joiners"] = "cells"
    few: int = 5

    def __post_init__(self) -> None:
        need(0 <= self.anticipation <= 10, "anticipation must lie between 0 and 10 years")
        need(self.few >= 1, "few must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imputation:
    """Imputation of untreated outcomes, Borusyak, Jaravel & Spiess (2024).

    ``alongside``: "ignore" leaves the arms alongside out of account; "joint" takes as untreated
    only the years without any of them and gives each arm its own additive effects by year since
    joining. ``residuals``: of treated years around the mean of their cohort and year
    ("conservative"), or the mean of the others of that cohort and year ("leave-one-out").
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["imputation"] = "imputation"
    alongside: Literal["ignore", "joint"] = "ignore"
    residuals: Literal["conservative", "leave-one-out"] = "conservative"
    aggregate: Aggregation = "group"
    few: int = 5

    def __post_init__(self) -> None:
        need(self.few >= 1, "few must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticDid:
    """Synthetic difference-in-differences, Arkhangelsky et al. (2021), by cohort.

    ``weights``: "exact" solves for the weights exactly; "frank-wolfe" takes the steps and the
    stopping rule of the authors' R package, to reproduce published digits.
    ``variance``: "placebo" lets comparison providers stand in for the joiners (at most ``placebos``
    times; each once where there is one joiner), "jackknife" leaves one provider out at a time with
    the weights fixed; "auto" takes the jackknife when every cohort has at least ten joiners.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["synthetic-did"] = "synthetic-did"
    weights: Literal["exact", "frank-wolfe"] = "exact"
    variance: Literal["auto", "placebo", "jackknife"] = "auto"
    placebos: int = 200
    aggregate: Aggregation = "group"
    few: int = 5

    def __post_init__(self) -> None:
        need(20 <= self.placebos <= 100_000, "placebos must lie between 20 and 100,000")
        need(self.few >= 1, "few must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Switchers:
    """Effects of switching, de Chaisemartin & D'Haultfoeuille (2024); leaving is a switch too.

    ``direction``: which first switches count: "in", "out", or "both" (a switch out counts with the
    opposite sign). ``horizons``: years after switching that are reported, 0 = all.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["switchers"] = "switchers"
    direction: Literal["both", "in", "out"] = "both"
    horizons: int = 0
    few: int = 5

    def __post_init__(self) -> None:
        need(0 <= self.horizons <= 50, "horizons must lie between 0 (all) and 50")
        need(self.few >= 1, "few must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class SunAbraham:
    """Interaction-weighted event study, Sun & Abraham (2021)."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["sun-abraham"] = "sun-abraham"
    aggregate: Aggregation = "group"
    few: int = 5

    def __post_init__(self) -> None:
        need(self.few >= 1, "few must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalProjection:
    """Local projections difference-in-differences, Dube, Girardi, Jordà & Taylor (2025).

    ``weights``: "regression" as the plain regression weighs cohorts (by size and balance of the
    comparison), "joiners" by their number, which is the mean effect on joiners.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["local-projection"] = "local-projection"
    weights: Literal["regression", "joiners"] = "regression"
    few: int = 5

    def __post_init__(self) -> None:
        need(self.few >= 1, "few must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Direct and spill-over effects by distance.

    ``rings``: upper edges in kilometres, ascending; ``at_least`` so many others must have joined
    within a ring for a provider to count as exposed there; ``within``: a column of the providers
    file, neighbours are those with the same value (phase); ``earlier``: whether those that had
    joined by the first year expose their neighbours or are part of the scenery (nearby.rings_of).
    ``anticipation`` and ``few`` as in group-time.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["neighbours"] = "neighbours"
    rings: tuple[float, ...] = (2.0, 5.0)
    at_least: int = 1
    within: str = ""
    earlier: Literal["count", "ignore"] = "count"
    anticipation: int = 0
    few: int = 5

    def __post_init__(self) -> None:
        edges = (0.0, *self.rings)
        need(
            bool(self.rings) and all(a < b for a, b in pairwise(edges)),
            "rings must be distances in kilometres, above zero and ascending",
        )
        need(self.at_least >= 1 and self.few >= 1, "at_least and few must be 1 or more")
        need(0 <= self.anticipation <= 10, "anticipation must lie between 0 and 10 years")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """Multilevel model: exposure with random effects of providers, collaborations and places.

    ``terms`` are what is random: "provider", "provider-year", "year", the name of an arm or a kind
    of collaboration (several at once, weighted: multiple membership), or a column of the providers
    file. Empty: "provider" and the collaborations of the arm in question. ``year``: whether years
    are fixed or random. ``dof``: of intervals and p-values. ``within_between`` puts the provider's
    mean of exposure and of what changes by year beside them, so that the answer compares providers
    with themselves. ``member_weights``: whether the weights of a provider's memberships of one term
    are made to sum to one in every year.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    name: Literal["mixed"] = "mixed"
    terms: tuple[str, ...] = ()
    year: Literal["fixed", "random"] = "fixed"
    reml: bool = True
    dof: Literal["kenward-roger", "satterthwaite", "normal"] = "kenward-roger"
    within_between: bool = False
    member_weights: MemberWeights = "sum-to-one"

    def __post_init__(self) -> None:
        need(len(set(self.terms)) == len(self.terms), "terms must be different from one another")
        need(
            self.reml or self.dof != "kenward-roger",
            "Kenward-Roger is defined for REML: set reml = true or dof = 'satterthwaite'",
        )


MethodSpec = (
    RawGap
    | TwoWay
    | GroupTime
    | Mixed
    | RegimeDid
    | SunAbraham
    | Imputation
    | Switchers
    | LocalProjection
    | SyntheticDid
    | Neighbours
)


def refusal(method: MethodSpec, arm: Arm, label: str) -> str:
    """Why the method cannot answer for this arm; "" if it can."""
    if not isinstance(method, RawGap | TwoWay):
        if arm.dose:
            return (
                f"{method.name} takes arms that are held or not, and {label} is a dose "
                f"({arm.dose}); drop dose for the effect of holding it at all, or use two-way"
            )
        if arm.reversible and not isinstance(method, Switchers):
            return (
                f"{method.name} takes arms that are held from joining on, and {label} can be left; "
                "drop reversible for the effect of having joined, or use switchers or two-way"
            )
    if isinstance(method, RawGap) and arm.dose:
        return f"raw-gap compares holders with the rest, and {label} is a dose ({arm.dose})"
    return ""


def anticipation_of(method: MethodSpec) -> int:
    """Years before joining that the method takes as touched by it; 0 where it knows none."""
    known = isinstance(method, GroupTime | RegimeDid | Neighbours)
    return method.anticipation if known else 0
