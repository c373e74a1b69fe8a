"""Weights of synthetic difference-in-differences: what they promise, and what they fall back on."""

from __future__ import annotations

import numpy as np
import pytest

from consortia.maths.synthetic import gaps, weighting


def test_a_copy_gets_the_weight_when_nothing_is_regularised_away() -> None:
    rng = np.random.default_rng(0)
    C = 100 * rng.normal(size=(5, 12)).cumsum(axis=1)
    C[1:] += 1000 * rng.normal(size=(4, 12))
    treated = C[0] + 7.0
    found = weighting(C, treated, 10, 1)
    assert found.omega.argmax() == 0
    assert found.omega.sum() == pytest.approx(1)
    assert found.lam.sum() == pytest.approx(1)
    # A constant difference is the intercept's business.
    np.testing.assert_allclose(weighting(C, C[0], 10, 1).omega, found.omega, atol=1e-9)


def test_units_of_the_outcome_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    C, treated = rng.normal(size=(20, 8)), rng.normal(size=8)
    one, two = weighting(C, treated, 5, 3), weighting(1e6 * C + 5, 1e6 * treated, 5, 3)
    np.testing.assert_allclose(one.omega, two.omega, atol=1e-8)
    np.testing.assert_allclose(one.lam, two.lam, atol=1e-6)
    assert two.zeta == pytest.approx(1e6 * one.zeta)
    changes = np.diff(C[:, :5], axis=1)
    assert one.zeta == pytest.approx((3 * 3) ** 0.25 * changes.std(ddof=1))


def test_nothing_to_tell_apart_by() -> None:
    flat = np.tile(np.arange(6.0)[:, None], (1, 5))
    np.testing.assert_allclose(weighting(flat, np.ones(5), 3, 1).omega, 1 / 6)
    one_year = weighting(np.random.default_rng(2).normal(size=(6, 4)), np.ones(4), 1, 1)
    np.testing.assert_allclose(one_year.omega, 1 / 6)
    np.testing.assert_allclose(one_year.lam, 1.0)


def test_gaps() -> None:
    Y = np.array([[1.0, 3.0, 10.0]])
    np.testing.assert_allclose(gaps(Y, np.array([0.5, 0.5])), [[-1.0, 1.0, 8.0]])
