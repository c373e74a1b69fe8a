"""Criterion, derivatives and optimum against n x n matrices, on random small designs."""

from __future__ import annotations

import numpy as np
import pytest
from by_rows import criterion, design
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, sparse

from consortia.errors import NotIdentified
from consortia.maths.mixed.cross import assemble
from consortia.maths.mixed.model import Term, elements, factors
from consortia.maths.mixed.reml import at, derivatives, fit
from consortia.maths.mixed.statistics import from_rows

SHAPES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10_000),
        "slopes": st.booleans(),
        "multiple": st.booleans(),
        "weights": st.booleans(),
        "crossed": st.booleans(),
        "diagonal": st.booleans(),
    }
)


@settings(max_examples=40)
@given(shape=SHAPES, reml=st.booleans(), zero=st.booleans())
def test_criterion_is_that_of_n_by_n_matrices(shape, reml, zero) -> None:
    rows = design(**shape)
    rng = np.random.default_rng(shape["seed"])
    theta = rng.uniform(-0.3, 1.5, len(elements(rows.terms)))
    if zero:
        theta[0] = 0.0
    point = at(assemble(rows.statistics(shift=np.zeros(4)), rows.terms),
               factors(theta, rows.terms), reml)  # fmt: skip
    wanted, beta, V, s2 = criterion(rows, theta, reml)
    assert point.criterion == pytest.approx(wanted, abs=1e-8)
    np.testing.assert_allclose(point.beta, beta, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(point.s2 * point.Phi, V, rtol=1e-7, atol=1e-10)
    assert point.s2 == pytest.approx(s2, rel=1e-9)


@settings(max_examples=30)
@given(shape=SHAPES, reml=st.booleans(), tiny=st.booleans())
def test_gradient_is_the_difference_of_the_criterion(shape, reml, tiny) -> None:
    rows = design(**shape)
    rng = np.random.default_rng(shape["seed"])
    theta = rng.uniform(0.2, 1.2, len(elements(rows.terms)))
    if tiny:
        theta[-1] = 1e-3
    cross = assemble(rows.statistics(), rows.terms)
    found = derivatives(at(cross, factors(theta, rows.terms), reml), reml).gradient
    h = 1e-5
    for i in range(theta.size):
        up, down = theta.copy(), theta.copy()
        up[i] += h
        down[i] -= h
        wanted = (criterion(rows, up, reml)[0] - criterion(rows, down, reml)[0]) / (2 * h)
        assert found[i] == pytest.approx(wanted, rel=2e-5, abs=2e-5)


@settings(max_examples=25)
@given(shape=SHAPES, reml=st.booleans(), spread=st.sampled_from([0.0, 0.3, 1.0]))
def test_optimum_is_as_low_as_a_search_over_n_by_n_matrices_finds(shape, reml, spread) -> None:
    rows = design(**shape, spread=spread)
    got = fit(rows.statistics(), rows.terms, reml=reml)
    t = len(elements(rows.terms))
    best = min(
        optimize.minimize(
            lambda x: criterion(rows, x, reml)[0], np.full(t, s), method="L-BFGS-B",
            bounds=[(0, 20) if e.row == e.column else (-20, 20) for e in elements(rows.terms)],
        ).fun
        for s in (0.1, 0.8)
    )  # fmt: skip
    assert got.criterion <= best + 2e-6
    assert got.converged
    again, beta, V, s2 = criterion(rows, got.theta, reml)
    assert got.criterion == pytest.approx(again, abs=1e-8)
    np.testing.assert_allclose(got.beta, beta, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(got.vcov, V, rtol=1e-6, atol=1e-10)
    assert got.s2 == pytest.approx(s2)


def test_a_variance_that_the_data_deny_is_zero_and_said_to_be() -> None:
    # Every group has the same mean: less spread between groups than chance alone would give.
    y = np.tile([-1.0, 0.0, 1.0, 2.0], 10)
    code = np.repeat(np.arange(10), 4)
    got = fit(from_rows(np.ones((40, 1)), y, {"g": code}), (Term(name="group", by="g"),))
    assert got.components[0] == 0.0
    assert got.components[1] == pytest.approx(y.var(ddof=1), rel=1e-12)
    assert got.singular == ("group",)
    assert any("boundary" in c for c in got.cautions)


def test_balanced_one_way_layout_is_the_analysis_of_variance() -> None:
    rng = np.random.default_rng(3)
    k, m = 12, 7
    y = (rng.standard_normal(k)[:, None] + rng.standard_normal((k, m))).ravel() + 1e4
    code = np.repeat(np.arange(k), m)
    means = y.reshape(k, m).mean(axis=1)
    within = ((y.reshape(k, m) - means[:, None]) ** 2).sum() / (k * (m - 1))
    between = m * means.var(ddof=1)
    got = fit(from_rows(np.ones((k * m, 1)), y, {"g": code}), (Term(name="group", by="g"),))
    np.testing.assert_allclose(got.components, [(between - within) / m, within], rtol=1e-8)
    assert got.se[0] == pytest.approx(np.sqrt(between / (k * m)), rel=1e-8)


def test_a_calendar_year_among_the_columns_costs_no_digits() -> None:
    rows = design(5, slopes=False, multiple=True, weights=True, crossed=True)
    year = 2000.0 + np.random.default_rng(1).integers(0, 10, rows.y.size)
    near, far = rows.X.copy(), rows.X.copy()
    near[:, 2], far[:, 2] = year - 2005, year
    a = fit(from_rows(near, rows.y, rows.codes, weights=rows.weights), rows.terms)
    b = fit(from_rows(far, rows.y + 1e5, rows.codes, weights=rows.weights), rows.terms)
    assert b.criterion == pytest.approx(a.criterion, abs=1e-7)
    np.testing.assert_allclose(b.beta[1:], a.beta[1:], rtol=1e-6)
    assert b.beta[0] == pytest.approx(a.beta[0] + 1e5 - 2005 * a.beta[2], rel=1e-9)
    np.testing.assert_allclose(b.se[1:], a.se[1:], rtol=1e-6)


def test_perfect_correlation_is_a_singular_fit() -> None:
    rng = np.random.default_rng(8)
    code = np.repeat(np.arange(30), 6)
    x = rng.standard_normal(180)
    u = rng.standard_normal(30)[code]
    y = u + u * x + 0.3 * rng.standard_normal(180)
    X = np.column_stack([np.ones(180), x])
    statistics = from_rows(X, y, {"g": code}, random={"g": {"x": x}})
    got = fit(statistics, (Term(name="group", by="g", columns=("1", "x")),))
    S = got.Sigma[0]
    assert abs(S[0, 1]) / np.sqrt(S[0, 0] * S[1, 1]) > 0.99
    assert got.converged
    if got.singular:
        assert np.linalg.eigvalsh(S)[0] >= -1e-12


def test_terms_that_cannot_be_told_apart_are_named() -> None:
    rng = np.random.default_rng(2)
    code = np.repeat(np.arange(20), 5)
    y = rng.standard_normal(20)[code] + rng.standard_normal(100)
    statistics = from_rows(np.ones((100, 1)), y, {"a": code})
    got = fit(statistics, (Term(name="one", by="a"), Term(name="two", by="a")))
    alone = fit(statistics, (Term(name="one", by="a"),))
    assert got.criterion == pytest.approx(alone.criterion, abs=1e-6)
    assert sum(got.components[:2]) == pytest.approx(alone.components[0], rel=1e-4)
    assert got.singular or any("told apart" in c for c in got.cautions)


def test_a_term_without_any_block_is_fitted_too() -> None:
    rng = np.random.default_rng(4)
    members = sparse.csr_array(rng.dirichlet(np.ones(5), size=40))
    code = rng.integers(0, 40, 400)
    y = (members @ rng.standard_normal(5))[code] + rng.standard_normal(400)
    rows = from_rows(np.ones((400, 1)), y, {"s": code}, units={"s": 40})
    got = fit(rows, (Term(name="network", by="s", members=members),))
    assert got.cross.first == -1
    assert 0 < got.components[0] < 20
    assert got.converged


def test_bad_designs_are_refused_with_the_reason() -> None:
    y, code = np.arange(6.0), np.array([0, 0, 1, 1, 2, 2])
    twice = np.column_stack([np.ones(6), np.arange(6.0), 2 * np.arange(6.0)])
    with pytest.raises(NotIdentified, match="depend on one another"):
        fit(from_rows(twice, y, {"g": code}), (Term(name="g", by="g"),))
    with pytest.raises(NotIdentified, match="cannot carry"):
        fit(from_rows(np.eye(6), y, {"g": code}), (Term(name="g", by="g"),))
    with pytest.raises(ValueError, match="no code 'h'"):
        fit(from_rows(np.ones((6, 1)), y, {"g": code}), (Term(name="h", by="h"),))
