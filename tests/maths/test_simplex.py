"""Weights on the simplex: the conditions of Karush, Kuhn and Tucker decide, and SciPy's SLSQP."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from consortia.maths.simplex import (
    by_active_set,
    by_dual,
    by_frank_wolfe,
    by_frank_wolfe_gram,
    by_frank_wolfe_without,
)


def kkt_gap(x: np.ndarray, slope: np.ndarray, scale: float = 0.0) -> float:
    """How far x is from optimal: slope of weights in use equal, and nowhere lower."""
    scale = max(np.abs(slope).max(), scale, 1e-300)
    level = slope[x > 1e-12]
    return float(max(level.max() - level.min(), level.min() - slope.min()) / scale)


def problem(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    R, N = int(rng.integers(1, 9)), int(rng.integers(1, 30))
    scale = 10.0 ** rng.integers(-3, 4)
    return scale * rng.normal(size=(R, N)), scale * rng.normal(size=R)


@settings(max_examples=150)
@given(seed=st.integers(0, 10**6), weight=st.sampled_from([1e-3, 0.1, 1.0, 30.0]))
def test_dual_is_optimal(seed: int, weight: float) -> None:
    A, b = problem(seed)
    ridge = weight * float((A**2).mean())
    x, _ = by_dual(A, b, ridge)
    assert x.sum() == pytest.approx(1, abs=1e-12)
    assert (x >= 0).all()
    slope = ridge * x + A.T @ (A @ x - b) / A.shape[0]
    assert kkt_gap(x, slope) < 1e-7
    G = A.T @ A / A.shape[0] + ridge * np.eye(x.size)
    np.testing.assert_allclose(x, by_active_set(G, A.T @ b / A.shape[0]), atol=1e-7)


@settings(max_examples=150)
@given(seed=st.integers(0, 10**6))
def test_active_set_is_optimal_without_ridge(seed: int) -> None:
    A, b = problem(seed)
    G, c = A.T @ A, A.T @ b
    x = by_active_set(G, c)
    assert x.sum() == pytest.approx(1, abs=1e-12)
    assert (x >= 0).all()
    # With few rows the fit can be perfect and every slope zero: then their parts give the scale.
    assert kkt_gap(x, G @ x - c, float(np.abs(c).max() + np.abs(G).max())) < 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_against_slsqp(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, b = rng.normal(size=(6, 12)), rng.normal(size=6)
    x, _ = by_dual(A, b, 0.05)
    found = optimize.minimize(
        lambda v: 0.05 * v @ v + ((A @ v - b) ** 2).mean(),
        np.full(12, 1 / 12),
        jac=lambda v: 0.1 * v + 2 * A.T @ (A @ v - b) / 6,
        bounds=[(0, 1)] * 12,
        constraints={"type": "eq", "fun": lambda v: v.sum() - 1},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 500},
    )
    np.testing.assert_allclose(x, found.x, atol=1e-5)


def test_many_weights_are_quick_and_exact() -> None:
    rng = np.random.default_rng(1)
    A, b = rng.normal(size=(8, 50_000)), rng.normal(size=8)
    ridge = 3.0
    x, _ = by_dual(A, b, ridge)
    assert kkt_gap(x, ridge * x + A.T @ (A @ x - b) / 8) < 1e-6


def test_frank_wolfe_comes_near() -> None:
    rng = np.random.default_rng(2)
    A, b = rng.normal(size=(10, 6)), rng.normal(size=10)
    x = by_frank_wolfe(A, b, 1.0, 1e-7, most=100_000)
    # Its second round starts on the larger weights, and creeps: near is what can be said.
    np.testing.assert_allclose(x, by_dual(A, b, 1.0)[0], atol=2e-2)


def test_dual_needs_a_ridge() -> None:
    with pytest.raises(ValueError, match="ridge"):
        by_dual(np.ones((2, 3)), np.ones(2), 0.0)


def test_dual_from_a_nearby_start_is_the_same_and_rebuilds_the_weights() -> None:
    rng = np.random.default_rng(4)
    A, b = 100 * rng.normal(size=(7, 400)), 100 * rng.normal(size=7)
    _, dual = by_dual(A, b, 900.0)
    fewer = np.delete(A, [3, 50, 77], axis=1)
    cold, z = by_dual(fewer, b, 900.0)
    warm, _ = by_dual(fewer, b, 900.0, dual)
    np.testing.assert_allclose(warm, cold, atol=1e-10)
    np.testing.assert_allclose(np.maximum(z[-1] - fewer.T @ z[:-1], 0), cold, atol=1e-8)


@pytest.mark.parametrize("zeta", [0.05, 0.8])
def test_side_by_side_frank_wolfe_is_one_after_the_other(zeta: float) -> None:
    """Problems that share A, each without a few columns of its own."""
    rng = np.random.default_rng(6)
    A, B = rng.normal(size=(9, 40)), rng.normal(size=(12, 9))
    out = np.stack([rng.choice(40, 3, replace=False) for _ in range(12)])
    start = rng.dirichlet(np.ones(40), 12)
    np.put_along_axis(start, out, 0.0, axis=1)
    start /= start.sum(axis=1, keepdims=True)
    many = by_frank_wolfe_without(A, B, out, zeta, 1e-4, start, most=2000)
    for p in range(12):
        rest = np.setdiff1d(np.arange(40), out[p])
        one = by_frank_wolfe(A[:, rest], B[p], zeta, 1e-4, start[p, rest], most=2000)
        np.testing.assert_allclose(many[p, rest], one, atol=1e-9)
        assert not many[p, out[p]].any()


def test_frank_wolfe_from_normal_matrices_is_that_from_the_rows() -> None:
    rng = np.random.default_rng(7)
    rows = [30, 55, 200]
    A = [rng.normal(size=(r, 5)) for r in rows]
    b = [rng.normal(size=r) for r in rows]
    start = rng.dirichlet(np.ones(5))
    many = by_frank_wolfe_gram(
        np.array([a.T @ a for a in A]),
        np.array([a.T @ v for a, v in zip(A, b, strict=True)]),
        np.array([v @ v for v in b]),
        np.array(rows), 1e-3, 1e-4, start, most=3000,
    )  # fmt: skip
    for p in range(3):
        one = by_frank_wolfe(A[p], b[p], 1e-3, 1e-4, start, most=3000)
        np.testing.assert_allclose(many[p], one, atol=1e-8)
