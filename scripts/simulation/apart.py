"""Bias, RMSE and coverage on worlds with two arms: writes docs/methods/apart.md.

    python scripts/simulation/apart.py [worlds] [processes]

Each world is drawn under its own named stream, so that the table is the same whatever the number of
processes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from consortia.errors import NotIdentified
from consortia.estimators.estimate import estimate
from consortia.panel import Arrays, Panel
from consortia.specs import GroupTime, Imputation, MethodSpec, RawGap, RegimeDid, TwoWay
from consortia.streams import Streams
from consortia.study import Study
from consortia.world.two_arms import WORLDS, arms_sector, arms_study

SEED = 20_240
PAGE = Path(__file__).resolve().parents[2] / "docs" / "methods" / "apart.md"

METHODS: dict[str, tuple[MethodSpec, tuple[str, ...], tuple[str, ...]]] = {
    "raw-gap": (RawGap(), (), ()),
    "two-way, all arms": (TwoWay(), ("other",), ()),
    "group-time, other arms ignored": (GroupTime(aggregate="simple"), (), ()),
    "imputation, other arms ignored": (Imputation(aggregate="simple"), (), ()),
    "imputation, all arms": (Imputation(alongside="joint", aggregate="simple"), (), ("other",)),
    "regime-did": (RegimeDid(), ("other",), ()),
    "two-way, rivals held": (TwoWay(), ("near",), ()),
    "regime-did, rivals held": (RegimeDid(), ("near",), ()),
}
"""Name in the table -> method, arms held, arms alongside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """One method on one world: estimate, its truth, whether the interval holds it. A method that
    refuses has none of them."""

    world: str
    method: str
    error: float | None = None
    std_error: float = 0.0
    truth: float = 0.0
    covered: bool = False
    rejects: bool = False
    joiners: int = 0


def asked_of(world: str) -> list[str]:
    """The methods whose other arm exists in this world."""
    there = "near" if world == "spill-over" else "other"
    return [name for name, (_, *arms) in METHODS.items() if all(set(a) <= {there} for a in arms)]


def given(panel: Panel, world: str) -> dict[str, tuple[Study, Arrays]]:
    """Study and arrays of each method. The panel is crossed once: what regime-did is given holds
    all years and both arms, and the others take from it what they use."""
    there = "near" if world == "spill-over" else "other"
    whole = panel.arrays(arms_study(RegimeDid(), (there,)))
    free = replace(whole, hold=(), regime=None, regime_names=("all",))
    out: dict[str, tuple[Study, Arrays]] = {}
    for name in asked_of(world):
        method, hold, alongside = METHODS[name]
        arrays = whole if hold else replace(free, alongside=whole.hold) if alongside else free
        out[name] = (arms_study(method, hold).with_(alongside=alongside), arrays)
    return out


def one(task: tuple[str, int]) -> list[Exam]:
    """Every method on one drawn world."""
    world, k = task
    panel = arms_sector(WORLDS[world][1], Streams(SEED).at(world, k))
    out: list[Exam] = []
    for name, (study, arrays) in given(panel, world).items():
        try:
            row = estimate(arrays, study, Streams(SEED).at("draws", k).rng()).row()
        except NotIdentified:
            row = {"estimate": None}
        if row["estimate"] is None:
            out.append(Exam(world=world, method=name))
            continue
        out.append(
            Exam(
                world=world,
                method=name,
                error=row["estimate"] - row["truth"],
                std_error=row["std_error"],
                truth=row["truth"],
                covered=row["low"] <= row["truth"] <= row["high"],
                rejects=not row["low"] <= 0 <= row["high"],
                joiners=row["n_treated"],
            )
        )
    return out


