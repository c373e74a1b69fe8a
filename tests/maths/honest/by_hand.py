"""The conditional test written out: every moment a row, the dual's vertices by enumeration of its
bases, the least favourable value by simulation. Slow, and free of the algebra it is to check."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy import optimize, stats

from consortia.maths.honest.sets import Differences, EventStudy


def moments(
    study: EventStudy, rows: Differences, v: np.ndarray, k: float, constant: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """A (2P, Q + P) and d (2P,): the polyhedron ``A delta <= d`` of one piece."""
    A = np.concatenate([rows.after - k * v, -rows.after - k * v])
    return A, np.full(A.shape[0], k * constant)


def nuisance(A: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(direction (P,) with target'direction = 1, X (2P, P - 1)) for ``A_after tau``."""
    P = target.size
    unit = target / (target @ target)
    free = np.linalg.svd(target[None, :])[2][1:].T
    return unit, A[:, -P:] @ free


def vertices(X: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """All vertices of {gamma >= 0, gamma'X = 0, sd'gamma = 1}, (N, M)."""
    E = np.column_stack([X, sd]).T
    e = np.zeros(E.shape[0])
    e[-1] = 1
    found = []
    for basis in combinations(range(sd.size), E.shape[0]):
        square = E[:, basis]
        if abs(np.linalg.det(square)) < 1e-10 * np.abs(square).max() ** E.shape[0]:
            continue
        part = np.linalg.solve(square, e)
        if (part >= -1e-10).all():
            gamma = np.zeros(sd.size)
            gamma[list(basis)] = np.maximum(part, 0)
            found.append(gamma)
    kept: list[np.ndarray] = []
    for gamma in found:
        if all(np.abs(gamma - other).max() > 1e-9 for other in kept):
            kept.append(gamma)
    return np.array(kept)


def eta_by_programme(Y: np.ndarray, X: np.ndarray, sd: np.ndarray) -> float:
    """min eta such that Y - X delta <= sd eta."""
    m = X.shape[1]
    made = optimize.linprog(
        np.r_[1.0, np.zeros(m)],
        A_ub=np.column_stack([-sd, -X]),
        b_ub=-Y,
        bounds=[(None, None)] * (m + 1),
        method="highs",
    )
    assert made.status == 0
    return float(made.fun)


def least_favourable(
    A: np.ndarray, V: np.ndarray, target: np.ndarray, size: float, rng: np.random.Generator
) -> float:
    _, X = nuisance(A, target)
    Sigma = A @ V @ A.T
    G = vertices(X, np.sqrt(np.diag(Sigma)))
    values, vectors = np.linalg.eigh(Sigma)
    root = vectors * np.sqrt(np.maximum(values, 0))
    draws = rng.normal(size=(200_000, Sigma.shape[0])) @ root.T
    return float(np.quantile((draws @ G.T).max(axis=1), 1 - size))


def accepted(
    study: EventStudy,
    A: np.ndarray,
    d: np.ndarray,
    target: np.ndarray,
    thetas: np.ndarray,
    critical: float,
    size: float,
    first: float,
) -> list[bool]:
    """The hybrid test of every theta, moment by moment; the first statistic is checked against a
    linear programme."""
    unit, X = nuisance(A, target)
    Sigma = A @ study.V @ A.T
    sd = np.sqrt(np.diag(Sigma))
    G = vertices(X, sd)
    out: list[bool] = []
    for theta in thetas.tolist():
        Y = A @ study.beta - d - theta * (A[:, -target.size :] @ unit)
        value = G @ Y
        eta = float(value.max())
        if not out:
            assert np.isclose(eta, eta_by_programme(Y, X, sd), rtol=1e-6, atol=1e-6)
        gamma = G[value.argmax()]
        variance = float(gamma @ Sigma @ gamma)
        if eta > critical:
            out.append(False)
        elif variance < 1e-14 or eta <= 0:
            out.append(eta <= 0)
        else:
            c = Sigma @ gamma / variance
            rest = Y - c * eta
            low, high = -np.inf, critical
            for other in G:
                slope = 1 - other @ c
                if abs(slope) < 1e-9:
                    continue
                edge = (other @ rest) / slope
                low, high = (max(low, edge), high) if slope > 0 else (low, min(high, edge))
            s = np.sqrt(variance)
            share = 1 - (size - first) / (1 - first)
            cut = stats.truncnorm(low / s, high / s, scale=s).ppf(share)
            out.append(bool(eta <= max(0.0, cut)))
    return out
