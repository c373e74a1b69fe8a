"""Kenward-Roger and the three informations against n x n matrices."""

from __future__ import annotations

import numpy as np
import pytest
from by_rows import design, information, kenward_roger
from hypothesis import given, settings
from hypothesis import strategies as st

from consortia.maths.mixed.degrees import contrast, small_sample
from consortia.maths.mixed.model import Term
from consortia.maths.mixed.reml import fit
from consortia.maths.mixed.statistics import from_rows


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    slopes=st.booleans(),
    multiple=st.booleans(),
    weights=st.booleans(),
    crossed=st.booleans(),
)
def test_every_ingredient_is_that_of_n_by_n_matrices(
    seed, slopes, multiple, weights, crossed
) -> None:
    rows = design(
        seed, slopes=slopes, multiple=multiple, weights=weights, crossed=crossed, spread=1.2
    )
    got = fit(rows.statistics(), rows.terms)
    small = small_sample(got)
    _, _, Phi, expected, average = information(rows, got.Sigma, got.s2)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(small.expected / scale, expected / scale, atol=1e-7)
    np.testing.assert_allclose(small.average / scale, average / scale, atol=1e-7)
    np.testing.assert_allclose(small.Phi, Phi, rtol=1e-7, atol=1e-10)
    size = np.sqrt(np.diag(expected))
    if np.linalg.eigvalsh(expected / np.outer(size, size))[0] < 1e-5:
        return
    Phi_A, P, _ = kenward_roger(rows, got.Sigma, got.s2)
    np.testing.assert_allclose(small.Phi_A, Phi_A, rtol=1e-5, atol=1e-8)
    for mine, theirs in zip(small.P, P, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-8 * np.abs(theirs).max())


def test_balanced_group_comparison_has_the_degrees_of_freedom_of_a_t_test() -> None:
    # Treatment by group, equal groups: the exact test is the t test on group means, k - 2.
    rng = np.random.default_rng(11)
    k, m = 14, 6
    treated = np.repeat(np.arange(k) % 2, m).astype(float)
    code = np.repeat(np.arange(k), m)
    y = rng.standard_normal(k)[code] + rng.standard_normal(k * m)
    got = fit(
        from_rows(np.column_stack([np.ones(k * m), treated]), y, {"g": code}),
        (Term(name="group", by="g"),),
    )
    small = small_sample(got)
    for method in ("kenward-roger", "satterthwaite"):
        found = contrast(small, np.array([0.0, 1.0]), method=method)
        assert found.df == pytest.approx(k - 2, rel=1e-5)
    means = y.reshape(k, m).mean(axis=1)
    a, b = means[::2], means[1::2]
    se = np.sqrt(a.var(ddof=1) / 7 + b.var(ddof=1) / 7)
    found = contrast(small, np.array([0.0, 1.0]))
    assert found.std_error == pytest.approx(se, rel=1e-6)
    assert found.estimate == pytest.approx(b.mean() - a.mean(), rel=1e-8)
    low, high = found.interval()
    assert low < found.estimate < high


def test_joint_test_of_balanced_groups_is_the_exact_f_test() -> None:
    rng = np.random.default_rng(12)
    k, m = 15, 4
    arm = np.arange(k) % 3
    code = np.repeat(np.arange(k), m)
    X = np.column_stack([np.ones(k * m), arm[code] == 1, arm[code] == 2]).astype(float)
    y = 2 * rng.standard_normal(k)[code] + rng.standard_normal(k * m)
    small = small_sample(fit(from_rows(X, y, {"g": code}), (Term(name="group", by="g"),)))
    found = contrast(small, np.eye(3)[1:])
    means = y.reshape(k, m).mean(axis=1)
    groups = [means[arm == a] for a in range(3)]
    top = sum(5 * (g.mean() - means.mean()) ** 2 for g in groups) / 2
    bottom = sum(((g - g.mean()) ** 2).sum() for g in groups) / (k - 3)
    assert found.df == pytest.approx(k - 3, rel=1e-5)
    assert found.statistic == pytest.approx(top / bottom, rel=1e-5)


def test_what_cannot_be_had_is_refused() -> None:
    rows = design(1, slopes=False, multiple=False, weights=False, crossed=False)
    by_ml = small_sample(fit(rows.statistics(), rows.terms, reml=False))
    with pytest.raises(ValueError, match="REML"):
        contrast(by_ml, np.eye(3)[1])
    with pytest.raises(ValueError, match="depend"):
        contrast(by_ml, np.ones((2, 3)), method="satterthwaite")
