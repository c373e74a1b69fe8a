"""From ATT(g, t, r) to averages over regimes, cohorts and years, and to contrasts of regimes.

Every row is linear in the cells given the shares of groups of joiners, which are estimated too: a
row is ``L @ att``, and ``H`` holds its derivative in the shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consortia.estimators.aggregation import Summary
from consortia.estimators.design import Cell
from consortia.results import EffectKey

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    theta: float
    L: Floats
    H: Floats
    asked: Bools
    mass: Floats
    """(G,) how much of each group's share the row stands for when it is averaged further."""


class _Averages:
    """Rows over K cells whose averages weigh with shares (G,) of groups."""

    def __init__(self, att: Floats, share: Floats) -> None:
        self.att, self.share = att, share

    def cell(self, k: int, group: int) -> _Row:
        K, G = self.att.size, self.share.size
        theta = float(self.att[k]) if self.share[group] > 0 else np.nan
        L, asked, mass = np.zeros(K), np.zeros(K, dtype=np.bool_), np.zeros(G)
        L[k], asked[k], mass[group] = 1.0, True, 1.0
        return _Row(theta=theta, L=L, H=np.zeros(G), asked=asked, mass=mass)

    def mean(self, rows: Sequence[_Row], by_share: bool = True, spread: bool = False) -> _Row:
        """Mean of the identified ``rows``, by the shares that they stand for or evenly.

        With ``spread`` the result stands for the mean of what they stand for, not for the sum.
        """
        K, G = self.att.size, self.share.size
        asked = np.zeros(K, dtype=np.bool_)
        for row in rows:
            asked |= row.asked
        found = [row for row in rows if np.isfinite(row.theta)]
        L, H, mass = np.zeros(K), np.zeros(G), np.zeros(G)
        if not found:
            return _Row(theta=np.nan, L=L, H=H, asked=asked, mass=mass)
        theta = np.array([row.theta for row in found])
        M = np.array([row.mass for row in found])
        total = float((M @ self.share).sum())
        u = M @ self.share / total if by_share else np.full(len(found), 1 / len(found))
        value = float(u @ theta)
        L = np.einsum("r,rk->k", u, np.array([row.L for row in found]))
        H = np.einsum("r,rg->g", u, np.array([row.H for row in found]))
        if by_share:
            H += (theta - value) @ M / total
        mass = M.mean(axis=0) if spread else M.sum(axis=0)
        return _Row(theta=value, L=L, H=H, asked=asked, mass=mass)

    def contrast(self, pairs: Sequence[tuple[_Row, _Row]], asked: Bools) -> _Row:
        """Mean difference over pairs, weighed by what both sides stand for."""
        differences = [
            _Row(
                theta=a.theta - b.theta,
                L=a.L - b.L,
                H=a.H - b.H,
                asked=a.asked | b.asked,
                mass=a.mass + b.mass,
            )
            for a, b in pairs
        ]
        row = self.mean(differences)
        return _Row(theta=row.theta, L=row.L, H=row.H, asked=row.asked | asked, mass=row.mass)


def summarise(
    cells: tuple[Cell, ...],
    att: Floats,
    group: Ints,
    share: Floats,
    years: Ints,
    names: tuple[str, ...],
) -> Summary:
    """All summaries of the cells' ``att`` (K,), NaN where not identified.

    ``group`` (K,) the group by whose ``share`` (G,) a cell counts; ``names`` of the regimes. With a
    single regime the cells themselves are the ATT(g, t), which are then not repeated. A contrast of
    two regimes is taken over the cohorts and years in which both are identified, with the same
    weights on both sides, so that it does not mix in differences between cohorts or years.
    """
    rows = _Averages(att, share)
    cell = [rows.cell(k, int(group[k])) for k in range(len(cells))]
    regimes = sorted({c.regime for c in cells})
    at: dict[tuple[int, int], list[int]] = {}
    for k, c in enumerate(cells):
        at.setdefault((c.g, c.t), []).append(k)
    whole = {gt: rows.mean([cell[k] for k in ks]) for gt, ks in at.items()}
    reference = {gt: all(cells[k].reference for k in ks) for gt, ks in at.items()}
    post = [gt for gt in at if gt[1] >= gt[0]]
    keys: list[EffectKey] = []
    made: list[_Row] = []

    def put(key: EffectKey, row: _Row) -> _Row:
        keys.append(key)
        made.append(row)
        return row

    def event(gt: tuple[int, int]) -> int:
        return int(years[gt[1]] - years[gt[0]])

    if len(regimes) > 1:
        for gt, row in whole.items():
            put(
                EffectKey(
                    estimand="att(g,t)",
                    cohort=int(years[gt[0]]),
                    year=int(years[gt[1]]),
                    event_time=event(gt),
                ),
                row,
            )
    put(EffectKey(estimand="simple"), rows.mean([whole[gt] for gt in post]))
    by_group = [
        put(
            EffectKey(estimand="group", cohort=int(years[g])),
            rows.mean([whole[gt] for gt in post if gt[0] == g], by_share=False, spread=True),
        )
        for g in sorted({gt[0] for gt in at})
    ]
    put(EffectKey(estimand="group-overall"), rows.mean(by_group))
    by_year = [
        put(
            EffectKey(estimand="calendar", year=int(years[t])),
            rows.mean([whole[gt] for gt in post if gt[1] == t]),
        )
        for t in sorted({gt[1] for gt in post})
    ]
    put(EffectKey(estimand="calendar-overall"), rows.mean(by_year, by_share=False))
    after: list[_Row] = []
    for e in sorted({event(gt) for gt in at}):
        here = [gt for gt in at if event(gt) == e]
        real = [gt for gt in here if not reference[gt]]
        row = put(
            EffectKey(estimand="dynamic", event_time=e),
            rows.mean([whole[gt] for gt in real or here]),
        )
        if e >= 0:
            after.append(row)
    put(EffectKey(estimand="dynamic-overall"), rows.mean(after, by_share=False))
    if len(regimes) > 1:
        mine = {r: [k for gt in post for k in at[gt] if cells[k].regime == r] for r in regimes}
        for r in regimes:
            put(
                EffectKey(estimand="by-regime", regime=names[r]),
                rows.mean([cell[k] for k in mine[r]]),
            )
        for r, other in _both(regimes, mine, att):
            spot = {(cells[k].g, cells[k].t): k for k in mine[other] if np.isfinite(att[k])}
            pairs = [
                (cell[k], cell[spot[cells[k].g, cells[k].t]])
                for k in mine[r]
                if np.isfinite(att[k]) and (cells[k].g, cells[k].t) in spot
            ]
            asked = np.zeros(len(cells), dtype=np.bool_)
            asked[[*mine[r], *mine[other]]] = True
            put(
                EffectKey(estimand="regime-contrast", regime=f"{names[r]} − {names[other]}"),
                rows.contrast(pairs, np.zeros_like(asked) if pairs else asked),
            )
    return Summary(
        keys=tuple(keys),
        theta=np.array([row.theta for row in made]),
        L=np.array([row.L for row in made]),
        H=np.array([row.H for row in made]),
        asked=np.array([row.asked for row in made]),
    )


def _both(regimes: list[int], mine: dict[int, list[int]], att: Floats) -> list[tuple[int, int]]:
    """Pairs of regimes that have an effect each, the higher code (more held) first."""
    found = [r for r in regimes if np.isfinite(att[mine[r]]).any()]
    return [(r, other) for i, other in enumerate(found) for r in found[i + 1 :]]
