"""Least squares over weights that are not negative and sum to one, exactly.

Both problems of synthetic difference-in-differences (Arkhangelsky, Athey, Hirshberg, Imbens & Wager
2021, equations 4 and 6) are ``min_x  ridge |x|^2 + |A x - b|^2 / R`` over the simplex, A (R, N):

* few rows and many weights (providers): :func:`by_dual`, Newton's method on the dual, which has
  R + 1 unknowns however many weights there are;
* few weights and many rows (years): :func:`by_active_set` on the N x N normal matrix.
"""

# The paper's letters are upper case and not constants.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

import numpy as np

from consortia.maths.influence import Floats, Ints

_STEPS = 200


def by_active_set(G: Floats, c: Floats) -> Floats:
    """``min_x x'G x - 2 c'x`` over the simplex; G (N, N) positive semi-definite, c (N,).

    Primal active set from the best corner; ends at the exact solution after finitely many steps.
    """
    N = c.size
    size = max(float(np.trace(G)) / N, 1e-300)
    G, c = G / size, c / size
    tiny = 1e-12
    first = int(np.argmin(np.diag(G) - 2 * c))
    x = np.zeros(N)
    x[first] = 1.0
    free = [first]
    for _ in range(20 * N + 100):
        k = len(free)
        KKT = np.zeros((k + 1, k + 1))
        KKT[:k, :k] = G[np.ix_(free, free)] + tiny * np.eye(k)
        KKT[:k, k] = KKT[k, :k] = 1.0
        solved = np.linalg.lstsq(KKT, np.concatenate([c[free], [1.0]]), rcond=1e-15)[0]
        goal = solved[:k]
        if (goal >= -1e-14).all():
            x = np.zeros(N)
            x[free] = np.maximum(goal, 0.0)
            slope = G @ x - c
            level = float(slope[free].mean())
            gain = slope - level
            gain[free] = 0.0
            j = int(np.argmin(gain))
            if gain[j] >= -1e-11 * (1.0 + float(np.abs(c).max())):
                break
            free.append(j)
            continue
        here = x[free]
        down = goal < here
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(down & (goal < 0), here / (here - goal), np.inf)
        step = min(1.0, float(room.min()))
        x[free] = here + step * (goal - here)
        gone = int(np.argmin(np.where(room <= step, room, np.inf)))
        x[free[gone]] = 0.0
        del free[gone]
    return x / x.sum()


def by_dual(
    A: Floats, b: Floats, ridge: float, start: Floats | None = None
) -> tuple[Floats, Floats]:
    """The problem above for A (R, N) with N large and ``ridge`` > 0: weights (N,), dual (R + 1,).

    ``start`` is the dual of a problem that is nearly the same, such as one without a few columns.

    At the solution ``x = max(0, nu - A'rho)``, and (rho, nu) minimise a convex function that is
    quadratic in pieces: Newton steps with a line search reach its minimum exactly, at a cost of
    N R^2 each. Raises ValueError when ridge is not above zero.
    """
    if ridge <= 0:
        raise ValueError("ridge must be above zero; use by_active_set")
    R, N = A.shape
    spread = float(np.sqrt((A**2).mean())) or 1.0
    A, b = A / spread, b / spread
    r = R * ridge / spread**2
    E = np.vstack([-A, np.ones(N)])
    fixed = np.diag(np.concatenate([np.full(R, r), [0.0]]))
    linear = np.concatenate([b, [-1.0]])

    def at(z: Floats) -> tuple[Floats, Floats, float]:
        """Weights, gradient and value of the dual."""
        x = np.maximum(E.T @ z, 0.0)
        pulled = fixed @ z
        return x, E @ x + pulled + linear, float(0.5 * x @ x + 0.5 * z @ pulled + linear @ z)

    # From equal weights, which are inside: nu = 1/N, rho = 0.
    z: Floats = np.concatenate([np.zeros(R), [1.0 / N]]).astype(np.float64)
    units = np.concatenate([np.full(R, spread), [1.0]])
    if start is not None:
        z = start * units
    x, gradient, now = at(z)
    for _ in range(_STEPS):
        size = float(np.abs(gradient).max())
        if size < 1e-13:
            break
        on = E[:, x > 0]
        hessian = on @ on.T + fixed
        hessian[np.diag_indices(R + 1)] += 1e-15 * max(float(np.trace(hessian)), 1e-300)
        step: Floats = -np.linalg.solve(hessian, gradient).astype(np.float64)
        slope, length = float(gradient @ step), 1.0
        trial = at(z + step)
        # Near the end the value no longer moves in the last digits, while the gradient still does.
        while (
            trial[2] > now + 1e-4 * length * slope
            and float(np.abs(trial[1]).max()) > 0.5 * size
            and length > 1e-6
        ):
            length /= 2
            trial = at(z + length * step)
        if length <= 1e-6:
            break
        z = z + length * step
        x, gradient, now = trial
    return x / x.sum(), z / units


