"""Imputation against dense regressions with explicit dummies, on random small panels with gaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortia.errors import NotIdentified
from consortia.estimators import imputation
from consortia.estimators.imputation import Imputation
from consortia.maths.inference import infer
from consortia.panel import Arrays, Held

RNG = np.random.default_rng(20)
"""Handed over because a fit asks for one; imputation takes no randomness."""


def dense(a: Arrays, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the untreated model, cell by cell (n, T, K), and which cells are untreated."""
    n, T = a.Y.shape
    S, p, q = int(a.stratum.max()) + 1, a.X.shape[1], a.Z.shape[2]
    D = np.zeros((n, T, n + S * T + T * p + q))
    for i in range(n):
        for t in range(T):
            D[i, t, i] = 1
            D[i, t, n + a.stratum[i] * T + t] = 1
            D[i, t, n + S * T + t * p : n + S * T + (t + 1) * p] = a.X[i]
            D[i, t, n + S * T + T * p :] = np.nan_to_num(a.Z[i, t])
    return D, np.arange(T)[None, :] < start[:, None]


def effects_by_definition(
    a: Arrays, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """tau (n, T), NaN where not identified; residuals (n, T) of untreated cells; and the fitted
    untreated outcome of every cell as weights (n, T, n, T) on outcomes."""
    D, before = dense(a, start)
    usable = (a.W > 0) & np.isfinite(a.Y) & np.isfinite(a.Z).all(axis=2)
    use = usable & before
    root = np.sqrt(a.W[use])[:, None]
    A = D[use] * root
    scale = np.maximum(np.abs(A).max(axis=0), 1e-300)
    solve = np.linalg.pinv(A / scale, rcond=1e-11) / scale[:, None] * root[:, 0]
    beta = solve @ a.Y[use]
    weights = np.zeros((*a.Y.shape, *a.Y.shape))
    weights[:, :, use] = D @ solve
    _, s, Vt = np.linalg.svd(A / scale, full_matrices=True)
    null = Vt[int((s > 1e-10 * s[0]).sum()) :].T
    tau = np.full(a.Y.shape, np.nan)
    for i, t in zip(*np.nonzero(usable & ~before), strict=True):
        if use[i].any() and np.abs((D[i, t] / scale) @ null).max(initial=0) < 1e-8:
            tau[i, t] = a.Y[i, t] - D[i, t] @ beta
    return tau, np.where(use, a.Y - D @ beta, 0.0), weights


def psi_by_definition(
    a: Arrays, start: np.ndarray, group: np.ndarray, w1: np.ndarray, leave_out: bool
) -> np.ndarray:
    """sum_t v_it e_it with v the weight of each outcome in the average."""
    tau, left, weights = effects_by_definition(a, start)
    v = w1 - np.einsum("it,itjs->js", w1, weights)
    e = left.copy()
    for g in np.unique(group):
        for t in range(a.T):
            here = np.flatnonzero((group == g) & (w1[:, t] != 0) & np.isfinite(tau[:, t]))
            for i in here:
                others = here[here != i] if leave_out else here
                if others.size:
                    e[i, t] = tau[i, t] - np.average(tau[others, t], weights=v[others, t] ** 2)
                else:
                    e[i, t] = 0.0
    return (v * e).sum(axis=1)


def random_arrays(
    seed: int, arrays_of: Callable[..., Arrays], *, gaps: bool, strata: int, p: int, q: int
) -> Arrays:
    rng = np.random.default_rng(seed)
    n, T = int(rng.integers(9, 15)), int(rng.integers(3, 6))
    Y = rng.normal(size=(n, T)) + 50
    if gaps:
        Y[rng.random(Y.shape) < 0.15] = np.nan
    cohort = rng.choice(np.r_[0, np.arange(1, T), T, T, T], size=n)
    cohort[:2] = [T, 1]
    w = rng.uniform(0.5, 3, n) if seed % 3 else np.ones(n)
    W = rng.uniform(0.5, 2, Y.shape) if seed % 2 else None
    Z = rng.normal(size=(n, T, q)) + 5
    if q:
        Z[rng.random(Y.shape) < 0.05] = np.nan
    return arrays_of(
        Y, cohort, w=w, W=W, X=rng.normal(size=(n, p)), Z=Z,
        stratum=rng.integers(0, strata, n) if strata > 1 else None,
    )  # fmt: skip


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    gaps=st.booleans(),
    strata=st.sampled_from([1, 1, 2]),
    p=st.sampled_from([0, 0, 1]),
    q=st.sampled_from([0, 0, 1]),
    leave_out=st.booleans(),
)
def test_equals_dense_regression(
    seed: int, gaps: bool, strata: int, p: int, q: int, leave_out: bool,
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:  # fmt: skip
    a = random_arrays(seed, arrays_of, gaps=gaps, strata=strata, p=p, q=q)
    tau, _, _ = effects_by_definition(a, a.cohort)
    spec = Imputation(
        aggregate="simple", residuals="leave-one-out" if leave_out else "conservative"
    )
    if not np.isfinite(tau).any():
        with pytest.raises(NotIdentified):
            imputation.fit(a, spec, study_of(), RNG)
        return
    fit = imputation.fit(a, spec, study_of(), RNG)
    psi = fit.influence.dense()
    known = np.isfinite(tau)
    W = np.where(known, a.W, 0.0)
    event = np.arange(a.T)[None, :] - a.cohort[:, None]
    for r, key in enumerate(fit.keys):
        inside = {
            "att(g,t)": lambda k: (
                (a.years[np.minimum(a.cohort, a.T - 1)] == k.cohort)[:, None]
                & (a.years == k.year)[None, :]
            ),
            "simple": lambda k: np.ones(a.Y.shape, dtype=bool),
            "dynamic": lambda k: event == k.event_time,
            "calendar": lambda k: np.broadcast_to((a.years == k.year)[None, :], a.Y.shape),
        }.get(key.estimand)
        if inside is None:
            continue
        w1 = np.where(inside(key) & (a.cohort < a.T)[:, None], W, 0.0)
        if w1.sum() == 0:
            assert np.isnan(fit.theta[r])
            assert fit.cautions[r].startswith("not identified, because")
            assert not psi[:, r].any()
            continue
        w1 = w1 / w1.sum()
        assert fit.theta[r] == pytest.approx(np.nansum(w1 * tau), abs=1e-8)
        assert fit.n_treated[r] == (w1 > 0).any(axis=1).sum()
        if key.estimand in ("simple", "dynamic"):
            group = a.cohort + a.stratum * (a.T + 1)
            wanted = psi_by_definition(a, a.cohort, group, w1, leave_out)
            np.testing.assert_allclose(psi[:, r], wanted, atol=1e-7)


@given(seed=st.integers(0, 10**6), weighted=st.booleans(), leave_out=st.booleans())
@settings(max_examples=25)
def test_moments_equal_cells(
    seed: int, weighted: bool, leave_out: bool,
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:  # fmt: skip
    """The way by cohort moments and the general way are one estimator."""
    draw = np.random.default_rng(seed)
    n, T = 40, 5
    cohort = draw.choice([0, 1, 2, 3, 4, 5, 5], size=n)
    cohort[:2] = [2, 5]
    w = draw.uniform(0.5, 3, n) if weighted else np.full(n, 2.0)
    stratum = draw.integers(0, 2, n)
    a = arrays_of(draw.normal(size=(n, T)), cohort, w=w, stratum=stratum)
    spec = Imputation(residuals="leave-one-out" if leave_out else "conservative")
    fast = imputation.fit(a, spec, study_of(), RNG)
    # A provider in a cluster of its own with one year only: nothing but a gap to the general way.
    lone = arrays_of(
        np.vstack([a.Y, np.full((1, T), np.nan)]),
        np.r_[cohort, T], w=np.r_[w, 1.0], stratum=np.r_[stratum, 0],
    )  # fmt: skip
    slow = imputation.fit(lone, spec, study_of(), RNG)
    np.testing.assert_allclose(fast.theta, slow.theta, atol=1e-10)
    np.testing.assert_allclose(fast.influence.dense(), slow.influence.dense()[:n], atol=1e-10)
    np.testing.assert_array_equal(fast.n_treated, slow.n_treated)
    np.testing.assert_array_equal(fast.n_control, slow.n_control)
    assert fast.cautions == slow.cautions


def two_initiatives(
    arrays_of: Callable[..., Arrays], n: int, seed: int, effect: tuple[float, float], T: int = 8
) -> Arrays:
    """Two initiatives that tend to be taken up together, b before or with a; truth as given."""
    rng = np.random.default_rng(seed)
    alpha, shock = rng.normal(size=(n, 1)), rng.normal(size=(1, T))
    a_joined = np.where(rng.random(n) < 0.5, rng.integers(2, T, n), T)
    near = np.clip(a_joined - rng.integers(0, 3, n), 1, T)
    b_joined = np.where(
        (a_joined < T) & (rng.random(n) < 0.6),
        near,
        np.where(rng.random(n) < 0.3, rng.integers(2, T, n), T),
    )
    t = np.arange(T)[None, :]
    on_a, on_b = t >= a_joined[:, None], t >= b_joined[:, None]
    Y = alpha + shock + effect[0] * on_a + effect[1] * on_b + rng.normal(scale=0.5, size=(n, T))
    held = Held(name="b", label="b", cohort=b_joined, on=on_b)
    return replace(arrays_of(Y, a_joined), alongside=(held,))


def test_two_overlapping_initiatives_are_told_apart(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    """Alone, the first initiative takes credit for the second; together each has its own."""
    alone, first, second = [], [], []
    joint = Imputation(alongside="joint")
    for seed in range(20):
        a = two_initiatives(arrays_of, 400, seed, (0.0, 0.3))
        single = imputation.fit(a, Imputation(aggregate="simple"), study_of(), RNG)
        alone.append(single.theta[single.headline])
        fit = imputation.fit(a, joint, study_of(), RNG)
        names = [k.estimand for k in fit.keys]
        first.append(fit.theta[names.index("simple")])
        second.append(fit.theta[names.index("simple of b")])
    assert np.mean(alone) > 0.08
    assert abs(np.mean(first)) < 3 * np.std(first) / np.sqrt(20) + 0.005
    assert abs(np.mean(second) - 0.3) < 3 * np.std(second) / np.sqrt(20) + 0.005


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), gaps=st.booleans())
def test_joint_equals_dense_second_stage(
    seed: int, gaps: bool, arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    """Effects imputed by dense dummies, then dense weighted least squares on years since
    joining."""
    a = two_initiatives(arrays_of, 40, seed, (0.2, 0.5), T=5)
    if gaps:
        hole = np.random.default_rng(seed).random(a.Y.shape) < 0.1
        Y = np.where(hole, np.nan, a.Y)
        a = replace(a, Y=Y, W=np.where(hole, 0.0, a.W))
    start = np.minimum(a.cohort, a.alongside[0].cohort)
    tau, _, _ = effects_by_definition(a, start)
    ea = np.arange(a.T)[None, :] - a.cohort[:, None]
    eb = np.arange(a.T)[None, :] - a.alongside[0].cohort[:, None]
    known = np.isfinite(tau)
    columns, names = [], []
    for arm, e in (("", ea), ("b", eb)):
        for k in range(a.T):
            if (known & (e == k)).any():
                columns.append((e == k)[known].astype(float))
                names.append((arm, k))
    D = np.array(columns).T
    w = a.W[known]
    if np.linalg.matrix_rank(D) < D.shape[1]:
        return
    beta = np.linalg.solve(D.T @ (w[:, None] * D), D.T @ (w * tau[known]))
    size = w @ D
    try:
        fit = imputation.fit(a, Imputation(alongside="joint"), study_of(), RNG)
    except NotIdentified:
        pytest.fail("the dense regression is of full rank")
    got = {(k.estimand, k.event_time): v for k, v in zip(fit.keys, fit.theta, strict=True)}
    for arm in ("", "b"):
        mine = [j for j, (name, _) in enumerate(names) if name == arm]
        label = f" of {arm}" if arm else ""
        for j in mine:
            assert got[f"dynamic{label}", names[j][1]] == pytest.approx(beta[j], abs=1e-8)
        mean = beta[mine] @ size[mine] / size[mine].sum()
        assert got[f"simple{label}", None] == pytest.approx(mean, abs=1e-8)
    # The influence of a joint row is that of its weights on outcomes, as for any other average.
    row = next(i for i, k in enumerate(fit.keys) if k.estimand == "simple")
    mine = np.array([name == "" for name, _ in names])
    u = np.where(mine, size, 0.0) / size[mine].sum()
    w1 = np.zeros(a.Y.shape)
    w1[known] = u @ np.linalg.solve(D.T @ (w[:, None] * D), (D * w[:, None]).T)
    # Residuals of treated cells are taken around what the effects of the arms add up to, with
    # "leave-one-out" around the others that joined both in the same years.
    _, left, weights = effects_by_definition(a, start)
    v = w1 - np.einsum("it,itjs->js", w1, weights)
    e = left.copy()
    e[known] = tau[known] - D @ beta
    np.testing.assert_allclose(fit.influence.dense()[:, row], (v * e).sum(axis=1), atol=1e-7)
    assert not any("its own chance" in c for c in fit.cautions)
    spec = Imputation(alongside="joint", residuals="leave-one-out")
    others = imputation.fit(a, spec, study_of(), RNG)
    group = a.cohort * 100 + a.alongside[0].cohort
    wanted = psi_by_definition(a, start, group, w1, True)
    np.testing.assert_allclose(others.influence.dense()[:, row], wanted, atol=1e-7)


def test_arms_taken_up_together_are_refused(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    draw = np.random.default_rng(3)
    cohort = draw.choice([2, 3, 5], size=30)
    a = arrays_of(draw.normal(size=(30, 5)), cohort)
    twin = Held(name="b", label="academy", cohort=cohort, on=a.D)
    with pytest.raises(NotIdentified, match="cannot be told apart"):
        imputation.fit(
            replace(a, alongside=(twin,)), Imputation(alongside="joint"), study_of(), RNG
        )


def test_what_falls_out_is_counted(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    draw = np.random.default_rng(3)
    Y = draw.normal(size=(12, 4))
    cohort = np.array([0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3])
    Y[2, 0] = np.nan
    fit = imputation.fit(arrays_of(Y, cohort), Imputation(), study_of(), RNG)
    steps = {s.step: (s.providers, s.provider_years) for s in fit.flow}
    assert steps["already joined before the first year"] == (2, 8)
    assert steps["no untreated year"] == (1, 3)
    # Everybody has joined in the last year: nothing says what it would have been.
    assert steps["years without anybody untreated"] == (0, 9)
    assert steps["compared"] == (9, 27)
    last = [i for i, k in enumerate(fit.keys) if k.estimand == "att(g,t)" and k.year == 2004]
    assert np.isnan(fit.theta[last]).all()
    assert all("no untreated provider is left" in fit.cautions[i] for i in last)


def test_leavers_years_after_are_not_untreated(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    draw = np.random.default_rng(3)
    Y, cohort = draw.normal(size=(20, 5)), draw.choice([2, 5], size=20)
    cohort[0] = 2
    a = arrays_of(Y, cohort)
    D = a.D.copy()
    D[0, 3:] = False
    blank = Y.copy()
    blank[0, 3:] = np.nan
    left = imputation.fit(replace(a, D=D), Imputation(), study_of(), RNG)
    censored = imputation.fit(arrays_of(blank, cohort), Imputation(), study_of(), RNG)
    np.testing.assert_allclose(left.theta, censored.theta, atol=1e-12)
    assert any("left again" in note for note in left.notes)


def test_truth_is_the_same_average_of_known_effects(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    draw = np.random.default_rng(5)
    n, T = 60, 5
    cohort = draw.choice([1, 2, 3, 5], size=n)
    effect = draw.normal(size=(n, T))
    D = np.arange(T)[None, :] >= cohort[:, None]
    Y = draw.normal(size=(n, 1)) + np.arange(T) + effect * D
    Y[draw.random(Y.shape) < 0.1] = np.nan
    a = arrays_of(Y, cohort, truth=effect, w=draw.uniform(1, 2, n))
    spec = Imputation()
    fit = imputation.fit(a, spec, study_of(), RNG)
    # Without noise the estimate is the truth.
    np.testing.assert_allclose(imputation.truth(a, spec, study_of(), fit), fit.theta, atol=1e-9)


def test_nobody_joins(arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]) -> None:
    with pytest.raises(NotIdentified, match="nobody joins"):
        imputation.fit(arrays_of(np.zeros((4, 3)), np.full(4, 3)), Imputation(), study_of(), RNG)


def test_spec_refuses() -> None:
    with pytest.raises(ValueError, match="few"):
        Imputation(few=0)


@pytest.mark.slow
@pytest.mark.parametrize("residuals", ["conservative", "leave-one-out"])
def test_covers_nominally(
    residuals: Any, arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    """Effects that grow with time and differ by cohort; outcomes that remember; 300 panels."""
    spec = Imputation(residuals=residuals, aggregate="simple")
    hits, values, errors = [], [], []
    for seed in range(300):
        draw = np.random.default_rng(seed)
        n, T = 150, 7
        cohort = draw.choice([2, 3, 4, 5, T, T, T], size=n)
        D = np.arange(T)[None, :] >= cohort[:, None]
        event = np.arange(T)[None, :] - cohort[:, None]
        effect = np.where(D, 0.1 * (event + 1) + 0.05 * cohort[:, None], 0.0)
        noise = draw.normal(size=(n, T))
        noise[:, 1:] += 0.5 * noise[:, :-1]
        Y = draw.normal(size=(n, 1)) + np.arange(T) * 0.2 + noise + effect
        a = arrays_of(Y, cohort, truth=effect)
        fit = imputation.fit(a, spec, study_of(), RNG)
        known = imputation.truth(a, spec, study_of(), fit)[fit.headline]
        found = infer(
            fit.theta, fit.influence, a.incidence, family=np.full(fit.theta.size, -1),
            small_sample="clusters", rng=draw,
        )  # fmt: skip
        hits.append(found.low[fit.headline] <= known <= found.high[fit.headline])
        values.append(fit.theta[fit.headline] - known)
        errors.append(found.se[fit.headline])
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(300)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.12)
    assert 0.92 <= np.mean(hits) <= 0.98


@pytest.mark.slow
def test_joint_effects_cover_nominally(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    hits, values, errors = [], [], []
    for seed in range(300):
        a = two_initiatives(arrays_of, 300, seed, (0.0, 0.3))
        fit = imputation.fit(a, Imputation(alongside="joint"), study_of(), RNG)
        found = infer(
            fit.theta, fit.influence, a.incidence, family=np.full(fit.theta.size, -1),
            small_sample="clusters", rng=RNG,
        )  # fmt: skip
        names = [k.estimand for k in fit.keys]
        rows = [names.index("simple"), names.index("simple of b")]
        hits.append((found.low[rows] <= [0.0, 0.3]) & (found.high[rows] >= [0.0, 0.3]))
        values.append(fit.theta[rows])
        errors.append(found.se[rows])
    assert (np.mean(hits, axis=0) >= 0.92).all()
    np.testing.assert_allclose(np.mean(errors, axis=0), np.std(values, axis=0), rtol=0.1)
    assert (np.mean(hits, axis=0) <= 0.98).all()
