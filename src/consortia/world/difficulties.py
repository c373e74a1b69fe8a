"""Sectors with one difficulty each: what makes it hard to tell what joining did.

All start from a plain sector in which joining is worth one point at once and for good, nobody joins
for a reason, and nothing else changes. A difficulty changes that sector's parameters, or what
happens in it afterwards (``changes``), and nothing else; worlds with the same streams have the same
schools and luck. The known effect is the difference from the twin in which joining does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import special

from consortia.panel import Panel
from consortia.specs import GroupTime, Neighbours, Weights
from consortia.streams import Streams
from consortia.study import Study
from consortia.world.frames import panel
from consortia.world.question import sector_study
from consortia.world.schedule import State, run
from consortia.world.sector import (
    Autonomy,
    Competition,
    Others,
    Results,
    SchoolSector,
    Selection,
    TrustEffect,
)
from consortia.world.setting import NEVER, NONE

Floats = NDArray[np.float64]
History = dict[int, State]
Change = Callable[[SchoolSector, Streams, State, History], History]
"""What happens to a sector afterwards; gives the years anew and leaves the old ones alone."""

PLAIN = SchoolSector(
    providers=300,
    areas=12,
    trusts_per_area=2,
    selection=Selection(leadership=0.0, dip=0.0, disadvantage=0.0, mid_year=0.0, moves=0.0),
    trust=TrustEffect(first=1.0, growth=0.0, spread=0.0),
    autonomy=Autonomy(effect=0.0, leadership=0.0),
    competition=Competition(effect=0.0),
    others=Others(federation_effect=0.0, network_effect=0.0),
    results=Results(trend=0.0, path_drift=0.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difficulty:
    """One thing that makes it hard: the ``sector`` it is put into, what happens in it
    (``changes``), what that is in words (``does``) and what it ``teaches``.

    ``repair`` is what one would change in the study on knowing of it, ``repaired`` in words; ""
    where another method is the repair. ``as_chosen``: the truth is the sector's effect itself,
    because recorded years of exposure are not the real ones.
    """

    label: str
    does: str
    teaches: str
    sector: SchoolSector = PLAIN
    changes: tuple[Change, ...] = ()
    repair: Callable[[Study], Study] | None = None
    repaired: str = ""
    as_chosen: bool = False


def world(difficulty: Difficulty, streams: Streams) -> Panel:
    """The tables of one such sector, with the known effect."""
    spec = difficulty.sector
    state, history = run(spec, streams)
    for change in difficulty.changes:
        history = change(spec, streams, state, history)
    return panel(spec, streams, state, history)


def without_effect(difficulty: Difficulty) -> Difficulty:
    """The twin: the same schools, decisions and luck where joining does nothing."""
    none = replace(difficulty.sector.trust, first=0.0, growth=0.0)
    return replace(difficulty, sector=replace(difficulty.sector, trust=none))


def exam_study() -> Study:
    """The question that every method is asked: joiners against those not joined, nothing held."""
    return sector_study().with_(
        hold=(), alongside=(), covariates=(), method=GroupTime(), checks=()
    )  # fmt: skip


# --- what can happen -----------------------------------------------------------------------------


def area_shocks(sd: float) -> Change:
    """Every area has a shock of its own every year, with this standard deviation."""

    def change(spec: SchoolSector, streams: Streams, state: State, history: History) -> History:
        return {
            y: {**h, "score": h["score"] + sd * _normal(streams, "area", y, spec.areas)[
                state["area"]]}
            for y, h in history.items()
        }  # fmt: skip

    return change


def only_in(share: float) -> Change:
    """Nobody joins outside this share of the areas: who would have, stays without the gain."""

    def change(spec: SchoolSector, streams: Streams, state: State, history: History) -> History:
        outside = state["area"] >= share * spec.areas
        return {
            y: {
                **h,
                "trust": np.where(outside, NONE, h["trust"]),
                "score": h["score"] - np.where(outside, h["effect"], 0.0),
                "effect": np.where(outside, 0.0, h["effect"]),
            }
            for y, h in history.items()
        }

    return change


def trust_shocks(sd: float) -> Change:
    """Every trust has luck of its own every year, which members share and which is no effect."""

    def change(spec: SchoolSector, streams: Streams, state: State, history: History) -> History:
        trusts = (spec.areas + 1) * spec.trusts_per_area
        out: History = {}
        for y, h in history.items():
            luck = sd * _normal(streams, "trust", y, trusts)
            out[y] = {**h, "score": h["score"] + np.where(h["trust"] == NONE, 0, luck[h["trust"]])}
        return out

    return change


def early_start(share: float) -> Change:
    """So much of the first year's gain is there a year before joining."""

    def change(spec: SchoolSector, streams: Streams, state: State, history: History) -> History:
        gain = share * spec.trust.first * state["response"]
        return {
            y: {**h, "score": h["score"] + np.where(state["joined"] == y + 1, gain, 0.0)}
            for y, h in history.items()
        }

    return change


