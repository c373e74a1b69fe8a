"""The regression as cluster sums, against least squares on dummies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortia.maths.within import by_cluster, generalised_inverse, within


def panel(seed: int, n: int = 24, T: int = 4, p: int = 1):
    """Y, W, X (n, T, p) with gaps and weights; the last column is 0/1 and steps up."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, T, p))
    first = rng.integers(1, T + 2, n)
    X[:, :, -1] = np.arange(T)[None, :] >= first[:, None]
    Y = rng.standard_normal((n, T)) + 0.7 * X[:, :, -1] + rng.standard_normal(n)[:, None]
    W = np.where(rng.random((n, T)) < 0.15, 0.0, rng.uniform(0.5, 3.0, (n, T)))
    return Y, W, X


def dense(Y, W, X):
    """Design with dummies, outcome, weights and provider of the cells seen twice or more."""
    n, T, _ = X.shape
    W = np.where(np.count_nonzero(W, axis=1)[:, None] < 2, 0.0, W)
    i, t = np.nonzero(W)
    cells = np.column_stack(
        [X[i, t], (i[:, None] == np.arange(n)), (t[:, None] == np.arange(1, T))]
    ).astype(float)
    return cells, Y[i, t], W[i, t], i


@given(seed=st.integers(0, 10_000), p=st.integers(1, 3))
@settings(max_examples=25)
def test_coefficient_residuals_and_residual_exposure(seed, p) -> None:
    Y, W, X = panel(seed, p=p)
    fit = within(Y, W, X)
    cells, y, w, _ = dense(Y, W, X)
    root = np.sqrt(w)
    b = np.linalg.lstsq(root[:, None] * cells, root * y, rcond=None)[0]
    assert fit.beta == pytest.approx(b[p - 1], abs=1e-9)
    at = np.nonzero(fit.W)
    np.testing.assert_allclose(fit.e[at], y - cells @ b, atol=1e-8)
    others = np.delete(cells, p - 1, axis=1)
    g = np.linalg.lstsq(root[:, None] * others, root * cells[:, p - 1], rcond=None)[0]
    np.testing.assert_allclose(fit.x[at], cells[:, p - 1] - others @ g, atol=1e-8)


def test_cluster_sums_add_up_to_the_whole() -> None:
    Y, W, X = panel(3, p=2)
    fit = within(Y, W, X)
    label = np.arange(24) % 5
    gram, score = by_cluster(fit, label, 5)
    np.testing.assert_allclose(gram.sum(axis=0), fit.gram, atol=1e-9)
    np.testing.assert_allclose(score.sum(axis=0), 0, atol=1e-8)
    one = by_cluster(fit, np.arange(24), 24)
    np.testing.assert_allclose(one[0][label == 2].sum(axis=0), gram[2], atol=1e-10)


def test_exposure_that_moves_with_the_years_alone_is_refused() -> None:
    Y, W, X = panel(1)
    X[:, :, 0] = np.arange(4) >= 2
    assert within(Y, W, X) is None


def test_generalised_inverse_of_a_singular_matrix() -> None:
    A = np.array([[2.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 1e6]])
    B = generalised_inverse(A)
    np.testing.assert_allclose(A @ B @ A, A, rtol=1e-10)
