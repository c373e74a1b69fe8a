"""The embedded sector as a value: what is true of it, before anybody draws a number.

Outcomes are in points, of which a pupil's standard deviation is 10. "Year" is the summer of the
results; something that begins "in year y" is first exposed for a full school year in y.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from consortia.streams import Streams


def _need(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Who joins a trust. Every year a share ``sounded`` of all schools is sounded out, each school
    once; it accepts with logit ``level - leadership u - dip e + disadvantage d``, where u is its
    unseen leadership, e the noise in its results of the year before (both in standard deviations)
    and d its disadvantage. ``associate``: share of joining schools without autonomy that stay so;
    the others become academies on the day. ``mid_year``: share that join during the year before
    their first full year. ``moves``: yearly share of members that move to another trust."""

    sounded: float = 0.07
    level: float = 0.2
    leadership: float = 1.4
    dip: float = 1.5
    disadvantage: float = 0.7
    associate: float = 0.10
    mid_year: float = 0.15
    moves: float = 0.01

    def __post_init__(self) -> None:
        for name in ("sounded", "associate", "mid_year", "moves"):
            _need(0 <= getattr(self, name) <= 1, f"selection.{name} must lie between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustEffect:
    """What joining a trust does, in points: ``first`` in the first full year, ``growth`` more in
    each year after it until ``full_after`` years have passed, times a factor of the school's own
    with mean 1 and standard deviation ``spread``. ``spill_over``: what a school outside gains where
    all its rivals are in trusts."""

    first: float = 0.6
    growth: float = 0.4
    full_after: int = 4
    spread: float = 0.4
    spill_over: float = 0.0

    def __post_init__(self) -> None:
        _need(self.full_after >= 0, "trust.full_after must be 0 or more years")
        _need(self.spread >= 0, "trust.spread must be 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Autonomy:
    """Academy status: ``effect`` in points from the first full year on; ``at_start`` the share that
    has it before the first year, ``alone`` the yearly share that takes it without a trust; well-led
    schools do both more (logit ``leadership``)."""

    effect: float = 1.0
    at_start: float = 0.25
    alone: float = 0.02
    leadership: float = 0.5

    def __post_init__(self) -> None:
        for name in ("at_start", "alone"):
            _need(0 < getattr(self, name) < 1, f"autonomy.{name} must lie between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Competition:
    """Rivals are the schools within ``radius`` metres, at most the ``most`` nearest. Each costs
    ``effect`` points, and ``autonomous`` times as much again once it is an academy."""

    radius: float = 3_000.0
    most: int = 12
    effect: float = -0.06
    autonomous: float = 0.5

    def __post_init__(self) -> None:
        _need(self.radius > 0, "competition.radius must be above zero metres")
        _need(self.most >= 1, "competition.most must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """Federations (one at a time, small schools more) and subject networks (several at a time,
    large schools more): ``*_join`` and ``*_leave`` are yearly shares, ``*_effect`` points while a
    member."""

    federation_join: float = 0.02
    federation_leave: float = 0.05
    federation_effect: float = 0.3
    network_join: float = 0.05
    network_leave: float = 0.12
    network_effect: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What else makes up a school's results, in points.

    ``pupils``: typical size of the year group; ``pupil_sd``: noise is larger in small schools, with
    variance ``pupil_sd**2 / pupils + shock**2``; ``leadership``, ``disadvantage``: per standard
    deviation; ``trend``: yearly gain per standard deviation of disadvantage; ``missing``: share of
    results that are not published.
    """

    level: float = 100.0
    leadership: float = 4.0
    disadvantage: float = -3.0
    trend: float = 0.15
    path_drift: float = 0.2
    path_sd: float = 0.5
    pupils: float = 45.0
    pupils_spread: float = 0.45
    pupil_sd: float = 10.0
    shock: float = 1.0
    missing: float = 0.01

    def __post_init__(self) -> None:
        _need(0 <= self.missing < 1, "results.missing must lie between 0 and 1")
        _need(self.pupils > 0, "results.pupils must be above zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolSector:
    """A sector of schools over years, with staggered joining of trusts.

    ``years_before`` are simulated ahead of ``first`` so that the window opens on a sector under
    way; joining goes on for ``years_after`` after ``last``, so that nothing ends with the data.

    Raises ValueError for a value out of range.
    """

    providers: int = 1_200
    first: int = 2011
    last: int = 2019
    years_before: int = 3
    years_after: int = 1
    areas: int = 30
    trusts_per_area: int = 4
    selection: Selection = Selection()
    trust: TrustEffect = TrustEffect()
    autonomy: Autonomy = Autonomy()
    competition: Competition = Competition()
    others: Others = Others()
    results: Results = Results()

    def __post_init__(self) -> None:
        _need(self.providers >= 1, "providers must be 1 or more")
        _need(self.first < self.last, "first must come before last")
        _need(self.areas >= 1, "areas must be 1 or more")
        _need(self.trusts_per_area >= 1, "trusts_per_area must be 1 or more")
        _need(
            self.years_before >= 0 and self.years_after >= 0,
            "years_before and years_after must be 0 or more",
        )
        rounds = self.last - self.first + 1 + self.years_before + self.years_after
        _need(
            rounds * self.selection.sounded <= 1,
            f"selection.sounded is at most 1/{rounds} here: a school is sounded out once in the "
            f"{rounds} simulated years",
        )

    @property
    def years(self) -> range:
        """The years of results."""
        return range(self.first, self.last + 1)

    @property
    def simulated(self) -> range:
        """The years that are run through, window and margins."""
        return range(self.first - self.years_before, self.last + self.years_after + 1)

    def digest(self, streams: Streams) -> str:
        """SHA-256 of the sector and its root seed: the same world has the same digest anywhere."""
        form = {"sector": asdict(self), "root": streams.root, "path": list(streams.path)}
        return hashlib.sha256(json.dumps(form, sort_keys=True).encode()).hexdigest()
