"""Fit and inference together: the table, its conventions, its bands."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import polars as pl
import pytest
from scipy import sparse, stats

from consortia.errors import NotIdentified
from consortia.estimators import METHODS
from consortia.estimators.estimate import estimate
from consortia.results import EFFECTS
from consortia.specs import (
    GroupTime,
    Imputation,
    Inference,
    LocalProjection,
    MethodSpec,
    RawGap,
    SunAbraham,
    Switchers,
    SyntheticDid,
    TwoWay,
)


def panel(arrays_of, rng, n=200, T=5, **more):
    cohort = rng.choice([1, 2, 3, T], size=n, p=[0.2, 0.2, 0.2, 0.4])
    Y = rng.normal(size=(n, 1)) + rng.normal(size=(n, T))
    return arrays_of(Y, cohort, **more)


@pytest.mark.parametrize(
    "spec",
    [
        RawGap(),
        TwoWay(),
        GroupTime(),
        SunAbraham(),
        Imputation(),
        Switchers(),
        LocalProjection(),
        SyntheticDid(placebos=20),
    ],
    ids=lambda s: s.name,
)
def test_every_method_fills_the_schema(arrays_of, study_of, rng, spec) -> None:
    e = estimate(panel(arrays_of, rng), study_of(spec, Inference(draws=99)), rng)
    assert e.method == spec.name == METHODS[type(spec)].name
    assert dict(e.effects.schema) == EFFECTS
    assert set(e.effects["arm"]) == {"trust"}
    assert e.row()["std_error"] > 0
    assert e.covariance.shape == (e.effects.height, e.effects.height)
    known = e.effects["std_error"].is_not_null().to_numpy()
    np.testing.assert_allclose(
        np.sqrt(np.diag(e.covariance)[known]), e.effects["std_error"].to_numpy()[known]
    )


def test_interval_and_p_value_by_hand(arrays_of, study_of, rng) -> None:
    a = panel(arrays_of, rng)
    e = estimate(a, study_of(GroupTime(), Inference(draws=0, level=0.9)), rng)
    # Known no better than by as many pieces as there are joiners, whatever the comparison.
    joiners = int((a.cohort < a.T).sum())
    r, t = e.row(), stats.t(joiners - 1)
    assert r["n_treated"] == joiners
    assert e.critical == pytest.approx(t.ppf(0.95))
    assert r["high"] == pytest.approx(r["estimate"] + t.ppf(0.95) * r["std_error"])
    assert r["p_value"] == pytest.approx(2 * t.sf(abs(r["estimate"] / r["std_error"])))
    assert e.effects["band_low"].null_count() == e.effects.height
    none = estimate(a, study_of(GroupTime(), Inference(draws=0, small_sample="none")), rng)
    assert none.row()["std_error"] * np.sqrt(joiners / (joiners - 1)) == pytest.approx(
        r["std_error"]
    )
    assert none.critical == pytest.approx(1.959963984540054)
    assert "no small-sample factor" in none.convention


@pytest.mark.parametrize("spec", [GroupTime(), Imputation(), Switchers(), LocalProjection()])
def test_three_joiners_are_three_whatever_the_comparison(arrays_of, study_of, rng, spec) -> None:
    Y = rng.normal(size=(300, 1)) + rng.normal(size=(300, 6))
    cohort = np.full(300, 6)
    cohort[:3] = 2, 3, 4
    found = estimate(arrays_of(Y, cohort), study_of(spec, Inference(draws=0)), rng)
    assert found.row()["n_treated"] == 3
    assert found.critical == pytest.approx(stats.t(2).ppf(0.975))
    assert "C taken as 3" in found.convention


def test_same_seed_same_bands(arrays_of, study_of, rng) -> None:
    a, study = panel(arrays_of, rng), study_of(GroupTime(), Inference(draws=199))
    one = estimate(a, study, np.random.default_rng(5)).effects
    two = estimate(a, study, np.random.default_rng(5)).effects
    other = estimate(a, study, np.random.default_rng(6)).effects
    assert one.equals(two)
    assert not one["band_low"].equals(other["band_low"])
    assert one["low"].equals(other["low"])


def test_bands_are_wider_than_intervals_and_by_family(arrays_of, study_of, rng) -> None:
    e = estimate(
        panel(arrays_of, rng), study_of(GroupTime(), Inference(draws=999)), rng
    ).effects.filter(pl.col("std_error").is_not_null())
    single = e["estimand"].is_in(["simple", "group-overall", "calendar-overall", "dynamic-overall"])
    assert e.filter(single)["band_low"].null_count() == 4
    rows = e.filter(~single).with_columns(
        ratio=(pl.col("band_high") - pl.col("estimate")) / (pl.col("high") - pl.col("estimate"))
    )
    assert rows["ratio"].min() > 1.05
    assert rows.group_by("estimand").agg(pl.col("ratio").round(9).n_unique())["ratio"].max() == 1
    by = dict(rows.group_by("estimand").agg(pl.col("ratio").first()).rows())
    assert by["att(g,t)"] > by["group"]


def test_coarser_clusters_change_the_errors_and_are_named(arrays_of, study_of, rng) -> None:
    label = rng.integers(0, 12, 200)
    rows = np.arange(200)
    incidence = sparse.csr_array((np.ones(200), (rows, label)), shape=(200, 12))
    a = panel(arrays_of, rng, incidence=incidence, cluster_name="local_authority")
    e = estimate(a, study_of(GroupTime(), Inference(draws=99)), rng)
    assert e.n_clusters == 12
    assert e.convention.startswith("clustered by local authority (12 clusters)")
    assert "11 degrees of freedom" in e.convention
    assert any("only 12 clusters" in note for note in e.notes)


def test_unused_providers_do_not_count_as_clusters(arrays_of, study_of, rng) -> None:
    a = arrays_of(rng.normal(size=(20, 4)), np.repeat([0, 2, 4], [5, 6, 9]))
    e = estimate(a, study_of(GroupTime(), Inference(draws=0)), rng)
    assert e.n_clusters == 15


def test_methods_table_is_closed() -> None:
    assert set(METHODS) == set(get_args(MethodSpec))
    with pytest.raises(TypeError):
        METHODS[int] = None  # type: ignore[index]


def test_spatial_errors_are_the_sum_over_near_pairs(arrays_of, study_of, rng) -> None:
    a = panel(arrays_of, rng, n=60)
    a = replace(a, points=rng.uniform(0, 30_000, size=(60, 2)))
    plain = estimate(a, study_of(GroupTime(), Inference(draws=0)), rng)
    e = estimate(a, study_of(GroupTime(), Inference(draws=0, spatial_km=10.0, level=0.9)), rng)
    fit = METHODS[GroupTime].fit(a, GroupTime(), study_of(GroupTime()), rng)
    psi = fit.influence.dense()[:, fit.headline]
    total = 0.0
    for i in range(60):
        for j in range(60):
            d = np.hypot(*(a.points[i] - a.points[j])) / 10_000
            total += max(0.0, 1 - d) ** 2 * psi[i] * psi[j]
    row = e.row()
    assert row["estimate"] == plain.row()["estimate"]
    assert row["std_error"] == pytest.approx(np.sqrt(total), rel=1e-9)
    assert row["high"] - row["low"] == pytest.approx(2 * stats.norm.ppf(0.95) * row["std_error"])
    assert e.effects["band_low"].null_count() == e.effects.height
    assert not any("clusters" in note for note in e.notes)


@pytest.mark.parametrize(
    "spec",
    [RawGap(), TwoWay(), GroupTime(), SunAbraham(), Imputation(), Switchers(), LocalProjection()],
    ids=lambda s: s.name,
)
def test_no_answer_on_a_single_joiner(arrays_of, study_of, rng, spec) -> None:
    """Its influence is zero, so that only chance in the comparison would be in the interval."""
    cohort = np.full(60, 5)
    cohort[0] = 2
    a = arrays_of(rng.normal(size=(60, 5)), cohort)
    with pytest.raises(NotIdentified, match="single joiner"):
        estimate(a, study_of(spec, Inference(draws=0)), rng)


def test_one_joiner_is_judged_by_placebos(arrays_of, study_of, rng) -> None:
    cohort = np.full(30, 5)
    cohort[0] = 3
    a = arrays_of(rng.normal(size=(30, 5)), cohort)
    row = estimate(a, study_of(SyntheticDid(placebos=20), Inference(draws=0)), rng).row()
    assert row["n_treated"] == 1
    assert row["std_error"] > 0.2


def test_an_effect_on_one_joiner_has_no_interval(arrays_of, study_of, rng) -> None:
    cohort = np.repeat([1, 2, 5], [1, 12, 30])
    e = estimate(
        arrays_of(rng.normal(size=(43, 5)), cohort), study_of(inference=Inference(draws=99)), rng
    ).effects
    lone = e.filter((pl.col("n_treated") == 1) & (pl.col("caution") != "reference year"))
    assert lone.height >= 4
    assert lone["estimate"].is_not_null().all()
    for name in ("std_error", "low", "high", "band_low", "band_high", "p_value"):
        assert lone[name].is_null().all()
    rest = e.filter((pl.col("n_treated") > 1) & ~pl.col("caution").str.contains("reference"))
    assert rest["std_error"].is_not_null().all()


def test_no_answer_where_nothing_varies(arrays_of, study_of, rng) -> None:
    Y = np.tile(np.arange(5.0), (40, 1))
    with pytest.raises(NotIdentified, match="score does not vary"):
        estimate(arrays_of(Y, np.repeat([2, 5], 20)), study_of(), rng)