def leaving(yearly: float, dip: float) -> Change:
    """Members leave with this chance a year, more after a bad year (logit ``dip`` per standard
    deviation of its noise), and lose what they had gained."""

    def change(spec: SchoolSector, streams: Streams, state: State, history: History) -> History:
        gone = np.zeros(spec.providers, dtype=bool)
        out: History = {}
        before: State | None = None
        for y, h in history.items():
            if before is not None:
                luck = before["noise"] / np.maximum(np.std(before["noise"]), 1e-12)
                chance = special.expit(special.logit(yearly) - dip * luck)
                member = before["trust"] != NONE
                gone |= member & (streams.at("leaving", y).rng().random(spec.providers) < chance)
            effect = np.where(gone, 0.0, h["effect"])
            out[y] = {
                **h,
                "trust": np.where(gone, NONE, h["trust"]),
                "effect": effect,
                "score": h["score"] - h["effect"] + effect,
            }
            before = h
        return out

    return change


def closing(drift: float, level: float, slope: float) -> Change:
    """Schools drift apart (standard deviation ``drift`` a year); those outside trusts that have
    fallen close, with logit ``level - slope * (what they have gained by drift)``."""

    def change(spec: SchoolSector, streams: Streams, state: State, history: History) -> History:
        n = spec.providers
        pace = drift * _normal(streams, "drift", 0, n)
        shut = np.zeros(n, dtype=bool)
        out: History = {}
        for y, h in history.items():
            gained = pace * (y - spec.first)
            if y > spec.first:
                chance = special.expit(level - slope * gained)
                outside = h["trust"] == NONE
                shut |= outside & (streams.at("closing", y).rng().random(n) < chance)
            out[y] = {**h, "score": np.where(shut, np.nan, h["score"] + gained)}
        return out

    return change


def wrong_dates(share: float) -> Change:
    """The recorded date of joining is a year early or late for this share of members, as often
    the one as the other; what happened when is unchanged."""

    def change(spec: SchoolSector, streams: Streams, state: State, history: History) -> History:
        n = spec.providers
        rng = streams.at("dates").rng()
        wrong, early = rng.random(n) < share, rng.random(n) < 0.5
        moved = np.where(wrong, np.where(early, -1, 1), 0)
        joined = state["joined"]
        recorded = np.where(joined < NEVER, joined + moved, joined)
        last = max(history)
        # The trust that is recorded early is the one that is joined.
        first = {y: history[min(max(y, min(history)), last)]["trust"] for y in (*history, last + 1)}
        return {
            y: {
                **h,
                "trust": np.where(
                    recorded <= y,
                    np.where(h["trust"] == NONE, first[min(y + 1, last)], h["trust"]),
                    NONE,
                ),
            }
            for y, h in history.items()
        }

    return change


def _normal(streams: Streams, name: str, year: int, size: int) -> Floats:
    return streams.at("difficulty", name, year).rng().standard_normal(size)


# --- the exam ------------------------------------------------------------------------------------


def _with_method(spec: GroupTime | Neighbours) -> Callable[[Study], Study]:
    return lambda study: study.with_(method=spec)


def _clustered(by: str) -> Callable[[Study], Study]:
    return lambda study: study.with_(inference=replace(study.inference, cluster=by))


