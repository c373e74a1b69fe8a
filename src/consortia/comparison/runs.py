"""Arms under the same luck: what is run for each seed, and what is kept of it.

A seed is one luck of the sector; all its arms share the years before (``opening``), so that only
the mechanism differs. Seeds are independent and may run in other processes; a seed gives the same
numbers wherever it runs.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consortia.streams import Streams
from consortia.world.colleges.history import METRICS, History
from consortia.world.colleges.mechanisms import MECHANISMS, Mechanism, leaving, with_members
from consortia.world.colleges.running import Start, opening, run
from consortia.world.colleges.sector import CollegeSector

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Specs = tuple[Any, ...]

NONE = "none"
GROUPS = ("members", "neighbours", "others")
SUMMED = (
    "posts", "staff", "vacancies", "spells", "exits", "moved_out", "moved_in", "entered",
    "trainees", "agency_posts", "learners", "new_learners", "refused", "places", "income",
    "surplus", "intervention",
)  # fmt: skip
WEIGHTED: Mapping[str, str] = {
    "vacancy_rate": "posts", "log_pay": "staff", "specific_skill": "staff", "newcomers": "staff",
    "achievement": "learners", "quality": "learners", "breadth": "posts",
}  # fmt: skip
"""Figures that are averaged over colleges, and by what weight."""
BY_GROUP = (*SUMMED, *WEIGHTED)
BY_SECTOR = tuple(name for name, m in METRICS.items() if m.by == "sector")
DRAWN = ("vacancy_rate", "surplus", "achievement", "learners")
"""Figures whose course over the years is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What does not change from seed to seed: the sector, who might join, arms by key.

    ``groups`` by name of GROUPS: rows of colleges; ``table``: rows of mechanisms that a user's
    file adds (None: those shipped); ``counterfactual``: red mechanisms may run;
    ``value_of_achiever``: pounds that a college counts a learner who achieves for, beside surplus.
    """

    sector: CollegeSector
    members: tuple[str, ...]
    groups: Mapping[str, Ints]
    arms: Mapping[str, Specs]
    counterfactual: bool = False
    table: Mapping[type, Mechanism] | None = None
    value_of_achiever: float = 0.0

    @property
    def rows(self) -> Ints:
        return self.groups["members"]

    @property
    def mechanisms(self) -> Mapping[type, Mechanism]:
        return MECHANISMS if self.table is None else self.table


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One arm of one seed, in means a year: ``surplus``, ``worth`` (surplus, and learners who
    achieve at what the college counts them for), ``achievers``, ``vacancies`` (n,) by college;
    ``group`` (figures of BY_GROUP, GROUPS); ``sector`` (figures of BY_SECTOR,); ``series`` (DRAWN,
    GROUPS, T); ``trust`` towards fellow members; share of members ``inside`` (NaN: nobody)."""

    surplus: Floats
    worth: Floats
    achievers: Floats
    vacancies: Floats
    group: Floats
    sector: Floats
    series: Floats
    trust: float
    inside: float


def kept(history: History, groups: Mapping[str, Ints], value: float = 0.0) -> Kept:
    """What is kept of a run; ``value``: pounds for each learner who achieves."""
    columns = history.by_college
    rows = [groups[g] for g in GROUPS]
    group = np.array([[_total(columns, name, r) for r in rows] for name in BY_GROUP])
    series = np.array([[_yearly(columns, name, r) for r in rows] for name in DRAWN])
    trust = columns["trust"][rows[0]]
    seen = trust[np.isfinite(trust)]
    joined = [j[rows[0]] for j in history.joined.values()]
    reached = np.clip(columns["achievement"], 0.0, 100.0) / 100
    achievers = (columns["learners"] * reached).mean(axis=1)
    surplus = columns["surplus"].mean(axis=1)
    return Kept(
        surplus=surplus,
        worth=surplus + value * achievers if value else surplus,
        achievers=achievers,
        vacancies=columns["vacancies"].mean(axis=1).astype(np.float64),
        group=group,
        sector=np.array([history.sector[name].mean() for name in BY_SECTOR], dtype=np.float64),
        series=series,
        trust=float(seen.mean()) if seen.size else float("nan"),
        inside=float(np.mean(joined)) if joined else float("nan"),
    )


