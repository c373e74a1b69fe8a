"""Weights on the simplex: the conditions of Karush, Kuhn and Tucker decide, and SciPy's SLSQP."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from consortia.maths.simplex import by_active_set, by_dual, by_frank_wolfe


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
    x = by_dual(A, b, ridge)
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
    x = by_dual(A, b, 0.05)
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
    x = by_dual(A, b, ridge)
    assert kkt_gap(x, ridge * x + A.T @ (A @ x - b) / 8) < 1e-6


def test_frank_wolfe_comes_near() -> None:
    rng = np.random.default_rng(2)
    A, b = rng.normal(size=(10, 6)), rng.normal(size=10)
    x = by_frank_wolfe(A, b, 1.0, 1e-7, most=100_000)
    # Its second round starts on the larger weights, and creeps: near is what can be said.
    np.testing.assert_allclose(x, by_dual(A, b, 1.0), atol=2e-2)


def test_dual_needs_a_ridge() -> None:
    with pytest.raises(ValueError, match="ridge"):
        by_dual(np.ones((2, 3)), np.ones(2), 0.0)
