"""Stepdown p-values against the definition, one hypothesis after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortia.maths.stepdown import romano_wolf


def by_definition(t, draws):
    """Romano & Wolf (2016): at every step the maximum over the hypotheses not yet passed."""
    left = list(range(t.size))
    out = np.zeros(t.size)
    last = 0.0
    while left:
        k = max(left, key=lambda j: abs(t[j]))
        beyond = sum(max(abs(row[j]) for j in left) >= abs(t[k]) for row in draws)
        last = max(last, (1 + beyond) / (1 + len(draws)))
        out[k] = last
        left.remove(k)
    return out


@given(seed=st.integers(0, 10_000), K=st.integers(1, 6))
def test_as_by_definition(seed, K) -> None:
    rng = np.random.default_rng(seed)
    draws = rng.standard_normal((39, K)) + rng.standard_normal((39, 1))
    t = 2 * rng.standard_normal(K)
    np.testing.assert_allclose(romano_wolf(t, draws), by_definition(t, draws))


def test_one_hypothesis_is_its_own_and_copies_count_once() -> None:
    rng = np.random.default_rng(1)
    draws = rng.standard_normal((999, 1))
    alone = romano_wolf(np.array([2.2]), draws)[0]
    assert alone == (1 + (np.abs(draws) >= 2.2).sum()) / 1000
    copies = romano_wolf(np.full(5, 2.2), np.repeat(draws, 5, axis=1))
    np.testing.assert_array_equal(copies, alone)
    independent = romano_wolf(np.full(5, 2.2), rng.standard_normal((9999, 5)))
    assert independent[0] == pytest.approx(1 - (1 - 0.0278) ** 5, abs=0.01)


def test_unknown_takes_no_part() -> None:
    draws = np.random.default_rng(2).standard_normal((99, 2))
    found = romano_wolf(np.array([np.nan, 1.5]), draws)
    assert np.isnan(found[0])
    assert found[1] == romano_wolf(np.array([1.5]), draws[:, 1:])[0]
