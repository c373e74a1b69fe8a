"""The shortest interval of fixed length for smooth drifts (Rambachan & Roth 2023, section 4.1).

Estimators ``a'beta`` that weigh the years after by the target and are exact for linear drifts are
``(w' after + c' before) beta`` with second differences ``after`` and ``before``, for any c. Their
worst bias under smoothness M is ``M (|w|_1 + |c|_1)`` and the half-length

    sd(c) cv(bias / sd(c)),     cv(t) the 1 - alpha quantile of |N(t, 1)|.

Only the smallest sd for each |c|_1 can be best, and those are the lasso's path: piecewise linear in
c, found exactly once and used for every M.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from consortia.maths.honest.sets import Differences, EventStudy, Floats

_ALONG = 17
_ZOOMS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Knots of the best weights: ``c`` (N, Q - 1); ``x`` (N,) the estimates, ``sd`` (N,) their
    standard errors at the knots, ``weight`` (N,) = |w|_1 + |c|_1; ``B`` and ``q`` the quadratic
    form ``var = a + 2 q'c + c'B c``."""

    c: Floats
    x: Floats
    weight: Floats
    a: float
    q: Floats
    B: Floats

    def sd(self, c: Floats) -> Floats:
        """Standard errors (...,) of the estimators with weights ``c`` (..., Q - 1)."""
        var = self.a + 2 * c @ self.q + np.einsum("...i,ij,...j->...", c, self.B, c)
        return np.sqrt(np.maximum(var, 0.0))


def path(study: EventStudy, rows: Differences, target: Floats) -> Path:
    """All weights that can be best for some M. ``rows``: second differences."""
    w = rows.weights(target)
    h = w @ rows.after
    S, V = rows.before, study.V
    B, q = S @ V @ S.T, S @ V @ h
    c = _lasso(B, q)
    return Path(
        c=c,
        x=h @ study.beta + c @ (S @ study.beta),
        weight=np.abs(w).sum() + np.abs(c).sum(axis=1),
        a=float(h @ V @ h),
        q=q,
        B=B,
    )


def interval(path: Path, bounds: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Lower and upper ends (B,) of the shortest interval for each smoothness in ``bounds`` (B,)."""
    ends = [_shortest(path, M, level) for M in bounds.tolist()]
    centre, half = np.array(ends, dtype=np.float64).reshape(-1, 2).T
    return centre - half, centre + half


def _shortest(path: Path, M: float, level: float) -> tuple[float, float]:
    """Centre and half-length. Places on the path are tried evenly between knots, then again
    between the neighbours of the best; whole parts are knots."""
    last = path.weight.size - 1
    place: Floats = np.linspace(0.0, float(last), _ALONG * (last + 1))
    centre = half = np.nan
    for _ in range(_ZOOMS):
        sd = path.sd(_along(path.c, place))
        length: Floats = half_length(sd, M * _along(path.weight, place), level)
        best = int(length.argmin())
        centre, half = float(_along(path.x, place)[best]), float(length[best])
        left, right = float(place[max(best - 1, 0)]), float(place[min(best + 1, place.size - 1)])
        place = np.linspace(left, right, _ALONG)
    return centre, half


def _along(values: Floats, place: Floats) -> Floats:
    """Values (N, ...) at the knots, read between them."""
    knot = np.minimum(place.astype(np.int64), max(values.shape[0] - 2, 0))
    share = place - knot if values.ndim == 1 else (place - knot)[:, None]
    after = np.minimum(knot + 1, values.shape[0] - 1)
    return values[knot] * (1 - share) + values[after] * share


def half_length(sd: Floats, bias: Floats, level: float) -> Floats:
    """``sd cv(bias / sd)``: half the length of an interval that allows for ``bias``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(sd > 0, bias / sd, np.inf)
    return np.where(np.isfinite(t), sd * folded(np.where(np.isfinite(t), t, 0.0), level), bias)


def folded(t: Floats, level: float) -> Floats:
    """The ``level`` quantile of |N(t, 1)| for t >= 0, by Newton's method within its bracket."""
    low, high = t + special.ndtri(level), t + special.ndtri(0.5 + level / 2)
    c = high
    for _ in range(30):
        short = special.ndtr(c - t) - special.ndtr(-c - t) - level
        density = np.exp(-np.square(c - t) / 2) + np.exp(-np.square(c + t) / 2)
        new = np.clip(c - short * np.sqrt(2 * np.pi) / density, low, high)
        if (np.abs(new - c) <= 1e-14 * new).all():
            return new
        c = new
    return c


def _lasso(B: Floats, q: Floats) -> Floats:
    """Knots (N, m) of ``argmin c'Bc / 2 + q'c + penalty |c|_1`` from penalty infinite to zero.

    The homotopy of Osborne, Presnell & Turlach (2000): between knots the active weights move along
    ``B_AA^{-1} sign_A``; one enters when its gradient reaches the penalty, one leaves at zero.
    """
    m = q.size
    c = np.zeros(m)
    knots = [c.copy()]
    if m == 0:
        return np.array(knots).reshape(1, 0)
    penalty = float(np.abs(q).max())
    active = [int(np.abs(q).argmax())] if penalty > 0 else []
    sign = {j: -np.sign(q[j]) for j in active}
    floor = 1e-12 * penalty
    left = -1
    while active and penalty > floor and len(knots) < 50 * (m + 1):
        A = np.array(active)
        s = np.array([sign[j] for j in active])
        move = np.zeros(m)
        move[A] = np.linalg.lstsq(B[np.ix_(A, A)], s, rcond=None)[0]
        gradient, change = B @ c + q, B @ move
        step, event = penalty, (-1, 0.0)
        for j in range(m):
            if j in sign:
                if move[j] * sign[j] < 0:
                    way = -c[j] / move[j]
                    if 0 < way < step:
                        step, event = way, (j, 0.0)
                continue
            for side in (1.0, -1.0):
                # gradient + way change = side (penalty - way)
                rate = change[j] + side
                way = (side * penalty - gradient[j]) / rate if rate else np.inf
                if (1e-12 * penalty if j == left else 0.0) < way < step:
                    step, event = float(way), (j, -side)
        c = c + step * move
        penalty -= step
        knots.append(c.copy())
        j, side = event
        left = -1
        if j < 0:
            break
        if side == 0.0:
            c[j] = 0.0
            active.remove(j)
            del sign[j]
            left = j
        else:
            active.append(j)
            sign[j] = side
    return np.array(knots)
