"""Predicted effects against n x n matrices; ranks and standing out on cases known in advance."""

from __future__ import annotations

import numpy as np
import pytest
from by_rows import design
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from consortia.maths.mixed.effects import comparison_intervals, effects, joint, ranks, stand_out
from consortia.maths.mixed.model import Term
from consortia.maths.mixed.reml import fit
from consortia.maths.mixed.statistics import from_rows
from consortia.maths.mixed.threads import one_thread
from consortia.streams import Streams


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), slopes=st.booleans(), weights=st.booleans())
def test_effects_and_their_covariances_are_those_of_n_by_n_matrices(seed, slopes, weights) -> None:
    rows = design(seed, slopes=slopes, multiple=True, weights=weights, crossed=True, spread=1.0)
    got = fit(rows.statistics(), rows.terms)
    V = got.s2 * rows.W_inverse()
    for t, S in zip(rows.terms, got.Sigma, strict=True):
        V = V + rows.V_of(t, S)
    Vi = np.linalg.inv(V)
    P = Vi - Vi @ rows.X @ np.linalg.solve(rows.X.T @ Vi @ rows.X, rows.X.T @ Vi)
    for k, t in enumerate(rows.terms):
        c = t.width
        Z = rows.Z(t).reshape(rows.y.size, -1)
        G = np.kron(np.eye(Z.shape[1] // c), got.Sigma[k])
        u = G @ Z.T @ P @ rows.y
        spread = G @ Z.T @ P @ Z @ G
        found = effects(got, t.name)
        np.testing.assert_allclose(found.u.ravel(), u, atol=1e-8)
        np.testing.assert_allclose(joint(got, t.name), G - spread, atol=1e-8)
        for j in range(found.u.shape[0]):
            s = slice(j * c, j * c + c)
            np.testing.assert_allclose(found.diagnostic[j], spread[s, s], atol=1e-8)
            np.testing.assert_allclose(found.comparative[j], (G - spread)[s, s], atol=1e-8)


def _groups(size: float, k: int = 40, m: int = 50, lift: int = 2):
    rng = np.random.default_rng(7)
    u = 0.1 * rng.standard_normal(k)
    u[:lift] += size
    code = np.repeat(np.arange(k), m)
    y = u[code] + rng.standard_normal(k * m)
    return fit(from_rows(np.ones((k * m, 1)), y, {"g": code}), (Term(name="group", by="g"),))


def test_a_group_far_above_stands_out_and_ranks_first() -> None:
    got = _groups(3.0, lift=1)
    found = effects(got, "group")
    out = stand_out(found)
    assert out.above[0]
    assert out.outlier[0]
    assert out.outlier.sum() == 1
    named = out.above | out.below
    assert out.wrong[named].mean() <= 0.05
    order = ranks(got, found, Streams(1).at("ranks").rng())
    assert order.mean[0] == order.low[0] == order.high[0] == 1
    assert order.top[0] == 1
    assert order.mean.sum() == pytest.approx(40 * 41 / 2)
    assert stand_out(found, beyond=10.0).above.sum() == 0


def test_without_spread_nobody_stands_out() -> None:
    y = np.tile([-1.0, 0.0, 1.0, 2.0], 10)
    code = np.repeat(np.arange(10), 4)
    got = fit(from_rows(np.ones((40, 1)), y, {"g": code}), (Term(name="group", by="g"),))
    found = effects(got, "group")
    out = stand_out(found)
    assert not out.above.any()
    assert not out.below.any()
    assert not out.outlier.any()
    np.testing.assert_array_equal(found.u, 0)


def test_equal_groups_have_the_intervals_of_goldstein_and_healy() -> None:
    # With equal standard errors the factor is z / sqrt(2): 1.39 at 5 %.
    found = effects(_groups(0.5), "group")
    made = comparison_intervals(found)
    assert made.factor == pytest.approx(stats.norm.ppf(0.975) / np.sqrt(2), rel=1e-6)
    np.testing.assert_allclose(made.high - made.low, 2 * made.factor * found.se())
    with pytest.raises(ValueError, match="no term"):
        effects(_groups(0.5), "school")


def test_balanced_effects_shrink_by_the_reliability() -> None:
    got = _groups(0.5)
    tau2, s2 = got.components
    found = effects(got, "group")
    reliability = tau2 / (tau2 + s2 / 50)
    # Sum of u is zero, and u is the shrunken deviation of the group mean.
    assert abs(found.u.sum()) < 1e-9
    assert found.u.std() < np.sqrt(tau2)
    assert found.diagnostic[0, 0, 0] == pytest.approx(tau2 * reliability * (1 - 1 / 40), rel=1e-6)


def test_threads_are_pinned_where_the_library_is_there() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with one_thread() as pinned:
        assert pinned
        blas = [p for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"]
        assert all(p["num_threads"] == 1 for p in blas)
