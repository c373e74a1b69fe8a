"""Hidden causes beside recorded ones, by regression and by influence."""

import numpy as np
import polars as pl
import pytest
from trials import made, noise, trial_of

from consortia.errors import DataInvalid
from consortia.maths.confounding import bias, robustness_value
from consortia.sensitivity.changes import changes, given, pool
from consortia.sensitivity.unseen_confounder import run
from consortia.specs import GroupTime, Imputation, RawGap, TwoWay, UnseenConfounder
from consortia.streams import Streams

RNG = Streams(1).rng()


def confounded(seed: int = 1, strength: float = 1.0, effect: float = 1.5):
    """A fixed fact raises both the chance of joining and the change of results."""
    rng = Streams(seed).at("confounded").rng()
    n = 800
    x, z = rng.normal(size=n), rng.normal(size=n)
    joins = x + 0.2 * z + rng.logistic(size=n) > 1.2
    joined = np.where(joins, 2003, 0)
    Y = noise(seed, n, 5)
    Y[:, 2:] += strength * (0.4 * x + 0.1 * z)[:, None]
    Y[joins, 2:] += effect
    return Y, joined, {"drive": x.tolist(), "mild": z.tolist(), "idle": rng.normal(size=n).tolist()}


@pytest.fixture(scope="module")
def trial():
    Y, joined, facts = confounded()
    return trial_of(*made(Y, joined, facts, covariates=("mild",)))


def test_a_recorded_cause_left_out_stays_within_its_own_bound(trial) -> None:
    """Leave out "drive" and liken the hidden cause to it: once as strong must reach the answer
    that has it in, and not much beyond."""
    found = run(trial, UnseenConfounder(benchmarks=("drive",)), RNG)
    cohorts = changes(trial)
    a = trial.arrays
    drive = trial.facts["drive"].to_numpy()
    model = [np.column_stack([given(a, c), drive[c.rows]]) for c in cohorts]
    with_it = pool(a.n, cohorts, model).theta
    once = found.table.row(0, named=True)
    assert once["estimate"] <= with_it + 0.02
    assert trial.estimate.row()["estimate"] - with_it > 0.1
    assert with_it - once["estimate"] < 0.5 * (trial.estimate.row()["estimate"] - with_it)


def test_rows_follow_the_bound_and_grow(trial) -> None:
    found = run(trial, UnseenConfounder(benchmarks=("drive", "mild", "idle")), RNG)
    n = found.numbers
    at = trial.estimate.row()["estimate"]
    for row in found.table.iter_rows(named=True):
        size = bias(n["scale"], row["r2_outcome"], row["r2_joining"])
        assert row["estimate"] == pytest.approx(at - size, abs=1e-10)
        assert row["high"] - row["low"] == pytest.approx(2 * n["critical"] * row["std_error"])
    by = {k[0]: v["estimate"].to_list() for k, v in found.table.group_by("benchmark")}
    assert by["drive"] == sorted(by["drive"], reverse=True)
    assert by["idle"][2] > by["mild"][2] > by["drive"][2]
    assert found.table.filter(pl.col("already_held"))["benchmark"].unique().to_list() == ["mild"]
    assert robustness_value(at / n["scale"]) == pytest.approx(n["robustness_value"])
    assert 0 < n["robustness_value_interval"] < n["robustness_value"]
    assert "drive" in found.sentence


@pytest.mark.slow
def test_standard_error_of_the_bound_is_that_of_many_samples() -> None:
    """The adjusted estimate at fixed strengths varies over samples as its standard error says."""
    ends, errors = [], []
    for seed in range(60):
        Y, joined, facts = confounded(100 + seed)
        one = trial_of(*made(Y, joined, facts))
        found = run(one, UnseenConfounder(benchmarks=("drive",), times=(1.0,)), RNG)
        at = one.estimate.row()["estimate"]
        ends.append(at - bias(found.numbers["scale"], 0.1, 0.1))
        row = found.table.row(0, named=True)
        errors.append(row["std_error"])
    assert np.mean(errors) == pytest.approx(np.std(ends, ddof=1), rel=0.3)


def test_verdicts() -> None:
    Y, joined, facts = confounded(strength=0.05, effect=2.5)
    strong = run(
        trial_of(*made(Y, joined, facts)), UnseenConfounder(benchmarks=("idle", "mild")), RNG
    )
    assert strong.verdict is True
    assert strong.numbers["danger"] < 0.3
    Y, joined, facts = confounded(strength=2.0, effect=0.0)
    weak = run(trial_of(*made(Y, joined, facts)), UnseenConfounder(benchmarks=("drive",)), RNG)
    assert weak.verdict is False
    assert weak.numbers["danger"] == 1.0
    assert "more than enough" in weak.sentence


