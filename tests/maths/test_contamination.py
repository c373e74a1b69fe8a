"""Weights of the two-way regression against explicit dummies, and the identities they must keep."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortia.errors import NotIdentified
from consortia.maths.contamination import explain, residuals, weigh
from consortia.streams import Streams


def draw(rng, n=40, T=6, gaps=0.0):
    first = rng.integers(1, T + 3, n)
    A = np.arange(T) >= first[:, None]
    B = np.arange(T) >= (first + rng.integers(-2, 3, n))[:, None]
    C = (rng.random((n, T)) < 0.3) * rng.uniform(0.5, 2.0, (n, 1))
    W = rng.uniform(0.5, 2.0, (n, T))
    W[rng.random((n, T)) < gaps] = 0.0
    return W, [A, B, C]


def two_way(Y, W, columns):
    """Coefficients of ``columns`` beside explicit dummies for every provider and year."""
    n, T = Y.shape
    i, t = np.nonzero(W > 0)
    X = np.hstack(
        [np.stack([np.asarray(c, float)[i, t] for c in columns], 1), np.eye(n)[i], np.eye(T)[t]]
    )
    s = np.sqrt(W[i, t])
    return np.linalg.lstsq(X * s[:, None], Y[i, t] * s, rcond=None)[0][: len(columns)]


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.2]))
def test_own_weights_sum_to_one_and_others_to_zero(seed, gaps):
    W, arms = draw(Streams(seed).rng(), gaps=gaps)
    np.testing.assert_allclose(weigh(W, arms).total, np.eye(3), atol=1e-10)


@pytest.mark.parametrize("gaps", [0.0, 0.25])
def test_weights_times_effects_are_the_coefficients_on_noiseless_data(gaps):
    rng = Streams(2).rng()
    W, arms = draw(rng, gaps=gaps)
    x = rng.normal(size=W.shape)
    tau = rng.normal(size=(*W.shape, 3))
    Y = (
        rng.normal(size=(40, 1)) + rng.normal(size=6) + 0.7 * x
        + sum(tau[:, :, k] * arms[k] for k in range(3))
    )  # fmt: skip
    found = explain(W, arms, tau, [x])
    np.testing.assert_allclose(found.sum(axis=1), two_way(Y, W, [*arms, x])[:3], atol=1e-10)
    assert np.abs(found - np.diag(np.diag(found))).max() > 1e-3


def test_residuals_are_those_of_the_regression_on_everything_else():
    W, arms = draw(Streams(3).rng(), gaps=0.1)
    R = residuals(W, arms)
    i, t = np.nonzero(W > 0)
    s = np.sqrt(W[i, t])
    rest = np.hstack([np.stack([arms[1][i, t], arms[2][i, t]], 1), np.eye(40)[i], np.eye(6)[t]])
    d = np.asarray(arms[0], float)[i, t]
    r = d - rest @ np.linalg.lstsq(rest * s[:, None], d * s, rcond=None)[0]
    np.testing.assert_allclose(R[i, t, 0], W[i, t] * r / (W[i, t] * r * d).sum(), atol=1e-10)


def test_sums_are_those_of_the_weights_cell_by_cell():
    W, arms = draw(Streams(4).rng(), gaps=0.1)
    R, found = residuals(W, arms), weigh(W, arms)
    for j in range(3):
        for k in range(3):
            held = (W > 0) & (arms[k] != 0)
            w = (R[:, :, j] * arms[k])[held]
            assert found.positive[j, k] == pytest.approx(w[w > 0].sum())
            assert found.negative[j, k] == pytest.approx(w[w < 0].sum())
            assert found.below[j, k] == (w < 0).sum()
            assert found.cells[j, k] == held.sum()
            assert found.squares[j, k] == pytest.approx((w**2).sum())


def test_the_classic_case_of_a_negative_weight():
    # One joins in year 1, one in year 2, nobody stays out. By hand: after provider and year means
    # the early joiner's residuals are (-1/6, 1/3, -1/6), so that its year 2 counts -1/2 (sum w =
    # 1).
    W = np.ones((2, 3))
    early, late = [0, 1, 1], [0, 0, 1]
    D = np.array([early, late], dtype=bool)
    R = residuals(W, [D])[:, :, 0] * D
    np.testing.assert_allclose(R, [[0, 1, -0.5], [0, 0, 0.5]], atol=1e-12)
    found = weigh(W, [D])
    assert found.negative_share[0] == pytest.approx(1 / 3)
    assert found.negative[0, 0] == pytest.approx(-0.5)


def test_a_balanced_crossing_moves_weight_between_with_and_without_the_other_arm():
    # Two years, four kinds of provider, as many of each: neither, A, B, both.
    n, T = 8, 2
    a, b = np.arange(n) % 2 == 1, np.arange(n) // 2 % 2 == 1
    A = np.stack([np.zeros(n, bool), a], axis=1)
    B = np.stack([np.zeros(n, bool), b], axis=1)
    found = weigh(np.ones((n, T)), [A, B])
    # If B works better beside A, half of that is put down to A.
    np.testing.assert_allclose(found.contamination, [[0, 1 / 2], [1 / 2, 0]], atol=1e-12)
    assert found.negative_share.tolist() == [0.0, 0.0]


def test_fragility_is_the_least_spread_that_undoes_the_coefficient():
    # Effects chosen along the weights, with mean zero over the cells, reach the coefficient exactly
    # with the spread that fragility names; and nothing with less spread can.
    rng = Streams(5).rng()
    W, arms = draw(rng)
    A = arms[0]
    R = residuals(W, [A])[:, :, 0]
    w = R[A]
    tau = np.zeros(W.shape)
    beta = 0.3
    tau[A] = beta * (w - w.mean()) / ((w - w.mean()) ** 2).sum()
    assert tau[A].mean() == pytest.approx(0.0, abs=1e-12)
    assert explain(W, [A], tau[:, :, None])[0, 0] == pytest.approx(beta)
    assert weigh(W, [A]).fragility(np.array([beta]))[0] == pytest.approx(tau[A].std())


def test_fragility_is_infinite_where_weights_are_equal():
    D = np.array([[0, 1], [0, 1], [0, 0]], dtype=bool)
    assert weigh(np.ones((3, 2)), [D]).fragility(np.array([0.2]))[0] == np.inf


def test_providers_seen_once_have_no_weight():
    W, arms = draw(Streams(6).rng())
    W[3, 1:] = 0.0
    np.testing.assert_allclose(residuals(W, arms)[3], 0.0, atol=1e-15)


def test_refuses_arms_that_move_together():
    W, arms = draw(Streams(7).rng())
    with pytest.raises(NotIdentified, match="arm 2"):
        weigh(W, [arms[0], arms[0]])
    with pytest.raises(NotIdentified, match="arm 1"):
        weigh(W, [np.ones_like(arms[0]), arms[1]])
