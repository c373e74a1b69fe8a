"""The algebra of imputation: weights on outcomes that every average must have."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from consortia.maths.imputation import factor, from_cells, from_moments


def example(seed: int, n: int = 30, T: int = 5) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    path = rng.integers(0, 4, n)
    path[:4] = np.arange(4)
    start, stratum = np.array([2, 4, T, T]), np.array([0, 0, 0, 0])
    return rng.normal(size=(n, T)), path, start, stratum


def test_cells_and_moments_are_one() -> None:
    Y, path, start, stratum = example(1)
    n, T = Y.shape
    after = np.arange(T) >= start[path][:, None]
    one = from_moments(Y, None, path, start, stratum)
    two = from_cells(
        Y, (~after).astype(float), after.astype(float), path, start, stratum,
        np.empty((n, 0)), np.empty((n, T, 0)),
    )  # fmt: skip
    np.testing.assert_allclose(one.effect, two.effect, atol=1e-12)
    np.testing.assert_allclose(one.loading, two.loading, atol=1e-12)
    F = np.zeros((1, 4, T))
    F[0, 0, 2:] = 1 / 3
    np.testing.assert_allclose(one.theta(F), one.effect[0, 2:].mean())
    np.testing.assert_allclose(one.influence(F).dense(), two.influence(F).dense(), atol=1e-12)


def test_provider_and_year_effects_do_not_matter() -> None:
    Y, path, start, stratum = example(2)
    shifted = Y + np.arange(Y.shape[0])[:, None] * 3.0 + np.arange(Y.shape[1]) ** 2
    one = from_moments(Y, None, path, start, stratum)
    two = from_moments(shifted, None, path, start, stratum)
    np.testing.assert_allclose(one.effect, two.effect, atol=1e-10)
    F = np.zeros((1, 4, Y.shape[1]))
    F[0, 1, 4] = 1.0
    np.testing.assert_allclose(one.influence(F).dense(), two.influence(F).dense(), atol=1e-10)


def test_standardised_covariates_change_nothing_but_digits() -> None:
    Y, path, start, stratum = example(3)
    n, T = Y.shape
    after = np.arange(T) >= start[path][:, None]
    Z = np.random.default_rng(9).normal(size=(n, T, 1))
    found = [
        from_cells(
            Y, (~after).astype(float), after.astype(float), path, start, stratum,
            np.empty((n, 0)), z,
        ).effect
        for z in (Z, 1e4 + 1e-3 * Z)
    ]  # fmt: skip
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_factor_inverts_on_the_range() -> None:
    rng = np.random.default_rng(4)
    A = rng.normal(size=(10, 4)) * np.array([1.0, 1e-4, 1e4, 1.0])
    A = np.column_stack([A, A[:, 0] + A[:, 3]])
    S = A.T @ A
    inverse, null = factor(S)
    assert null.shape == (5, 1)
    np.testing.assert_allclose(A @ null, 0, atol=1e-9)
    # Fitted values do not depend on the units of the columns.
    y = rng.normal(size=10)
    even = A / np.linalg.norm(A, axis=0)
    wanted = even @ linalg.lstsq(even, y, cond=1e-10)[0]
    np.testing.assert_allclose(A @ (inverse @ (A.T @ y)), wanted, atol=1e-6)
