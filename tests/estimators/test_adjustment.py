"""One comparison given covariates: definitions, invariances, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from consortia.estimators import adjustment
from consortia.estimators.adjustment import (
    NotEstimable,
    difference,
    difference_of_means,
    prepare,
)

WAYS = ["regression", "weighting", "doubly-robust"]


def run(D, w, X, change, adjust):
    sample = prepare(D, w, X, adjust)
    psi = np.full(change.shape, np.nan)

    def put(rows, part):
        psi[rows] = part

    return difference(sample, lambda rows: change[rows].copy(), put), psi


def made(rng, n=200):
    x = rng.normal(size=n)
    D = rng.random(n) < 1 / (1 + np.exp(1 - 0.8 * x))
    X = np.column_stack([np.ones(n), x])
    change = np.column_stack([x + D + rng.normal(size=n), x**2 + rng.normal(size=n)])
    return D, rng.uniform(0.5, 2, n), X, change


@pytest.mark.parametrize("adjust", WAYS)
def test_many_outcomes_and_many_blocks_are_the_same(rng, adjust, monkeypatch) -> None:
    D, w, X, change = made(rng)
    att, psi = run(D, w, X, change, adjust)
    monkeypatch.setattr(adjustment, "_ROWS", 17)
    for j in (0, 1):
        one, part = run(D, w, X, change[:, [j]], adjust)
        assert one[0] == pytest.approx(att[j], abs=1e-12)
        np.testing.assert_allclose(part[:, 0], psi[:, j], atol=1e-12)
    np.testing.assert_allclose(psi.sum(axis=0), 0, atol=1e-10)


@pytest.mark.parametrize("adjust", WAYS)
def test_linear_change_of_covariates_changes_nothing(rng, adjust) -> None:
    D, w, X, change = made(rng)
    att, psi = run(D, w, X, change, adjust)
    x = X[:, 1]
    other = np.column_stack([np.ones(200), 1e4 + 300 * x, np.full(200, 7.0), -5 * x])
    again, psi_again = run(D, w, other, change, adjust)
    np.testing.assert_allclose(again, att, atol=1e-9)
    np.testing.assert_allclose(psi_again, psi, atol=1e-9)


@pytest.mark.parametrize("adjust", WAYS)
def test_effect_is_found_when_the_model_is_right(rng, adjust) -> None:
    D, w, X, change = made(rng, 20_000)
    naive = change[D, 0].mean() - change[~D, 0].mean()
    att, psi = run(D, w, X, change, adjust)
    se = np.sqrt((psi**2).sum(axis=0))
    assert abs(att[0] - 1) < 4 * se[0]
    assert abs(naive - 1) > 10 * se[0]


def test_doubly_robust_when_the_regression_is_wrong(rng) -> None:
    # The second outcome moves with the square: a line misses it, the weights do not.
    D, _, X, change = made(rng, 40_000)
    w = np.ones(40_000)
    line, psi_line = run(D, w, X, change, "regression")
    both, psi_both = run(D, w, X, change, "doubly-robust")
    assert abs(line[1]) > 10 * np.sqrt((psi_line[:, 1] ** 2).sum())
    assert abs(both[1]) < 4 * np.sqrt((psi_both[:, 1] ** 2).sum())


def test_regression_balances_the_covariate_exactly(rng) -> None:
    D, w, X, _ = made(rng)
    att, psi = run(D, w, X, X[:, [1]] * 3 + 2, "regression")
    np.testing.assert_allclose(att, 0, atol=1e-12)
    np.testing.assert_allclose(psi, 0, atol=1e-12)


def test_refusals(rng) -> None:
    D = np.array([True] * 5 + [False] * 3)
    w = np.ones(8)
    X = np.column_stack([np.ones(8), rng.normal(size=(8, 3))])
    with pytest.raises(NotEstimable, match="3 comparison providers cannot bear 3 covariates"):
        prepare(D, w, X, "regression")
    apart = np.column_stack([np.ones(8), np.where(D, 1.0, 0.0) + 0.01 * np.arange(8)])
    with pytest.raises(NotEstimable, match=r"nobody alike|separate"):
        prepare(D, w, apart, "weighting")


def test_means_with_gaps(rng) -> None:
    D = np.arange(12) < 5
    w = rng.uniform(1, 2, 12)
    change = rng.normal(size=(12, 3))
    change[rng.random((12, 3)) < 0.3] = np.nan
    change[:5, 2] = np.nan
    psi = np.full((12, 3), np.nan)

    def put(rows, part):
        psi[rows] = part

    att, used, found = difference_of_means(D, w, lambda rows: change[rows].copy(), put)
    assert found.tolist() == [True, True, False]
    assert (used == np.isfinite(change)).all()
    assert np.isnan(att[2])
    assert not psi[:, 2].any()
    for j in (0, 1):
        a, b = used[:, j] & D, used[:, j] & ~D
        m1, m0 = np.average(change[a, j], weights=w[a]), np.average(change[b, j], weights=w[b])
        assert att[j] == pytest.approx(m1 - m0)
        np.testing.assert_allclose(psi[a, j], w[a] / w[a].sum() * (change[a, j] - m1))
        np.testing.assert_allclose(psi[b, j], -w[b] / w[b].sum() * (change[b, j] - m0))
