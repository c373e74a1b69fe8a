"""Shares, their uncertainty, and tests on the boundary."""

from __future__ import annotations

import numpy as np
import pytest
from by_rows import criterion, design
from scipy import optimize, sparse, stats

from consortia.maths.mixed.degrees import small_sample
from consortia.maths.mixed.model import Term
from consortia.maths.mixed.profile import coefficient_interval, deviation_interval
from consortia.maths.mixed.reml import fit, fit_cross
from consortia.maths.mixed.shares import (
    bootstrap,
    bootstrap_test,
    boundary_test,
    partition,
    per_row,
    standard_errors,
)
from consortia.maths.mixed.statistics import from_rows
from consortia.streams import Streams


def balanced(k: int, m: int, tau: float, seed: int = 1):
    rng = np.random.default_rng(seed)
    y = (tau * rng.standard_normal(k)[:, None] + rng.standard_normal((k, m))).ravel()
    return from_rows(np.ones((k * m, 1)), y, {"g": np.repeat(np.arange(k), m)}, fixed=("1",))


def test_variance_per_row_is_the_trace_over_rows() -> None:
    rows = design(6, slopes=True, multiple=True, weights=True, crossed=True, spread=1.0)
    got = fit(rows.statistics(), rows.terms)
    w = rows.weights / rows.weights.sum()
    want = [float(w @ np.diag(rows.V_of(t, S))) for t, S in zip(rows.terms, got.Sigma, strict=True)]
    want.append(got.s2 * float(w @ (1 / rows.weights)))
    np.testing.assert_allclose(per_row(got) @ got.components, want, rtol=1e-9)
    parts = partition(got, small_sample(got))
    assert sum(p.share for p in parts) == pytest.approx(1.0)
    assert [p.name for p in parts] == ["school", "area", "network", "residual"]
    for p in parts:
        assert p.share == 0 or p.low < p.share < p.high


def test_a_share_of_zero_has_an_interval_from_zero_up() -> None:
    y = np.tile([-1.0, 0.0, 1.0, 2.0], 10)
    statistics = from_rows(np.ones((40, 1)), y, {"g": np.repeat(np.arange(10), 4)})
    got = fit(statistics, (Term(name="group", by="g"),))
    group, residual = partition(got, small_sample(got))
    assert (group.share, group.low) == (0.0, 0.0)
    assert 0 < group.high < 1
    assert (residual.share, residual.high) == (1.0, 1.0)


def test_standard_errors_of_a_balanced_layout_are_the_textbook_ones() -> None:
    # Searle, Casella & McCulloch (1992, section 4.5): variances of the ANOVA estimators.
    k, m = 40, 5
    got = fit(balanced(k, m, 1.0), (Term(name="group", by="g"),))
    tau2, s2 = got.components
    within = 2 * s2**2 / (k * (m - 1))
    between = 2 / m**2 * ((m * tau2 + s2) ** 2 / (k - 1) + s2**2 / (k * (m - 1)))
    for kind in ("expected", "average", "observed"):
        np.testing.assert_allclose(
            standard_errors(small_sample(got), kind), np.sqrt([between, within]), rtol=1e-6
        )


def test_bootstrap_has_the_moments_of_a_balanced_layout() -> None:
    k, m = 30, 6
    got = fit(balanced(k, m, 1.0), (Term(name="group", by="g"),))
    draws = bootstrap(got, 400, Streams(4).at("bootstrap").rng())
    tau2, s2 = got.components
    assert draws.failed == 0
    np.testing.assert_allclose(draws.components.mean(axis=0), [tau2, s2], rtol=0.08)
    spread = np.sqrt(2 / m**2 * ((m * tau2 + s2) ** 2 / (k - 1) + s2**2 / (k * (m - 1))))
    assert draws.components[:, 0].std() == pytest.approx(spread, rel=0.15)
    assert draws.beta.std() == pytest.approx(got.se[0], rel=0.15)
    low, high = draws.intervals("shares")
    share = tau2 / (tau2 + s2)
    assert low[0] < share < high[0]
    again = bootstrap(got, 5, Streams(4).at("bootstrap").rng())
    np.testing.assert_array_equal(again.components, draws.components[:5])
    with pytest.raises(ValueError, match="one draw"):
        bootstrap(got, 0, Streams(4).rng())


def test_boundary_test_halves_the_tail() -> None:
    statistics = balanced(30, 6, 0.4)
    rng = np.random.default_rng(9)
    members = sparse.csr_array(rng.dirichlet(np.ones(4), size=30))
    small = fit(statistics, (Term(name="group", by="g"),))
    terms = (Term(name="group", by="g"), Term(name="network", by="g", members=members))
    large = fit(statistics, terms)
    found = boundary_test(small, large)
    assert found.statistic == pytest.approx(max(0, small.criterion - large.criterion))
    if found.statistic > 0:
        assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 1) / 2)
    with pytest.raises(ValueError, match="exactly one"):
        boundary_test(small, small)