def test_the_past_is_a_benchmark_where_none_is_named() -> None:
    Y, joined, facts = confounded()
    found = run(trial_of(*made(Y, joined, facts)), UnseenConfounder(), RNG)
    assert found.table["benchmark"].unique().to_list() == ["score before joining"]


def test_two_way_is_a_regression_with_dummies() -> None:
    """Cinelli & Hazlett's figures from a regression that has every dummy written out."""
    rng = Streams(4).at("two-way").rng()
    n, T = 60, 4
    Y = noise(4, n, T)
    joined = np.where(rng.random(n) < 0.4, 2003, 0)
    other = rng.normal(size=(n, T)) + (np.arange(T) >= 2)[None, :] * (joined > 0)[:, None]
    Y += 0.5 * other
    Y[joined > 0, 2:] += 0.6
    trial = trial_of(
        *made(Y, joined, other=other, covariates=("other",), method=TwoWay(), outcome="score")
    )
    found = run(trial, UnseenConfounder(times=(1.0, 2.0)), RNG)
    a = trial.arrays
    D = a.D.astype(float).ravel()
    Z = a.Z[:, :, 0].ravel()
    units = np.kron(np.eye(n), np.ones((T, 1)))
    years = np.kron(np.ones((n, 1)), np.eye(T))[:, 1:]
    X = np.column_stack([D, Z, units, years])
    y = a.Y.ravel()
    b, *_ = np.linalg.lstsq(X, y, rcond=None)
    rest = y - X @ b
    dof = y.size - X.shape[1]
    se = np.sqrt(rest @ rest / dof * np.linalg.inv(X.T @ X)[0, 0])
    assert b[0] == pytest.approx(trial.estimate.row()["estimate"], abs=1e-9)
    assert found.numbers["scale"] == pytest.approx(se * np.sqrt(dof), rel=1e-8)
    t = b[0] / se
    assert found.numbers["partial_r2"] == pytest.approx(t**2 / (t**2 + dof), rel=1e-8)

    def left(target, *columns):
        C = np.column_stack(columns)
        r = target - C @ np.linalg.lstsq(C, target, rcond=None)[0]
        return r @ r

    r2_d = 1 - left(D, Z, units, years) / left(D, units, years)
    once = found.table.row(0, named=True)
    assert once["r2_joining"] == pytest.approx(r2_d / (1 - r2_d), rel=1e-7)
    r2_y = 1 - left(y, D, Z, units, years) / left(y, D, units, years)
    shared = r2_d**2 / (1 - r2_d) ** 2
    eta = (1 + np.sqrt(shared)) / np.sqrt(1 - shared)
    assert once["r2_outcome"] == pytest.approx(eta**2 * r2_y / (1 - r2_y), rel=1e-6)


def test_members_against_the_rest_is_a_regression_with_years() -> None:
    Y, joined, facts = confounded()
    trial = trial_of(*made(Y, joined, facts, covariates=("drive",), method=RawGap()))
    found = run(trial, UnseenConfounder(), RNG)
    assert found.table["benchmark"].unique().to_list() == ["drive"]
    assert found.numbers["robustness_value"] > 0


def test_nothing_to_liken_it_to() -> None:
    Y, joined, facts = confounded()
    found = run(trial_of(*made(Y, joined, facts, method=TwoWay())), UnseenConfounder(), RNG)
    assert found.verdict is None
    assert "no covariate" in found.sentence
    assert found.numbers["robustness_value"] > 0


@pytest.mark.parametrize("method", [GroupTime(adjust="weighting"), Imputation()])
def test_other_methods_take_the_same_road(method) -> None:
    Y, joined, facts = confounded()
    found = run(
        trial_of(*made(Y, joined, facts, method=method)),
        UnseenConfounder(benchmarks=("drive + mild",)),
        RNG,
    )
    assert found.table.height == 3
    assert found.table["benchmark"][0] == "drive and mild together"


def test_refusals(trial) -> None:
    with pytest.raises(DataInvalid, match="neither a covariate"):
        run(trial, UnseenConfounder(benchmarks=("driv",)), RNG)
    with pytest.raises(ValueError, match="one strength at least"):
        UnseenConfounder(times=())
    with pytest.raises(ValueError, match="between 0 and 100"):
        UnseenConfounder(times=(0.0,))
