"""Difference operators, with and without years that are missing, against differences by hand."""

from __future__ import annotations

import numpy as np
import pytest

from consortia.maths.honest.sets import EventStudy, first_differences, second_differences


def study(times: list[int], path: list[float], reference: int) -> EventStudy:
    """The path less its value in the reference year, which ``times`` leave out."""
    return EventStudy(
        beta=np.array(path), V=np.eye(len(path)), times=np.array(times), reference=reference
    )


def test_differences_of_consecutive_years() -> None:
    found = study([-3, -2, 0, 1], [1.0, 4.0, -2.0, 5.0], -1)
    steps, bends = first_differences(found), second_differences(found)
    assert (steps.before @ found.beta).tolist() == [3.0, -4.0]
    assert (steps.after @ found.beta).tolist() == [-2.0, 7.0]
    assert (bends.before @ found.beta).tolist() == [-7.0]
    assert (bends.after @ found.beta).tolist() == [2.0, 9.0]
    # Nothing before may read a year after.
    assert not steps.before[:, 2:].any()
    assert not bends.before[:, 2:].any()


def test_a_line_has_no_bends_and_equal_steps_whatever_years_are_missing() -> None:
    times = [-7, -4, -3, 0, 2, 3]
    found = study(times, [0.5 * (t + 2) for t in times], -2)
    steps, bends = first_differences(found), second_differences(found)
    assert steps.before @ found.beta == pytest.approx(0.5)
    assert steps.after @ found.beta == pytest.approx(0.5)
    assert bends.before @ found.beta == pytest.approx(0.0)
    assert bends.after @ found.beta == pytest.approx(0.0)


def test_a_bound_on_single_years_bounds_what_is_seen_of_them() -> None:
    """A parabola bends by 2a every year: the mean bends over missing years say the same."""
    times = [-9, -6, -2, 1, 5]
    found = study(times, [0.3 * (t + 1) ** 2 for t in times], -1)
    bends = second_differences(found)
    assert bends.before @ found.beta == pytest.approx(0.6)
    assert bends.after @ found.beta == pytest.approx(0.6)


def test_weights_sum_differences_up_to_the_target() -> None:
    found = study([-3, -2, 0, 1, 2], [1.0, 2.0, 3.0, 5.0, 9.0], -1)
    target = np.array([0.2, 0.3, 0.5])
    for rows in (first_differences(found), second_differences(found)):
        made = rows.weights(target) @ rows.after
        assert made[2:] == pytest.approx(target)
    assert first_differences(found).weights(target) == pytest.approx([1.0, 0.8, 0.5])


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="before the reference"):
        second_differences(study([0, 1], [1.0, 2.0], -1))
    with pytest.raises(ValueError, match="ascend"):
        study([-1, 0], [1.0, 2.0], -1)
    with pytest.raises(ValueError, match="same K"):
        EventStudy(beta=np.zeros(2), V=np.eye(3), times=np.array([-2, 0]), reference=-1)