def test_boundary_test_of_a_slope_mixes_one_and_two_degrees_of_freedom() -> None:
    rows = design(3, slopes=True, multiple=False, weights=False, crossed=False, n=200)
    large = fit(rows.statistics(), rows.terms)
    small = fit(rows.statistics(), (Term(name="school", by="a"),))
    found = boundary_test(small, large)
    s = found.statistic
    assert found.p_value == pytest.approx((stats.chi2.sf(s, 1) + stats.chi2.sf(s, 2)) / 2)
    with pytest.raises(ValueError, match="bootstrap_test"):
        boundary_test(
            fit(rows.statistics(), (Term(name="area", by="b"),)),
            fit(rows.statistics(), (Term(name="area", by="b"), *rows.terms)),
        )


def test_bootstrap_test_sees_an_effect_and_no_effect() -> None:
    rng = np.random.default_rng(5)
    k, m = 40, 5
    code = np.repeat(np.arange(k), m)
    area = np.arange(k) % 8
    for tau, seen in ((1.5, True), (0.0, False)):
        y = tau * rng.standard_normal(8)[area][code] + rng.standard_normal(k * m)
        y += 0.5 * rng.standard_normal(k)[code]
        statistics = from_rows(np.ones((k * m, 1)), y, {"g": code, "a": area[code]})
        got = fit(statistics, (Term(name="group", by="g"), Term(name="area", by="a")))
        found = bootstrap_test(got, "area", 99, Streams(6).at("test").rng())
        assert (found.p_value < 0.05) == seen


def test_profile_interval_of_a_deviation_is_where_the_criterion_falls_by_chi_squared() -> None:
    rows = design(8, slopes=True, multiple=True, weights=True, crossed=True, diagonal=True, n=150)
    got = fit(rows.statistics(), rows.terms)
    low, high = deviation_interval(got, "area")
    assert 0 <= low < got.components[2] ** 0.5 < high
    cut = stats.chi2.ppf(0.95, 1)

    def held(value: float) -> float:
        # By n x n matrices: minimise over the other variances, in units of the residual's.
        def f(x):
            s2 = np.exp(x[-1])
            theta = np.array([x[0], x[1], value / np.sqrt(s2), x[2]])
            d, _, _, best = criterion(rows, theta, True)
            m = 147
            return d - m * (1 + np.log(2 * np.pi * best)) + m * (np.log(2 * np.pi * s2) + best / s2)

        start = [got.theta[0], got.theta[1], got.theta[3], np.log(got.s2)]
        return optimize.minimize(f, start, method="L-BFGS-B", options={"ftol": 1e-13}).fun

    assert held(high) - got.criterion == pytest.approx(cut, abs=2e-3)
    if low > 0:
        assert held(low) - got.criterion == pytest.approx(cut, abs=2e-3)


def test_profile_interval_of_the_residual_lets_the_other_variances_move() -> None:
    rng = np.random.default_rng(3)
    code = np.repeat(np.arange(40), 8)
    members = sparse.csr_array(rng.dirichlet(np.ones(8), size=40))
    y = (members @ rng.standard_normal(8))[code] + 0.3 * rng.standard_normal(40)[code]
    y += rng.standard_normal(320)
    got = fit(
        from_rows(np.ones((320, 1)), y, {"g": code}),
        (Term(name="group", by="g"), Term(name="network", by="g", members=members)),
    )
    se = standard_errors(small_sample(got))
    for place, name in ((0, "group"), (2, "residual")):
        low, high = deviation_interval(got, name)
        centre = float(np.sqrt(got.components[place]))
        # A profile interval is close to the one by standard error, where that is short.
        wald = 1.96 * se[place] / (2 * centre)
        assert high - centre == pytest.approx(wald, rel=0.35)
        assert centre - low == pytest.approx(wald, rel=0.5)


def test_profile_interval_of_a_mean_is_that_of_the_likelihood_ratio() -> None:
    got = fit(balanced(12, 4, 1.0), (Term(name="group", by="g"),), reml=False)
    low, high = coefficient_interval(got, "1")
    from consortia.maths.mixed.cross import hold, unshift

    for end in (low, high):
        again = fit_cross(hold(unshift(got.cross), 0, end), reml=False)
        assert again.criterion - got.criterion == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-5)
    # Exact for a balanced layout: the likelihood ratio is a function of the t test on means.
    assert (low + high) / 2 == pytest.approx(got.beta[0], abs=1e-5)
    assert high - got.beta[0] > 1.96 * got.se[0]
    with pytest.raises(ValueError, match="no column"):
        coefficient_interval(got, "x")
    rows = design(1, slopes=True, multiple=False, weights=False, crossed=False)
    sloped = fit(rows.statistics(), rows.terms)
    with pytest.raises(ValueError, match="bootstrap"):
        deviation_interval(sloped, "school (x)")


def test_residual_interval_without_groups_is_that_of_a_plain_regression() -> None:
    # With no spread between groups the profile of sigma is that of n - p residuals.
    y = np.tile([-1.0, 0.0, 1.0, 2.0], 10)
    statistics = from_rows(np.ones((40, 1)), y, {"g": np.repeat(np.arange(10), 4)})
    got = fit(statistics, (Term(name="group", by="g"),))
    low, high = deviation_interval(got, "residual")
    s2, m = got.s2, 39
    for end in (low, high):
        fall = m * (np.log(end**2 / s2) + s2 / end**2 - 1)
        # Above, the held residual variance may let the groups in; below it cannot.
        assert fall == pytest.approx(stats.chi2.ppf(0.95, 1), abs=0.02)
