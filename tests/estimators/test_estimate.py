"""Fit and inference together: the table, its conventions, its bands."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import sparse, stats

from consortia.estimators import METHODS
from consortia.estimators.estimate import estimate
from consortia.results import EFFECTS
from consortia.specs import GroupTime, Inference, Mixed, RawGap, TwoWay


def panel(arrays_of, rng, n=200, T=5, **more):
    cohort = rng.choice([1, 2, 3, T], size=n, p=[0.2, 0.2, 0.2, 0.4])
    Y = rng.normal(size=(n, 1)) + rng.normal(size=(n, T))
    return arrays_of(Y, cohort, **more)


@pytest.mark.parametrize("spec", [RawGap(), TwoWay(), GroupTime()], ids=lambda s: s.name)
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
    r, t = e.row(), stats.t(199)
    assert e.critical == pytest.approx(t.ppf(0.95))
    assert r["high"] == pytest.approx(r["estimate"] + t.ppf(0.95) * r["std_error"])
    assert r["p_value"] == pytest.approx(2 * t.sf(abs(r["estimate"] / r["std_error"])))
    assert e.effects["band_low"].null_count() == e.effects.height
    none = estimate(a, study_of(GroupTime(), Inference(draws=0, small_sample="none")), rng)
    assert none.row()["std_error"] * np.sqrt(200 / 199) == pytest.approx(r["std_error"])
    assert none.critical == pytest.approx(1.959963984540054)
    assert "no small-sample factor" in none.convention


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
    assert set(METHODS) == {RawGap, TwoWay, GroupTime, Mixed}
    with pytest.raises(TypeError):
        METHODS[int] = None  # type: ignore[index]
