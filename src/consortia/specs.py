"""The choices a study makes, as frozen values: methods, checks, inference, exposure.

Every class is a plain stdlib dataclass with a ``name`` or literal fields, so that one Pydantic
adapter at the door (studyfile.py) reads them from TOML and refuses what it does not know.
Ranges are checked on construction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
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


MemberWeights = Literal["sum-to-one", "as-stated"]


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


MethodSpec = RawGap | TwoWay | GroupTime | Mixed


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


CheckSpec = PreTrend | PlaceboDate | WithoutFlagged


# --- inference ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """How uncertainty is computed.

    ``cluster``: "provider", "collaboration" (of the arm; overlapping memberships count in each),
    or the name of a column of the providers file such as "local_authority".
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

    def __post_init__(self) -> None:
        _need(0.5 <= self.level < 1, "level must lie between 0.5 and 1, for example 0.95")
        _need(
            self.draws == 0 or 99 <= self.draws <= 100_000, "draws must be 0 or from 99 to 100,000"
        )
        _need(self.seed >= 0, "seed must be zero or more")
        _need(bool(self.cluster), "cluster must be 'provider', 'collaboration' or a column")


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
    """Something that a provider can hold: membership in kinds of collaboration, or a status."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    kinds: tuple[str, ...] = ()
    status: str = ""
    label: str = ""

    def __post_init__(self) -> None:
        _need(
            bool(self.kinds) != bool(self.status),
            "an arm is made of either kinds (of collaboration) or a status, one of the two",
        )


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