def run(worlds: int, processes: int, names: Iterable[str] = tuple(WORLDS)) -> list[Exam]:
    tasks = [(name, k) for name in names for k in range(worlds)]
    if processes < 2:
        return [exam for task in tasks for exam in one(task)]
    out: list[Exam] = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for k, found in enumerate(pool.map(one, tasks, chunksize=10), start=1):
            out.extend(found)
            if k % 500 == 0:
                print(f"{k:,} of {len(tasks):,} worlds", file=sys.stderr, flush=True)
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Means over the worlds in which the method gave an answer, ``answered`` of all ``worlds``;
    ``width`` is the standard error (root mean square) over the spread of the errors."""

    world: str
    method: str
    truth: float
    bias: float
    bias_error: float
    rmse: float
    width: float
    coverage: float
    rejects: float
    answered: int
    worlds: int
    joiners: float

    @property
    def coverage_error(self) -> float:
        """Monte Carlo standard error of the coverage."""
        return float(np.sqrt(self.coverage * (1 - self.coverage) / max(self.answered, 1)))


def marks(exams: list[Exam], worlds: int) -> list[Mark]:
    out: list[Mark] = []
    for world, method in dict.fromkeys((e.world, e.method) for e in exams):
        mine = [e for e in exams if (e.world, e.method) == (world, method) and e.error is not None]
        error = np.array([e.error for e in mine], dtype=np.float64)
        some = error.size > 0
        out.append(
            Mark(
                world=world,
                method=method,
                truth=float(np.mean([e.truth for e in mine])) if some else float("nan"),
                bias=float(error.mean()) if some else float("nan"),
                bias_error=float(error.std(ddof=1) / np.sqrt(error.size))
                if error.size > 1
                else float("nan"),
                rmse=float(np.sqrt((error**2).mean())) if some else float("nan"),
                width=float(np.sqrt(np.mean([e.std_error**2 for e in mine])) / error.std(ddof=1))
                if error.size > 1
                else float("nan"),
                coverage=float(np.mean([e.covered for e in mine])) if some else float("nan"),
                rejects=float(np.mean([e.rejects for e in mine])) if some else float("nan"),
                answered=len(mine),
                worlds=worlds,
                joiners=float(np.mean([e.joiners for e in mine])) if some else float("nan"),
            )
        )
    return out


def page(found: list[Mark], worlds: int) -> str:
    lines = [
        "# Apart: which method tells an arm from what comes with it",
        "",
        f"{worlds} worlds of each kind (`world/two_arms.py`), in which providers hold two arms",
        "and the effect of the first is known. Bias, RMSE and coverage of the 95% interval are",
        "those of each method's main answer against what it would be if the known effect were all",
        "there is, so that methods that speak of different joiners are each held to their own.",
        "Outcomes are in standard deviations of a provider's yearly noise; the comparison is with",
        "providers that have not joined yet. *s.e. / spread* is the standard error that the method",
        "states over the spread of its errors: below 1 it promises too much. Monte Carlo standard",
        "errors stand beside bias and coverage; a refusal (`not identified`) is no answer, and is",
        "counted.",
        f"`python scripts/simulation/apart.py {worlds}` writes this page again.",
        "",
        "| world | method | truth | bias (s.e.) | RMSE | s.e. / spread | coverage (s.e.) "
        "| finds an effect | joiners | refuses |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for m in found:
        refused = m.worlds - m.answered
        if not m.answered:
            lines.append(f"| {m.world} | {m.method} | – | – | – | – | – | – | – | {refused} |")
            continue
        lines.append(
            f"| {m.world} | {m.method} | {m.truth:.3f} | {m.bias:+.3f} ({m.bias_error:.3f}) | "
            f"{m.rmse:.3f} | {m.width:.2f} | {m.coverage:.1%} ({m.coverage_error:.1%}) | "
            f"{m.rejects:.0%} | {m.joiners:.0f} | {refused} |"
        )
    lines += ["", "The worlds:", ""]
    lines += [f"* **{name}**: {what}." for name, (what, _) in WORLDS.items()]
    lines += ["", *READING, "", *beside_peers(found)]
    return "\n".join(lines) + "\n"


def beside_peers(found: list[Mark]) -> list[str]:
    """Our numbers on two initiatives beside what other packages gave on such a world."""
    by = {m.method: m for m in found if m.world == "two initiatives" and m.answered}
    if not by:
        return []

    def said(name: str) -> str:
        m = by[name]
        return f"{m.truth + m.bias:.3f} ({m.rejects:.0%})"

    return [
        "**Two initiatives, beside other packages.** On 40 worlds of 1,000 providers with an "
        "initiative that does nothing and one worth 0.30 that overlaps it, other packages said of "
        "the first (in brackets how often they found an effect): single-arm group-time 0.085 "
        "(92%), single-arm imputation 0.114 (100%), imputation with both -0.007. Here: group-time "
        f"{said('group-time, other arms ignored')}, imputation "
        f"{said('imputation, other arms ignored')}, imputation with both "
        f"{said('imputation, all arms')}, two-way with both {said('two-way, all arms')}, "
        f"regime-did {said('regime-did')}.",
        "",
        "The world is built anew from that account: 1,000 providers, effects of 0 and 0.30, "
        "overlap. What the account leaves open is chosen so that single-arm methods err as much: "
        "ten years, half of the providers join in an evenly drawn year, three quarters of those "
        "take the other within two years of it before or after, 30% of the rest at any time, "
        "noise of 0.4, comparison with those that have not joined yet.",
    ]


READING = [
    "What to read in it:",
    "",
    "* Where the other arm has an effect of its own and tends to come along, every method that "
    "ignores it books part of that effect to the arm asked about, imputation as much as "
    "group-time.",
    "* `two-way` with both arms, and imputation with both, are right while effects are additive, "
    "and are then the most precise, because they use every joiner and the model for the rest; "
    "where effects grow, `two-way` is wrong, where the arms work on each other, neither is right "
    "by design, and nothing in their output says so.",
    "* `regime-did` is right in all worlds in which the only other thing is the other arm, and "
    "speaks of fewer joiners: compare the column of joiners, and its RMSE, with that of "
    "`group-time`. Its standard errors equal the spread of its errors (the column *s.e. / spread*; "
    "leaving out one provider at a time gives the same within 1% for 1,000 providers).",
    "* Where 95% of joiners take both on one day, it rests on the few others; it says so and its "
    "interval is as wide as that makes it. Where all do, it refuses.",
    "* Spill-over onto rivals is another arm like the rest once it is named: rivals' joining, an "
    "`exposure` counted by year, is held there instead of the second arm.",
    '* Leaving is handled by the exposure rule here (`leavers = "censor"`): the effect is that of '
    "staying.",
]


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    processes = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    PAGE.write_text(page(marks(run(count, processes), count), count), encoding="utf-8")
