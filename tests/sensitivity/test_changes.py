"""The plain comparison of changes, against group-time effects, loops, and a regression by hand."""

from dataclasses import replace

import numpy as np
import pytest
from trials import made, noise, trial_of

from consortia.errors import NotIdentified
from consortia.sensitivity.changes import (
    changes,
    filled,
    given,
    later_joiners_compared,
    pool,
    standard_error,
)
from consortia.specs import GroupTime, Imputation, SunAbraham


def pooled(trial, **kept):
    found = changes(trial, **kept)
    return found, pool(trial.arrays.n, found, [given(trial.arrays, c) for c in found])


def panel(seed: int = 1, **changed):
    Y = noise(seed, 120, 5)
    joined = np.zeros(120, dtype=int)
    joined[:20], joined[20:35] = 2003, 2004
    Y[:20, 2:] += 0.8
    Y[20:35, 3:] += 0.4
    return made(Y, joined, **changed)


@pytest.mark.parametrize("aggregate", ["group", "simple"])
def test_it_is_the_group_time_answer_without_covariates_and_gaps(aggregate: str) -> None:
    trial = trial_of(*panel(method=GroupTime(aggregate=aggregate)))
    found, one = pooled(trial)
    row = trial.estimate.row()
    assert one.theta == pytest.approx(row["estimate"], abs=1e-12)
    assert sum(c.share for c in found) == pytest.approx(1.0)
    if aggregate == "group":
        psi = trial.influence()
        assert psi is not None
        assert one.psi == pytest.approx(psi, abs=1e-12)
        C = trial.estimate.n_clusters
        assert standard_error(trial.arrays, one.psi) == pytest.approx(
            row["std_error"] * np.sqrt(C / (C - 1)), rel=1e-9
        )


def test_it_is_near_the_answer_with_covariates_gaps_and_later_joiners(full_trial) -> None:
    found, one = pooled(full_trial)
    row = full_trial.estimate.row()
    assert abs(one.theta - row["estimate"]) < 0.5 * row["std_error"]
    assert standard_error(full_trial.arrays, one.psi) == pytest.approx(row["std_error"], rel=0.2)
    a = full_trial.arrays
    for c in found:
        later = (a.cohort[c.rows] > c.cohort) & (a.cohort[c.rows] < a.T)
        assert not c.D[later].any()
        # The base lies before anticipation.
        assert a.years[c.base] + 1 < a.years[c.cohort]


def test_by_loops_with_gaps_and_a_longer_base() -> None:
    study, data = panel()
    trial = trial_of(study, data)
    Y = trial.arrays.Y.copy()
    Y[40, 3] = Y[5, 4] = Y[50, 0] = np.nan
    a = replace(trial.arrays, Y=Y)
    (c, *_) = changes(trial, base=2, arrays=a)
    assert c.cohort == 2
    never = [i for i in c.rows.tolist() if a.cohort[i] == a.T]
    mean = [np.nanmean([Y[i, t] for i in never]) for t in range(5)]
    for k, i in enumerate(c.rows.tolist()):
        after = [Y[i, t] - mean[t] for t in (2, 3, 4) if np.isfinite(Y[i, t])]
        before = [Y[i, t] - mean[t] for t in (0, 1) if np.isfinite(Y[i, t])]
        assert c.since[k] == pytest.approx(np.mean(after), abs=1e-12)
        assert c.before[k] == pytest.approx(np.mean(before), abs=1e-12)
        assert c.y[k] == pytest.approx(np.mean(after) - np.mean(before), abs=1e-12)


def test_later_joiners_leave_when_they_join() -> None:
    study, data = panel(comparison="not-yet")
    trial = trial_of(study, data)
    first = changes(trial)[0]
    a = trial.arrays
    later = np.flatnonzero(a.cohort == 3)
    assert set(later) <= set(first.rows.tolist())
    spot = {i: k for k, i in enumerate(first.rows.tolist())}
    others = [i for i in first.rows.tolist() if a.cohort[i] > 2]
    # In 2003, the only year before they join, they count beside the never-joiners.
    mean = [np.mean([a.Y[i, t] for i in others]) for t in (1, 2)]
    for i in later.tolist():
        expected = (a.Y[i, 2] - mean[1]) - (a.Y[i, 1] - mean[0])
        assert first.y[spot[i]] == pytest.approx(expected, abs=1e-12)


def test_strata_that_only_joiners_have_drop_out() -> None:
    trial = trial_of(*panel())
    stratum = np.zeros(120, dtype=np.int64)
    stratum[:5] = 1
    a = replace(trial.arrays, stratum=stratum, stratum_names=("a", "b"))
    assert not set(range(5)) & set(changes(trial, arrays=a)[0].rows.tolist())
    stratum[60:70] = 1
    found = changes(trial, arrays=replace(a, stratum=stratum))[0]
    assert set(range(5)) <= set(found.rows.tolist())
    X = given(replace(a, stratum=stratum), found)
    assert X.shape[1] == 2


def test_who_is_compared_follows_the_method() -> None:
    study, _ = panel()
    assert not later_joiners_compared(study)
    assert later_joiners_compared(study.with_(comparison="not-yet"))
    assert later_joiners_compared(study.with_(method=Imputation()))
    assert not later_joiners_compared(study.with_(method=SunAbraham(), comparison="not-yet"))


def test_nobody_to_compare() -> None:
    trial = trial_of(*panel())
    Y = trial.arrays.Y.copy()
    Y[:35, :2] = np.nan
    Y[20:35, 2] = np.nan
    with pytest.raises(NotIdentified, match="before and after joining"):
        changes(trial, arrays=replace(trial.arrays, Y=Y))


def test_a_missing_covariate_takes_the_mean() -> None:
    assert filled(np.array([1.0, np.nan, 3.0])).tolist() == [1.0, 2.0, 3.0]
    assert filled(np.array([np.nan, np.nan])).tolist() == [0.0, 0.0]
