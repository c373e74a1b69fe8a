"""The floor: the same sums in plain NumPy and nothing else.

No reading, no checks, no table, no cautions, no general case: a balanced panel with outcomes in a
matrix. It bounds from below what the same work costs with this tool, so that a figure can be given
as "times the floor". Identities: provider effects eliminated by demeaning (balanced); group-time
effects, aggregates and their covariance from cohort means and T x T cohort covariances; Gaussian
multipliers are draws from N(0, V) given the data.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Table = dict[str, tuple[float, float]]
Floats = NDArray[np.float64]


def two_way(Y: Floats, D: Floats) -> Table:
    """Coefficient of D with provider and year effects, clustered by provider (fixest's factor)."""
    n, T = Y.shape
    y = Y - Y.mean(axis=1, keepdims=True)
    y -= y.mean(axis=0)
    d = D - D.mean(axis=1, keepdims=True)
    d -= d.mean(axis=0)
    dd = np.einsum("it,it->", d, d)
    b = np.einsum("it,it->", d, y) / dd
    y -= b * d
    score = np.einsum("it,it->i", d, y)
    N, K = n * T, 1 + T  # provider effects are nested in the clusters and not counted
    factor = n / (n - 1) * (N - 1) / (N - K)
    return {"two-way": (float(b), float(np.sqrt(factor * (score @ score)) / dd))}


def group_time(Y: Floats, first: NDArray[np.int64], years: NDArray[np.int64]) -> Table:
    """Every ATT(g,t) against never-joiners (universal base), event times, simple; analytic."""
    names, theta, V = _moments(Y, first, years)
    return _table(names, theta, np.sqrt(np.diag(V)))


def group_time_draws(
    Y: Floats,
    first: NDArray[np.int64],
    years: NDArray[np.int64],
    rng: np.random.Generator,
    draws: int,
) -> Table:
    """The same, with the critical value of a uniform band over event times from Gaussian draws."""
    names, theta, V = _moments(Y, first, years)
    se = np.sqrt(np.diag(V))
    values, vectors = np.linalg.eigh(V)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    draw = rng.standard_normal((draws, len(names))) @ root.T
    table = _table(names, theta, se)
    event = [j for j, name in enumerate(names) if name.startswith("event")]
    sup = np.abs(draw[:, event] / se[event]).max(axis=1)
    table["critical"] = (float(np.quantile(sup, 0.95)), float("nan"))
    return table


def doubly_robust(
    Y: Floats, first: NDArray[np.int64], years: NDArray[np.int64], x: Floats
) -> Table:
    """Traditional doubly robust effects (Sant'Anna & Zhao 2020, section 3.1) with one covariate.

    One logit and one cross-product per cohort, shared by its years; influence functions with the
    terms for both fitted models; aggregates with the term for estimated cohort shares.
    """
    n, T = Y.shape
    X = np.column_stack([np.ones(n), x])
    never = first == 0
    groups = np.unique(first[first > 0])
    names: list[str] = []
    theta: list[float] = []
    where: list[tuple[int, int]] = []
    psi = np.zeros((n, groups.size * (T - 1)))
    for g in groups.tolist():
        rows = np.flatnonzero(never | (first == g))
        b = g - int(years[0]) - 1
        others = [t for t in range(T) if t != b]
        dY = Y[rows][:, others] - Y[rows, b][:, None]
        d = (first[rows] == g).astype(float)
        Xg = X[rows]
        odds, curve, logit_bread = _logit(Xg, d)
        control = d == 0
        Xc = Xg[control]
        bread = np.linalg.inv(Xc.T @ Xc)
        residual = dY - Xg @ (bread @ (Xc.T @ dY[control]))
        w1, w0 = d.sum(), odds[control].sum()
        on = np.where(control, odds, 0.0)
        eta1 = residual[~control].sum(axis=0) / w1
        eta0 = on @ residual / w0
        # Influence: each arm's own part, then what fitting the outcome and the logit adds.
        gap = Xg[~control].sum(axis=0) / w1 - on @ Xg / w0
        part = (
            residual * (d / w1 - on / w0)[:, None]
            - d[:, None] * (eta1 / w1)
            + on[:, None] * (eta0 / w0)
        )
        part -= residual * (control * (Xg @ (bread @ gap)))[:, None]
        M = (Xg * on[:, None]).T @ (residual - eta0) / w0
        part -= ((d - curve)[:, None] * Xg) @ (logit_bread @ M)
        at = len(names)
        psi[rows, at : at + len(others)] = part
        for t, value in zip(others, eta1 - eta0, strict=True):
            names.append(f"att({g},{years[t]})")
            theta.append(float(value))
            where.append((g, int(years[t])))
    att = np.array(theta)
    size = {g: float((first == g).sum()) for g in groups.tolist()}
    picked, L, extra = _weights(att, where, size)
    code = np.searchsorted(groups, np.where(never, groups[0], first))
    wide = psi @ L.T + np.where(never[:, None], 0.0, extra[:, code].T)
    se = np.sqrt(np.concatenate([(psi**2).sum(axis=0), (wide**2).sum(axis=0)]))
    return _table(names + picked, np.concatenate([att, L @ att]), se)


def _logit(X: Floats, d: Floats) -> tuple[Floats, Floats, Floats]:
    """Odds, fitted probabilities and inverse Hessian of a logit of d on X, by Newton steps."""
    beta = np.zeros(X.shape[1])
    beta[0] = np.log(d.mean() / (1 - d.mean()))
    for _ in range(25):
        p = 1 / (1 + np.exp(-(X @ beta)))
        bread = np.linalg.inv(X.T @ (X * (p * (1 - p))[:, None]))
        step = bread @ (X.T @ (d - p))
        beta += step
        if np.abs(step).max() < 1e-10:
            break
    p = 1 / (1 + np.exp(-(X @ beta)))
    return p / (1 - p), p, bread


def _weights(
    att: Floats, where: list[tuple[int, int]], size: dict[int, float]
) -> tuple[list[str], Floats, Floats]:
    """Names, weights (q, m) and the cohort-share term (q, cohorts) of simple and event times."""
    cohort = np.array([g for g, _ in where])
    year = np.array([t for _, t in where])
    weight = np.array([size[g] for g in cohort.tolist()], dtype=float)
    picks = [("simple", year >= cohort)]
    picks += [(f"event({e})", year - cohort == e) for e in np.unique(year - cohort)]
    L = np.zeros((len(picks), att.size))
    extra = np.zeros((len(picks), len(size)))
    for row, (_, pick) in enumerate(picks):
        total = weight[pick].sum()
        L[row, pick] = weight[pick] / total
        value = L[row] @ att
        for j, g in enumerate(size):
            # Cohort shares are estimated too: each member of cohort g shifts the average.
            extra[row, j] = (att[pick & (cohort == g)] - value).sum() / total
    return [name for name, _ in picks], L, extra


def _moments(
    Y: Floats, first: NDArray[np.int64], years: NDArray[np.int64]
) -> tuple[list[str], Floats, Floats]:
    T = years.size
    groups = [0, *(g for g in np.unique(first).tolist() if g)]
    size, mean, cov = {}, {}, {}
    for g in groups:
        block = Y[first == g]
        size[g] = block.shape[0]
        mean[g] = block.mean(axis=0)
        block -= mean[g]
        cov[g] = block.T @ block / size[g] ** 2  # covariance of the mean, with 1/n
    names: list[str] = []
    theta: list[float] = []
    where: list[tuple[int, int]] = []
    # Difference matrices: rows of A are (year t minus base) for each cell.
    A = {}
    for g in groups[1:]:
        b = int(g - years[0]) - 1
        rows = [t for t in range(T) if t != b]
        A[g] = np.zeros((len(rows), T))
        A[g][np.arange(len(rows)), rows] = 1
        A[g][:, b] -= 1
        for t in rows:
            names.append(f"att({g},{years[t]})")
            theta.append(float(mean[g][t] - mean[g][b] - mean[0][t] + mean[0][b]))
            where.append((g, int(years[t])))
    att = np.array(theta)
    control = np.concatenate([A[g] for g in groups[1:]])
    V = control @ cov[0] @ control.T
    at = 0
    for g in groups[1:]:
        k = A[g].shape[0]
        V[at : at + k, at : at + k] += A[g] @ cov[g] @ A[g].T
        at += k
    joined = {g: float(size[g]) for g in groups[1:]}
    picked, L, extra = _weights(att, where, joined)
    extra = extra * np.sqrt(list(joined.values()))
    full = np.concatenate([np.eye(att.size), L])
    V = full @ V @ full.T
    V[att.size :, att.size :] += extra @ extra.T
    return names + picked, full @ att, V


def _table(names: list[str], theta: Floats, se: Floats) -> Table:
    return {k: (float(a), float(b)) for k, a, b in zip(names, theta, se, strict=True)}


def matrix_of(frame: pd.DataFrame, column: str) -> Floats:
    """A long frame's column as (n, T): code both keys, then one scatter."""
    unit, units = pd.factorize(frame["unit"].to_numpy())
    year, years = pd.factorize(frame["year"].to_numpy(), sort=True)
    out = np.empty((units.size, years.size))
    out[unit, year] = frame[column].to_numpy()
    return out
