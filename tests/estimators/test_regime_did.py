"""Effects within regimes, against the definition written out, group-time, and strata by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortia.errors import NotIdentified
from consortia.estimators import by_cells, group_time, regime_did, regime_rows
from consortia.estimators.estimate import estimate
from consortia.panel import Arrays, Held
from consortia.specs import GroupTime, Inference, RegimeDid

NAMES = ("none", "a", "b", "a and b")


def by_key(fit) -> dict:
    return {
        (k.estimand, k.cohort, k.year, k.event_time, k.regime): v
        for k, v in zip(fit.keys, fit.theta, strict=True)
    }


def with_regime(a: Arrays, regime: np.ndarray, names: tuple[str, ...] = NAMES) -> Arrays:
    return replace(a, regime=regime.astype(np.int64), regime_names=names)


def random_panel(seed: int, n: int, T: int, gaps: float, codes: int) -> dict[str, Any]:
    g = np.random.default_rng(seed)
    cohort = g.choice(np.arange(T + 1), size=n, p=np.r_[0.05, np.full(T - 1, 0.5 / (T - 1)), 0.45])
    Y = g.normal(size=(n, 1)) + g.normal(size=(n, T)) + 0.3 * np.arange(T)
    Y[g.random((n, T)) < gaps] = np.nan
    # Each provider keeps a regime and changes it now and then, sometimes back.
    regime = g.integers(0, codes, (n, 1)) * np.ones((1, T), dtype=np.int64)
    for t in range(1, T):
        moved = g.random(n) < 0.12
        regime[moved, t:] = g.integers(0, codes, (int(moved.sum()), 1))
    return {"Y": Y, "cohort": cohort, "w": g.uniform(0.5, 3.0, n), "regime": regime}


def brute_force(
    a: Arrays, spec: RegimeDid, comparison: str, w: np.ndarray | None = None
) -> dict[tuple[Any, ...], float]:
    """Every estimand from its definition, provider by provider."""
    w = a.w if w is None else w
    T, years, R = a.T, a.years, a.regime
    att: dict[tuple[int, int, int], float] = {}
    mass: dict[tuple[int, int, int], float] = {}
    users: dict[tuple[int, int], set[int]] = {}
    zero: set[tuple[int, int]] = set()
    for g in sorted(set(a.cohort.tolist())):
        if not 0 < g < T or years[0] + spec.anticipation >= years[g]:
            continue
        for t in range(T):
            b = max(s for s in range(T) if years[s] + spec.anticipation < years[g])
            if spec.base == "varying" and t < g:
                if t == 0:
                    continue
                b = t - 1
            if t == b:
                zero.add((g, t))
            for r in sorted({int(R[i, b]) for i in range(a.n) if a.cohort[i] == g}):
                mine, theirs = [], []
                for i in range(a.n):
                    if not (np.isfinite(a.Y[i, b]) and np.isfinite(a.Y[i, t])):
                        continue
                    if any(R[i, s] != r for s in range(min(b, t), max(g, t) + 1)):
                        continue
                    c = int(a.cohort[i])
                    if c == g:
                        mine.append(i)
                    elif c == T or (
                        comparison == "not-yet" and years[c] > years[max(t, b)] + spec.anticipation
                    ):
                        theirs.append(i)
                if not mine or not theirs:
                    att[g, t, r], mass[g, t, r] = np.nan, 0.0
                    continue
                change = a.Y[:, t] - a.Y[:, b]
                att[g, t, r] = (
                    0.0
                    if t == b
                    else float(
                        np.average(change[mine], weights=w[mine])
                        - np.average(change[theirs], weights=w[theirs])
                    )
                )
                mass[g, t, r] = float(w[mine].sum())
                if t != b:
                    users.setdefault((g, r), set()).update(mine)
    if spec.weights == "joiners":
        mass = {k: sum(w[i] for i in users.get((k[0], k[2]), ())) for k in att}

    def mean(keys, weights=None) -> tuple[float, float]:
        keys = [k for k in keys if np.isfinite(att[k]) and mass[k] > 0]
        if not keys:
            return np.nan, 0.0
        v = [mass[k] for k in keys]
        return float(np.average([att[k] for k in keys], weights=v)), float(sum(v))

    cells = sorted({k[:2] for k in att})
    regimes = sorted({k[2] for k in att})
    whole = {gt: mean([k for k in att if k[:2] == gt]) for gt in cells}
    post = [gt for gt in cells if gt[1] >= gt[0]]
    out: dict[tuple[Any, ...], float] = {}
    for (g, t, r), value in att.items():
        name = None if len(regimes) < 2 else a.regime_names[r]
        estimand = "att(g,t)" if len(regimes) < 2 else "att(g,t,r)"
        out[estimand, years[g], years[t], years[t] - years[g], name] = value
    for (g, t), (value, _) in whole.items():
        out["att(g,t)", years[g], years[t], years[t] - years[g], None] = value
    out["simple", None, None, None, None] = mean([k for k in att if k[1] >= k[0]])[0]
    by_group = {}
    for g in sorted({gt[0] for gt in cells}):
        found = [whole[gt] for gt in post if gt[0] == g and np.isfinite(whole[gt][0])]
        value = float(np.mean([v for v, _ in found])) if found else np.nan
        size = float(np.mean([m for _, m in found])) if found else 0.0
        by_group[g] = (value, size)
        out["group", years[g], None, None, None] = value
    out["group-overall", None, None, None, None] = _average(by_group.values())
    by_year = {}
    for t in sorted({gt[1] for gt in post}):
        by_year[t] = mean([k for k in att if k[1] == t and k[1] >= k[0]])[0]
        out["calendar", None, years[t], None, None] = by_year[t]
    out["calendar-overall", None, None, None, None] = _even(by_year.values())
    after = []
    for e in sorted({int(years[t] - years[g]) for g, t in cells}):
        here = [gt for gt in cells if years[gt[1]] - years[gt[0]] == e]
        real = [gt for gt in here if gt not in zero] or here
        value = mean([k for k in att if k[:2] in real])[0]
        out["dynamic", None, None, e, None] = value
        if e >= 0:
            after.append(value)
    out["dynamic-overall", None, None, None, None] = _even(after)
    if len(regimes) < 2:
        return out
    effects = {r: [k for k in att if k[2] == r and k[1] >= k[0]] for r in regimes}
    for r in regimes:
        out["by-regime", None, None, None, a.regime_names[r]] = mean(effects[r])[0]
    for low in regimes:
        for high in regimes:
            if high <= low or any(not np.isfinite(mean(effects[r])[0]) for r in (low, high)):
                continue
            pairs = [
                (k, (k[0], k[1], low))
                for k in effects[high]
                if np.isfinite(att[k]) and np.isfinite(att.get((k[0], k[1], low), np.nan))
            ]
            name = f"{a.regime_names[high]} − {a.regime_names[low]}"
            out["regime-contrast", None, None, None, name] = (
                float(
                    np.average(
                        [att[x] - att[y] for x, y in pairs],
                        weights=[mass[x] + mass[y] for x, y in pairs],
                    )
                )
                if pairs
                else np.nan
            )
    return out


def _average(pairs) -> float:
    pairs = [p for p in pairs if np.isfinite(p[0])]
    return (
        float(np.average([v for v, _ in pairs], weights=[m for _, m in pairs])) if pairs else np.nan
    )


def _even(values) -> float:
    values = [v for v in values if np.isfinite(v)]
    return float(np.mean(values)) if values else np.nan


def fit_or_single(a: Arrays, spec: RegimeDid, study):
    """The fit, or None where it would rest on a single joiner."""
    try:
        return regime_did.fit(a, spec, study, np.random.default_rng(0))
    except NotIdentified as refused:
        if "single joiner" in refused.because:
            return None
        raise


def same(found: dict, expected: dict) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        if np.isnan(value):
            assert np.isnan(found[key]), key
        else:
            assert found[key] == pytest.approx(value, abs=1e-8), key


panels = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "n": st.integers(8, 40),
        "T": st.integers(3, 5),
        "gaps": st.sampled_from([0.0, 0.0, 0.15]),
        "codes": st.integers(1, 4),
    }
)
choices = st.builds(
    RegimeDid,
    base=st.sampled_from(["universal", "varying"]),
    anticipation=st.integers(0, 1),
    weights=st.sampled_from(["cells", "joiners"]),
)
comparisons = st.sampled_from(["never", "not-yet"])


@settings(max_examples=80)
@given(panel=panels, spec=choices, comparison=comparisons)
def test_equals_the_definition(arrays_of, study_of, panel, spec, comparison) -> None:
    fields = random_panel(**panel)
    regime = fields.pop("regime")
    a = with_regime(arrays_of(**fields), regime)
    expected = brute_force(a, spec, comparison)
    study = study_of(spec, comparison=comparison)
    if not np.isfinite(expected["simple", None, None, None, None]):
        with pytest.raises(NotIdentified):
            regime_did.fit(a, spec, study, np.random.default_rng(0))
        return
    fit = fit_or_single(a, spec, study)
    if fit is not None:
        same(by_key(fit), expected)


@settings(max_examples=12)
@given(panel=panels, spec=choices, comparison=comparisons)
def test_influence_is_the_derivative_in_the_weights(
    arrays_of, study_of, influence_by_definition, panel, spec, comparison
) -> None:
    fields = random_panel(**{**panel, "n": min(panel["n"], 24)})
    regime = fields.pop("regime")
    a = with_regime(arrays_of(**fields), regime)
    try:
        fit = regime_did.fit(
            a, spec, study_of(spec, comparison=comparison), np.random.default_rng(0)
        )
    except NotIdentified:
        return
    keys = list(by_key(fit))

    def theta(w: np.ndarray) -> np.ndarray:
        values = brute_force(a, spec, comparison, w)
        return np.nan_to_num(np.array([values[k] for k in keys]))

    np.testing.assert_allclose(
        fit.influence.dense(), influence_by_definition(theta, a.w), atol=5e-8
    )


@settings(max_examples=40)
@given(
    panel=panels,
    base=st.sampled_from(["universal", "varying"]),
    anticipation=st.integers(0, 1),
    comparison=comparisons,
)
def test_without_held_arms_it_is_group_time(
    arrays_of, study_of, panel, base, anticipation, comparison
) -> None:
    fields = random_panel(**panel)
    fields.pop("regime")
    a = arrays_of(**fields)
    one = GroupTime(base=base, anticipation=anticipation, aggregate="simple")
    other = RegimeDid(base=base, anticipation=anticipation, weights="joiners")
    try:
        expected = group_time.fit(a, one, study_of(one, comparison=comparison), None)
    except NotIdentified as refused:
        because = refused.because
        expected = None
    if expected is None:
        with pytest.raises(NotIdentified) as caught:
            regime_did.fit(a, other, study_of(other, comparison=comparison), None)
        assert set(caught.value.because.split("; ")) <= set(because.split("; "))
        return
    found = fit_or_single(a, other, study_of(other, comparison=comparison))
    if found is None:
        assert expected.n_treated[expected.headline] == 1
        return
    assert found.keys == expected.keys
    np.testing.assert_allclose(found.theta, expected.theta, atol=1e-9)
    np.testing.assert_allclose(found.influence.gram(), expected.influence.gram(), atol=1e-9)
    assert found.cautions == expected.cautions
    assert found.n_treated.tolist() == expected.n_treated.tolist()
    assert found.n_control.tolist() == expected.n_control.tolist()


@pytest.mark.parametrize("adjust", ["regression", "weighting", "doubly-robust"])
def test_with_covariates_a_cell_is_group_time_in_its_own_sample(
    arrays_of, study_of, adjust
) -> None:
    """ATT(g, t, r) and its influence equal group-time on the providers that keep r from b to t."""
    fields = random_panel(5, 300, 4, 0.05, 2)
    regime = fields.pop("regime")
    g = np.random.default_rng(8)
    X = g.normal(size=(300, 1)) + 0.2 * (fields["cohort"] < 4)[:, None]
    fields["Y"] = fields["Y"] + X * np.arange(4) * 0.4
    a = with_regime(arrays_of(**fields, X=X), regime)
    spec = RegimeDid(adjust=adjust)
    found = regime_did.fit(a, spec, study_of(spec), np.random.default_rng(0))
    checked = 0
    dense = found.influence.dense()
    for k, key in enumerate(found.keys):
        if key.estimand != "att(g,t,r)" or key.event_time == -1 or np.isnan(found.theta[k]):
            continue
        t, base, r = key.year - 2001, key.cohort - 2002, NAMES.index(key.regime)
        low, high = min(t, base), max(t, base + 1)
        rows = (regime[:, low : high + 1] == r).all(axis=1)
        other = GroupTime(adjust=adjust)
        try:
            plain = group_time.fit(
                replace(a, regime=None).take(rows), other, study_of(other), np.random.default_rng(0)
            )
        except NotIdentified:
            continue
        at = next(
            i
            for i, x in enumerate(plain.keys)
            if (x.estimand, x.cohort, x.year) == ("att(g,t)", key.cohort, key.year)
        )
        assert found.theta[k] == pytest.approx(plain.theta[at], abs=1e-9)
        np.testing.assert_allclose(dense[rows, k], plain.influence.dense()[:, at], atol=1e-9)
        assert not dense[~rows, k].any()
        checked += 1
    assert checked >= 8


def test_two_regimes_by_hand(arrays_of, study_of) -> None:
    """Four joiners in two regimes: the average of two differences in differences, 3 to 1."""
    Y = np.array(
        [
            [0.0, 0.0, 5.0], [1.0, 1.0, 6.0], [2.0, 2.0, 7.0],  # joiners from none: up 5
            [0.0, 0.0, 2.0],  # a joiner from a: up 2
            [0.0, 0.0, 1.0], [3.0, 3.0, 4.0],  # comparison, none: up 1
            [0.0, 0.0, 4.0],  # comparison, a: up 4
            [0.0, 0.0, 99.0],  # a joiner that takes a as it joins: nowhere
            [0.0, 0.0, -99.0],  # takes a in the last year without joining: nowhere then
        ]
    )  # fmt: skip
    cohort = np.array([2, 2, 2, 2, 3, 3, 3, 2, 3])
    regime = np.zeros((9, 3), dtype=np.int64)
    regime[[3, 6]] = 1
    regime[[7, 8], 2] = 1
    a = with_regime(arrays_of(Y, cohort), regime, ("none", "a"))
    fit = regime_did.fit(a, RegimeDid(), study_of(RegimeDid()), np.random.default_rng(0))
    found = by_key(fit)
    assert found["att(g,t,r)", 2003, 2003, 0, "none"] == pytest.approx(4.0)
    assert found["att(g,t,r)", 2003, 2003, 0, "a"] == pytest.approx(-2.0)
    assert found["simple", None, None, None, None] == pytest.approx((3 * 4.0 - 2.0) / 4)
    assert found["by-regime", None, None, None, "a"] == pytest.approx(-2.0)
    assert found["regime-contrast", None, None, None, "a − none"] == pytest.approx(-6.0)
    assert fit.n_treated[fit.headline] == 4
    assert fit.n_control[fit.headline] == 3


def test_arms_that_come_on_the_same_day_are_refused_with_the_reason(arrays_of, study_of) -> None:
    g = np.random.default_rng(2)
    cohort = np.repeat([2, 4], 20)
    regime = (np.arange(4)[None, :] >= cohort[:, None]).astype(np.int64)
    a = with_regime(
        arrays_of(g.normal(size=(40, 4)), cohort), regime, ("without academy", "with academy")
    )
    with pytest.raises(NotIdentified) as caught:
        regime_did.fit(a, RegimeDid(), study_of(RegimeDid()), g)
    assert caught.value.because.startswith(
        "another arm changed, by the year of joining, for every one of the 20 joiners"
    )
    # All join at once in two regimes, and nobody stays outside.
    lone = with_regime(
        arrays_of(g.normal(size=(20, 4)), np.repeat(2, 20)),
        np.repeat(np.arange(2), 10)[:, None] * np.ones((1, 4), dtype=np.int64),
        ("without academy", "with academy"),
    )
    with pytest.raises(NotIdentified, match="20 of 20 joiners kept another arm as it was"):
        regime_did.fit(lone, RegimeDid(), study_of(RegimeDid(), comparison="not-yet"), g)


def test_thin_cells_are_named_and_the_rest_goes_on(arrays_of, study_of) -> None:
    g = np.random.default_rng(3)
    cohort = np.repeat([1, 2, 4], [2, 6, 30])
    regime = np.zeros((38, 4), dtype=np.int64)
    regime[2:4] = 1  # two joiners of 2003 hold a; nobody in the comparison does
    a = with_regime(arrays_of(g.normal(size=(38, 4)), cohort), regime, ("none", "a"))
    found = estimate(a, study_of(RegimeDid(), inference=Inference(draws=0)), g).effects
    rows = {
        (r["estimand"], r["cohort"], r["year"], r["regime"]): r for r in found.iter_rows(named=True)
    }
    lost = rows["att(g,t,r)", 2003, 2003, "a"]
    assert lost["estimate"] is None
    assert "nobody to compare with that holds the same" in lost["caution"]
    assert rows["by-regime", None, None, "a"]["estimate"] is None
    assert "fewer than 5 treated" in rows["att(g,t)", 2002, 2002, None]["caution"]
    assert "not identified and left out" in rows["simple", None, None, None]["caution"]
    assert rows["simple", None, None, None]["n_treated"] == 6
    assert not found.filter(found["estimand"] == "regime-contrast").height


def test_a_single_joiner_is_refused_and_few_widen_the_interval(arrays_of, study_of) -> None:
    g = np.random.default_rng(9)
    cohort = np.repeat([1, 3], [6, 40])
    regime = np.zeros((46, 3), dtype=np.int64)
    regime[5, 1:] = 1
    a = with_regime(arrays_of(g.normal(size=(46, 3)), cohort), regime, ("none", "a"))
    study = study_of(RegimeDid(), inference=Inference(draws=0))
    found = estimate(a, study, g)
    assert found.dof == 4
    assert "C taken as 5, as many as joiners" in found.convention
    plain = estimate(a, study.with_(inference=Inference(draws=0, small_sample="none")), g)
    assert found.row()["std_error"] == pytest.approx(plain.row()["std_error"] * np.sqrt(5 / 4))
    with pytest.raises(NotIdentified, match="single joiner"):
        estimate(a.take(np.r_[[True], np.zeros(5), np.ones(40)].astype(bool)), study, g)


def test_changes_are_counted_in_the_flow(arrays_of, study_of) -> None:
    g = np.random.default_rng(4)
    cohort = np.repeat([2, 4], [10, 10])
    on = np.zeros((20, 4), dtype=bool)
    on[:4, 2:] = True  # four joiners take it as they join
    on[4, 3] = True  # one a year later
    on[15, 1:] = True  # one never-joiner
    held = Held(name="academy", label="academy status", cohort=np.full(20, 4), on=on)
    a = replace(
        with_regime(arrays_of(g.normal(size=(20, 4)), cohort), on, ("none", "academy")),
        hold=(held,),
    )
    fit = regime_did.fit(a, RegimeDid(), study_of(RegimeDid()), g)
    step = next(s for s in fit.flow if s.step == "joiners whose academy status changes")
    assert step.provider_years == 4 * 4 + 1
    assert "4 joiners have no year after joining left" in step.why
    other = next(s for s in fit.flow if s.step.startswith("comparison providers whose"))
    assert "1 never-joiners" in other.why
    assert fit.n_treated[fit.headline] == 6


def test_stays_counts_a_return_as_a_change() -> None:
    regime = np.array([[0, 1, 0, 0], [2, 2, 2, 2], [1, 1, 0, 1]])
    assert by_cells.stays(regime, 2).tolist() == [
        [False, False, True, True],
        [True, True, True, True],
        [False, False, True, False],
    ]


def test_truth_is_the_average_of_the_known_effect(arrays_of, study_of) -> None:
    g = np.random.default_rng(6)
    cohort = np.repeat([1, 2, 4], [8, 8, 20])
    effect = np.where(np.arange(4) >= cohort[:, None], 1.0 + np.arange(4), 0.0)
    regime = np.tile(np.arange(36)[:, None] % 2, (1, 4))
    a = arrays_of(g.normal(size=(36, 4)), cohort, truth=effect)
    a = with_regime(a, regime, ("none", "a"))
    study = study_of(RegimeDid(), inference=Inference(draws=0))
    found = estimate(a, study, g)
    # Joiners of 2002 in 2002 to 2004, of 2003 in 2003 and 2004, eight each.
    assert found.row()["truth"] == pytest.approx((2 + 3 + 4 + 3 + 4) / 5)
    contrast = found.effects.filter(found.effects["estimand"] == "regime-contrast")
    assert contrast["truth"].item() == pytest.approx(0.0, abs=1e-12)
    assert contrast["std_error"].item() > 0


def test_rows_of_a_regime_that_is_never_identified_are_told(arrays_of, study_of) -> None:
    cells = regime_did.cells_of(
        with_regime(arrays_of(np.zeros((4, 3)), np.array([1, 1, 3, 3])), np.zeros((4, 3))),
        RegimeDid(),
        study_of(RegimeDid()),
    ).cells
    summary = regime_rows.summarise(
        cells, np.full(len(cells), np.nan), np.arange(len(cells)), np.zeros(len(cells)),
        np.array([2001, 2002, 2003]), ("none",),
    )  # fmt: skip
    assert np.isnan(summary.theta).all()
    assert summary.asked[0].sum() == 2