def _total(columns: Mapping[str, NDArray[Any]], name: str, rows: Ints) -> float:
    if not rows.size:
        return float("nan")
    x = columns[name][rows]
    if name in SUMMED:
        return float(x.mean(axis=1).sum())
    w = columns[WEIGHTED[name]][rows]
    return float((w * x).sum() / max(float(w.sum()), 1e-300))


def _yearly(columns: Mapping[str, NDArray[Any]], name: str, rows: Ints) -> Floats:
    x = columns[name][rows].astype(np.float64)
    if not rows.size:
        return np.full(x.shape[1], np.nan)
    if name in SUMMED:
        return x.sum(axis=0)
    w = columns[WEIGHTED[name]][rows]
    return (w * x).sum(axis=0) / np.maximum(w.sum(axis=0), 1e-300)


@dataclass(slots=True)
class Draws:
    """What has been drawn: arms by key, each a list over seeds 0, 1, ... in order."""

    setting: Setting
    root: int
    workers: int = 1
    arms: dict[str, list[Kept]] = field(default_factory=dict)

    def reach(self, arms: Mapping[str, Specs], seeds: int, say: Callable[[int], None]) -> None:
        """Run what is missing so that every arm has ``seeds`` seeds; ``say(seeds done)``."""
        todo: dict[int, dict[str, Specs]] = {}
        for key, specs in arms.items():
            for r in range(len(self.arms.get(key, [])), seeds):
                todo.setdefault(r, {})[key] = specs
        job = partial(one_seed, self.setting, self.root)
        order = sorted(todo)
        for r, found in zip(
            order, each(job, [(r, todo[r]) for r in order], self.workers), strict=True
        ):
            for key, one in found.items():
                self.arms.setdefault(key, []).append(one)
            say(r + 1)

    def of(self, key: str, what: str, seeds: int | None = None) -> Floats:
        """One figure of an arm over seeds: (R, ...)."""
        return np.array([getattr(k, what) for k in self.arms[key][:seeds]])


def one_seed(
    setting: Setting, root: int, asked: tuple[int, Mapping[str, Specs]]
) -> dict[str, Kept]:
    """All arms asked of one seed."""
    r, arms = asked
    streams = luck_of(root, r)
    start = opening(setting.sector, streams)
    return {key: kept(run_arm(setting, streams, specs, start), setting.groups,
                      setting.value_of_achiever)
            for key, specs in arms.items()}  # fmt: skip


def luck_of(root: int, seed: int) -> Streams:
    """Seed 0, 1, ... of a comparison with this root."""
    return Streams(root).at("comparison", seed)


def run_arm(setting: Setting, streams: Streams, specs: Specs, start: Start | None) -> History:
    return run(
        setting.sector,
        streams,
        specs,
        start=start,
        counterfactual=setting.counterfactual,
        table=setting.mechanisms,
    )


def among(specs: Specs, members: Sequence[str]) -> Specs:
    """The same mechanisms among these colleges; fewer than two share nothing."""
    return tuple(with_members(s, members) for s in specs) if len(members) > 1 else ()


def without(specs: Specs, college: str) -> Specs:
    """The same mechanisms, which the others join without this college."""
    return tuple(leaving(s, college) for s in specs)


def each(job: Callable[[Any], Any], items: Sequence[Any], workers: int) -> Iterator[Any]:
    """``job`` of every item, in order, on ``workers`` of joblib's processes.

    ``joblib.parallel_config(backend="dask")``, or another backend, decides where seeds run.
    """
    if len(items) < 2 or (workers == 1 and "joblib" not in sys.modules):
        # Nobody can have set up a backend without having loaded joblib.
        yield from map(job, items)
        return
    joblib = importlib.import_module("joblib")
    # One worker is what nobody asked for: then what parallel_config says holds, one by default.
    pool = joblib.Parallel(
        n_jobs=None if workers == 1 else workers, return_as="generator", batch_size=1
    )
    yield from pool(joblib.delayed(job)(i) for i in items)
