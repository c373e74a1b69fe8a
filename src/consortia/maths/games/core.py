"""The core, the least core and the nucleolus, by linear programmes with rows made as needed.

A payment x (n,) with x(N) = v(N) is in the core when no coalition S could do better alone,
x(S) >= v(S). The least core minimises the largest excess ``max_S (v(S) - x(S)) / w(S)`` over
coalitions that are neither empty nor everybody; the nucleolus then the next largest, and so on
(Schmeidler 1969). ``w`` is 1, or the number of members (per capita).

The nucleolus follows Potters, Reijnierse & Ansing (1996) and Benedek, Fliege & Nguyen (2021): a
coalition with a positive dual has the same excess in every solution, so it is fixed, and whatever
depends on fixed coalitions linearly is dropped; at most n - 1 programmes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from consortia.maths.games.coalitions import (
    Bools,
    Floats,
    Ints,
    checked,
    incidence,
    sizes,
    sums,
)

_EXACT = 1e-9
_ROWS = 24
"""Violated coalitions taken up at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeastCore:
    """The smallest ``epsilon`` that every coalition must be charged for leaving, in the unit of v,
    and one payment (n,) that attains it. The core is empty exactly when epsilon is above zero."""

    epsilon: float
    payment: Floats

    @property
    def core_is_empty(self) -> bool:
        return self.epsilon > _EXACT * max(1.0, float(np.abs(self.payment).sum()))


def least_core(v: Floats, *, per_capita: bool = False) -> LeastCore:
    """The least core of a game v (2^n,).

    With ``per_capita`` the charge is per member. One player alone has epsilon zero. Raises
    ValueError as :func:`checked`.
    """
    n = checked(v)
    if n == 1:
        return LeastCore(epsilon=0.0, payment=v[1:].copy())
    programme = _Programme(v, per_capita=per_capita)
    x, epsilon, _, _ = programme.solve(np.zeros((0, n)), np.zeros(0), np.arange(1, v.size - 1))
    return LeastCore(epsilon=epsilon, payment=x)


def in_core(v: Floats, x: Floats, tolerance: float = 1e-9) -> bool:
    """Whether payments x (n,) share out v(N) and leave no coalition that could do better alone."""
    checked(v)
    room = tolerance * max(1.0, float(np.abs(v).max()))
    paid = sums(x)
    return bool(abs(paid[-1] - v[-1]) <= room and (paid >= v - room).all())


def nucleolus(v: Floats, *, per_capita: bool = False, individually_rational: bool = True) -> Floats:
    """The payments (n,) whose excesses, largest first, are lexicographically smallest.

    ``individually_rational`` asks x_i >= v({i}) first (the nucleolus; without it the
    prenucleolus, which always exists; the two agree for superadditive games). Raises ValueError
    when that is impossible because v(N) is below the sum of what players are worth alone.
    """
    n = checked(v)
    if n == 1:
        return v[1:].copy()
    alone = v[1 << np.arange(n)]
    if individually_rational and alone.sum() > v[-1] + _EXACT * max(1.0, float(np.abs(v).max())):
        raise ValueError("nobody can be paid what they are worth alone: v(N) is too small")
    programme = _Programme(v, per_capita=per_capita, floor=alone if individually_rational else None)
    fixed, paid = np.zeros((0, n)), np.zeros(0)
    open_masks = np.arange(1, v.size - 1)
    basis = np.full((n, 1), 1 / np.sqrt(n))
    tight: list[tuple[Ints, float]] = []
    x = np.full(n, v[-1] / n)
    while basis.shape[1] < n and open_masks.size:
        x, epsilon, masks, duals = programme.solve(fixed, paid, open_masks)
        chosen = masks[duals > 1e-7 * duals.max()]
        tight.append((chosen, epsilon))
        for mask in chosen.tolist():
            row = incidence(n)[mask]
            left = row - basis @ (basis.T @ row)
            left -= basis @ (basis.T @ left)
            length = float(np.linalg.norm(left))
            if length > 1e-8:
                basis = np.column_stack([basis, left / length])
                fixed = np.vstack([fixed, row])
                paid = np.append(paid, v[mask] - programme.w[mask] * epsilon)
        rows = incidence(n)[open_masks]
        free = ((rows - (rows @ basis) @ basis.T) ** 2).sum(axis=1) > 1e-12
        open_masks = open_masks[free]
    return _polished(v, x, tight, programme.w, n)


