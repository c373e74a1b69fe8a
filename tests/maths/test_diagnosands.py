"""Diagnosands against closed forms, a published table and brute force."""

import numpy as np
import pytest
from scipy import stats

from consortia.maths.diagnosands import (
    detectable,
    diagnose,
    effect_for,
    known,
    mean,
    multiple,
    share,
)


def test_by_hand() -> None:
    estimate = np.array([1.0, 3.0, -4.0, 2.0])
    se = np.array([1.0, 1.0, 1.0, 2.0])
    d = diagnose(estimate, se, estimate - 2 * se, estimate + 2 * se, np.full(4, 2.0))
    assert d.bias.value == pytest.approx(-1.5)
    assert d.bias.mc == pytest.approx(np.std([-1, 1, -6, 0], ddof=1) / 2)
    assert d.rmse.value == pytest.approx(np.sqrt((1 + 1 + 36 + 0) / 4))
    assert d.coverage.value == 0.75  # -4 +- 2 misses 2
    assert d.power.value == 0.5  # 3 +- 2 and -4 +- 2
    assert d.wrong_sign.value == 0.5
    assert d.exaggeration.value == pytest.approx((3 + 4) / 2 / 2)
    assert d.detectable_plain == pytest.approx(d.spread.value * 2.8015852)
    assert d.std_error.value == 1.25
    # Of errors -1, 1, -6, 0 with half-widths 2, 2, 2, 4: found from 3, 1, 8, 4 on.
    assert d.detectable.value == 8.0


def test_gelman_and_carlin() -> None:
    """Figures of the paper (2014): a true effect of 0.1 beside a standard error of 3.28 has type S
    0.46 and type M 77; one of 2 beside 8.1 power 0.06, type S 0.24."""
    small = known(0.1, 3.28)
    assert small.power == pytest.approx(0.0501, abs=5e-5)
    assert small.wrong_sign == pytest.approx(0.46, abs=5e-3)
    assert small.exaggeration == pytest.approx(77, abs=0.8)
    beauty = known(2.0, 8.1)
    assert beauty.power == pytest.approx(0.06, abs=5e-3)
    assert beauty.wrong_sign == pytest.approx(0.24, abs=5e-3)
    assert beauty.exaggeration == pytest.approx(9.5, abs=0.3)


def test_simulated_numbers_meet_the_closed_form() -> None:
    rng = np.random.Generator(np.random.Philox(3))
    W, effect, se = 40_000, 1.4, 1.0
    estimate = effect + se * rng.standard_normal(W)
    z = stats.norm.ppf(0.975)
    d = diagnose(estimate, np.full(W, se), estimate - z * se, estimate + z * se, np.full(W, effect))
    right = known(effect, se)
    assert abs(d.power.value - right.power) < 4 * d.power.mc
    assert abs(d.wrong_sign.value - right.wrong_sign) < 4 * d.wrong_sign.mc
    assert abs(d.exaggeration.value - right.exaggeration) < 4 * d.exaggeration.mc
    assert abs(d.coverage.value - 0.95) < 4 * d.coverage.mc
    assert abs(d.rmse.value - se) < 4 * d.rmse.mc
    assert abs(d.detectable.value - multiple(0.95, 0.8)) < 4 * d.detectable.mc
    assert abs(d.detectable_plain - multiple(0.95, 0.8)) < 4 * d.spread.mc * 2.8


def test_monte_carlo_errors_are_the_spread_of_repeated_runs() -> None:
    """200 runs of 300 worlds: the stated error is the spread of the numbers, within sampling."""
    rng = np.random.Generator(np.random.Philox(4))
    runs = []
    for _ in range(200):
        e = 1.0 + rng.standard_normal(300)
        d = diagnose(e, np.ones(300), e - 1.96, e + 1.96, np.ones(300))
        runs.append([(m.value, m.mc) for m in (d.bias, d.rmse, d.spread, d.power, d.coverage,
                                               d.exaggeration, d.detectable)])  # fmt: skip
    found = np.array(runs)
    seen, said = found[:, :, 0].std(axis=0, ddof=1), found[:, :, 1].mean(axis=0)
    # The error of a standard deviation from 200 is 5 %; the order statistics are cruder.
    np.testing.assert_allclose(said[:-1], seen[:-1], rtol=0.2)
    assert said[-1] == pytest.approx(seen[-1], rel=0.4)


def test_detectable_by_brute_force() -> None:
    rng = np.random.Generator(np.random.Philox(5))
    error, half = rng.standard_normal(57) - 0.3, rng.uniform(1, 3, 57)
    d = detectable(error, -half, half, 0.8).value

    def found(x: float) -> float:
        return float((x + error - half > 0).mean())

    assert found(d + 1e-9) >= 0.8
    assert found(d - 1e-9) < 0.8


def test_bias_alone_can_make_everything_significant() -> None:
    assert detectable(np.full(10, 5.0), np.full(10, -1.0), np.full(10, 1.0), 0.8).value == 0.0


def test_nothing_to_say() -> None:
    e = np.array([0.1, -0.2, 0.3])
    d = diagnose(e, np.ones(3), e - 2, e + 2, np.zeros(3))
    assert np.isnan(d.wrong_sign.value)
    assert np.isnan(d.exaggeration.value)
    assert d.power.value == 0
    assert np.isnan(mean(np.array([])).value)
    assert np.isnan(share(np.array([], dtype=bool)).value)
    with pytest.raises(ValueError, match="two worlds"):
        diagnose(e[:1], e[:1], e[:1], e[:1], e[:1])
    with pytest.raises(ValueError, match="above zero"):
        known(0.0, 1.0)


def test_effect_for_power() -> None:
    d = effect_for(0.8, 2.0)
    assert known(d, 2.0).power == pytest.approx(0.8)
    assert d == pytest.approx(2.8015852 * 2, rel=1e-4)