DIFFICULTIES: Mapping[str, Difficulty] = MappingProxyType(
    {
        "none": Difficulty(
            label="no difficulty",
            does="Nothing stands in the way: who joins, and when, is luck.",
            teaches=(
                "Every method is near the truth; they differ in how precise they are and in "
                "whether their intervals are as wide as they should be."
            ),
        ),
        "hidden-leadership": Difficulty(
            label="hidden leadership",
            does="Weakly led schools join, and no file shows how a school is led.",
            teaches=(
                "What does not change is removed by comparing each school with itself. Methods "
                "that compare members with others (raw-gap, and mixed in part) take what schools "
                "always were for what joining did."
            ),
            sector=replace(PLAIN, selection=replace(PLAIN.selection, leadership=1.4)),
        ),
        "dip": Difficulty(
            label="dip before joining",
            does="Schools join after a bad year that would have passed anyway.",
            teaches=(
                "Measured from the bad year, recovery looks like an effect. A base year before the "
                "dip repairs it; methods that average over all years before joining are hurt less."
            ),
            sector=replace(PLAIN, selection=replace(PLAIN.selection, dip=1.5)),
            repair=_with_method(GroupTime(anticipation=1)),
            repaired="group-time, base year two years before joining",
        ),
        "same-day-autonomy": Difficulty(
            label="same-day autonomy",
            does="Most joiners become academies on the day of joining, which is worth a point too.",
            teaches=(
                "What comes on the same day cannot be told apart by any method that is not told of "
                "it. Holding autonomy as it was leaves few joiners, and an honest, wider interval."
            ),
            sector=replace(PLAIN, autonomy=replace(PLAIN.autonomy, effect=1.0)),
            repair=lambda study: study.with_(hold=("academy",)),
            repaired="group-time, autonomy held as it was",
        ),
        "contagion": Difficulty(
            label="contagion to rivals",
            does="What members gain, rivals nearby lose: up to a point and a half each.",
            teaches=(
                "The comparison is touched as well, so that joining looks better than it is. Only "
                "a comparison out of reach repairs it, at the price of far fewer schools."
            ),
            sector=replace(
                PLAIN, areas=30, trust=replace(PLAIN.trust, spill_over=-1.5),
                competition=Competition(effect=0.0, radius=4_000.0),
            ),
            repair=_with_method(Neighbours(rings=(4.0,))),
            repaired="neighbours, one ring of 4 km",
        ),
        "growing-effects": Difficulty(
            label="growing effects",
            does="Joining is worth little at first and half a point more every year.",
            teaches=(
                "Methods with one coefficient (two-way, mixed) let those who joined early serve as "
                "comparison for those who join late, and say too little."
            ),
            sector=replace(
                PLAIN, trust=TrustEffect(first=0.25, growth=0.5, full_after=8, spread=0.0)
            ),
        ),
        "few-large": Difficulty(
            label="few large collaborations",
            does="Six trusts hold all members, and each has good and bad years of its own.",
            teaches=(
                "Hundreds of schools are then only a few independent pieces: intervals that count "
                "schools are far too narrow. Clustering by collaboration helps, and with six "
                "clusters still falls short."
            ),
            sector=replace(PLAIN, areas=2, trusts_per_area=2),
            changes=(trust_shocks(2.0),),
            repair=_clustered("collaboration"),
            repaired="group-time, clustered by collaboration",
        ),
        "leavers": Difficulty(
            label="leavers",
            does="A tenth of members leave every year, more after a bad year, and lose the gain.",
            teaches=(
                "Kept as joiners, leavers dilute the answer: it is about joining, not about "
                "staying. Leaving out the years after leaving answers for staying. Methods with "
                "one coefficient (two-way, mixed) weigh years so that they answer neither."
            ),
            changes=(leaving(0.10, 1.0),),
            repair=lambda study: study.with_(
                exposure=replace(study.exposure, leavers="censor")
            ),
            repaired="group-time, years after leaving left out",
        ),
        "closures": Difficulty(
            label="early closures",
            does="Schools drift apart; those that fall behind close, unless a trust holds them.",
            teaches=(
                "Those still open outside trusts are the ones that did well, so that members look "
                "worse than they are. No method repairs what is missing for a reason."
            ),
            changes=(closing(0.4, -3.5, 1.2),),
        ),
        "small-schools": Difficulty(
            label="noisy small schools",
            does="Half of the year groups have sixteen pupils or fewer: a year is mostly luck.",
            teaches=(
                "Nothing is biased, but far more schools are needed to be as precise. Weighing by "
                "pupils buys some of it back."
            ),
            sector=replace(
                PLAIN, results=replace(PLAIN.results, pupils=16.0, pupils_spread=0.8)
            ),
            repair=lambda study: study.with_(weights=Weights(column="pupils")),
            repaired="group-time, weighted by pupils",
        ),
        "area-shocks": Difficulty(
            label="common shock by area",
            does="Areas have good and bad years of their own, and only half of them have members.",
            teaches=(
                "Schools of an area are not independent: intervals that count schools are too "
                "narrow. Clustering by area widens them. It matters most for the methods that are "
                "otherwise the most precise (two-way, imputation)."
            ),
            changes=(only_in(0.5), area_shocks(2.5)),
            repair=_clustered("local_authority"),
            repaired="group-time, clustered by area",
        ),
        "anticipation": Difficulty(
            label="anticipation",
            does="Half of the gain comes in the year before joining, on the way in.",
            teaches=(
                "Measured from the last year before joining, half of the gain is in the base "
                "already. Moving the base year back repairs it."
            ),
            changes=(early_start(0.5),),
            repair=_with_method(GroupTime(anticipation=1)),
            repaired="group-time, base year two years before joining",
        ),
        "wrong-dates": Difficulty(
            label="wrong dates",
            does="Three members in ten are recorded as having joined a year early or late.",
            teaches=(
                "Years without a gain count as exposed and the base year of others has it already: "
                "methods say too little, and none can notice."
            ),
            changes=(wrong_dates(0.3),),
            as_chosen=True,
        ),
    }
)  # fmt: skip
"""Name -> difficulty, in the order of the exam."""
