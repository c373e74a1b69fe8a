"""A bad year before joining, in worlds where it is known who joined because of it."""

import numpy as np
import pytest
from trials import made, noise, trial_of

from consortia.sensitivity.regression_to_mean import run
from consortia.specs import RegressionToMean
from consortia.streams import Streams

RNG = Streams(1).rng()


def dipped(effect: float, seed: int = 1, n: int = 4_000, strength: float = 1.0):
    """Who has a bad year in 2004 joins in 2005 more often."""
    rng = Streams(seed).at("dip").rng()
    Y = noise(seed, n, 7)
    e = Y[:, 3] - Y[:, [0, 1, 2, 4, 5, 6]].mean(axis=1)
    joins = -strength * e + rng.logistic(size=n) > 1.5
    Y[joins, 4:] += effect
    return Y, np.where(joins, 2005, 0)


def test_what_comes_back_by_itself_is_taken_out() -> None:
    found = run(trial_of(*made(*dipped(0.0))), RegressionToMean(), RNG)
    n = found.numbers
    assert n["dip"] < -0.3
    # Chance of a year that does not last: the whole dip comes back.
    assert n["share_returning"] == pytest.approx(1.0, abs=0.08)
    assert n["plain"] > 0.3
    assert n["corrected"] == pytest.approx(0.0, abs=0.12)
    assert found.verdict is False
    assert n["danger"] == 1.0
    assert "come back by itself" in found.sentence


def test_bases_spread_the_dip_out() -> None:
    found = run(trial_of(*made(*dipped(0.0))), RegressionToMean(), RNG)
    plain = found.table.filter(~found.table["given_base"])["estimate"].to_list()
    assert plain[0] > plain[1] > plain[2]
    # One bad year of k weighs 1/k.
    assert plain[1] == pytest.approx(plain[0] / 2, abs=0.1)
    assert plain[2] == pytest.approx(plain[0] / 3, abs=0.1)
    assert found.table["joiners"].n_unique() == 1


def test_given_the_base_is_a_regression() -> None:
    Y, joined = dipped(0.7, n=500)
    found = run(trial_of(*made(Y, joined)), RegressionToMean(), RNG)
    D = joined > 0
    after, base = Y[:, 4:].mean(axis=1), Y[:, 3]
    X = np.column_stack([np.ones(500), base])
    beta = np.linalg.lstsq(X[~D], after[~D], rcond=None)[0]
    assert found.numbers["given_base"] == pytest.approx((after - X @ beta)[D].mean(), abs=1e-10)


def test_without_a_dip_the_answer_stands() -> None:
    Y = noise(3, 2_000, 6)
    joined = np.where(np.arange(2_000) < 500, 2004, 0)
    Y[:500, 3:] += 1.0
    found = run(trial_of(*made(Y, joined)), RegressionToMean(), RNG)
    assert found.verdict is not False
    assert "no more than chance" in found.sentence
    assert found.numbers["corrected"] is None


def test_one_year_before_joining_shows_no_dip() -> None:
    Y = noise(3, 300, 4)
    joined = np.where(np.arange(300) < 100, 2002, 0)
    found = run(trial_of(*made(Y, joined)), RegressionToMean(), RNG)
    assert found.numbers["dip"] is None
    assert "cannot be measured" in found.sentence
    assert found.table.height == 2


def test_the_answers_own_base_and_covariates(full_trial) -> None:
    found = run(full_trial, RegressionToMean(), RNG)
    at = full_trial.estimate.row()
    assert found.numbers["plain"] == pytest.approx(at["estimate"], abs=at["std_error"])
    # The sector's chance of a year does not last either.
    assert found.numbers["share_returning"] == pytest.approx(1.0, abs=0.35)


def test_range() -> None:
    with pytest.raises(ValueError, match="years must lie"):
        RegressionToMean(years=1)
