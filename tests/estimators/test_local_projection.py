"""Each horizon as the stacked regression it is, and group-time effects where they must agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortia.errors import NotIdentified
from consortia.estimators import group_time, local_projection
from consortia.estimators.local_projection import LocalProjection
from consortia.panel import Arrays
from consortia.specs import GroupTime

RNG = np.random.default_rng(6)


def stacked(a: Arrays, events: list[int]) -> tuple[float, np.ndarray] | None:
    """Coefficient of joining among long changes, with an effect for every (stratum, base year,
    year), weighted; and the sum of each provider's scores."""
    rows: list[tuple[int, float, float, float, Any]] = []
    for event in events:
        for s in set(a.stratum.tolist()):
            for g in range(1, a.T):
                t = g + event
                if not 0 <= t < a.T:
                    continue
                for i in range(a.n):
                    new = a.cohort[i] == g
                    if a.stratum[i] != s or not (new or a.cohort[i] > max(t, g)):
                        continue
                    change = a.Y[i, t] - a.Y[i, g - 1]
                    if np.isfinite(change):
                        rows.append((i, change, float(new), a.w[i], (s, g, t)))
    names = sorted({r[4] for r in rows})
    X = np.array([[r[2], *(float(r[4] == name) for name in names)] for r in rows])
    if X.shape[0] == 0 or np.linalg.matrix_rank(X) < X.shape[1]:
        # Cells without joiners, or without comparison, carry nothing: drop what is collinear.
        if X.shape[0] == 0 or not X[:, 0].any():
            return None
        fitted = X[:, 1:] @ np.linalg.lstsq(X[:, 1:], X[:, 0], rcond=None)[0]
        if np.abs(X[:, 0] - fitted).max() < 1e-9:
            return None
    y, w = np.array([r[1] for r in rows]), np.array([r[3] for r in rows])
    inverse = np.linalg.pinv((X.T * w) @ X, rcond=1e-12)
    beta = inverse @ (X.T @ (w * y))
    score = np.zeros(a.n)
    np.add.at(score, [r[0] for r in rows], (w * (y - X @ beta)) * (X @ inverse[0]))
    return float(beta[0]), score


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), gaps=st.booleans(), strata=st.sampled_from([1, 2]))
def test_equals_stacked_regression(
    seed: int,
    gaps: bool,
    strata: int,
    arrays_of: Callable[..., Arrays],
    study_of: Callable[..., Any],
) -> None:
    rng = np.random.default_rng(seed)
    n, T = 18, 5
    cohort = rng.choice([0, 1, 2, 3, T, T], size=n)
    cohort[:3] = [2, 3, T]
    Y = rng.normal(size=(n, T)) + 7
    if gaps:
        Y[rng.random(Y.shape) < 0.1] = np.nan
    a = arrays_of(
        Y, cohort, w=rng.uniform(1, 3, n) if seed % 2 else None, stratum=rng.integers(0, strata, n)
    )
    used = a.take(a.cohort > 0)
    try:
        fit = local_projection.fit(a, LocalProjection(), study_of(), RNG)
    except NotIdentified:
        assert all(stacked(used, [e]) is None for e in range(T))
        return
    psi = fit.influence.dense()
    for r, key in enumerate(fit.keys):
        if key.estimand == "dynamic-overall" or key.event_time == -1:
            continue
        events = list(range(T)) if key.estimand == "simple" else [key.event_time]
        wanted = stacked(used, events)
        assert wanted is not None
        assert fit.theta[r] == pytest.approx(wanted[0], abs=1e-9)
        np.testing.assert_allclose(psi[a.cohort > 0, r], wanted[1], atol=1e-9)
    after = [
        r for r, k in enumerate(fit.keys) if k.estimand == "dynamic" and (k.event_time or 0) >= 0
    ]
    assert fit.theta[fit.headline] == pytest.approx(fit.theta[after].mean())
    np.testing.assert_allclose(psi[:, fit.headline], psi[:, after].mean(axis=1), atol=1e-12)


def test_by_joiners_it_is_group_time(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(1)
    n, T = 120, 6
    a = arrays_of(rng.normal(size=(n, T)), rng.choice([0, 2, 3, 6, 6], n), w=rng.uniform(1, 2, n))
    ours = local_projection.fit(a, LocalProjection(weights="joiners"), study_of(), RNG)
    theirs = group_time.fit(a, GroupTime(), study_of(comparison="not-yet"), RNG)
    mine = [
        r
        for r, k in enumerate(ours.keys)
        if k.estimand in ("simple", "dynamic-overall")
        or (k.estimand == "dynamic" and (k.event_time or 0) >= 0)
    ]
    other = [theirs.keys.index(ours.keys[r]) for r in mine]
    np.testing.assert_allclose(ours.theta[mine], theirs.theta[other], atol=1e-12)
    np.testing.assert_allclose(
        ours.influence.gram()[np.ix_(mine, mine)],
        theirs.influence.gram()[np.ix_(other, other)],
        atol=1e-12,
    )


def test_truth_without_noise(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(2)
    cohort = rng.choice([2, 3, 5], 40)
    effect = rng.normal(size=(40, 5))
    D = np.arange(5) >= cohort[:, None]
    a = arrays_of(np.arange(5) + rng.normal(size=(40, 1)) + effect * D, cohort, truth=effect)
    fit = local_projection.fit(a, LocalProjection(), study_of(), RNG)
    truth = local_projection.truth(a, LocalProjection(), study_of(), fit)
    np.testing.assert_allclose(truth, fit.theta, atol=1e-10)
    assert truth[[k.event_time for k in fit.keys].index(-2)] == pytest.approx(0, abs=1e-12)


def test_refusals(arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]) -> None:
    with pytest.raises(NotIdentified, match="no joiner"):
        local_projection.fit(
            arrays_of(np.zeros((6, 4)), np.full(6, 4)), LocalProjection(), study_of(), RNG
        )
    with pytest.raises(ValueError, match="few"):
        LocalProjection(few=0)
