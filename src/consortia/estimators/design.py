"""Which group-time effects a panel can be asked for, and who is compared with whom.

Cohorts and years are indices into ``years`` (T,); cohort T is never exposed in the window, cohort 0
was exposed before anything was seen and takes no part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consortia.results import EffectKey
from consortia.specs import Comparison, GroupTime, RegimeDid

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """ATT(g, t): cohort and year index, base year index, and the first cohort index from which on
    providers may serve as comparison (cohort g itself never does). ``regime``: the code that both
    sides hold from base year to year; -1 = whatever they hold."""

    g: int
    t: int
    base: int
    after: int
    regime: int = -1

    @property
    def reference(self) -> bool:
        """Zero by construction: the year is its own base."""
        return self.t == self.base

    def key(self, years: Ints) -> EffectKey:
        return EffectKey(
            estimand="att(g,t)",
            cohort=int(years[self.g]),
            year=int(years[self.t]),
            event_time=int(years[self.t] - years[self.g]),
        )

    def compares(self, cohorts: Ints) -> Bools:
        """Which of these cohorts (any shape) are comparison."""
        return (cohorts >= self.after) & (cohorts != self.g)


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Cells by cohort and year; cohorts that join but have no year to compare with."""

    cells: tuple[Cell, ...]
    without_base: tuple[int, ...]


def design(
    years: Ints, cohorts: Ints, spec: GroupTime | RegimeDid, comparison: Comparison
) -> Design:
    """Cells for the joining cohorts among ``cohorts`` (indices present in the data).

    The base year of cohort g is the last year more than ``anticipation`` years before g; with a
    varying base, years before joining are compared with the year before each. A not-yet comparison
    joins more than ``anticipation`` years after both years of the comparison, as in Callaway &
    Sant'Anna (2021, assumption 5).
    """
    T = years.size
    cells: list[Cell] = []
    without: list[int] = []
    for g in cohorts.tolist():
        if not 0 < g < T:
            continue
        before = np.flatnonzero(years + spec.anticipation < years[g])
        if before.size == 0:
            without.append(g)
            continue
        base = int(before[-1])
        for t in range(T):
            b = base
            if spec.base == "varying" and t < g:
                if t == 0:
                    continue
                b = t - 1
            after = T
            if comparison == "not-yet":
                touched = years[max(t, b)] + spec.anticipation
                after = int(np.searchsorted(years, touched, side="right"))
            cells.append(Cell(g=g, t=t, base=b, after=after))
    return Design(cells=tuple(cells), without_base=tuple(without))
