"""The joint test and its power, against solving by hand and against simulation."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from consortia.results import EFFECTS, Estimate, Trial
from consortia.sensitivity.pre_trend import (
    drift_noticed,
    power_against,
    quadratic_forms,
    run,
)
from consortia.specs import PreTrend
from consortia.streams import Streams


def covariance(k: int, seed: int = 1) -> np.ndarray:
    A = Streams(seed).at("cov").rng().normal(size=(k, 2 * k))
    return A @ A.T / 20


def test_quadratic_forms_equal_a_solve() -> None:
    V, theta, d = covariance(4), np.array([0.3, -0.2, 0.1, 0.4]), np.array([-4.0, -3, -2, -1])
    wald, lam, k = quadratic_forms(theta, d, V)
    assert k == 4
    assert wald == pytest.approx(theta @ np.linalg.solve(V, theta), rel=1e-10)
    assert lam == pytest.approx(d @ np.linalg.solve(V, d), rel=1e-10)


def test_a_redundant_row_does_not_count_twice() -> None:
    V = covariance(2)
    M = np.array([[1, 0], [0, 1], [1, 0]], dtype=float)
    theta = np.array([0.5, -0.3])
    d = np.array([-2.0, -1.0])
    wald, lam, k = quadratic_forms(M @ theta, M @ d, M @ V @ M.T)
    assert k == 2
    assert wald == pytest.approx(theta @ np.linalg.solve(V, theta), rel=1e-6)
    assert lam == pytest.approx(d @ np.linalg.solve(V, d), rel=1e-6)


@pytest.mark.parametrize("dof", [0, 40])
def test_power_against_simulation(dof: int) -> None:
    V, d, slope = covariance(3), np.array([-3.0, -2, -1]), 0.35
    _, lam, k = quadratic_forms(np.zeros(3), d, V)
    rng = Streams(3).at("power", dof).rng()
    draws = 40_000
    z = rng.multivariate_normal(slope * d, V, size=draws)
    W = np.einsum("ij,jk,ik->i", z, np.linalg.inv(V), z)
    if dof:
        W = W / k / (rng.chisquare(dof, draws) / dof)
        rejected = (stats.f.isf(0.05, k, dof) < W).mean()
    else:
        rejected = (stats.chi2.isf(0.05, k) < W).mean()
    assert 0.2 < rejected < 0.95
    assert power_against(slope, lam, k, dof, 0.05) == pytest.approx(rejected, abs=0.012)
    assert power_against(0.0, lam, k, dof, 0.05) == pytest.approx(0.05, abs=1e-6)


def test_noticed_drift_has_the_power_asked_for() -> None:
    for dof in (0, 12):
        s = drift_noticed(7.3, 3, dof, 0.05, 0.8)
        assert power_against(s, 7.3, 3, dof, 0.05) == pytest.approx(0.8, abs=1e-6)


def trial(make_study, pre: dict[int, float], se: float, headline: float = 1.0) -> Trial:
    times = [*pre, 0, 1]
    theta = [*pre.values(), headline, headline, headline]
    m = len(theta)
    V = np.eye(m) * se**2
    rows = [
        {
            "estimand": "dynamic" if k < m - 1 else "group-overall",
            "arm": "trust",
            "cohort": None,
            "year": None,
            "event_time": times[k] if k < m - 1 else None,
            "estimate": theta[k],
            "std_error": se,
            "low": theta[k] - 1.96 * se,
            "high": theta[k] + 1.96 * se,
            "band_low": None,
            "band_high": None,
            "p_value": 0.5,
            "n_treated": 40,
            "n_control": 200,
            "caution": "",
        }
        for k in range(m)
    ]
    estimate = Estimate(
        method="group-time",
        effects=pl.DataFrame(rows, schema=EFFECTS),
        covariance=V,
        headline=m - 1,
        n_clusters=240,
        convention="",
        critical=1.96,
    )
    return Trial(
        arrays=None,  # type: ignore[arg-type]
        study=make_study(),
        facts=pl.DataFrame(),
        estimate=estimate,
        refit=None,  # type: ignore[arg-type]
        cross=None,  # type: ignore[arg-type]
        influence=lambda: None,
        sd=1.0,
    )


def test_three_verdicts(make_study) -> None:
    rng = Streams(1).rng()
    quiet = run(trial(make_study, {-4: 0.01, -3: -0.02, -2: 0.0}, 0.1), PreTrend(), rng)
    assert quiet.verdict is True
    assert "no drift" in quiet.sentence
    drifting = run(trial(make_study, {-4: -1.5, -3: -1.0, -2: -0.5}, 0.1), PreTrend(), rng)
    assert drifting.verdict is False
    assert "already drifting" in drifting.sentence
    weak = run(trial(make_study, {-2: 0.01}, 0.9), PreTrend(), rng)
    assert weak.verdict is None
    assert "too weak to reassure" in weak.sentence
    none = run(trial(make_study, {}, 0.1), PreTrend(), rng)
    assert none.verdict is None
    assert "cannot be tested" in none.sentence


def test_numbers_by_hand(make_study) -> None:
    found = run(trial(make_study, {-3: 0.2, -2: -0.1}, 0.1), PreTrend(), Streams(1).rng())
    n = found.numbers
    assert n["wald"] == pytest.approx(5.0)
    assert n["p_value"] == pytest.approx(stats.chi2.sf(5.0, 2))
    # Years after joining lie 1 and 2 years from the reference year: 1.0 / 1.5 a year explains it.
    assert n["explaining_drift"] == pytest.approx(1 / 1.5)
