"""What is kept of a run: by college and year, for the sector, money by flow, who was in what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from consortia.legal import LegalNote
from consortia.world.colleges.membership import mean_trust
from consortia.world.colleges.outcomes import distance_and_gap
from consortia.world.colleges.region import CAUTION
from consortia.world.colleges.setting import G, State, World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Who = Literal["learners", "colleges", "staff", "public purse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure that is kept: of colleges or of the sector, for whom, and which way is better."""

    name: str
    by: Literal["college", "sector"]
    who: Who
    unit: str
    better: Literal["more", "less", "neither"]
    does: str


def _metrics() -> dict[str, Metric]:
    rows: list[tuple[str, Literal["college", "sector"], Who, str, Any, str]] = [
        ("posts", "college", "colleges", "posts", "neither", "teaching posts"),
        ("staff", "college", "staff", "people", "neither", "teachers at the end of the year"),
        ("vacancies", "college", "colleges", "posts", "less", "posts empty at the end of the year"),
        ("vacancy_rate", "college", "colleges", "share of posts", "less", "posts empty at the end"),
        ("spells", "college", "colleges", "posts", "less", "posts that were empty in the year"),
        ("exits", "college", "staff", "people", "neither", "left the sector"),
        ("moved_out", "college", "staff", "people", "neither", "left for another college"),
        ("moved_in", "college", "staff", "people", "neither", "came from another college"),
        ("entered", "college", "staff", "people", "neither", "came from outside the sector"),
        ("trainees", "college", "colleges", "people", "more", "trainees begun by mechanisms"),
        ("agency_posts", "college", "colleges", "posts", "less", "posts covered by agencies"),
        ("log_pay", "college", "staff", "log of pay", "more", "pay above the standard"),
        ("specific_skill", "college", "learners", "0 to 1", "more", "knowledge of the own college"),
        ("newcomers", "college", "learners", "share of staff", "less", "staff new to the college"),
        ("learners", "college", "colleges", "learners", "more", "learners in both years"),
        ("new_learners", "college", "colleges", "learners", "more", "learners in the first year"),
        ("refused", "college", "learners", "learners", "less", "first choices refused, no place"),
        ("places", "college", "learners", "places", "more", "places for new learners"),
        ("breadth", "college", "learners", "subjects", "more", "subjects with posts filled"),
        ("achievement", "college", "learners", "per cent", "more", "learners who achieve"),
        ("quality", "college", "learners", "index", "more", "quality that learners see"),
        ("income", "college", "colleges", "pounds", "more", "funding and other income"),
        ("surplus", "college", "colleges", "pounds", "more", "all flows but rescues"),
        ("cash", "college", "colleges", "pounds", "more", "held at the end of the year"),
        ("intervention", "college", "public purse", "0 or 1", "less", "debt paid off this year"),
        ("trust", "college", "colleges", "0 to 1", "more", "mean trust in fellow members"),
        ("staff_total", "sector", "staff", "people", "neither", "teachers at the end of the year"),
        ("posts_total", "sector", "colleges", "posts", "neither", "teaching posts"),
        ("exits_total", "sector", "staff", "people", "neither", "left the sector"),
        ("moves", "sector", "staff", "people", "neither", "moved between colleges"),
        ("entries", "sector", "staff", "people", "neither", "came from outside the sector"),
        ("sector_vacancy_rate", "sector", "colleges", "share of posts", "less", "posts empty"),
        ("exit_rate", "sector", "staff", "share of staff", "neither", "left the sector"),
        ("move_rate", "sector", "staff", "share of staff", "neither", "moved between colleges"),
        ("pay_gain_on_moves", "sector", "staff", "log of pay", "more", "gained by moving, a head"),
        ("mean_log_pay", "sector", "staff", "log of pay", "more", "above the standard, a head"),
        ("mean_tenure", "sector", "staff", "years", "neither", "in the college"),
        ("cohort", "sector", "learners", "people", "neither", "reach 16 in the year"),
        ("outside", "sector", "learners", "people", "less", "of the cohort, in no college"),
        ("distance_km", "sector", "learners", "km", "less", "to college, new learners"),
        ("mean_achievement", "sector", "learners", "per cent", "more", "learners who achieve"),
        ("achievement_gap", "sector", "learners", "points", "more", "poorest less richest fifth"),
        ("mean_breadth", "sector", "learners", "subjects", "more", "offered, mean of colleges"),
        ("treasury", "sector", "public purse", "pounds", "less", "paid by the Treasury"),
        ("sponsor", "sector", "public purse", "pounds", "less", "paid by sponsors in the year"),
        ("cost_per_achiever", "sector", "public purse", "pounds", "less", "paid for each achiever"),
        ("interventions", "sector", "public purse", "colleges", "less", "debts paid off"),
        ("applicants", "sector", "staff", "people", "neither", "looked for a first post"),
        ("unplaced", "sector", "staff", "people", "less", "of them found none"),
    ]  # fmt: skip
    return {n: Metric(name=n, by=b, who=w, unit=u, better=g, does=d) for n, b, w, u, g, d in rows}


