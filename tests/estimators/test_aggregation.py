"""Summaries by hand, and their derivative in the cohorts' shares."""

from __future__ import annotations

import numpy as np
import pytest

from consortia.estimators.aggregation import OVERALL, summarise
from consortia.estimators.design import design
from consortia.specs import GroupTime

YEARS = np.arange(2001, 2005)
PLAN = design(YEARS, np.array([1, 2, 4]), GroupTime(), "never")
# Cells run over years within cohorts: cohort 2002 (base 2001), then 2003 (base 2002).
ATT = np.array([0.0, 1.0, 2.0, 4.0, 0.5, 0.0, 3.0, 7.0])
SHARE = np.array([0.0, 10.0, 30.0, 0.0, 0.0])


def value(summary, estimand, **where) -> float:
    found = [
        v
        for k, v in zip(summary.keys, summary.theta, strict=True)
        if k.estimand == estimand and all(getattr(k, n) == x for n, x in where.items())
    ]
    assert len(found) == 1
    return found[0]


def test_by_hand() -> None:
    s = summarise(PLAN.cells, ATT, SHARE, YEARS)
    assert value(s, "simple") == pytest.approx((10 * (1 + 2 + 4) + 30 * (3 + 7)) / (30 + 60))
    assert value(s, "group", cohort=2002) == pytest.approx(7 / 3)
    assert value(s, "group", cohort=2003) == pytest.approx(5)
    assert value(s, "group-overall") == pytest.approx((10 * 7 / 3 + 30 * 5) / 40)
    assert value(s, "calendar", year=2002) == 1
    assert value(s, "calendar", year=2003) == pytest.approx((10 * 2 + 30 * 3) / 40)
    assert value(s, "calendar-overall") == pytest.approx((1 + 2.75 + 6.25) / 3)
    assert value(s, "dynamic", event_time=-2) == 0.5
    assert value(s, "dynamic", event_time=-1) == 0
    assert value(s, "dynamic", event_time=1) == pytest.approx((10 * 2 + 30 * 7) / 40)
    assert value(s, "dynamic", event_time=2) == 4
    assert value(s, "dynamic-overall") == pytest.approx((2.5 + 5.75 + 4) / 3)


def test_rows_are_linear_with_the_stated_derivatives() -> None:
    s = summarise(PLAN.cells, ATT, SHARE, YEARS)
    step = 1e-6
    for k in range(ATT.size):
        up = ATT.copy()
        up[k] += step
        moved = summarise(PLAN.cells, up, SHARE, YEARS).theta
        np.testing.assert_allclose((moved - s.theta) / step, s.L[:, k], atol=1e-6)
    for g in (1, 2):
        up, down = SHARE.copy(), SHARE.copy()
        up[g] += step
        down[g] -= step
        moved = summarise(PLAN.cells, ATT, up, YEARS).theta
        back = summarise(PLAN.cells, ATT, down, YEARS).theta
        np.testing.assert_allclose((moved - back) / (2 * step), s.H[:, g], atol=1e-8)
    # Doubling every cohort changes nothing.
    np.testing.assert_allclose(s.H @ SHARE, 0, atol=1e-12)


def test_lost_cells_leave_the_rest() -> None:
    lost = ATT.copy()
    lost[2] = np.nan
    s = summarise(PLAN.cells, lost, SHARE, YEARS)
    assert value(s, "group", cohort=2002) == pytest.approx(2.5)
    assert value(s, "calendar", year=2003) == 3
    assert value(s, "simple") == pytest.approx((10 * 5 + 30 * 10) / 80)
    nothing = summarise(PLAN.cells, np.full(8, np.nan), SHARE, YEARS)
    assert np.isnan(nothing.theta).all()
    assert not nothing.L.any()


def test_headlines() -> None:
    s = summarise(PLAN.cells, ATT, SHARE, YEARS)
    for aggregate, estimand in OVERALL.items():
        assert s.keys[s.headline(aggregate)].estimand == estimand