def _polished(v: Floats, x: Floats, tight: list[tuple[Ints, float]], w: Floats, n: int) -> Floats:
    """x solved once more from the coalitions that bind, free of the programmes' tolerances."""
    rounds = len(tight)
    rows: list[Floats] = [np.concatenate([np.ones(n), np.zeros(rounds)])]
    right = [float(v[-1])]
    for k, (masks, _) in enumerate(tight):
        for mask in masks.tolist():
            row = np.concatenate([incidence(n)[mask], np.zeros(rounds)])
            row[n + k] = w[mask]
            rows.append(row)
            right.append(float(v[mask]))
    A, b = np.array(rows), np.array(right)
    start = np.concatenate([x, [e for _, e in tight]])
    step = np.linalg.lstsq(A, b - A @ start, rcond=1e-12)[0]
    better = start + step.astype(np.float64)
    size = max(1.0, float(np.abs(v).max()))
    near = float(np.abs(better[:n] - x).max()) <= 1e-5 * size
    fits = float(np.abs(A @ better - b).max()) <= 1e-10 * size
    return np.asarray(better[:n] if near and fits else x, dtype=np.float64)


class _Programme:
    """``min epsilon`` with x(S) + w(S) epsilon >= v(S) for open S, x(N) = v(N), fixed rows equal.

    Holds the rows found to matter, so that later programmes on the same game start from them.
    """

    def __init__(self, v: Floats, *, per_capita: bool, floor: Floats | None = None) -> None:
        self.n = n = checked(v)
        self.size = max(float(np.abs(v).max()), 1e-300)
        self.v = v / self.size
        self.w = sizes(n).astype(np.float64) if per_capita else np.ones(v.size)
        low = [(None, None)] * n if floor is None else [(f / self.size, None) for f in floor]
        self.bounds = [*low, (None, None)]
        one = 1 << np.arange(n)
        self.seen: Ints = np.unique(np.concatenate([one, v.size - 1 - one]))

    def solve(
        self, fixed: Floats, paid: Floats, open_masks: Ints
    ) -> tuple[Floats, float, Ints, Floats]:
        """Payments, epsilon, the rows used and their duals (both over rows)."""
        n, v = self.n, self.v
        is_open = np.zeros(v.size, dtype=bool)
        is_open[open_masks] = True
        rows = self.seen[is_open[self.seen]]
        if not rows.size:
            rows = open_masks[:_ROWS]
        equal = np.column_stack([np.vstack([np.ones((1, n)), fixed]), np.zeros(1 + len(paid))])
        value = np.concatenate([[v[-1]], paid / self.size])
        cost = np.zeros(n + 1)
        cost[-1] = 1.0
        while True:
            A = np.column_stack([-incidence(n)[rows], -self.w[rows]])
            # Few rows can leave epsilon without an end; it has one as soon as rows balance.
            found = optimize.linprog(
                cost, A_ub=A, b_ub=-v[rows], A_eq=equal, b_eq=value,
                bounds=self.bounds, method="highs",
            )  # fmt: skip
            if found.status == 3:
                rows = self._more(rows, is_open, np.full(n, v[-1] / n))
                continue
            if found.status != 0:
                raise ArithmeticError(f"linear programme: {found.message}")
            solved: Floats = np.asarray(found.x, dtype=np.float64)
            x, epsilon = solved[:n], float(solved[-1])
            short = np.where(is_open, v - sums(x) - self.w * epsilon, -np.inf)
            short[rows] = -np.inf
            if short.max() <= _EXACT:
                break
            worst = np.argpartition(-short, min(_ROWS, v.size - 1))[:_ROWS]
            rows = np.union1d(rows, worst[short[worst] > _EXACT])
        self.seen = np.union1d(self.seen, rows)
        return x * self.size, epsilon * self.size, rows, -np.asarray(found.ineqlin.marginals)

    def _more(self, rows: Ints, is_open: Bools, x: Floats) -> Ints:
        """More rows, worst at x first, where those taken so far leave epsilon unbounded."""
        short = np.where(is_open, self.v - sums(x), -np.inf)
        short[rows] = -np.inf
        order = np.argsort(-short, kind="stable")[: max(_ROWS, rows.size)]
        more = order[np.isfinite(short[order])]
        if not more.size:
            raise ArithmeticError("linear programme: epsilon has no end")
        return np.union1d(rows, more)
