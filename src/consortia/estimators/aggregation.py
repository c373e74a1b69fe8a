"""From ATT(g, t) to the summaries of Callaway & Sant'Anna (2021, section 3.1), with the part of
their influence that comes from estimating how large each cohort is.

A row is ``L @ att`` with weights that depend on the cohorts' shares; its influence is
``L @ psi_cells`` plus ``w_i H[row, cohort_i]``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consortia.estimators.design import Cell
from consortia.results import EffectKey
from consortia.specs import Aggregation

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OVERALL: dict[str, str] = {
    "simple": "simple",
    "group": "group-overall",
    "calendar": "calendar-overall",
    "dynamic": "dynamic-overall",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Rows of summaries: ``theta`` (R,), ``L`` (R, K) on cells, ``H`` (R, T + 1) on cohorts;
    ``asked`` (R, K) which cells belong to the row whether identified or not."""

    keys: tuple[EffectKey, ...]
    theta: Floats
    L: Floats
    H: Floats
    asked: NDArray[np.bool_]

    def headline(self, aggregate: Aggregation) -> int:
        return [k.estimand for k in self.keys].index(OVERALL[aggregate])  # pyright: ignore


@dataclass(slots=True)
class _Rows:
    att: Floats
    cohort: Ints
    share: Floats
    n_cohorts: int
    keys: list[EffectKey]
    theta: list[float]
    L: list[Floats]
    H: list[Floats]
    asked: list[NDArray[np.bool_]]

    def add(self, key: EffectKey, asked: NDArray[np.bool_], by_share: bool = True) -> None:
        """A mean over identified cells, weighted by cohort share or evenly."""
        K = self.att.size
        pick = np.flatnonzero(asked & np.isfinite(self.att) & (self.share[self.cohort] > 0))
        L, H, theta = np.zeros(K), np.zeros(self.n_cohorts), np.nan
        if pick.size:
            weight = self.share[self.cohort[pick]] if by_share else np.ones(pick.size)
            total = weight.sum()
            L[pick] = weight / total
            theta = float(L[pick] @ self.att[pick])
            if by_share:
                np.add.at(H, self.cohort[pick], (self.att[pick] - theta) / total)
        self.put(key, theta, L, H, asked)

    def put(
        self, key: EffectKey, theta: float, L: Floats, H: Floats, asked: NDArray[np.bool_]
    ) -> None:
        self.keys.append(key)
        self.theta.append(theta)
        self.L.append(L)
        self.H.append(H)
        self.asked.append(asked)

    def average(self, key: EffectKey, rows: list[int], weight: Floats | None = None) -> None:
        """A mean over earlier rows that are identified."""
        K = self.att.size
        found = [r for r in rows if np.isfinite(self.theta[r])]
        asked = np.zeros(K, dtype=np.bool_)
        for r in rows:
            asked |= self.asked[r]
        if not found:
            self.put(key, np.nan, np.zeros(K), np.zeros(self.n_cohorts), asked)
            return
        values = np.array([self.theta[r] for r in found])
        if weight is None:
            u = np.full(len(found), 1 / len(found))
            H = np.zeros(self.n_cohorts)
        else:
            # Rows are cohorts here: their shares are estimated too.
            mine = np.array([int(self.cohort[np.flatnonzero(self.asked[r])[0]]) for r in found])
            u = weight[mine] / weight[mine].sum()
            H = np.zeros(self.n_cohorts)
            H[mine] = (values - u @ values) / weight[mine].sum()
        L = np.einsum("r,rk->k", u, np.array([self.L[r] for r in found]))
        H = H + np.einsum("r,rg->g", u, np.array([self.H[r] for r in found]))
        self.put(key, float(u @ values), L, H, asked)


def summarise(cells: tuple[Cell, ...], att: Floats, share: Floats, years: Ints) -> Summary:
    """All summaries of the cells' ``att`` (K,) (NaN = not identified).

    ``share`` (T + 1,) is the summed weight of each cohort's providers that are used. Reference
    cells (zero by construction) count only towards a row that has no other cell.
    """
    cohort = np.array([c.g for c in cells], dtype=np.int64)
    t = np.array([c.t for c in cells], dtype=np.int64)
    reference = np.array([c.reference for c in cells], dtype=np.bool_)
    event = years[t] - years[cohort]
    post = event >= 0
    rows = _Rows(
        att=att, cohort=cohort, share=share, n_cohorts=share.size, keys=[], theta=[], L=[], H=[],
        asked=[],
    )  # fmt: skip
    rows.add(EffectKey(estimand="simple"), post)
    start = len(rows.keys)
    for g in np.unique(cohort).tolist():
        rows.add(
            EffectKey(estimand="group", cohort=int(years[g])), post & (cohort == g), by_share=False
        )
    rows.average(EffectKey(estimand="group-overall"), list(range(start, len(rows.keys))), share)
    start = len(rows.keys)
    for s in np.unique(t[post]).tolist():
        rows.add(EffectKey(estimand="calendar", year=int(years[s])), post & (t == s))
    rows.average(EffectKey(estimand="calendar-overall"), list(range(start, len(rows.keys))))
    after: list[int] = []
    for e in np.unique(event).tolist():
        here = event == e
        if (here & ~reference).any():
            here &= ~reference
        if e >= 0:
            after.append(len(rows.keys))
        rows.add(EffectKey(estimand="dynamic", event_time=int(e)), here)
    rows.average(EffectKey(estimand="dynamic-overall"), after)
    return Summary(
        keys=tuple(rows.keys),
        theta=np.array(rows.theta),
        L=np.array(rows.L),
        H=np.array(rows.H),
        asked=np.array(rows.asked),
    )
