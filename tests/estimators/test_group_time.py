"""Group-time effects against loops over providers, and on the thin designs that are normal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortia.errors import NotIdentified
from consortia.estimators import group_time
from consortia.estimators.estimate import estimate
from consortia.specs import GroupTime, Inference


def by_key(fit) -> dict:
    return {
        (k.estimand, k.cohort, k.year, k.event_time): v
        for k, v in zip(fit.keys, fit.theta, strict=True)
    }


def same(found: dict, expected: dict, tolerance: float = 1e-8) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        if np.isnan(value):
            assert np.isnan(found[key]), key
        else:
            assert found[key] == pytest.approx(value, abs=tolerance), key


def random_panel(seed: int, n: int, T: int, gaps: float, strata: int, years: bool):
    g = np.random.default_rng(seed)
    cohort = g.choice(
        np.arange(T + 1), size=n, p=np.r_[[0.05], np.full(T - 1, 0.5 / (T - 1)), 0.45]
    )
    Y = g.normal(size=(n, 1)) + g.normal(size=(n, T)) + 0.3 * np.arange(T)
    Y[g.random((n, T)) < gaps] = np.nan
    calendar = np.cumsum(g.integers(1, 3, T)) + 2000 if years else np.arange(T) + 2001
    return {
        "Y": Y,
        "cohort": cohort,
        "w": g.uniform(0.5, 3.0, n),
        "stratum": g.integers(0, strata, n),
        "years": calendar,
    }, g


panels = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "n": st.integers(6, 28),
        "T": st.integers(3, 6),
        "gaps": st.sampled_from([0.0, 0.0, 0.1, 0.3]),
        "strata": st.integers(1, 3),
        "years": st.booleans(),
    }
)
choices = st.builds(
    GroupTime,
    base=st.sampled_from(["universal", "varying"]),
    anticipation=st.integers(0, 2),
    adjust=st.sampled_from(["regression", "weighting", "doubly-robust"]),
)


@settings(max_examples=150)
@given(panel=panels, spec=choices, comparison=st.sampled_from(["never", "not-yet"]))
def test_equals_brute_force_without_covariates(
    arrays_of, study_of, brute, panel, spec, comparison
) -> None:
    fields, _ = random_panel(**panel)
    a = arrays_of(**fields)
    expected = brute(a, spec, comparison)
    study = study_of(spec, comparison=comparison)
    if not np.isfinite(expected["group-overall", None, None, None]):
        with pytest.raises(NotIdentified):
            group_time.fit(a, spec, study, np.random.default_rng(0))
        return
    fit = group_time.fit(a, spec, study, np.random.default_rng(0))
    same(by_key(fit), expected)


@settings(max_examples=25)
@given(panel=panels, spec=choices, comparison=st.sampled_from(["never", "not-yet"]))
def test_influence_is_the_derivative_in_the_weights(
    arrays_of, study_of, brute, influence_by_definition, panel, spec, comparison
) -> None:
    fields, _ = random_panel(**panel)
    a = arrays_of(**fields)
    study = study_of(spec, comparison=comparison)
    try:
        fit = group_time.fit(a, spec, study, np.random.default_rng(0))
    except NotIdentified:
        return
    keys = list(by_key(fit))

    def theta(w: np.ndarray) -> np.ndarray:
        values = brute(a, spec, comparison, w)
        return np.nan_to_num(np.array([values[k] for k in keys]))

    psi = influence_by_definition(theta, a.w)
    np.testing.assert_allclose(fit.influence.dense(), psi, atol=2e-8)
    np.testing.assert_allclose(fit.influence.gram(), psi.T @ psi, atol=2e-8)


@pytest.mark.parametrize("adjust", ["regression", "weighting", "doubly-robust"])
@pytest.mark.parametrize("gaps", [0.0, 0.15])
@pytest.mark.parametrize("comparison", ["never", "not-yet"])
@pytest.mark.parametrize("strata", [1, 2])
def test_covariates_equal_brute_force_with_influence(
    arrays_of, study_of, brute, influence_by_definition, adjust, gaps, comparison, strata
) -> None:
    spec = GroupTime(adjust=adjust)
    fields, g = random_panel(7 + strata, 60, 4, gaps, strata, False)
    # Both covariates move joining a little, so that they matter and still overlap.
    X = g.normal(size=(60, 1)) + 0.2 * (fields["cohort"] < 4)[:, None]
    Z = g.normal(size=(60, 4, 1))
    fields["Y"] = fields["Y"] + X * np.arange(4) * 0.4
    a = arrays_of(**fields, X=X, Z=Z)
    study = study_of(spec, comparison=comparison)
    fit = group_time.fit(a, spec, study, np.random.default_rng(0))
    found = by_key(fit)
    expected = brute(a, spec, comparison)
    known = [k for k in found if np.isfinite(found[k])]
    assert len(known) > 15
    assert not any("not identified" in c for c in fit.cautions)
    same(found, expected)

    def theta(w: np.ndarray) -> np.ndarray:
        values = brute(a, spec, comparison, w)
        return np.array([values[k] for k in found])

    psi = influence_by_definition(theta, a.w)
    np.testing.assert_allclose(fit.influence.dense(), psi, atol=5e-8)


def test_saturated_strata_are_the_same_estimator_by_moments_and_by_cells(
    arrays_of, study_of
) -> None:
    fields, _ = random_panel(3, 80, 5, 0.0, 3, False)
    spec = GroupTime()
    study = study_of(spec, comparison="not-yet")
    fast = group_time.fit(arrays_of(**fields), spec, study, np.random.default_rng(0))
    # A covariate without any variation sends the same numbers through regressions and logits.
    slow = group_time.fit(
        arrays_of(**fields, X=np.ones((80, 1))), spec, study, np.random.default_rng(0)
    )
    np.testing.assert_allclose(fast.theta, slow.theta, atol=1e-9)
    np.testing.assert_allclose(fast.influence.gram(), slow.influence.gram(), atol=1e-9)
    assert (fast.n_treated == slow.n_treated).all()
    assert (fast.n_control == slow.n_control).all()


def test_already_joined_are_dropped_and_counted(arrays_of, study_of, rng) -> None:
    cohort = np.array([0, 0, 2, 2, 4, 4, 4, 4])
    a = arrays_of(rng.normal(size=(8, 4)), cohort)
    fit = group_time.fit(a, GroupTime(), study_of(), rng)
    step = fit.flow[0]
    assert (step.step, step.providers, step.provider_years) == (
        "already joined before the first year",
        2,
        8,
    )
    assert step.why == "nothing known from before"
    assert fit.flow[-1].providers == 6
    assert not fit.influence.dense()[:2].any()


def test_cohort_without_base_year_is_dropped_and_counted(arrays_of, study_of, rng) -> None:
    a = arrays_of(rng.normal(size=(9, 5)), np.array([1, 3, 3, 3, 5, 5, 5, 5, 5]))
    fit = group_time.fit(a, GroupTime(anticipation=1), study_of(), rng)
    assert {k.cohort for k in fit.keys if k.estimand == "att(g,t)"} == {2004}
    assert ("no year before joining", 1) in [(s.step, s.providers) for s in fit.flow]
    assert any("2002" in note for note in fit.notes)


def test_thin_cells_say_why_and_the_rest_goes_on(arrays_of, study_of, rng) -> None:
    Y = rng.normal(size=(12, 4))
    cohort = np.array([2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4])
    Y[0, 3] = np.nan
    a = arrays_of(Y, cohort)
    e = estimate(a, study_of(), rng).effects
    lost = e.filter((e["cohort"] == 2003) & (e["year"] == 2004)).row(0, named=True)
    assert lost["estimate"] is None
    assert lost["std_error"] is None
    assert lost["p_value"] is None
    assert lost["caution"].startswith("not identified, because no provider of the cohort")
    one = e.filter((e["cohort"] == 2003) & (e["year"] == 2003)).row(0, named=True)
    assert "fewer than 5 treated" in one["caution"]
    assert "one treated provider" in one["caution"]
    whole = e.filter((e["cohort"] == 2004) & (e["year"] == 2004)).row(0, named=True)
    assert whole["caution"] == ""
    assert whole["n_treated"] == 5
    assert whole["n_control"] == 6
    simple = e.filter(e["estimand"] == "simple").row(0, named=True)
    assert "1 of 3 cells not identified and left out" in simple["caution"]
    assert simple["n_treated"] == 6


def test_treated_without_like_comparison_are_left_out_and_counted(arrays_of, study_of, rng) -> None:
    cohort = np.array([1, 1, 1, 3, 3, 3, 3])
    stratum = np.array([0, 0, 1, 0, 0, 2, 2])
    a = arrays_of(rng.normal(size=(7, 3)), cohort, stratum=stratum)
    fit = group_time.fit(a, GroupTime(), study_of(), rng)
    at = [k.estimand for k in fit.keys].index("simple")
    assert (fit.n_treated[at], fit.n_control[at]) == (2, 2)
    assert "1 treated without a like comparison left out" in fit.cautions[1]
    # Comparison without treated carry no weight.
    assert not fit.influence.dense()[[2, 5, 6]].any()
    assert [s.providers for s in fit.flow] == [1, 2, 4]


def test_nothing_identified_is_refused_with_the_reason(arrays_of, study_of, rng) -> None:
    Y = rng.normal(size=(6, 3))
    with pytest.raises(NotIdentified, match="had joined before the first year"):
        group_time.fit(arrays_of(Y, np.array([0, 0, 0, 3, 3, 3])), GroupTime(), study_of(), rng)
    with pytest.raises(NotIdentified, match="not-yet"):
        group_time.fit(arrays_of(Y, np.array([1, 1, 2, 2, 2, 2])), GroupTime(), study_of(), rng)
    with pytest.raises(NotIdentified, match="nobody joins"):
        group_time.fit(arrays_of(Y, np.array([3] * 6)), GroupTime(), study_of(), rng)
    apart = np.array([0, 0, 0, 1, 1, 1])
    with pytest.raises(NotIdentified, match="no comparison provider holds the same arms"):
        group_time.fit(
            arrays_of(Y, np.array([1, 1, 1, 3, 3, 3]), stratum=apart), GroupTime(), study_of(), rng
        )


def test_covariate_that_only_joiners_vary_in_is_not_identified(arrays_of, study_of, rng) -> None:
    cohort = np.repeat([2, 4], [10, 20])
    x = np.where(np.arange(30) < 5, 1.0, 0.0)[:, None]
    a = arrays_of(rng.normal(size=(30, 4)), cohort, X=x)
    with pytest.raises(NotIdentified, match="do not vary in the covariates"):
        group_time.fit(a, GroupTime(adjust="regression"), study_of(), rng)
    with pytest.raises(NotIdentified, match=r"nobody alike|separate"):
        group_time.fit(a, GroupTime(adjust="weighting"), study_of(), rng)


def test_comparison_of_a_kind_that_nobody_joins_from_does_no_harm(arrays_of, study_of, rng) -> None:
    cohort = np.repeat([2, 4], [10, 30])
    Y = rng.normal(size=(40, 4))
    odd = np.arange(40) >= 35
    with_them = group_time.fit(
        arrays_of(Y, cohort, X=odd[:, None].astype(float)),
        GroupTime(),
        study_of(),
        rng,
    )
    without = group_time.fit(arrays_of(Y[:35], cohort[:35]), GroupTime(), study_of(), rng)
    np.testing.assert_allclose(with_them.theta, without.theta, atol=1e-9)
    np.testing.assert_allclose(
        with_them.influence.gram(), without.influence.gram(), atol=1e-9, rtol=1e-6
    )


def test_truth_is_the_estimator_on_known_effects(arrays_of, study_of, rng) -> None:
    n, T = 40, 5
    cohort = rng.integers(1, T + 1, n)
    D = np.arange(T) >= cohort[:, None]
    effect = np.where(
        D, 0.1 * (np.arange(T) - cohort[:, None] + 1) + 0.01 * cohort[:, None], np.nan
    )
    Y = rng.normal(size=(n, T))
    a = arrays_of(Y, cohort, truth=effect)
    e = estimate(a, study_of(comparison="not-yet"), rng).effects
    cells = e.filter((e["estimand"] == "att(g,t)") & (e["event_time"] >= 0))
    assert cells.height > 5
    expected = 0.1 * (cells["event_time"] + 1) + 0.01 * (cells["cohort"] - 2001)
    np.testing.assert_allclose(cells["truth"], expected, atol=1e-12)
    early = e.filter((e["estimand"] == "att(g,t)") & (e["event_time"] < 0))
    np.testing.assert_allclose(early["truth"], 0, atol=1e-12)
    # Without noise, estimate and truth are the same number for every row.
    exact = arrays_of(np.where(D, effect, 0.0) + np.arange(T), cohort, truth=effect)
    e = estimate(exact, study_of(comparison="not-yet"), rng).effects
    np.testing.assert_allclose(e["estimate"], e["truth"], atol=1e-12)


def test_adding_a_constant_or_a_provider_level_changes_nothing(arrays_of, study_of, rng) -> None:
    fields, g = random_panel(11, 50, 5, 0.0, 1, False)
    spec = GroupTime()
    plain = group_time.fit(arrays_of(**fields), spec, study_of(), rng)
    fields["Y"] = fields["Y"] + 1e6 + g.normal(size=(50, 1)) * 100
    moved = group_time.fit(arrays_of(**fields), spec, study_of(), rng)
    np.testing.assert_allclose(moved.theta, plain.theta, atol=1e-8)
    np.testing.assert_allclose(moved.influence.gram(), plain.influence.gram(), atol=1e-8)


def test_headline_follows_the_aggregate(arrays_of, study_of, rng) -> None:
    fields, _ = random_panel(5, 60, 4, 0.0, 1, False)
    for aggregate, estimand in [
        ("simple", "simple"),
        ("group", "group-overall"),
        ("calendar", "calendar-overall"),
        ("dynamic", "dynamic-overall"),
    ]:
        spec = GroupTime(aggregate=aggregate)
        fit = group_time.fit(arrays_of(**fields), spec, study_of(spec), rng)
        assert fit.keys[fit.headline].estimand == estimand


def test_reference_year_has_no_standard_error(arrays_of, study_of, rng) -> None:
    fields, _ = random_panel(5, 60, 4, 0.0, 1, False)
    e = estimate(arrays_of(**fields), study_of(inference=Inference(draws=99)), rng).effects
    zero = e.filter(e["caution"].str.starts_with("reference year"))
    assert set(zero["event_time"]) == {-1}
    assert zero["std_error"].null_count() == zero.height
    assert zero["band_low"].null_count() == zero.height
    assert (zero["estimate"] == 0).all()
