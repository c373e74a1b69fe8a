"""What is known takes the place of results, cell by cell."""

from dataclasses import replace

import numpy as np

from conftest import build_arrays, build_study
from consortia.estimators import METHODS
from consortia.estimators.known import on_known_effects
from consortia.specs import TwoWay


def fitted(arrays):
    return METHODS[TwoWay].fit(arrays, TwoWay(), build_study(TwoWay()), np.random.default_rng(0))


def test_outcomes_are_the_known_effect_where_the_arm_is_held() -> None:
    rng = np.random.default_rng(2)
    Y = rng.standard_normal((6, 4))
    Y[0, 3] = Y[5, 0] = np.nan
    effect = rng.standard_normal((6, 4))
    effect[1, 2] = np.nan
    arrays = build_arrays(Y, np.array([1, 2, 3, 4, 4, 4]), truth=effect)
    # A year in which the arm is left again has no effect.
    on = arrays.D.copy()
    on[1, 3] = False
    arrays = replace(arrays, on=on)
    fit = fitted(arrays)
    asked = []

    def again(known):
        asked.append(known)
        return np.array([7.0])

    assert on_known_effects(arrays, fit, again).tolist() == [7.0]
    expected = [
        [np.nan if np.isnan(Y[i, t]) else effect[i, t] if on[i, t] else 0.0 for t in range(4)]
        for i in range(6)
    ]
    expected[1][2] = 0.0
    np.testing.assert_array_equal(asked[0].Y, expected)
    assert asked[0].cohort is arrays.cohort


def test_nothing_is_known_of_real_panels() -> None:
    arrays = build_arrays(
        np.random.default_rng(1).standard_normal((5, 4)), np.array([1, 2, 4, 4, 4])
    )
    fit = fitted(arrays)

    def never(_):
        raise AssertionError("there is nothing to ask")

    assert np.isnan(on_known_effects(arrays, fit, never)).tolist() == [True]
