"""The Shapley value: the Security Council, all orders, axioms; sampling covers what it says."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortia.maths.games.coalitions import sizes
from consortia.maths.games.shapley import sampled_shapley, shapley


def game(seed: int, n: int) -> np.ndarray:
    v = np.random.default_rng(seed).normal(size=1 << n)
    v[0] = 0.0
    return v


def test_security_council() -> None:
    # Five with a veto and four of the ten others: 421/2145 and 4/2145.
    masks = np.arange(1 << 15)
    v = (((masks & 31) == 31) & (sizes(15)[masks >> 5] >= 4)).astype(float)
    expected = [float(Fraction(421, 2145))] * 5 + [float(Fraction(4, 2145))] * 10
    np.testing.assert_allclose(shapley(v), expected, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_against_all_orders(n: int) -> None:
    v = game(n, n)
    orders = list(permutations(range(n)))
    total = np.zeros(n)
    for order in orders:
        mask = 0
        for i in order:
            total[i] += v[mask | 1 << i] - v[mask]
            mask |= 1 << i
    np.testing.assert_allclose(shapley(v), total / len(orders), atol=1e-12)


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 8))
def test_axioms(seed: int, n: int) -> None:
    v, u = game(seed, n), game(seed + 1, n)
    assert shapley(v).sum() == pytest.approx(v[-1], abs=1e-9)
    np.testing.assert_allclose(shapley(v + 2 * u), shapley(v) + 2 * shapley(u), atol=1e-9)
    # A player who adds nothing gets nothing; two who are alike get the same.
    null = np.concatenate([v, v])
    assert shapley(null)[n] == pytest.approx(0, abs=1e-9)
    alike = (sizes(n) ** 2).astype(float)
    assert np.ptp(shapley(alike)) < 1e-9


def test_sampling_covers_the_truth() -> None:
    n, rng = 8, np.random.default_rng(3)
    v = game(4, n) + sizes(n) ** 1.5
    v[0] = 0.0
    truth = shapley(v)
    inside = []
    for _ in range(200):
        found = sampled_shapley(lambda m: v[m], n, 40, rng)
        assert found.value.sum() == pytest.approx(v[-1])
        inside.append(np.abs(found.value - truth) <= 1.96 * found.std_error)
    # 40 pairs: close to nominal; four standard errors of 200 runs for 8 dependent players.
    assert 0.90 < np.mean(inside) < 0.985


def test_reversed_orders_help() -> None:
    n, rng = 8, np.random.default_rng(5)
    v = (sizes(n) ** 2 + np.random.default_rng(1).normal(size=1 << n) * 0.1).astype(float)
    v[0] = 0.0
    found = sampled_shapley(lambda m: v[m], n, 50, rng)
    # In a game of size alone, quadratic, a pair is without error; plain orders have sd about n/2.
    assert found.std_error.max() < 0.1
    assert found.orders == 100
    assert found.coalitions <= (1 << n) - 1


def test_each_coalition_is_asked_once() -> None:
    asked: list[int] = []

    def worth(mask: int) -> float:
        asked.append(mask)
        return float(mask.bit_count())

    found = sampled_shapley(worth, 12, 20, np.random.default_rng(1))
    assert len(asked) == len(set(asked)) == found.coalitions
    np.testing.assert_allclose(found.value, 1.0)
    np.testing.assert_allclose(found.std_error, 0.0, atol=1e-12)
    with pytest.raises(ValueError, match="two pairs"):
        sampled_shapley(worth, 3, 1, np.random.default_rng(1))
