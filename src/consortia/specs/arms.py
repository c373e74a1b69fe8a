"""What can be joined, when that counts, what is measured, and who takes part."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from consortia.specs.ranges import CLOSED, need

Comparison = Literal["never", "not-yet"]


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

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
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
            need(
                made == 1,
                "an arm is made of either kinds (of collaboration) or a status, one of the two"
                if not self.exposure
                else "an arm is made of kinds (of collaboration), a status or an exposure, one of "
                "the three",
            )
        need(
            self.threshold is None or bool(self.exposure),
            "threshold belongs to an exposure (a column of the outcomes file)",
        )
        need(
            not self.exposure or self.threshold is not None or self.dose == "value",
            "exposure needs a threshold from which on it counts as held, or dose = 'value'",
        )
        bounded = bool(self.only) or self.min_size is not None or self.max_size is not None
        need(
            bool(self.kinds) or not bounded, "only, min_size and max_size belong to an arm of kinds"
        )
        need(
            self.min_size is None or self.max_size is None or self.min_size <= self.max_size,
            "min_size must not be above max_size",
        )
        need(
            self.dose not in ("size", "memberships") or bool(self.kinds),
            f"dose = {self.dose!r} belongs to an arm of kinds",
        )
        need(self.dose != "value" or bool(self.exposure), "dose = 'value' needs an exposure")

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

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    cutoff: str = "09-30"
    year_starts: str = "09-01"
    calendar_year: bool = False
    partial: Literal["unexposed", "exposed", "missing"] = "unexposed"
    unknown_from: Literal["before-window", "first-seen", "ignore"] = "before-window"
    leavers: Literal["keep", "censor"] = "keep"

    def __post_init__(self) -> None:
        for name, value in (("cutoff", self.cutoff), ("year_starts", self.year_starts)):
            need(
                bool(_MONTH_DAY.match(value)) and value[3:] <= _LAST_DAY[value[:2]],
                f"{name} must be a month and day such as '09-30'",
            )
        need(self.cutoff >= self.year_starts, "cutoff must not come before year_starts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One outcome column with what a reader needs to understand its size.

    ``sd`` is the standard deviation that turns the outcome's own units into standard deviations;
    ``sd_of`` says whose ("pupils", "providers"). Without it the spread between providers in the
    comparison group's first year is used, and the report says so.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    label: str = ""
    unit: str = "points"
    sd: float | None = None
    sd_of: Literal["pupils", "providers"] = "providers"
    worthwhile: float | None = None
    months_table: bool = False

    def __post_init__(self) -> None:
        need(self.sd is None or self.sd > 0, "sd must be above zero")
        need(
            self.worthwhile is None or self.worthwhile > 0,
            "worthwhile (the smallest worthwhile effect, in the outcome's unit) must be above zero",
        )
        need(
            not self.months_table or (self.sd is not None and self.sd_of == "pupils"),
            "months_table needs sd with sd_of = 'pupils'",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weight of a provider: a column of the outcomes file, averaged over the window's years.

    ``by = "year"`` gives ``two-way`` and ``raw-gap`` each year's own value; ``group-time`` always
    uses the provider's mean, because it weighs providers and not provider-years.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
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

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    radius_km: float = 5.0
    size: str = ""
    within: str = ""
    kernel: Literal["even", "linear", "inverse", "exponential"] = "linear"

    def __post_init__(self) -> None:
        need(0 < self.radius_km <= 500, "radius_km must be above zero and no more than 500")

    def columns(self, arm: Arm | None) -> tuple[str, ...]:
        """Names of the columns that are made; the last three only for an arm of collaborations."""
        alone = ("rivals", "pressure", "concentration")
        if arm is None or not arm.kinds:
            return alone
        return (*alone, "owned_concentration", "rivals_joined", "rivals_together")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """First and last year of results used; None takes what the data hold."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    first: int | None = None
    last: int | None = None

    def __post_init__(self) -> None:
        need(
            self.first is None or self.last is None or self.first < self.last,
            "window.first must come before window.last",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which providers take part: column = one of the listed values (compared as text)."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    column: str
    keep: tuple[str, ...] = field(default=())
    drop: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        need(bool(self.keep) != bool(self.drop), "where needs either keep or drop")
