"""Synthetic difference-in-differences by its definition: a regression weighted by omega x
lambda."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from consortia.errors import NotIdentified
from consortia.estimators import synthetic_did
from consortia.estimators.synthetic_did import SyntheticDid, weights_of
from consortia.maths.inference import infer
from consortia.maths.synthetic import gaps, placebo_effects, weighting
from consortia.panel import Arrays

RNG = np.random.default_rng(7)


def panel(
    arrays_of: Callable[..., Arrays], seed: int, n: int = 40, T: int = 8, **more: Any
) -> Arrays:
    rng = np.random.default_rng(seed)
    cohort = rng.choice([3, 5, T, T, T], size=n)
    cohort[:6] = [3, 3, 5, 5, T, T]
    factors = rng.normal(size=(n, 2)) @ rng.normal(size=(2, T)).cumsum(axis=1)
    Y = rng.normal(size=(n, 1)) + factors + 0.3 * rng.normal(size=(n, T))
    return arrays_of(Y, cohort, **more)


def weighted_regression(Y: np.ndarray, W: np.ndarray, D: np.ndarray) -> float:
    """Coefficient of D with unit and year dummies, weights W (equation 1 of the paper)."""
    n, T = Y.shape
    X = np.zeros((n * T, n + T + 1))
    for i in range(n):
        for t in range(T):
            X[i * T + t, [i, n + t]] = 1
            X[i * T + t, -1] = D[i, t]
    keep = W.ravel() > 0
    root = np.sqrt(W.ravel()[keep])
    return float(
        np.linalg.lstsq(X[keep] * root[:, None], Y.ravel()[keep] * root, rcond=None)[0][-1]
    )


@pytest.mark.parametrize("seed", range(4))
def test_is_the_weighted_regression(
    seed: int, arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    a = panel(arrays_of, seed)
    fit = synthetic_did.fit(a, SyntheticDid(variance="jackknife"), study_of(), RNG)
    by = {(k.estimand, k.cohort): v for k, v in zip(fit.keys, fit.theta, strict=True)}
    for b in weights_of(a, SyntheticDid()):
        rows = np.r_[b.joiners, b.others]
        omega = np.r_[np.full(b.joiners.size, 1 / b.joiners.size), b.found.omega]
        lam = np.r_[b.found.lam, np.full(a.T - b.g, 1 / (a.T - b.g))]
        D = (np.arange(rows.size) < b.joiners.size)[:, None] & (np.arange(a.T) >= b.g)
        wanted = weighted_regression(a.Y[rows], np.outer(omega, lam), D)
        assert by["group", int(a.years[b.g])] == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("exact", [True, False])
def test_placebos_are_the_estimator_on_panels_without_the_joiners(exact: bool) -> None:
    """Every placebo by itself: weights found anew among those that are left."""
    rng = np.random.default_rng(5)
    C = rng.normal(size=(30, 1)) + rng.normal(size=(30, 9)).cumsum(axis=1)
    w, T0 = np.array([1.0, 3.0]), 6
    like = weighting(C, C[:2].mean(axis=0), T0, 2, exact=exact)
    taken = np.stack([rng.choice(30, 4, replace=False) for _ in range(9)])
    found = placebo_effects(C, taken[:, 1:3], taken, w, like, exact=exact)
    for p, gone in enumerate(taken):
        rest = np.setdiff1d(np.arange(30), gone)
        mean = np.average(C[gone[1:3]], axis=0, weights=w)
        start = replace(like, omega=like.omega[rest], dual=None)
        one = weighting(C[rest], mean, T0, 2, exact=exact, like=start)
        wanted = gaps(mean, one.lam) - one.omega @ gaps(C[rest], one.lam)
        np.testing.assert_allclose(found[p], wanted, atol=1e-8)


def test_cohorts_are_averaged_as_named(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    a = panel(arrays_of, 1)
    fit = synthetic_did.fit(a, SyntheticDid(), study_of(), RNG)
    blocks = weights_of(a, SyntheticDid())
    by = {(k.estimand, k.cohort, k.event_time): v for k, v in zip(fit.keys, fit.theta, strict=True)}
    size = [b.joiners.size for b in blocks]
    means = [b.effect[b.g :].mean() for b in blocks]
    assert by["group-overall", None, None] == pytest.approx(np.average(means, weights=size))
    cells = [(e, s) for b, s in zip(blocks, size, strict=True) for e in b.effect[b.g :]]
    values, weights = np.array(cells).T
    assert by["simple", None, None] == pytest.approx(np.average(values, weights=weights))
    first = [b.effect[b.g] for b in blocks]
    assert by["dynamic", None, 0] == pytest.approx(np.average(first, weights=size))
    last = [b.effect[b.g - 1] for b in blocks]
    assert by["fit-before", None, -1] == pytest.approx(np.average(last, weights=size))


def test_jackknife_by_leaving_out(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    a = panel(arrays_of, 3)
    keep = a.cohort != 5
    a = a.take(keep)
    spec = SyntheticDid(variance="jackknife")
    fit = synthetic_did.fit(a, spec, study_of(), RNG)
    row = next(i for i, k in enumerate(fit.keys) if k.estimand == "simple")
    (b,) = weights_of(a, spec)
    full, left = fit.theta[row], []
    for i in range(a.n):
        joiners, others = b.joiners[b.joiners != i], b.others[b.others != i]
        omega = b.found.omega[b.others != i]
        omega = omega / omega.sum()
        gap = a.Y[joiners].mean(axis=0) - omega @ a.Y[others]
        left.append(gap[b.g :].mean() - b.found.lam @ gap[: b.g])
    N = a.n
    variance = (N - 1) / N * ((np.array(left) - full) ** 2).sum()
    assert fit.influence.gram()[row, row] == pytest.approx(variance, rel=1e-9)


def test_one_joiner_has_every_placebo_once(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(4)
    n, T, g = 15, 7, 4
    Y = rng.normal(size=(n, T)).cumsum(axis=1)
    a = arrays_of(Y, np.r_[g, np.full(n - 1, T)])
    fit = synthetic_did.fit(a, SyntheticDid(), study_of(), RNG)
    answer = weighting(Y[1:], Y[0], g, 1)
    found = []
    for i in range(1, n):
        rest = [j for j in range(1, n) if j != i]
        w = weighting(Y[rest], Y[i], g, 1, like=answer)
        gap = Y[i] - w.omega @ Y[rest]
        found.append(gap[g:].mean() - w.lam @ gap[:g])
    row = next(i for i, k in enumerate(fit.keys) if k.estimand == "simple")
    assert fit.influence.gram()[row, row] == pytest.approx(np.var(found), rel=1e-9)
    assert "one treated" not in fit.cautions[row]
    assert "fewer than 5 treated" in fit.cautions[row]


def test_strata_compare_like_with_like(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    stratum = np.random.default_rng(0).integers(0, 2, 60)
    a = panel(arrays_of, 5, n=60, stratum=stratum)
    whole = synthetic_did.fit(a, SyntheticDid(variance="jackknife"), study_of(), RNG)
    parts = []
    for s in (0, 1):
        part = a.take(a.stratum == s)
        part = replace(part, stratum=np.zeros(part.n, dtype=np.int64))
        parts.append(synthetic_did.fit(part, SyntheticDid(variance="jackknife"), study_of(), RNG))
    key = next(k for k in whole.keys if k.estimand == "group" and k.cohort == 2004)
    values = [f.theta[f.keys.index(key)] for f in parts]
    sizes = [f.n_treated[f.keys.index(key)] for f in parts]
    assert whole.theta[whole.keys.index(key)] == pytest.approx(np.average(values, weights=sizes))


def test_gaps_and_nobody_to_compare_with(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    a = panel(arrays_of, 6)
    Y = a.Y.copy()
    Y[7, 2] = np.nan
    fit = synthetic_did.fit(arrays_of(Y, a.cohort), SyntheticDid(), study_of(), RNG)
    assert [s.providers for s in fit.flow if s.step == "not seen in every year"] == [1]
    none = arrays_of(a.Y, np.minimum(a.cohort, 5))
    with pytest.raises(NotIdentified, match="never joined"):
        synthetic_did.fit(none, SyntheticDid(), study_of(), RNG)
    few = a.take((a.cohort < a.T) | (np.arange(a.n) == 4) | (np.arange(a.n) == 5))
    with pytest.raises(NotIdentified, match="too few for placebos"):
        synthetic_did.fit(few, SyntheticDid(variance="placebo"), study_of(), RNG)


def test_one_year_before_is_plain_difference_in_differences(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(8)
    Y, cohort = rng.normal(size=(20, 3)), np.r_[np.ones(4, dtype=int), np.full(16, 3)]
    fit = synthetic_did.fit(arrays_of(Y, cohort), SyntheticDid(), study_of(), RNG)
    change = Y[:, 1:].mean(axis=1) - Y[:, 0]
    assert fit.theta[fit.headline] == pytest.approx(change[:4].mean() - change[4:].mean())
    assert "one year before joining" in fit.cautions[fit.headline]


def test_truth_without_noise(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    a = panel(arrays_of, 9)
    effect = np.random.default_rng(1).normal(size=a.Y.shape)
    flat = np.arange(a.n)[:, None] + np.arange(a.T) ** 2.0
    a = replace(a, Y=flat + effect * a.D, truth=effect)
    spec = SyntheticDid(variance="jackknife")
    fit = synthetic_did.fit(a, spec, study_of(), RNG)
    np.testing.assert_allclose(synthetic_did.truth(a, spec, study_of(), fit), fit.theta, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("variance", ["placebo", "jackknife"])
def test_covers_nominally(
    variance: str, arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    hits, runs = 0, 200
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        n, T = 80, 8
        cohort = np.r_[np.full(10, 5), np.full(n - 10, T)]
        a = arrays_of(rng.normal(size=(n, 1)) + rng.normal(size=(n, T)), cohort)
        fit = synthetic_did.fit(
            a,
            SyntheticDid(variance=variance, placebos=60),
            study_of(),
            rng,  # type: ignore[arg-type]
        )
        found = infer(
            fit.theta, fit.influence, a.incidence, family=np.full(fit.theta.size, -1),
            small_sample="none", rng=rng,
        )  # fmt: skip
        hits += found.low[fit.headline] <= 0 <= found.high[fit.headline]
    assert 0.90 <= hits / runs <= 0.985


def test_spec_refuses() -> None:
    with pytest.raises(ValueError, match="placebos"):
        SyntheticDid(placebos=5)
    with pytest.raises(ValueError, match="few"):
        SyntheticDid(few=0)
