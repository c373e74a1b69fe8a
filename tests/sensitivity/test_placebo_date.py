import numpy as np
import pytest

from consortia.errors import NotIdentified
from consortia.sensitivity.placebo_date import earlier


@pytest.fixture
def arrays(make_panel, make_study):
    y = {(p, t): float(t) for p in "abcde" for t in range(2014, 2020)}
    panel = make_panel(
        y,
        joins=[
            ("a", "T", "trust", "2016-09-01"),  # first exposed 2017
            ("b", "T", "trust", "2014-09-01"),  # first exposed 2015: one year before
            ("c", "T", "trust", "2010-09-01"),
        ],
    )
    return panel.arrays(make_study())


def seen(arrays) -> dict[str, list[int]]:
    return {
        p: arrays.years[np.isfinite(arrays.Y[k])].tolist() for k, p in enumerate(arrays.provider)
    }


def test_one_year_earlier(arrays) -> None:
    moved = earlier(arrays, 1, 0)
    assert moved.provider.tolist() == ["a", "c", "d", "e"]  # b has no year before its placebo year
    assert moved.years[moved.cohort[0]] == 2016
    assert seen(moved)["a"] == [2014, 2015, 2016]
    assert seen(moved)["d"] == list(range(2014, 2020))
    assert (moved.W > 0).tolist() == np.isfinite(moved.Y).tolist()
    assert moved.D[0].tolist() == [False, False, True, True, True, True]


def test_years_touched_before_joining_are_left_out(arrays) -> None:
    moved = earlier(arrays, 1, 1)
    assert moved.years[moved.cohort[0]] == 2015
    assert seen(moved)["a"] == [2014, 2015]


def test_nobody_left(arrays) -> None:
    with pytest.raises(NotIdentified, match="no joiner is observed 5 or more years"):
        earlier(arrays, 4, 0)
