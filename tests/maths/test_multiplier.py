"""Multiplier draws: their covariance is the analytic one, whatever the weights."""

from __future__ import annotations

import numpy as np
import pytest

from consortia.maths.influence import Influence
from consortia.maths.multiplier import gaussian_draws, multiplier_draws, sup_t

KINDS = ["rademacher", "mammen", "webb", "gaussian"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clustered", [False, True])
def test_spread_of_the_draws_is_the_standard_error(rng, kind, clustered) -> None:
    n = 400
    Z = rng.normal(size=(n, 3)) + 50
    path = rng.integers(0, 3, n)
    B = rng.normal(size=(3, 4, 4))
    influence = Influence(Z=Z, path=path, B=B, centre=np.full((3, 3), 50.0))
    label = rng.integers(0, 40, n) if clustered else None
    draws = multiplier_draws(influence, np.arange(4), label, 40, kind, 20_000, rng)
    psi = influence.dense()
    if label is not None:
        psi = np.array([psi[label == c].sum(axis=0) for c in range(40)])
    V = psi.T @ psi
    scale = np.sqrt(np.diag(V))
    np.testing.assert_allclose(draws.mean(axis=0) / scale, 0, atol=0.03)
    np.testing.assert_allclose(
        np.cov(draws.T) / np.outer(scale, scale), V / np.outer(scale, scale), atol=0.04
    )


@pytest.mark.parametrize(
    ("kind", "points", "probability"),
    [
        ("rademacher", [-1.0, 1.0], [0.5, 0.5]),
        ("mammen", [-0.6180339887, 1.6180339887], [0.7236067977, 0.2763932023]),
        ("webb", np.r_[-np.sqrt([1.5, 1, 0.5]), np.sqrt([0.5, 1, 1.5])], np.full(6, 1 / 6)),
    ],
)
def test_weights_take_the_published_points(rng, kind, points, probability) -> None:
    # One provider with influence 1: a draw is the weight itself.
    draws = multiplier_draws(
        Influence(psi=np.ones((1, 1))), np.array([0]), None, 1, kind, 30_000, rng
    )[:, 0]
    values, counts = np.unique(np.round(draws, 6), return_counts=True)
    np.testing.assert_allclose(values, points, atol=1e-5)
    np.testing.assert_allclose(counts / 30_000, probability, atol=0.012)


def test_rows_are_picked_in_order(rng) -> None:
    psi = np.array([[1.0, 10.0, 100.0]])
    draws = multiplier_draws(Influence(psi=psi), np.array([2, 0]), None, 1, "rademacher", 64, rng)
    assert set(np.abs(draws[:, 0])) == {100.0}
    assert set(np.abs(draws[:, 1])) == {1.0}


def test_gaussian_draws_of_a_singular_covariance(rng) -> None:
    root = rng.normal(size=(4, 2))
    draws = gaussian_draws(root @ root.T, 40_000, rng)
    np.testing.assert_allclose(np.cov(draws.T), root @ root.T, atol=0.15)
    # Nothing outside the plane that V spans.
    basis = np.linalg.svd(root)[0][:, 2:]
    np.testing.assert_allclose(draws @ basis, 0, atol=1e-6)


def test_many_blocks_are_one_draw(rng) -> None:
    # More weights than one block holds: a thousand providers of influence 1/sqrt(1000).
    influence = Influence(psi=np.full((1000, 1), 1000**-0.5))
    draws = multiplier_draws(influence, np.array([0]), None, 1000, "rademacher", 20_000, rng)
    assert draws.std() == pytest.approx(1, abs=0.02)


def test_sup_t_by_family() -> None:
    draws = np.array([[1.0, -4.0, 3.0], [2.0, 1.0, -9.0], [-3.0, 2.0, 6.0]])
    cut = sup_t(draws, np.array([1.0, 2.0, 3.0]), np.array([0, 0, 7]), 0.5)
    # Family 0: maxima 2, 2, 3. Family 7: 1, 3, 2.
    np.testing.assert_allclose(cut, [2.0, 2.0, 2.0])
