"""Sums by path against fitting the method again on the permuted panel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from conftest import build_arrays, build_study
from consortia.errors import NotIdentified
from consortia.estimators import METHODS, permuted
from consortia.estimators.permuted import path_sums
from consortia.maths.permutation import Redrawn, by_block, by_provider, observed, reference
from consortia.panel import Held
from consortia.specs import GroupTime, Imputation, TwoWay
from consortia.streams import Streams


def panel(rng, n=90, T=5, weights=True, gaps=0.0, strata=1, early=True, never=True):
    cohort = rng.integers(0 if early else 1, T + 1 if never else T, size=n)
    cohort[: T - 1] = np.arange(1, T)
    Y = rng.standard_normal((n, T)).cumsum(axis=1) + 100
    Y[rng.random((n, T)) < gaps] = np.nan
    Y[:2] = rng.standard_normal((2, T))
    return build_arrays(
        Y,
        cohort,
        w=rng.uniform(0.5, 3.0, n) if weights else None,
        stratum=rng.integers(0, strata, n),
    )


def fitted(arrays, study):
    fit = METHODS[type(study.method)].fit(arrays, study.method, study, np.random.default_rng(0))
    # With gaps, whoever is seen only in a cell that cannot be told still counts in the sums by path
    # towards the size of its cohort: the one place where they differ from the fit.
    if any("not identified" in c or "left out" in c for c in fit.cautions):
        raise NotIdentified("thin")
    return fit.theta[fit.headline], fit.influence.dense()[:, fit.headline]


def with_outcome(arrays, Y):
    return replace(arrays, Y=np.where(np.isfinite(arrays.Y), Y, np.nan))


def moved(arrays, sums, shuffle, who):
    """The arrays after the providers ``who`` took the slots."""
    cohort = arrays.cohort.copy()
    of_path = {}
    for p, row in zip(sums.path.tolist(), sums.rows.tolist(), strict=True):
        of_path.setdefault(p, int(arrays.cohort[row]))
    movable = np.zeros(sums.path.size, dtype=bool)
    for pool in shuffle.pools:
        movable[pool.members.ravel()] = True
    now = np.where(movable, shuffle.rest[sums.path], sums.path)
    now[who] = sums.path[shuffle.holder]
    cohort[sums.rows] = [of_path[p] for p in now.tolist()]
    return replace(arrays, cohort=cohort, D=np.arange(arrays.T)[None, :] >= cohort[:, None])


CASES = [
    (GroupTime(aggregate=by, base=base, anticipation=ahead), comparison)
    for by, base, ahead, comparison in [
        ("group", "universal", 0, "never"),
        ("simple", "universal", 0, "not-yet"),
        ("calendar", "varying", 0, "not-yet"),
        ("dynamic", "universal", 1, "never"),
        ("group", "varying", 1, "not-yet"),
    ]
] + [(TwoWay(), "never")]


@pytest.mark.parametrize("gaps", [0.0, 0.15])
@pytest.mark.parametrize("strata", [1, 2])
@pytest.mark.parametrize(("method", "comparison"), CASES, ids=lambda x: getattr(x, "aggregate", x))
@given(seed=st.integers(0, 10_000))
@settings(max_examples=20)
def test_every_draw_is_the_fit_of_the_permuted_panel(method, comparison, strata, gaps, seed):
    rng = np.random.default_rng(seed)
    arrays = panel(rng, gaps=gaps, strata=1 if isinstance(method, TwoWay) else strata)
    study = build_study(method, comparison=comparison)
    try:
        theta, psi = fitted(arrays, study)
    except NotIdentified:
        assume(False)
    sums = path_sums(arrays, study)
    assert sums is not None
    seen, influence = observed(sums)
    assert seen[0] == pytest.approx(theta, abs=1e-9)
    whole = np.zeros(arrays.n)
    whole[sums.rows] = influence[:, 0]
    np.testing.assert_allclose(whole, psi, atol=1e-9)
    n = sums.rows.size
    movable = (arrays.cohort > 0)[sums.rows]
    shuffle = by_provider(sums.path, sums.group, rng.integers(0, 2, n), movable)
    who = np.concatenate([shuffle.holder[None], shuffle.draw(3, rng)])
    drawn, square = Redrawn(sums, shuffle).at(who)
    assert drawn[0] == pytest.approx(seen, abs=1e-10)
    D = arrays.D.astype(float)
    for b in range(who.shape[0]):
        again = moved(arrays, sums, shuffle, who[b])
        try:
            value, own = fitted(again, study)
        except NotIdentified:
            continue
        assert drawn[b, 0] == pytest.approx(value, abs=1e-8)
        try:
            other, exposure = fitted(with_outcome(again, D), study)
        except NotIdentified:
            continue
        assert drawn[b, 1] == pytest.approx(other, abs=1e-8)
        both = np.column_stack([own, exposure])
        np.testing.assert_allclose(square[b], both.T @ both, atol=1e-8)


@pytest.mark.parametrize("gaps", [0.0, 0.15])
@pytest.mark.parametrize("held", [False, True])
@given(seed=st.integers(0, 10_000))
@settings(max_examples=25)
def test_covariates_are_taken_out_of_two_way_once(held, gaps, seed) -> None:
    """Covariates by year (one constant, one the copy of another, one with gaps) and held arms:
    every draw is the regression fitted to the permuted panel."""
    rng = np.random.default_rng(seed)
    arrays = panel(rng, gaps=gaps, strata=2 if held else 1)
    n, T = arrays.Y.shape
    Z = rng.standard_normal((n, T, 5)).cumsum(axis=1) + 50
    Z[:, :, 1] = rng.standard_normal((n, 1))
    Z[:, :, 3] = 2 * Z[:, :, 2] + 7
    Z[:, :, 4] += 2 * arrays.D
    Z[rng.random((n, T)) < gaps, 0] = np.nan
    arm = ()
    if held:
        when = np.where(arrays.stratum == 1, rng.integers(1, T, n), T)
        on = np.arange(T) >= when[:, None]
        arm = (Held(name="academy", label="academy", cohort=when, on=on),)
    arrays = replace(arrays, Z=Z, Z_names=tuple("abcde"), hold=arm)
    study = build_study(TwoWay())

    def regressed(a):
        fit = METHODS[TwoWay].fit(a, study.method, study, rng)
        return fit.theta[0], fit.influence.dense()[:, 0]

    theta, psi = regressed(arrays)
    sums = path_sums(arrays, study)
    assert sums.group.max() == (1 if held else 0)
    seen, influence = observed(sums)
    whole = np.zeros(n)
    whole[sums.rows] = influence[:, 0]
    assert seen[0] == pytest.approx(theta, abs=1e-9)
    assert seen[1] == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(whole, psi, atol=1e-9)
    movable = (arrays.cohort > 0)[sums.rows]
    shuffle = by_provider(sums.path, sums.group, np.zeros(sums.rows.size, dtype=int), movable)
    who = shuffle.draw(4, rng)
    drawn, square = Redrawn(sums, shuffle).at(who)
    D = arrays.D.astype(float)
    for b in range(4):
        again = moved(arrays, sums, shuffle, who[b])
        value, own = regressed(again)
        other, exposure = regressed(with_outcome(again, D))
        assert abs(value - theta) > 1e-6
        np.testing.assert_allclose(drawn[b], [value, other], atol=1e-8)
        both = np.column_stack([own, exposure])
        np.testing.assert_allclose(square[b], both.T @ both, atol=1e-8)


def test_exposure_that_a_covariate_explains_tells_nothing() -> None:
    rng = np.random.default_rng(3)
    arrays = panel(rng, early=False)
    told = replace(arrays, Z=2.0 * arrays.D[:, :, None] + 1, Z_names=("same",))
    sums = path_sums(told, build_study(TwoWay()))
    assert np.isnan(observed(sums)[0]).all()
    with pytest.raises(NotIdentified):
        fitted(told, build_study(TwoWay()))


def test_too_many_paths_are_left_to_refits(monkeypatch) -> None:
    rng = np.random.default_rng(3)
    arrays = panel(rng, gaps=0.1)
    assert path_sums(arrays, build_study(TwoWay())) is not None
    monkeypatch.setattr(permuted, "_MOST", 1_000)
    assert path_sums(arrays, build_study(TwoWay())) is None


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20)
def test_blocks_move_whole_and_are_squared_whole(seed):
    rng = np.random.default_rng(seed)
    arrays = panel(rng, n=60, early=False)
    study = build_study(GroupTime())
    sums = path_sums(arrays, study)
    block = np.where(arrays.joiners, rng.integers(0, 9, arrays.n), -1)
    within = rng.integers(0, 2, arrays.n)
    shuffle, moving = by_block(
        sums.path, sums.group, within, np.ones(arrays.n, dtype=bool), block, rng
    )
    assert moving <= np.unique(block[block >= 0]).size
    who = shuffle.draw(4, rng)
    drawn, square = Redrawn(sums, shuffle).at(who)
    for b in range(4):
        # As many of every cohort as before, in every part of ``within``.
        again = moved(arrays, sums, shuffle, who[b])
        for v in (0, 1):
            assert np.array_equal(
                np.sort(again.cohort[within == v]), np.sort(arrays.cohort[within == v])
            )
        value, psi = fitted(again, study)
        assert drawn[b, 0] == pytest.approx(value, abs=1e-9)
        label = np.arange(arrays.n) + 10_000
        label[who[b]] = shuffle.block
        assert square[b, 0, 0] == pytest.approx(
            sum(psi[label == c].sum() ** 2 for c in np.unique(label)), abs=1e-9
        )


def test_all_assignments_of_a_small_panel() -> None:
    """Five providers, two joiners: ten assignments, each once, and the p-value by counting."""
    rng = np.random.default_rng(4)
    Y = rng.standard_normal((5, 3))
    arrays = build_arrays(Y, np.array([1, 1, 3, 3, 3]))
    study = build_study(GroupTime())
    sums = path_sums(arrays, study)
    shuffle = by_provider(sums.path, sums.group, np.zeros(5, dtype=int), np.ones(5, dtype=bool))
    assert shuffle.count(sums.path) == 10
    found = reference(sums, shuffle, 99, rng)
    assert found.exact
    assert found.theta.shape == (10, 2)
    import itertools

    t = {}
    for pair in itertools.combinations(range(5), 2):
        mine = np.isin(np.arange(5), pair)
        change = Y[:, 1:].mean(axis=1) - Y[:, 0]
        value = change[mine].mean() - change[~mine].mean()
        var = sum(((change[m] - change[m].mean()) ** 2).sum() / m.sum() ** 2 for m in (mine, ~mine))
        t[pair] = (value, value**2 / var)
    np.testing.assert_allclose(
        np.sort(found.theta[:, 0]), np.sort([v for v, _ in t.values()]), atol=1e-12
    )
    expected = np.mean([s >= t[0, 1][1] - 1e-12 for _, s in t.values()])
    assert found.p_value() == pytest.approx(expected)


def test_inverted_interval_is_where_the_shifted_panel_is_not_rejected() -> None:
    rng = np.random.default_rng(7)
    arrays = panel(rng, n=80, early=False)
    study = build_study(GroupTime())
    sums = path_sums(arrays, study)
    shuffle = by_provider(
        sums.path, sums.group, np.zeros(arrays.n, dtype=int), np.ones(arrays.n, dtype=bool)
    )
    low, high = reference(sums, shuffle, 199, Streams(1).rng()).interval(0.9025)
    theta = observed(sums)[0][0]
    assert low < theta < high
    for tau, inside in ((low + 0.01, True), (low - 0.01, False), (high - 0.01, True),
                        (high + 0.01, False)):  # fmt: skip
        shifted = with_outcome(arrays, arrays.Y - tau * arrays.D)
        again = path_sums(shifted, study)
        p = reference(again, shuffle, 199, Streams(1).rng()).p_value()
        assert (p > 0.0975) == inside


def test_what_has_no_such_form_has_none() -> None:
    rng = np.random.default_rng(1)
    arrays = panel(rng)
    assert path_sums(arrays, build_study(Imputation())) is None
    with_x = replace(arrays, X=rng.standard_normal((arrays.n, 1)), X_names=("x",))
    assert path_sums(with_x, build_study(GroupTime())) is None
    assert path_sums(with_x, build_study(TwoWay())) is not None