METRICS: Mapping[str, Metric] = MappingProxyType(_metrics())


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """T years of n colleges; every array of ``by_college`` is (n, T), of ``sector`` (T,).

    ``service`` (T, 41) staff by full years of service at the end of the year (40 = 40 and more);
    ``flows`` (n, T) pence by name of the flow, positive = into the college; ``balances`` (T,) pence
    of every account at the end of each year, colleges in one sum, all of which add up to zero;
    ``joined``, ``broke`` (n, T) by label of the mechanism.
    """

    years: Ints
    college: NDArray[np.str_]
    by_college: Mapping[str, NDArray[Any]]
    sector: Mapping[str, NDArray[Any]]
    service: Ints
    joined: Mapping[str, Bools]
    broke: Mapping[str, Bools]
    flows: Mapping[str, Ints]
    balances: Mapping[str, Ints]
    legal: tuple[tuple[str, LegalNote], ...]
    caution: str = CAUTION

    def __repr__(self) -> str:
        terms = ", ".join(label for label, _ in self.legal) or "no mechanism"
        return (
            f"History({self.college.size} colleges, {self.years[0]}-{self.years[-1]}, {terms}; "
            f"vacancies {100 * self.mean('sector_vacancy_rate'):.1f} %)\n        {self.caution}"
        )

    def mean(self, name: str) -> Any:
        """Mean over years: (n,) for a metric by college, one number for one of the sector."""
        if METRICS[name].by == "college":
            return self.by_college[name].mean(axis=1)
        return float(self.sector[name].mean())

    def surplus(self) -> Floats:
        """(n,) pounds a year, mean over years: what a college gains or loses by a mechanism."""
        return self.by_college["surplus"].mean(axis=1)

    def survival(self, years: int) -> float:
        """Share of those who entered that are still there so many full years later.

        NaN where the run is too short to see it.
        """
        T = self.years.size
        if years >= T:
            return float("nan")
        began = self.service[: T - years, 0].sum()
        return float(self.service[years:, years].sum()) / max(int(began), 1)