def by_frank_wolfe(
    A: Floats, b: Floats, zeta: float, least: float, start: Floats | None = None, most: int = 10_000
) -> Floats:
    """The problem with ``ridge = zeta^2`` as the authors' R package solves it: 100 Frank-Wolfe
    steps from ``start`` (equal weights), weights up to a quarter of the largest set to zero,
    then up to ``most`` steps until the objective falls by no more than ``least^2``.

    It stops short of the minimum; kept because published figures carry its digits.
    """
    N = A.shape[1]
    equal: Floats = np.ones(N) / N
    x = _frank_wolfe(A, b, zeta, least, 100, equal if start is None else start)
    x = np.where(x <= x.max() / 4, 0.0, x)
    return _frank_wolfe(A, b, zeta, least, most, x / x.sum())


def _frank_wolfe(A: Floats, b: Floats, zeta: float, least: float, most: int, x: Floats) -> Floats:
    R = A.shape[0]
    eta = R * zeta**2
    before = np.inf
    for k in range(most):
        fitted = A @ x
        slope = A.T @ (fitted - b) + eta * x
        i = int(np.argmin(slope))
        move = -x
        move[i] += 1.0
        if move.any():
            d = A[:, i] - fitted
            step = -float(slope @ move) / (float(d @ d) + eta * float(move @ move))
            x = x + min(1.0, max(0.0, step)) * move
        left = A @ x - b
        now = zeta**2 * float(x @ x) + float(left @ left) / R
        if k > 0 and before - now <= least**2:
            break
        before = now
    return x


def by_frank_wolfe_without(
    A: Floats,
    B: Floats,
    out: Ints,
    zeta: float,
    least: float,
    start: Floats,
    most: int = 10_000,
) -> Floats:
    """:func:`by_frank_wolfe` for P problems at once that share A (R, N): targets B (P, R), columns
    ``out`` (P, k) that have no weight, ``start`` (P, N) with zeros there. Weights (P, N)."""
    x = _many(A, B, out, zeta, least, 100, start.copy())
    x = np.where(x <= x.max(axis=1, keepdims=True) / 4, 0.0, x)
    return _many(A, B, out, zeta, least, most, x / x.sum(axis=1, keepdims=True))


