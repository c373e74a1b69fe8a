"""Provider and year effects eliminated against dense projections."""

from __future__ import annotations

import numpy as np
import pytest

from consortia.maths import absorption
from consortia.maths.absorption import absorb, independent, scores


def made(rng, n=30, T=4, p=2):
    Y = rng.normal(size=(n, T))
    W = rng.uniform(0.5, 2, (n, T)) * (rng.random((n, T)) < 0.8)
    Y[W == 0] = np.nan
    return Y, W, rng.normal(size=(n, T, p))


def residuals(V: np.ndarray, W: np.ndarray) -> np.ndarray:
    """V (n, T) less its weighted projection on dummies of providers and years."""
    i, t = np.nonzero(W > 0)
    X = np.column_stack([np.eye(W.shape[0])[i], np.eye(W.shape[1])[t]])
    root = np.sqrt(W[i, t])[:, None]
    out = np.zeros_like(V)
    out[i, t] = V[i, t] - X @ np.linalg.lstsq(root * X, root[:, 0] * V[i, t], rcond=1e-11)[0]
    return out


@pytest.mark.parametrize("rows", [7, 4096])
def test_cross_products_and_scores(rng, rows, monkeypatch) -> None:
    monkeypatch.setattr(absorption, "_ROWS", rows)
    Y, W, Z = made(rng)
    found = absorb(Y, W, lambda a, b: Z[a:b], 2)
    kept = np.where((W > 0).sum(axis=1, keepdims=True) > 1, W, 0.0)
    R = [residuals(np.nan_to_num(v), kept) for v in (Z[:, :, 0], Z[:, :, 1], Y)]
    cross = np.array([[(kept * a * b).sum() for b in R] for a in R])
    np.testing.assert_allclose(found.A, cross[:2, :2], atol=1e-10)
    np.testing.assert_allclose(found.b, cross[:2, 2], atol=1e-10)
    beta = np.linalg.solve(cross[:2, :2], cross[:2, 2])
    e = R[2] - beta[0] * R[0] - beta[1] * R[1]
    expected = np.stack([(kept * e * R[k]).sum(axis=1) for k in (0, 1)], axis=1)
    got = scores(Y, W, lambda a, b: Z[a:b], 2, found, np.array([0, 1]), beta)
    np.testing.assert_allclose(got, expected, atol=1e-10)
    assert found.cells == (kept > 0).sum()
    assert found.providers == (kept > 0).any(axis=1).sum()


def test_parts_are_counted(rng) -> None:
    # Two sets of providers that share no year are two connected parts.
    W = np.zeros((6, 4))
    W[:3, :2] = W[3:, 2:] = 1
    Y, Z = rng.normal(size=(6, 4)), rng.normal(size=(6, 4, 1))
    found = absorb(Y, W, lambda a, b: Z[a:b], 1)
    assert (found.parts, found.periods) == (2, 4)
    np.testing.assert_allclose(found.A[0, 0], (residuals(Z[:, :, 0], W) ** 2).sum(), atol=1e-12)
    nobody = absorb(Y, np.eye(6)[:, :4], lambda a, b: Z[a:b], 1)
    assert (nobody.cells, nobody.providers, nobody.parts) == (0, 0, 0)


def test_independent_keeps_the_first_of_a_kind(rng) -> None:
    X = rng.normal(size=(50, 3))
    X[:, 2] = X[:, 0] - 2 * X[:, 1]
    X = np.column_stack([X, np.zeros(50)])
    A = X.T @ X
    assert independent(A, np.diag(A)) == ([0, 1], [2, 3])
