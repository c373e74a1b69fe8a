"""Who is still seen, and what is set aside on purpose."""

import numpy as np
import pytest
from trials import made, noise, trial_of

from consortia.sensitivity.leaving import cells, set_aside
from consortia.world import sector_study


def test_cells_by_hand() -> None:
    Y = noise(1, 40, 4)
    joined = np.where(np.arange(40) < 10, 2003, 0)
    Y[:3, 3] = np.nan
    Y[20, 2] = Y[5, 1] = np.nan
    trial = trial_of(*made(Y, joined))
    assert not set_aside(trial).any()
    third, fourth = cells(trial)
    assert (third.year, fourth.year) == (2, 3)
    assert third.share == fourth.share == 0.5
    # Joiner 5 has no base year and is in neither.
    assert 5 not in third.rows
    assert (third.S[third.D].sum(), third.D.sum()) == (9, 9)
    assert (fourth.S[fourth.D].sum(), fourth.D.sum()) == (6, 9)
    assert (third.S[~third.D].sum(), (~third.D).sum()) == (29, 30)
    k = third.rows.tolist().index(7)
    assert third.y[k] == pytest.approx(Y[7, 2] - Y[7, 1])


def test_years_after_a_held_arm_changed_are_not_missing(sector, full_trial) -> None:
    """Most joiners become academies on the day: with that held they are out, but not gone."""
    trial = trial_of(sector_study(), sector)
    aside = set_aside(trial)
    assert aside.sum() > 300
    # Nothing held; a few years that joining soon after the window already touches.
    assert set_aside(full_trial).sum() < 40
    found = cells(trial)
    seen = np.average([c.S[c.D].mean() for c in found], weights=[c.share for c in found])
    assert seen > 0.9
    assert sum(c.share for c in found) == pytest.approx(1.0)


def test_later_joiners_are_compared_until_they_join(full_trial) -> None:
    a = full_trial.arrays
    for c in cells(full_trial):
        others = a.cohort[c.rows[~c.D]]
        # One year before joining is touched already.
        assert ((others > c.year + 1) | (others == a.T)).all()