def _many(
    A: Floats, B: Floats, out: Ints, zeta: float, least: float, most: int, x: Floats
) -> Floats:
    R = A.shape[0]
    eta = R * zeta**2
    columns = np.ascontiguousarray(A.T)
    made = x.copy()
    live: Ints = np.arange(B.shape[0], dtype=np.int64)
    fitted: Floats = np.asarray(x @ columns, dtype=np.float64)
    size: Floats = np.asarray((x**2).sum(axis=1), dtype=np.float64)
    before: Floats = np.full(live.size, np.inf)
    for k in range(most):
        left = fitted - B[live]
        slope = left @ A + eta * x
        np.put_along_axis(slope, out[live], np.inf, axis=1)
        i: Ints = np.asarray(slope.argmin(axis=1))
        rows = np.arange(live.size, dtype=np.int64)
        at = x[rows, i]
        # slope . (e_i - x), and |A (e_i - x)|^2 + eta |e_i - x|^2.
        down = slope[rows, i] - (left * fitted).sum(axis=1) - eta * size
        d = columns[i] - fitted
        bend = (d**2).sum(axis=1) + eta * (1 - 2 * at + size)
        step = np.clip(-down / np.where(bend > 0, bend, np.inf), 0.0, 1.0)
        x *= (1 - step)[:, None]
        x[rows, i] += step
        fitted += step[:, None] * d
        size = (1 - step) ** 2 * size + 2 * step * (1 - step) * at + step**2
        left = fitted - B[live]
        now = zeta**2 * size + (left**2).sum(axis=1) / R
        done = before - now <= least**2 if k else np.zeros(live.size, dtype=np.bool_)
        before = now
        if done.any():
            made[live[done]] = x[done]
            keep = ~done
            live, before, size = live[keep], before[keep], size[keep]
            x, fitted = x[keep], fitted[keep]
            if not live.size:
                return made
    made[live] = x
    return made


def by_frank_wolfe_gram(
    G: Floats,
    c: Floats,
    square: Floats,
    rows: Ints,
    zeta: float,
    least: float,
    start: Floats,
    most: int = 10_000,
) -> Floats:
    """:func:`by_frank_wolfe` for P problems of few weights at once, from normal matrices: with A
    (R, N) and b (R,) of each, ``G = A'A`` (P, N, N), ``c = A'b`` (P, N), ``square = b'b`` (P,),
    ``rows = R`` (P,). Weights (P, N) from ``start`` (N,)."""
    x = _many_gram(G, c, square, rows, zeta, least, 100, np.tile(start, (c.shape[0], 1)))
    x = np.where(x <= x.max(axis=1, keepdims=True) / 4, 0.0, x)
    x = x / x.sum(axis=1, keepdims=True)
    return _many_gram(G, c, square, rows, zeta, least, most, x)


def _many_gram(
    G: Floats, c: Floats, square: Floats, rows: Ints, zeta: float, least: float, most: int,
    x: Floats,
) -> Floats:  # fmt: skip
    eta = rows * zeta**2
    made = x.copy()
    live: Ints = np.arange(c.shape[0], dtype=np.int64)
    Gx: Floats = np.asarray(np.einsum("pij,pj->pi", G, x), dtype=np.float64)
    before: Floats = np.full(live.size, np.inf)
    for k in range(most):
        slope = Gx - c[live] + eta[live, None] * x
        i: Ints = np.asarray(slope.argmin(axis=1))
        each = np.arange(live.size, dtype=np.int64)
        down = slope[each, i] - (slope * x).sum(axis=1)
        column = G[live, :, i]
        size = (x**2).sum(axis=1)
        bend = (
            column[each, i]
            - 2 * Gx[each, i]
            + (x * Gx).sum(axis=1)
            + eta[live] * (1 - 2 * x[each, i] + size)
        )
        step = np.clip(-down / np.where(bend > 0, bend, np.inf), 0.0, 1.0)[:, None]
        x = (1 - step) * x
        x[each, i] += step[:, 0]
        Gx = (1 - step) * Gx + step * column
        left = (x * Gx).sum(axis=1) - 2 * (x * c[live]).sum(axis=1) + square[live]
        now = zeta**2 * (x**2).sum(axis=1) + left / rows[live]
        done = before - now <= least**2 if k else np.zeros(live.size, dtype=np.bool_)
        before = now
        if done.any():
            made[live[done]] = x[done]
            keep = ~done
            live, before, x, Gx = live[keep], before[keep], x[keep], Gx[keep]
            if not live.size:
                return made
    made[live] = x
    return made
