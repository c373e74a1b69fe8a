"""Two-way effects against least squares on dummies for everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortia.errors import NotIdentified
from consortia.estimators import two_way
from consortia.estimators.estimate import estimate
from consortia.panel import Held
from consortia.specs import Inference, TwoWay


def dummies(a, scale=None) -> tuple[float, np.ndarray, int]:
    """Coefficient of exposure by dense weighted least squares; its sandwich scores by provider."""
    W = a.W if scale is None else a.W * scale[:, None]
    W = np.where(np.isfinite(a.Z).all(axis=2), W, 0.0)
    i, t = np.nonzero(W > 0)
    columns = [a.D[i, t].astype(float)]
    columns += [h.on[i, t].astype(float) for h in a.hold]
    columns += [a.Z[i, t, q] for q in range(a.Z.shape[2])]
    X = np.column_stack([*columns, np.eye(a.n)[i], np.eye(a.T)[t]])
    root = np.sqrt(W[i, t])
    beta = np.linalg.lstsq(root[:, None] * X, root * a.Y[i, t], rcond=1e-11)[0]
    bread = np.linalg.pinv((X.T * W[i, t]) @ X, rcond=1e-11)
    e = a.Y[i, t] - X @ beta
    scores = np.zeros((a.n, X.shape[1]))
    np.add.at(scores, i, X * (W[i, t] * e)[:, None])
    return beta[0], scores @ bread[0], int(i.size)


def identified(a) -> bool:
    W = np.where(np.isfinite(a.Z).all(axis=2), a.W, 0.0)
    i, t = np.nonzero(W > 0)
    rest = [h.on[i, t].astype(float) for h in a.hold] + [a.Z[i, t, q] for q in range(a.Z.shape[2])]
    X = np.column_stack([*rest, np.eye(a.n)[i], np.eye(a.T)[t]])
    d = a.D[i, t].astype(float)
    left = d - X @ np.linalg.lstsq(X, d, rcond=1e-11)[0]
    return bool(left @ left > 1e-8)


@settings(max_examples=120)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(4, 25),
    T=st.integers(2, 6),
    gaps=st.sampled_from([0.0, 0.0, 0.2]),
    weights=st.sampled_from(["none", "provider", "year"]),
    covariates=st.integers(0, 2),
    held=st.booleans(),
)
def test_equals_dummies(arrays_of, study_of, seed, n, T, gaps, weights, covariates, held) -> None:
    g = np.random.default_rng(seed)
    cohort = g.integers(0, T + 1, n)
    Y = g.normal(size=(n, T)) + g.normal(size=(n, 1)) * 3
    Y[g.random((n, T)) < gaps] = np.nan
    w = g.uniform(0.5, 3, n) if weights == "provider" else np.ones(n)
    W = g.uniform(0.5, 3, (n, T)) if weights == "year" else None
    Z = g.normal(size=(n, T, covariates)) + 5
    if covariates and gaps:
        Z[g.random((n, T)) < 0.1] = np.nan
    other = g.integers(0, T + 1, n)
    on = np.arange(T) >= other[:, None]
    hold = (Held(name="academy", label="academy", cohort=other, on=on),) if held else ()
    a = arrays_of(Y, cohort, w=w, W=W, Z=Z, hold=hold)
    if not identified(a):
        with pytest.raises(NotIdentified):
            two_way.fit(a, TwoWay(), study_of(TwoWay()), g)
        return
    fit = two_way.fit(a, TwoWay(), study_of(TwoWay()), g)
    beta, psi, _ = dummies(a)
    assert fit.theta[0] == pytest.approx(beta, abs=1e-8)
    np.testing.assert_allclose(fit.influence.dense()[:, 0], psi, atol=1e-8)


def test_influence_is_the_derivative_in_the_weights(
    arrays_of, study_of, influence_by_definition, rng
) -> None:
    Y = rng.normal(size=(15, 4))
    a = arrays_of(Y, rng.integers(1, 5, 15))
    fit = two_way.fit(a, TwoWay(), study_of(TwoWay()), rng)
    psi = influence_by_definition(lambda s: np.array([dummies(a, s)[0]]), np.ones(15))
    np.testing.assert_allclose(fit.influence.dense(), psi, atol=1e-8)


def test_balanced_shortcut_equals_the_general_road(arrays_of, study_of, rng) -> None:
    Y, cohort = rng.normal(size=(40, 5)), rng.integers(0, 6, 40)
    for w in (np.ones(40), rng.uniform(1, 9, 40)):
        short = two_way.fit(arrays_of(Y, cohort, w=w), TwoWay(), study_of(TwoWay()), rng)
        # A covariate fixed within providers is left out and changes nothing but the road.
        Z = np.repeat(rng.normal(size=(40, 1, 1)), 5, axis=1)
        long = two_way.fit(arrays_of(Y, cohort, w=w, Z=Z), TwoWay(), study_of(TwoWay()), rng)
        assert long.theta == pytest.approx(short.theta, abs=1e-12)
        assert long.dof_factor == short.dof_factor
        np.testing.assert_allclose(long.influence.dense(), short.influence.dense(), atol=1e-12)
        assert long.cautions == ("z0 does not vary within providers and is left out",)


def test_collinear_covariate_is_named_and_left_out(arrays_of, study_of, rng) -> None:
    Z = rng.normal(size=(20, 4, 2))
    Z[:, :, 1] = 3 * Z[:, :, 0] + np.arange(4) + rng.normal(size=(20, 1))
    cohort = rng.integers(1, 5, 20)
    Y = rng.normal(size=(20, 4))
    both = two_way.fit(arrays_of(Y, cohort, Z=Z), TwoWay(), study_of(TwoWay()), rng)
    one = two_way.fit(arrays_of(Y, cohort, Z=Z[:, :, :1]), TwoWay(), study_of(TwoWay()), rng)
    assert "z1 is collinear" in both.cautions[0]
    assert both.theta == pytest.approx(one.theta, abs=1e-10)


def test_arm_that_comes_with_another_is_refused_by_name(arrays_of, study_of, rng) -> None:
    cohort = rng.integers(1, 5, 20)
    on = np.arange(4) >= cohort[:, None]
    hold = (Held(name="academy", label="Academy status", cohort=cohort, on=on),)
    with pytest.raises(NotIdentified, match="Academy status"):
        two_way.fit(
            arrays_of(rng.normal(size=(20, 4)), cohort, hold=hold),
            TwoWay(),
            study_of(TwoWay()),
            rng,
        )


def test_everybody_at_once_is_refused(arrays_of, study_of, rng) -> None:
    Y = rng.normal(size=(10, 4))
    for W in (None, rng.uniform(1, 2, (10, 4))):
        with pytest.raises(NotIdentified, match="moves with"):
            two_way.fit(arrays_of(Y, np.full(10, 2), W=W), TwoWay(), study_of(TwoWay()), rng)


def test_large_levels_lose_no_digits(arrays_of, study_of, rng) -> None:
    Y, cohort = rng.normal(size=(30, 4)), rng.integers(1, 5, 30)
    W = rng.uniform(1, 2, (30, 4))
    for weights in (None, W):
        low = two_way.fit(arrays_of(Y, cohort, W=weights), TwoWay(), study_of(TwoWay()), rng)
        high = two_way.fit(arrays_of(Y + 1e6, cohort, W=weights), TwoWay(), study_of(TwoWay()), rng)
        assert high.theta == pytest.approx(low.theta, abs=1e-8)


def test_dof_factors_by_hand(arrays_of, study_of, rng) -> None:
    nested, counted = two_way.dof_factors(2500, 1, 500, 5)
    assert nested == 2499 / (2500 - 6)
    assert counted == 2499 / (2500 - 505)
    Y = rng.normal(size=(12, 3))
    Y[0, 1:] = np.nan
    Y[1, 2] = np.nan
    fit = two_way.fit(arrays_of(Y, np.repeat([1, 2, 3], 4)), TwoWay(), study_of(TwoWay()), rng)
    # 12 x 3 cells, less 3 missing, less the provider with a single year left.
    assert fit.dof_factor == pytest.approx((32 - 1) / (32 - 4))
    assert (fit.n_treated[0], fit.n_control[0]) == (7, 4)


def test_truth_is_the_mean_effect_on_exposed_cells(arrays_of, study_of, rng) -> None:
    cohort = np.repeat([1, 2, 3], 4)
    effect = np.where(np.arange(3) >= cohort[:, None], cohort[:, None] * 1.0, np.nan)
    a = arrays_of(rng.normal(size=(12, 3)), cohort, truth=effect)
    e = estimate(a, study_of(TwoWay(), Inference(draws=0)), rng)
    assert e.effects["truth"][0] == pytest.approx((8 * 1 + 4 * 2) / 12)


def test_convention_names_the_factor(arrays_of, study_of, rng) -> None:
    a = arrays_of(rng.normal(size=(12, 3)), np.repeat([1, 2, 3], 4))
    e = estimate(a, study_of(TwoWay(), Inference(draws=0)), rng)
    assert "(N-1)/(N-K)" in e.convention
    assert "C/(C-1)" in e.convention
    beta, psi, N = dummies(a)
    se = np.sqrt((psi @ psi) * 12 / 11 * (N - 1) / (N - 4))
    assert e.row()["std_error"] == pytest.approx(se, abs=1e-12)
    assert e.row()["estimate"] == pytest.approx(beta, abs=1e-12)
