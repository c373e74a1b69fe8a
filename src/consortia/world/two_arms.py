"""Small sectors in which providers hold two arms at once, with the effect of one of them known.

They are exams: each puts one difficulty in the way of telling the arm in question apart from the
other. Outcomes are in standard deviations of a provider's yearly noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.panel import Panel
from consortia.specs import Arm, Exposure, GroupTime, Inference, MethodSpec, Outcome
from consortia.streams import Streams
from consortia.study import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FIRST = 2011


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmsSector:
    """Providers in markets of ``rivals`` + 1; ``joiners`` is the share that joins the arm in some
    year but the first, ``others`` the share of providers that take the other arm at a time of their
    own, before or within the years. Of the joiners, ``together`` take the other arm on the same day
    instead. ``leavers`` is the share of joiners that leave after ``stay`` years.

    The arm is worth ``effect`` in the first year and ``growth`` more in each further one,
    ``interaction`` more while the other arm is held, nothing after leaving; the other arm is worth
    ``other_effect``. ``spill_over`` is what a provider gains where all its rivals are in the arm.
    Better providers join more (``selection``, a logit slope on their level), which comparing a
    provider with itself removes; with ``clustering`` (standard deviation of a market's logit)
    rivals join in the same markets. ``noise`` is the standard deviation of a provider's year. With
    ``around`` the ``together`` take the other arm within so many years of joining, before or after.

    Raises ValueError for a share outside 0 to 1 or a sector too small to have markets.
    """

    providers: int = 400
    years: int = 8
    rivals: int = 3
    joiners: float = 0.5
    others: float = 0.45
    together: float = 0.3
    leavers: float = 0.0
    stay: int = 2
    effect: float = 0.3
    growth: float = 0.0
    interaction: float = 0.0
    other_effect: float = 0.4
    spill_over: float = 0.0
    selection: float = 0.8
    clustering: float = 0.0
    noise: float = 1.0
    around: int = 0

    def __post_init__(self) -> None:
        for name in ("joiners", "others", "together", "leavers"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1")
        if self.noise <= 0 or self.around < 0:
            raise ValueError("noise must be above zero, around zero or more")
        if self.rivals < 1 or self.providers < 2 * (self.rivals + 1) or self.years < 3:
            raise ValueError("a sector needs two markets, a rival and three years at least")


WORLDS: Mapping[str, tuple[str, ArmsSector]] = MappingProxyType(
    {
        "additive": ("two arms, each with its own effect", ArmsSector()),
        "same-day": (
            "95% of joiners take the other arm on the day of joining",
            ArmsSector(together=0.95),
        ),
        "interacting": (
            "the arm is worth twice as much with the other one",
            ArmsSector(interaction=0.3),
        ),
        "growing": ("the effect grows by a third every year", ArmsSector(growth=0.1)),
        "spill-over": (
            "what members gain, their rivals lose, and rivals join in the same markets",
            ArmsSector(providers=1200, spill_over=-0.9, clustering=2.0, others=0.0, together=0.0),
        ),
        "reversal": (
            "40% of joiners leave after two years and lose what they had gained",
            ArmsSector(leavers=0.4),
        ),
        "two initiatives": (
            "the initiative asked about does nothing, the one that overlaps is worth 0.30",
            ArmsSector(
                providers=1000,
                years=10,
                effect=0.0,
                other_effect=0.3,
                together=0.75,
                around=2,
                others=0.3,
                selection=0.0,
                noise=0.4,
            ),
        ),
        "one day": (
            "every joiner takes the other arm on the day of joining: nothing tells the two apart",
            ArmsSector(together=1.0),
        ),
    }
)
"""Name -> (what is hard about it, the sector)."""


def arms_sector(spec: ArmsSector, streams: Streams) -> Panel:
    """The sector's tables with the true effect of the arm (0 where not held).

    Every provider draws by its own slot: another sector size leaves the luck of the rest alone.
    """
    n, T = spec.providers, spec.years

    def draw(name: str) -> Floats:
        return streams.at("arms", name).rng().random(n)

    level = streams.at("arms", "level").rng().standard_normal(n)
    noise = spec.noise * streams.at("arms", "noise").rng().standard_normal((n, T))
    common = streams.at("arms", "years").rng().standard_normal(T)
    odds = spec.joiners / max(1 - spec.joiners, 1e-9) * np.exp(spec.selection * level)
    market = np.arange(n) // (spec.rivals + 1)
    odds = odds * np.exp(
        spec.clustering * streams.at("arms", "market").rng().standard_normal(n)[market]
    )
    joins = draw("joins") < odds / (1 + odds)
    cohort = np.where(joins, 1 + (draw("when") * (T - 1)).astype(np.int64), T)
    # A time of its own: from three years before the window on.
    other = np.where(
        draw("other") < spec.others, -3 + (draw("other when") * (T + 3)).astype(np.int64), T
    )
    beside = cohort
    if spec.around:
        lag = (draw("around") * (2 * spec.around + 1)).astype(np.int64) - spec.around
        beside = cohort + lag
    other = np.where(joins & (draw("together") < spec.together), beside, other)
    left = np.where(joins & (draw("leaves") < spec.leavers), cohort + spec.stay, T)
    year = np.arange(T)[None, :]
    on = (year >= cohort[:, None]) & (year < left[:, None])
    with_other = year >= other[:, None]
    effect = np.where(
        on,
        spec.effect + spec.growth * (year - cohort[:, None]) + spec.interaction * with_other,
        0.0,
    )
    near = rivals_in(on, spec.rivals + 1)
    Y = level[:, None] + common + effect + spec.other_effect * with_other
    Y = Y + spec.spill_over * near / spec.rivals + noise
    return _panel(spec, cohort, left, other, Y, effect, near)


def rivals_in(on: Bools, market: int) -> Floats:
    """(n, T) how many other providers of the same market (consecutive rows) hold the arm."""
    n, T = on.shape
    label = np.arange(n) // market
    inside = np.zeros((int(label[-1]) + 1, T))
    np.add.at(inside, label, on.astype(np.float64))
    return inside[label] - on


def arms_study(method: MethodSpec | None = None, hold: tuple[str, ...] = ("other",)) -> Study:
    """What did joining do, the other arm held as it was?"""
    return Study(
        question="Did joining a trust raise results, whatever else came with it?",
        outcome="score",
        arm="trust",
        outcomes={"score": Outcome(unit="standard deviations", sd=1.0)},
        arms={
            "trust": Arm(kinds=("trust",), label="a trust"),
            "other": Arm(status="other", label="the other arm"),
            "near": Arm(exposure="near", dose="value", label="rivals in a trust"),
        },
        hold=hold,
        comparison="not-yet",
        exposure=Exposure(leavers="censor"),
        method=method or GroupTime(aggregate="simple"),
        checks=(),
        inference=Inference(draws=0),
    )


def without_gain(spec: ArmsSector) -> ArmsSector:
    """The same sector where the arm is worth nothing."""
    return replace(spec, effect=0.0, growth=0.0, interaction=0.0)


def _panel(
    spec: ArmsSector,
    cohort: Ints,
    left: Ints,
    other: Ints,
    Y: Floats,
    effect: Floats,
    near: Floats,
) -> Panel:
    n, T = Y.shape
    names = pl.Series("provider", [f"P{i:05d}" for i in range(1, n + 1)], dtype=pl.String)
    row = np.repeat(np.arange(n), T)
    long = pl.DataFrame(
        {
            "provider": names.gather(row),
            "year": np.tile(np.arange(FIRST, FIRST + T), n).astype(np.int32),
        }
    )
    members = np.flatnonzero(cohort < T)
    holders = np.flatnonzero(other < T)
    ends = pl.Series(np.where(left[members] < T, FIRST + left[members], 0))
    return Panel(
        outcomes=long.with_columns(score=pl.Series(Y.ravel()), near=pl.Series(near.ravel())),
        providers=pl.DataFrame({"provider": names, "market": np.arange(n) // (spec.rivals + 1)}),
        memberships=pl.DataFrame(
            {
                "provider": names.gather(members),
                "collaboration": [f"T{i % 20:02d}" for i in members.tolist()],
                "kind": "trust",
                "from": _first_of_september(pl.Series(FIRST + cohort[members])),
                "to": pl.select(
                    pl.when(ends > 0).then(_first_of_september(ends.clip(1)) - pl.duration(days=1))
                ).to_series(),
                "weight": 1.0,
                "first_seen": None,
                "last_seen": None,
            },
            schema_overrides={"first_seen": pl.Date, "last_seen": pl.Date},
        ),
        statuses=pl.DataFrame(
            {
                "provider": names.gather(holders),
                "status": "other",
                "since": _first_of_september(pl.Series(FIRST + other[holders])),
                "until": None,
            },
            schema_overrides={"until": pl.Date},
        ),
        truth=long.with_columns(effect=pl.Series(effect.ravel())),
    )


def _first_of_september(years: pl.Series) -> pl.Series:
    """The day on which the school year of these results began."""
    return pl.select(pl.date(pl.lit(years.cast(pl.Int32) - 1), 9, 1)).to_series()
