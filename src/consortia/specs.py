"""The choices a study makes, as frozen values: methods, checks, inference, exposure.

Every class is a plain stdlib dataclass with a ``name`` or literal fields, so that one Pydantic
adapter at the door (studyfile.py) reads them from TOML and refuses what it does not know.
Ranges are checked on construction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Literal

# Read by Pydantic where the study file enters; a plain mapping keeps this floor free of it.
_CLOSED = {"extra": "forbid"}

Comparison = Literal["never", "not-yet"]
Aggregation = Literal["simple", "group", "calendar", "dynamic"]


def _need(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


# --- methods -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RawGap:
    """Members against the rest, as a reader of a league table would compare them."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["raw-gap"] = "raw-gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoWay:
    """Provider and year effects, one coefficient for being a member."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["two-way"] = "two-way"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTime:
    """Group-time effects of Callaway & Sant'Anna (2021).

    ``anticipation`` is the number of years before joining that are already touched (by the
    decision to join, or by a dip that led to it): the base year moves that far back.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["group-time"] = "group-time"
    adjust: Literal["regression", "weighting", "doubly-robust"] = "doubly-robust"
    base: Literal["universal", "varying"] = "universal"
    anticipation: int = 0
    aggregate: Aggregation = "group"
    few: int = 5

    def __post_init__(self) -> None:
        _need(0 <= self.anticipation <= 10, "anticipation must lie between 0 and 10 years")
        _need(self.few >= 1, "few must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeDid:
    """Joiners of one arm against those that hold the same other arms and keep them as they were.

    The other arms are those in ``hold``. ``weights``: how regimes, cohorts and years are averaged:
    "cells" = every joiner counts in every year in which it is compared; "joiners" = every joiner
    that is used counts alike in all years of its cohort and regime, as in group-time.
    The remaining fields are those of GroupTime.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["regime-did"] = "regime-did"
    adjust: Literal["regression", "weighting", "doubly-robust"] = "doubly-robust"
    base: Literal["universal", "varying"] = "universal"
    anticipation: int = 0
    aggregate: Aggregation = "simple"
    weights: Literal["cells", "joiners"] = "cells"
    few: int = 5

    def __post_init__(self) -> None:
        _need(0 <= self.anticipation <= 10, "anticipation must lie between 0 and 10 years")
        _need(self.few >= 1, "few must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imputation:
    """Imputation of untreated outcomes, Borusyak, Jaravel & Spiess (2024).

    ``alongside``: "ignore" leaves the arms alongside out of account; "joint" takes as untreated
    only the years without any of them and gives each arm its own additive effects by year since
    joining. ``residuals``: of treated years around the mean of their cohort and year
    ("conservative"), or the mean of the others of that cohort and year ("leave-one-out").
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["imputation"] = "imputation"
    alongside: Literal["ignore", "joint"] = "ignore"
    residuals: Literal["conservative", "leave-one-out"] = "conservative"
    aggregate: Aggregation = "group"
    few: int = 5

    def __post_init__(self) -> None:
        _need(self.few >= 1, "few must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticDid:
    """Synthetic difference-in-differences, Arkhangelsky et al. (2021), by cohort.

    ``weights``: "exact" solves for the weights exactly; "frank-wolfe" takes the steps and the
    stopping rule of the authors' R package, to reproduce published digits.
    ``variance``: "placebo" lets comparison providers stand in for the joiners (at most ``placebos``
    times; each once where there is one joiner), "jackknife" leaves one provider out at a time with
    the weights fixed; "auto" takes the jackknife when every cohort has at least ten joiners.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["synthetic-did"] = "synthetic-did"
    weights: Literal["exact", "frank-wolfe"] = "exact"
    variance: Literal["auto", "placebo", "jackknife"] = "auto"
    placebos: int = 200
    aggregate: Aggregation = "group"
    few: int = 5

    def __post_init__(self) -> None:
        _need(20 <= self.placebos <= 100_000, "placebos must lie between 20 and 100,000")
        _need(self.few >= 1, "few must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Switchers:
    """Effects of switching, de Chaisemartin & D'Haultfoeuille (2024); leaving is a switch too.

    ``direction``: which first switches count: "in", "out", or "both" (a switch out counts with the
    opposite sign). ``horizons``: years after switching that are reported, 0 = all.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["switchers"] = "switchers"
    direction: Literal["both", "in", "out"] = "both"
    horizons: int = 0
    few: int = 5

    def __post_init__(self) -> None:
        _need(0 <= self.horizons <= 50, "horizons must lie between 0 (all) and 50")
        _need(self.few >= 1, "few must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class SunAbraham:
    """Interaction-weighted event study, Sun & Abraham (2021)."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["sun-abraham"] = "sun-abraham"
    aggregate: Aggregation = "group"
    few: int = 5

    def __post_init__(self) -> None:
        _need(self.few >= 1, "few must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalProjection:
    """Local projections difference-in-differences, Dube, Girardi, Jordà & Taylor (2025).

    ``weights``: "regression" as the plain regression weighs cohorts (by size and balance of the
    comparison), "joiners" by their number, which is the mean effect on joiners.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["local-projection"] = "local-projection"
    weights: Literal["regression", "joiners"] = "regression"
    few: int = 5

    def __post_init__(self) -> None:
        _need(self.few >= 1, "few must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Direct and spill-over effects by distance.

    ``rings``: upper edges in kilometres, ascending; ``at_least`` so many others must have joined
    within a ring for a provider to count as exposed there; ``within``: a column of the providers
    file, neighbours are those with the same value (phase); ``earlier``: whether those that had
    joined by the first year expose their neighbours or are part of the scenery (nearby.rings_of).
    ``anticipation`` and ``few`` as in group-time.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["neighbours"] = "neighbours"
    rings: tuple[float, ...] = (2.0, 5.0)
    at_least: int = 1
    within: str = ""
    earlier: Literal["count", "ignore"] = "count"
    anticipation: int = 0
    few: int = 5

    def __post_init__(self) -> None:
        edges = (0.0, *self.rings)
        _need(
            bool(self.rings) and all(a < b for a, b in pairwise(edges)),
            "rings must be distances in kilometres, above zero and ascending",
        )
        _need(self.at_least >= 1 and self.few >= 1, "at_least and few must be 1 or more")
        _need(0 <= self.anticipation <= 10, "anticipation must lie between 0 and 10 years")


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

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["mixed"] = "mixed"
    terms: tuple[str, ...] = ()
    year: Literal["fixed", "random"] = "fixed"
    reml: bool = True
    dof: Literal["kenward-roger", "satterthwaite", "normal"] = "kenward-roger"
    within_between: bool = False
    member_weights: MemberWeights = "sum-to-one"

    def __post_init__(self) -> None:
        _need(len(set(self.terms)) == len(self.terms), "terms must be different from one another")
        _need(
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


MemberWeights = Literal["sum-to-one", "as-stated"]


# --- checks ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PreTrend:
    """Joint test that joiners and comparison moved alike before joining, with its power."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["pre-trend"] = "pre-trend"
    size: float = 0.05
    power: float = 0.8

    def __post_init__(self) -> None:
        _need(0 < self.size < 0.5, "size must lie between 0 and 0.5")
        _need(0.05 < self.power < 1, "power must lie between 0.05 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceboDate:
    """Pretend that joiners joined ``years`` earlier, and use only years before the real date."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["placebo-date"] = "placebo-date"
    years: int = 1
    size: float = 0.05

    def __post_init__(self) -> None:
        _need(1 <= self.years <= 20, "years must lie between 1 and 20")
        _need(0 < self.size < 0.5, "size must lie between 0 and 0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class WithoutFlagged:
    """The answer again without the providers that a column of the providers file flags."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["without-flagged"] = "without-flagged"
    column: str = ""

    def __post_init__(self) -> None:
        _need(bool(self.column), "column must name the flag in the providers file")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOneOut:
    """The answer again without each collaboration, cohort of joiners, or group of providers.

    ``over``: "collaboration", "cohort", or a column of the providers file such as
    "local_authority". ``refits``: that many of the most influential are fitted again exactly, the
    others by their influence.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    name: Literal["leave-one-out"] = "leave-one-out"
    over: str = "collaboration"
    refits: int = 10

    def __post_init__(self) -> None:
        _need(bool(self.over), "over must be 'collaboration', 'cohort' or a column")
        _need(1 <= self.refits <= 10_000, "refits must lie between 1 and 10,000")


CheckSpec = PreTrend | PlaceboDate | WithoutFlagged | LeaveOneOut


# --- inference ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """How uncertainty is computed.

    ``cluster``: "provider", "collaboration" (of the arm; overlapping memberships count in each),
    "market" (local markets of ``market_km`` around one provider each, nearby.markets_of), or the
    name of a column of the providers file such as "local_authority".
    ``spatial_km``: instead of clusters, providers this near may depend on one another
    (estimators/spatial.py); then no bands and no small-sample rule.
    ``multiplier``: of the bootstrap behind uniform bands; Gaussian draws are exact given the data
    and cost nothing per provider, the others resample cluster sums.
    ``small_sample``: "auto" takes the convention of the method (named in every result).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    cluster: str = "provider"
    level: float = 0.95
    small_sample: Literal["auto", "none", "clusters", "regression"] = "auto"
    multiplier: Literal["gaussian", "rademacher", "mammen", "webb"] = "gaussian"
    draws: int = 999
    seed: int = 1
    market_km: float = 10.0
    spatial_km: float | None = None

    def __post_init__(self) -> None:
        _need(0.5 <= self.level < 1, "level must lie between 0.5 and 1, for example 0.95")
        _need(
            self.draws == 0 or 99 <= self.draws <= 100_000, "draws must be 0 or from 99 to 100,000"
        )
        _need(self.seed >= 0, "seed must be zero or more")
        _need(bool(self.cluster), "cluster must be 'provider', 'collaboration' or a column")
        _need(0 < self.market_km <= 500, "market_km must be above zero and no more than 500")
        _need(
            self.spatial_km is None or 0 < self.spatial_km <= 2000,
            "spatial_km must be above zero and no more than 2,000",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareTerms:
    """Where the differences lie: the terms among which the variance is divided, as in Mixed.

    Empty ``terms``: nothing is asked. Exposure is not in this model, so that what members have in
    common stays with the collaborations. ``rate``: of collaborations named as standing out, the
    share expected to be named wrongly. ``draws``: of the parametric bootstrap behind the intervals
    of shares (0: by the delta method).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    terms: tuple[str, ...] = ()
    year: Literal["fixed", "random"] = "fixed"
    reml: bool = True
    member_weights: MemberWeights = "sum-to-one"
    rate: float = 0.05
    draws: int = 0

    def __post_init__(self) -> None:
        _need(len(set(self.terms)) == len(self.terms), "terms must be different from one another")
        _need(0 < self.rate < 0.5, "rate must lie between 0 and 0.5")
        _need(self.draws == 0 or 99 <= self.draws <= 10_000, "draws must be 0 or 99 to 10,000")


# --- arms and exposure -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """Something that a provider can hold: membership in kinds of collaboration, a status, or a
    column of the outcomes file that passes a threshold.

    An initiative is an arm like any other: a kind of membership if it has members and dates, a
    status if it is granted, a column if it is a number by year (the share of neighbours in a
    trust). ``only`` filters memberships by a column of theirs or of the providers file (formality,
    phase); ``min_size`` and ``max_size`` bound the collaboration's number of members in the year.
    ``reversible``: held year by year and so left again, instead of held from the first year on.
    ``dose``: how much of it, "years" (since joining, the first year counts 1), "size" (members of
    the collaboration), "memberships" (collaborations held), "value" (of the column).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    kinds: tuple[str, ...] = ()
    status: str = ""
    label: str = ""
    exposure: str = ""
    threshold: float | None = None
    only: tuple[Where, ...] = ()
    min_size: int | None = None
    max_size: int | None = None
    reversible: bool = False
    dose: Literal["", "years", "size", "memberships", "value"] = ""

    def __post_init__(self) -> None:
        made = sum(map(bool, (self.kinds, self.status, self.exposure)))
        if self.exposure or made > 1 or not made:
            _need(
                made == 1,
                "an arm is made of either kinds (of collaboration) or a status, one of the two"
                if not self.exposure
                else "an arm is made of kinds (of collaboration), a status or an exposure, one of "
                "the three",
            )
        _need(
            self.threshold is None or bool(self.exposure),
            "threshold belongs to an exposure (a column of the outcomes file)",
        )
        _need(
            not self.exposure or self.threshold is not None or self.dose == "value",
            "exposure needs a threshold from which on it counts as held, or dose = 'value'",
        )
        bounded = bool(self.only) or self.min_size is not None or self.max_size is not None
        _need(
            bool(self.kinds) or not bounded, "only, min_size and max_size belong to an arm of kinds"
        )
        _need(
            self.min_size is None or self.max_size is None or self.min_size <= self.max_size,
            "min_size must not be above max_size",
        )
        _need(
            self.dose not in ("size", "memberships") or bool(self.kinds),
            f"dose = {self.dose!r} belongs to an arm of kinds",
        )
        _need(self.dose != "value" or bool(self.exposure), "dose = 'value' needs an exposure")

    @property
    def by_year(self) -> bool:
        """Whether the dates of joining alone do not settle it."""
        bounded = self.min_size is not None or self.max_size is not None
        return bool(self.exposure) or bounded or self.reversible or bool(self.dose)


_LAST_DAY = dict(
    zip(
        [f"{m:02}" for m in range(1, 13)],
        ["31", "28", "31", "30", "31", "30", "31", "31", "30", "31", "30", "31"],
        strict=True,
    )
)
_MONTH_DAY = re.compile(r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """When membership counts as exposure of a year's results.

    Results of year ``y`` belong to the academic year that began on ``year_starts`` of ``y - 1``. A
    provider is exposed in ``y`` if it joined on or before ``cutoff`` (month-day) of ``y - 1``; with
    ``calendar_year = true`` both dates are taken in ``y`` itself (set ``year_starts = "01-01"``).

    ``partial``: the year during which a provider joined, if after the cut-off:
    "unexposed" (as if not joined), "exposed" (any part counts), "missing" (left out, counted).
    ``unknown_from``: a spell whose start is unknown: "before-window" (member all along, hence no
    before to compare with), "first-seen" (start of the first snapshot that shows it), "ignore".
    ``leavers``: "keep" (joining is what is evaluated; leavers stay joiners, counted), "censor"
    (years after the last membership of the arm ended are left out, counted).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    cutoff: str = "09-30"
    year_starts: str = "09-01"
    calendar_year: bool = False
    partial: Literal["unexposed", "exposed", "missing"] = "unexposed"
    unknown_from: Literal["before-window", "first-seen", "ignore"] = "before-window"
    leavers: Literal["keep", "censor"] = "keep"

    def __post_init__(self) -> None:
        for name, value in (("cutoff", self.cutoff), ("year_starts", self.year_starts)):
            _need(
                bool(_MONTH_DAY.match(value)) and value[3:] <= _LAST_DAY[value[:2]],
                f"{name} must be a month and day such as '09-30'",
            )
        _need(self.cutoff >= self.year_starts, "cutoff must not come before year_starts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One outcome column with what a reader needs to understand its size.

    ``sd`` is the standard deviation that turns the outcome's own units into standard deviations;
    ``sd_of`` says whose ("pupils", "providers"). Without it the spread between providers in the
    comparison group's first year is used, and the report says so.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    label: str = ""
    unit: str = "points"
    sd: float | None = None
    sd_of: Literal["pupils", "providers"] = "providers"
    worthwhile: float | None = None
    months_table: bool = False

    def __post_init__(self) -> None:
        _need(self.sd is None or self.sd > 0, "sd must be above zero")
        _need(
            self.worthwhile is None or self.worthwhile > 0,
            "worthwhile (the smallest worthwhile effect, in the outcome's unit) must be above zero",
        )
        _need(
            not self.months_table or (self.sd is not None and self.sd_of == "pupils"),
            "months_table needs sd with sd_of = 'pupils'",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weight of a provider: a column of the outcomes file, averaged over the window's years.

    ``by = "year"`` gives ``two-way`` and ``raw-gap`` each year's own value; ``group-time`` always
    uses the provider's mean, because it weighs providers and not provider-years.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    column: str = ""
    by: Literal["provider", "year"] = "provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class Competition:
    """Competition as columns beside the outcomes, by provider and year (``columns``).

    ``radius_km``: how far rivals may be; ``size``: column of the outcomes file with enrolment
    ("" = all alike; a missing year takes the provider's nearest known one); ``within``: column of
    the providers file, rivals are those with the same value (phase); ``kernel``: fall-off of
    pressure.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    radius_km: float = 5.0
    size: str = ""
    within: str = ""
    kernel: Literal["even", "linear", "inverse", "exponential"] = "linear"

    def __post_init__(self) -> None:
        _need(0 < self.radius_km <= 500, "radius_km must be above zero and no more than 500")

    def columns(self, arm: Arm | None) -> tuple[str, ...]:
        """Names of the columns that are made; the last three only for an arm of collaborations."""
        alone = ("rivals", "pressure", "concentration")
        if arm is None or not arm.kinds:
            return alone
        return (*alone, "owned_concentration", "rivals_joined", "rivals_together")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """First and last year of results used; None takes what the data hold."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    first: int | None = None
    last: int | None = None

    def __post_init__(self) -> None:
        _need(
            self.first is None or self.last is None or self.first < self.last,
            "window.first must come before window.last",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which providers take part: column = one of the listed values (compared as text)."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    column: str
    keep: tuple[str, ...] = field(default=())
    drop: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        _need(bool(self.keep) != bool(self.drop), "where needs either keep or drop")


# --- data --------------------------------------------------------------------------------------

ROLES = ("outcomes", "providers", "memberships", "statuses", "places", "covariates")
"""What a table can be to a panel; the names of the files in [data] and of the tables in notes."""

MISSING_CODES = (
    "", "NA", "N/A", "#N/A", "NaN", "null", "none", "nil", "missing", "not available",
    "SUPP", "SUPPRESSED", "NE", "NP", "LOWCOV", "NEW", "SP", "DNS",
    "x", "c", "z", "low", "u", "k", ":", "-", ".", "..", "...", "*", "~",
)  # fmt: skip
"""Codes that publishers of education statistics write where a number is withheld or unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renames:
    """What a column is called in the file, by the name consortia uses: ``from = "joined"``."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    outcomes: dict[str, str] = field(default_factory=dict[str, str])
    providers: dict[str, str] = field(default_factory=dict[str, str])
    memberships: dict[str, str] = field(default_factory=dict[str, str])
    statuses: dict[str, str] = field(default_factory=dict[str, str])
    places: dict[str, str] = field(default_factory=dict[str, str])
    covariates: dict[str, str] = field(default_factory=dict[str, str])
    pupils: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """Where the tables are and how their columns are to be read.

    ``folder`` is relative to the study file; the file names are relative to the folder; only
    ``outcomes`` (or ``pupils``) is required. ``kinds`` and ``status_names`` list what may stand in
    the columns
    kind and status (empty: anything). ``default_kind`` is the kind of every membership where the
    file has no column for it. Codes in ``missing_codes`` stand for a missing number (case does
    not matter), dates in ``unknown_dates`` for an unknown date; both are counted.

    ``numbers`` must hold numbers (anything else is a problem, not text); ``weights`` must not be
    negative; ``text`` is never read as a number; ``ignore`` is not read.

    ``pupils`` stands in for ``outcomes``: a file with one row per pupil (provider, year, numbers),
    or the sums of such rows. ``pupil_columns`` are the numbers used beside the outcomes,
    ``pupil_weight`` the column of weights. Groups by provider and year of fewer than
    ``pupil_minimum`` pupils, or with fewer than ``pupil_cell`` of either value of a yes/no column,
    are left out.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    folder: str = "."
    outcomes: str = ""
    providers: str = ""
    memberships: str = ""
    statuses: str = ""
    places: str = ""
    covariates: str = ""
    pupils: str = ""
    pupil_columns: tuple[str, ...] = ()
    pupil_weight: str = ""
    pupil_minimum: int = 1
    pupil_cell: int = 1
    licence: str = ""
    columns: Renames = Renames()
    kinds: tuple[str, ...] = ()
    status_names: tuple[str, ...] = ()
    default_kind: str = "collaboration"
    missing_codes: tuple[str, ...] = MISSING_CODES
    unknown_dates: tuple[str, ...] = ("1900-01-01",)
    numbers: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _need(
            self.pupil_minimum >= 1 and self.pupil_cell >= 1,
            "pupil_minimum and pupil_cell must be 1 or more",
        )
        for day in self.unknown_dates:
            _need(
                bool(re.match(r"^\d{4}-\d\d-\d\d$", day)),
                f"unknown_dates must be dates such as '1900-01-01', not {day!r}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What looking through a folder of files found: enough to write a first study file.

    ``data`` has the guessed roles and renames; ``outcomes`` the numeric columns that could be an
    outcome, ``weights`` those that look like counts of learners; ``kinds`` and ``statuses`` with
    their number of rows; ``flags`` columns of the providers file that hold only 0 and 1;
    ``groups`` columns of the providers file with few distinct values (to cluster by);
    ``open`` what could not be guessed, in words.
    """

    data: DataSpec
    years: tuple[int, ...] = ()
    outcomes: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    kinds: tuple[tuple[str, int], ...] = ()
    statuses: tuple[tuple[str, int], ...] = ()
    flags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