def kept(w: World, before: State, state: State, flows: Mapping[str, Ints]) -> dict[str, Any]:
    """One year's figures, by the names of METRICS."""
    people = state["people"]
    n = w.n
    staff = np.bincount(people.college, minlength=n)
    posts = state["posts"].sum(axis=1)
    short = state["vacancies"].sum(axis=1)
    start = np.bincount(before["people"].college, minlength=n)
    heads = people.heads(n, G)
    has = state["posts"] > 0
    breadth = (has & (heads >= 0.75 * state["posts"])).sum(axis=1)
    total = int(start.sum())
    km, gap = distance_and_gap(w, state["flows"], state["achievement"])
    learners = state["learners"]
    accounts, was = state["books"].accounts, before["books"].accounts
    treasury = (was["treasury"] - accounts["treasury"]) / 100
    achievers = float((learners * state["achievement"]).sum()) / 100
    # Each move opens one post more; those of the year before are still empty at its start.
    spells = np.maximum(posts - start + state["exits"] + state["moved_out"], 0)
    rescued = flows["rescue"] > 0
    trust = np.full(n, np.nan)
    if len(w.terms):
        inside = state["joined"].any(axis=0)
        towards = mean_trust(w, state["trust"], inside)
        trust = np.where(inside & (inside.sum() > 1), towards, np.nan)
    service = np.bincount(np.minimum(people.service, 40), minlength=41)
    return {
        "service": service,
        "posts": posts,
        "staff": staff,
        "vacancies": short,
        "vacancy_rate": short / np.maximum(posts, 1),
        "spells": spells,
        "exits": state["exits"],
        "moved_out": state["moved_out"],
        "moved_in": state["moved_in"],
        "entered": state["entered"],
        "trainees": state["trained"],
        "agency_posts": state["agency"],
        "log_pay": state["log_pay"],
        "specific_skill": state["specific_skill"],
        "newcomers": state["newcomers"],
        "learners": learners,
        "new_learners": state["new"],
        "refused": state["refused"],
        "places": state["places"],
        "breadth": breadth,
        "achievement": state["achievement"],
        "quality": state["quality"],
        "income": state["income"] / 100,
        "surplus": state["surplus"] / 100,
        "cash": state["books"].cash / 100,
        "intervention": rescued.astype(np.int64),
        "trust": trust,
        "staff_total": people.size,
        "posts_total": int(posts.sum()),
        "exits_total": int(state["exits"].sum()),
        "moves": int(state["moved_in"].sum()),
        "entries": int(state["entered"].sum()),
        "sector_vacancy_rate": int(short.sum()) / int(posts.sum()),
        "exit_rate": int(state["exits"].sum()) / total,
        "move_rate": int(state["moved_in"].sum()) / total,
        "pay_gain_on_moves": float(state["pay_gain"].sum()) / total,
        "mean_log_pay": float((staff * state["log_pay"]).sum()) / max(people.size, 1),
        "mean_tenure": float(people.tenure.mean()),
        "cohort": int(w.region.cohort.sum()),
        "outside": state["outside"],
        "distance_km": km,
        "mean_achievement": float((learners * state["achievement"]).sum()) / int(learners.sum()),
        "achievement_gap": gap,
        "mean_breadth": float(breadth.mean()),
        "treasury": treasury,
        "sponsor": (was["sponsor"] - accounts["sponsor"]) / 100,
        "cost_per_achiever": treasury / achievers,
        "interventions": int(rescued.sum()),
        "applicants": state["applicants"],
        "unplaced": state["unplaced"],
        "joined": state["joined"],
        "broke": state["broke"],
        "flows": dict(flows),
        "balances": {"colleges": int(state["books"].cash.sum()), **accounts},
    }


def history(w: World, yearly: list[dict[str, Any]]) -> History:
    """The years of a run, one after the other."""
    T = len(yearly)
    columns = {
        name: np.stack([y[name] for y in yearly], axis=1)
        for name, m in METRICS.items()
        if m.by == "college"
    }
    sector = {
        name: np.array([y[name] for y in yearly]) for name, m in METRICS.items() if m.by == "sector"
    }
    names = dict.fromkeys(name for y in yearly for name in y["flows"])
    none = np.zeros(w.n, dtype=np.int64)
    held = dict.fromkeys(name for y in yearly for name in y["balances"])
    return History(
        years=np.arange(w.sector.first, w.sector.first + T),
        college=w.region.college,
        by_college=columns,
        sector=sector,
        service=np.stack([y["service"] for y in yearly]),
        joined=_by_label(w, yearly, "joined"),
        broke=_by_label(w, yearly, "broke"),
        flows={f: np.stack([y["flows"].get(f, none) for y in yearly], axis=1) for f in names},
        balances={
            a: np.array([y["balances"].get(a, 0) for y in yearly], dtype=np.int64) for a in held
        },
        legal=tuple((term.label, term.row.legal) for term in w.terms),
    )


def _by_label(w: World, yearly: list[dict[str, Any]], what: str) -> dict[str, Bools]:
    return {
        term.label: np.stack([y[what][m] for y in yearly], axis=1) for m, term in enumerate(w.terms)
    }
