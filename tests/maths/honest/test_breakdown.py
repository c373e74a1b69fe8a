"""The search finds the first bound at which zero is held, wherever it lies."""

from __future__ import annotations

import numpy as np
import pytest

from consortia.maths.honest import hybrid
from consortia.maths.honest.breakdown import breakdown
from consortia.maths.honest.sets import EventStudy, first_differences


@pytest.mark.parametrize("where", [1e-5, 0.03, 0.4999, 1.0, 3.3, 19.9])
def test_a_known_place(where: float) -> None:
    assert breakdown(lambda b: b >= where) == pytest.approx(where, abs=2e-4, rel=1e-4)


def test_the_two_ends() -> None:
    assert breakdown(lambda b: b >= 0) == 0.0
    assert breakdown(lambda b: b >= 21.0) == np.inf
    assert breakdown(lambda b: b >= 21.0, most=50) == pytest.approx(21.0, rel=1e-4)
    assert breakdown(lambda b: b >= 7e4, scale=1e4) == pytest.approx(7e4, rel=1e-3)


def test_the_first_of_several_places_counts() -> None:
    assert breakdown(lambda b: ((b >= 0.5) & (b <= 0.7)) | (b > 2)) == pytest.approx(0.5, abs=1e-3)


def test_at_the_breakdown_the_interval_touches_zero() -> None:
    study = EventStudy(
        beta=np.array([0.1, -0.05, 0.9, 1.1]),
        V=0.01 * (np.eye(4) + 0.3),
        times=np.array([-3, -2, 0, 1]),
        reference=-1,
    )
    rows, target = first_differences(study), np.array([0.5, 0.5])

    def holds(bounds: np.ndarray) -> np.ndarray:
        return hybrid.holds(hybrid.relative(study, rows, target, bounds), 0.0)

    found = breakdown(holds)
    assert 0.5 < found < 20
    low, _ = hybrid.interval(hybrid.relative(study, rows, target, np.array([found])))
    assert low[0] == pytest.approx(0.0, abs=1e-3)
