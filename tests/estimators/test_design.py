"""Which cells there are, with which base and whom to compare with."""

from __future__ import annotations

import numpy as np
import pytest

from consortia.estimators.design import design
from consortia.specs import GroupTime

YEARS = np.array([2014, 2015, 2016, 2019, 2022])  # two years missing, then two more
COHORTS = np.array([0, 1, 2, 3, 5])


def cell(plan, g, t):
    return next(c for c in plan.cells if (c.g, c.t) == (g, t))


def test_universal_base_is_the_last_year_before() -> None:
    plan = design(YEARS, COHORTS, GroupTime(), "never")
    assert {c.g for c in plan.cells} == {1, 2, 3}
    assert len(plan.cells) == 15
    assert {(c.g, c.base) for c in plan.cells} == {(1, 0), (2, 1), (3, 2)}
    assert sum(c.reference for c in plan.cells) == 3
    assert plan.without_base == ()


def test_anticipation_counts_calendar_years() -> None:
    plan = design(YEARS, COHORTS, GroupTime(anticipation=1), "never")
    # 2016 less more than a year is 2014; 2019 less more than a year is 2016.
    assert {(c.g, c.base) for c in plan.cells} == {(2, 0), (3, 2)}
    assert plan.without_base == (1,)
    assert design(YEARS, COHORTS, GroupTime(anticipation=3), "never").without_base == (1, 2)


def test_varying_base_is_the_year_before_until_joining() -> None:
    plan = design(YEARS, COHORTS, GroupTime(base="varying"), "never")
    assert [(c.t, c.base) for c in plan.cells if c.g == 3] == [(1, 0), (2, 1), (3, 2), (4, 2)]
    assert not any(c.reference for c in plan.cells)


@pytest.mark.parametrize(
    ("anticipation", "t", "compared"),
    [
        (0, 2, [3, 5]),  # in 2016: who joins in 2019 or never
        (0, 0, [3, 5]),  # in 2014 against the base 2015: not 2015's joiners, not its own cohort
        (0, 3, [5]),
        (1, 2, [3, 5]),
        (3, 2, [5]),  # 2019 lies within three years of 2016
    ],
)
def test_not_yet_excludes_those_within_reach(anticipation, t, compared) -> None:
    years = np.array([2010, *YEARS[1:]]) if anticipation == 3 else YEARS
    plan = design(years, COHORTS, GroupTime(anticipation=anticipation), "not-yet")
    assert COHORTS[cell(plan, 2, t).compares(COHORTS)].tolist() == compared


def test_never_compares_with_the_last_code_alone() -> None:
    plan = design(YEARS, COHORTS, GroupTime(), "never")
    assert all(COHORTS[c.compares(COHORTS)].tolist() == [5] for c in plan.cells)


def test_a_cell_names_its_years() -> None:
    plan = design(YEARS, COHORTS, GroupTime(), "never")
    key = cell(plan, 2, 4).key(YEARS)
    assert (key.estimand, key.cohort, key.year, key.event_time) == ("att(g,t)", 2016, 2022, 6)
    before = cell(plan, 3, 0).key(YEARS)
    assert (before.cohort, before.year, before.event_time) == (2019, 2014, -5)
