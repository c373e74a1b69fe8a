"""The saturated regression with explicit dummies, and group-time effects where there are no
gaps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortia.errors import NotIdentified
from consortia.estimators import group_time, sun_abraham
from consortia.estimators.sun_abraham import SunAbraham
from consortia.panel import Arrays
from consortia.specs import GroupTime

RNG = np.random.default_rng(5)


def saturated(a: Arrays, last: int) -> tuple[dict[tuple[int, int], float], np.ndarray, list[Any]]:
    """Coefficients by (cohort, year) of one dummy regression, and each provider's influence."""
    n = a.n
    use = (a.W > 0) & np.isfinite(a.Z).all(axis=2) & (a.cohort > 0)[:, None]
    use &= np.arange(a.T) < last
    use &= (use.sum(axis=1) > 1)[:, None]
    names: list[Any] = []
    columns = []
    for g in sorted(set(a.cohort.tolist())):
        if 0 < g < last:
            for t in range(last):
                d = np.zeros((n, a.T))
                d[a.cohort == g, t] = 1
                if t != g - 1 and (use & (d > 0)).any():
                    columns.append(d[use])
                    names.append((g, t))
    for j in range(a.Z.shape[2]):
        columns.append(a.Z[:, :, j][use])
        names.append(f"z{j}")
    i, t = np.nonzero(use)
    dummies = np.concatenate([np.eye(n)[i], np.eye(a.T)[t]], axis=1)
    X = np.column_stack([*columns, dummies])
    w = a.W[use]
    root = np.sqrt(w)[:, None]
    inverse = np.linalg.pinv((X * root).T @ (X * root), rcond=1e-12)
    beta = inverse @ (X.T @ (w * a.Y[use]))
    e = a.Y[use] - X @ beta
    score = np.zeros((n, X.shape[1]))
    np.add.at(score, i, (w * e)[:, None] * X)
    K = len(names)
    psi = (score @ inverse)[:, :K]
    null = np.linalg.svd(X * root)[2][np.linalg.matrix_rank(X * root) :]
    if np.abs(null[:, :K]).max(initial=0) > 1e-8:
        return {}, psi, names
    return dict(zip(names, beta[:K], strict=True)), psi, names


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), gaps=st.booleans(), q=st.sampled_from([0, 1]))
def test_equals_dummy_regression(
    seed: int, gaps: bool, q: int, arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(seed)
    n, T = 30, 5
    cohort = rng.choice([0, 2, 3, T, T], size=n)
    cohort[:3] = [2, 3, T]
    Y = rng.normal(size=(n, T)) + 20
    if gaps:
        Y[rng.random(Y.shape) < 0.12] = np.nan
    a = arrays_of(Y, cohort, w=rng.uniform(1, 3, n), Z=rng.normal(size=(n, T, q)))
    wanted, psi, names = saturated(a, T)
    if not wanted:
        return
    fit = sun_abraham.fit(a, SunAbraham(), study_of(), RNG)
    ours = fit.influence.dense()
    start = int(a.years[0])
    for r, key in enumerate(fit.keys):
        if key.estimand != "att(g,t)":
            continue
        cell = (key.cohort - start, key.year - start)
        if cell[1] == cell[0] - 1:
            assert fit.theta[r] == 0
            assert fit.cautions[r] == "reference year"
        elif cell in wanted:
            assert fit.theta[r] == pytest.approx(wanted[cell], abs=1e-8)
            np.testing.assert_allclose(ours[:, r], psi[:, names.index(cell)], atol=1e-8)
        else:
            assert np.isnan(fit.theta[r])


def test_is_group_time_with_fixed_shares(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(1)
    n, T = 120, 6
    Y, cohort, w = rng.normal(size=(n, T)), rng.choice([0, 2, 4, 6, 6], n), rng.uniform(1, 2, n)
    held = arrays_of(Y, cohort, w=w, stratum=rng.integers(0, 2, n))
    ours = sun_abraham.fit(held, SunAbraham(), study_of(), RNG)
    theirs = group_time.fit(held, GroupTime(), study_of(), RNG)
    np.testing.assert_allclose(
        ours.theta, theirs.theta[[theirs.keys.index(k) for k in ours.keys]], atol=1e-12
    )
    # Without strata, whose shares count as fixed here, the covariance of cells is the same too.
    a = arrays_of(Y, cohort, w=w)
    ours = sun_abraham.fit(a, SunAbraham(), study_of(), RNG)
    theirs = group_time.fit(a, GroupTime(), study_of(), RNG)
    at = [theirs.keys.index(k) for k in ours.keys]
    np.testing.assert_allclose(ours.theta, theirs.theta[at], atol=1e-12)
    cells = [i for i, k in enumerate(ours.keys) if k.estimand in ("att(g,t)", "group")]
    np.testing.assert_allclose(
        ours.influence.gram()[np.ix_(cells, cells)],
        theirs.influence.gram()[np.ix_([at[i] for i in cells], [at[i] for i in cells])],
        atol=1e-12,
    )


def test_moments_equal_regression(
    arrays_of: Callable[..., Arrays],
    study_of: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(2)
    n, T = 80, 5
    a = arrays_of(
        rng.normal(size=(n, T)), rng.choice([2, 3, 5], n),
        w=rng.uniform(1, 2, n), stratum=rng.integers(0, 2, n),
    )  # fmt: skip
    fast = sun_abraham.fit(a, SunAbraham(), study_of(), RNG)
    monkeypatch.setattr(sun_abraham, "_by_moments", sun_abraham._by_regression)
    slow = sun_abraham.fit(a, SunAbraham(), study_of(), RNG)
    np.testing.assert_allclose(fast.theta, slow.theta, atol=1e-10)
    np.testing.assert_allclose(fast.influence.dense(), slow.influence.dense(), atol=1e-10)
    assert fast.dof_factor == pytest.approx(slow.dof_factor)
    np.testing.assert_array_equal(fast.n_treated, slow.n_treated)
    np.testing.assert_array_equal(fast.n_control, slow.n_control)


def test_without_never_the_last_cohort_is_the_reference(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(3)
    Y, cohort = rng.normal(size=(30, 5)), rng.choice([2, 3, 4], 30)
    fit = sun_abraham.fit(arrays_of(Y, cohort), SunAbraham(), study_of(), RNG)
    by = {(k.estimand, k.cohort, k.year): v for k, v in zip(fit.keys, fit.theta, strict=True)}
    change = Y[:, 3] - Y[:, 1]
    wanted = change[cohort == 2].mean() - change[cohort == 4].mean()
    assert by["att(g,t)", 2003, 2004] == pytest.approx(wanted)
    assert ("att(g,t)", 2005, 2005) not in by
    assert ("att(g,t)", 2003, 2005) not in by
    assert any("everybody joins" in note for note in fit.notes)


def test_truth_without_noise(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(4)
    cohort = rng.choice([2, 3, 5], 40)
    effect = rng.normal(size=(40, 5))
    D = np.arange(5) >= cohort[:, None]
    a = arrays_of(np.arange(5) + rng.normal(size=(40, 1)) + effect * D, cohort, truth=effect)
    fit = sun_abraham.fit(a, SunAbraham(), study_of(), RNG)
    truth = sun_abraham.truth(a, SunAbraham(), study_of(), fit)
    np.testing.assert_allclose(truth, fit.theta, atol=1e-10)


def test_refusals(arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]) -> None:
    Y = np.zeros((6, 4))
    for cohort, why in ((np.full(6, 4), "nobody joins"), (np.full(6, 2), "same year")):
        with pytest.raises(NotIdentified, match=why):
            sun_abraham.fit(arrays_of(Y, cohort), SunAbraham(), study_of(), RNG)
    with pytest.raises(ValueError, match="few"):
        SunAbraham(few=0)
