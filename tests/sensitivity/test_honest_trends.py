"""The check on event studies written by hand: what it reads, refuses, and says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from consortia.evaluation import evaluate
from consortia.results import EFFECTS, Estimate, Trial
from consortia.sensitivity import honest_trends
from consortia.sensitivity.honest_trends import ANSWER, BY_JOINERS, RELATIVE, event_study, run
from consortia.specs import GroupTime, HonestTrends, Imputation, Inference, MethodSpec, RawGap
from consortia.streams import Streams
from consortia.study import Study
from consortia.world import SchoolSector, sector_study, simulate


def trial(
    make_study: Callable[..., Study],
    path: dict[int, float],
    headline: float,
    se: float = 0.1,
    joiners: dict[int, int] | None = None,
    dof: float = 0,
    method: MethodSpec | None = None,
) -> Trial:
    """An event study with independent effects; the reference year is in it, as estimators give."""
    counts = joiners or {}
    times: list[int | None] = [*sorted({*path, -1}), None]
    reference = {-1: 0.0} if -1 not in path else {}
    theta = [headline if t is None else {**reference, **path}[t] for t in times]
    at_reference = [t in reference for t in times]
    rows = [
        {
            "estimand": "group-overall" if t is None else "dynamic",
            "arm": "trust", "cohort": None, "year": None, "event_time": t, "regime": None,
            "estimate": x, "std_error": None if zero else se, "low": x - 2 * se,
            "high": x + 2 * se, "band_low": None, "band_high": None, "p_value": 0.5,
            "n_treated": 40 if t is None else counts.get(t, 40), "n_control": 200,
            "caution": "reference year" if zero else "",
        }
        for t, x, zero in zip(times, theta, at_reference, strict=True)
    ]  # fmt: skip
    estimate = Estimate(
        method="group-time",
        effects=pl.DataFrame(rows, schema=EFFECTS),
        covariance=np.diag([0.0 if zero else se**2 for zero in at_reference]),
        headline=len(times) - 1,
        n_clusters=240,
        convention="",
        critical=1.96,
        dof=dof,
    )
    return Trial(
        arrays=None,  # type: ignore[arg-type]
        study=make_study(method=method or GroupTime()),
        facts=pl.DataFrame(),
        estimate=estimate,
        refit=None,  # type: ignore[arg-type]
        cross=None,  # type: ignore[arg-type]
        influence=lambda: None,
        sd=1.0,
    )


QUIET = {-4: 0.1, -3: -0.1, -2: 0.05, 0: 3.0, 1: 3.0}
RNG = Streams(1).rng()


def test_three_verdicts_by_fixed_thresholds(make_study) -> None:
    stands = run(trial(make_study, QUIET, 3.0), HonestTrends(), RNG)
    assert stands.verdict is True
    assert stands.numbers["breakdown_mbar"] > honest_trends.STANDS
    assert "would have to be" in stands.sentence
    between = run(trial(make_study, QUIET | {-3: -1.8, -2: 0.0}, 3.0), HonestTrends(), RNG)
    assert between.verdict is None
    assert 0.5 <= between.numbers["breakdown_mbar"] < 1
    falls = run(trial(make_study, QUIET | {-3: -5.0, -2: 0.0}, 3.0), HonestTrends(), RNG)
    assert falls.verdict is False
    assert "no more than" in falls.sentence
    # How near to overturning: falls with the drift that the answer stands.
    dangers = [f.numbers["danger"] for f in (stands, between, falls)]
    assert dangers == sorted(dangers)
    assert falls.numbers["danger"] == pytest.approx(1 / (1 + falls.numbers["breakdown_mbar"]))


def test_an_answer_that_may_be_nothing_has_nothing_to_lose(make_study) -> None:
    found = run(trial(make_study, QUIET | {0: 0.1, 1: 0.1}, 0.1), HonestTrends(), RNG)
    assert found.verdict is None
    assert found.numbers["breakdown_mbar"] == 0.0
    assert found.numbers["danger"] is None
    assert "nothing for a drift to overturn" in found.sentence


def test_an_answer_beyond_the_search_says_so(make_study) -> None:
    flat = {-3: 1e-9, -2: -1e-9, 0: 3.0, 1: 3.0}
    found = run(trial(make_study, flat, 3.0, se=1e-3), HonestTrends(), RNG)
    assert found.verdict is True
    assert found.numbers["breakdown_mbar"] is None
    assert "Even a drift after joining 20 times" in found.sentence
    assert found.numbers["danger"] == 0.0


def test_without_drift_the_interval_is_the_estimates_own(make_study) -> None:
    for dof in (0, 7):
        found = run(trial(make_study, QUIET, 3.0, dof=dof), HonestTrends(), RNG)
        row = found.table.filter(
            (pl.col("target") == ANSWER)
            & (pl.col("restriction") == RELATIVE)
            & (pl.col("bound") == 0)
        ).row(0, named=True)
        critical = stats.t.ppf(0.975, dof) if dof else stats.norm.ppf(0.975)
        half = critical * 0.1 / np.sqrt(2)
        assert (row["low"], row["high"]) == pytest.approx((3 - half, 3 + half), abs=1e-9)


def test_the_target_is_the_answer_where_that_is_an_average_of_the_years(make_study) -> None:
    path = {-3: 0.0, -2: 0.1, 0: 1.0, 1: 4.0}
    counts = {0: 30, 1: 10}
    asked = event_study(trial(make_study, path, 1.75, joiners=counts), HonestTrends())
    assert asked is not None
    assert (asked.name, asked.weights.tolist()) == (ANSWER, [0.75, 0.25])
    asked = event_study(trial(make_study, path, 2.5, joiners=counts), HonestTrends())
    assert asked is not None
    assert (asked.name, asked.weights.tolist()) == (ANSWER, [0.5, 0.5])
    other = trial(make_study, path, 3.3, joiners=counts)
    asked = event_study(other, HonestTrends())
    assert asked is not None
    assert (asked.name, asked.weights.tolist()) == (BY_JOINERS, [0.75, 0.25])
    assert "is no average of effects by year" in run(other, HonestTrends(), RNG).sentence
    asked = event_study(other, HonestTrends(target="mean"))
    assert asked is not None
    assert asked.weights.tolist() == [0.5, 0.5]


def test_anticipation_moves_the_reference_year(make_study) -> None:
    path = {-4: 0.2, -3: 0.1, -2: 0.0, -1: 0.4, 0: 1.0, 1: 1.0}
    made = trial(make_study, path, 1.0, method=GroupTime(anticipation=1))
    asked = event_study(made, HonestTrends())
    assert asked is not None
    assert asked.study.reference == -2
    assert asked.study.times.tolist() == [-4, -3, -1, 0, 1]
    # The year between is after the reference year, and no part of the answer.
    assert asked.weights.tolist() == [0.0, 0.5, 0.5]
    table = run(made, HonestTrends(), RNG).table
    assert "year of joining" in table["target"].to_list()
    assert not any(name.startswith("-1") for name in table["target"].to_list())


def test_years_on_a_single_joiner_and_years_too_far_back_are_left_out(make_study) -> None:
    path = {-6: 9.0, -4: 0.2, -3: 0.1, -2: 0.0, 0: 1.0, 1: 1.0}
    made = trial(make_study, path, 1.0, joiners={-6: 1})
    asked = event_study(made, HonestTrends())
    assert asked is not None
    assert asked.study.times.tolist() == [-4, -3, -2, 0, 1]
    asked = event_study(made, HonestTrends(before=1))
    assert asked is not None
    assert asked.study.times.tolist() == [-2, 0, 1]
    # One step before is enough for steps; bends relative to before need two.
    found = run(made, HonestTrends(before=1), RNG)
    assert found.numbers["worst_bend"] is None
    assert found.numbers["breakdown_mbar_bends"] is None
    assert found.numbers["breakdown_mbar"] is not None


def test_what_cannot_be_said_is_not(make_study) -> None:
    none_before = run(trial(make_study, {0: 1.0, 1: 1.0}, 1.0), HonestTrends(), RNG)
    assert none_before.verdict is None
    assert "fewer than two joiners" in none_before.sentence
    none_after = run(trial(make_study, {-3: 1.0, -2: 1.0}, 1.0), HonestTrends(), RNG)
    assert "no year after joining" in none_after.sentence
    fitted = run(trial(make_study, {0: 1.0}, 1.0, method=Imputation()), HonestTrends(), RNG)
    assert "fits the years before joining" in fitted.sentence
    varying = run(
        trial(make_study, QUIET, 3.0, method=GroupTime(base="varying")), HonestTrends(), RNG
    )
    assert "varying base" in varying.sentence
    plain = trial(make_study, QUIET, 3.0, method=RawGap())
    effects = plain.estimate.effects.filter(pl.col("estimand") != "dynamic")
    bare = replace(plain, estimate=replace(plain.estimate, effects=effects, headline=0))
    assert "no effects by year" in run(bare, HonestTrends(), RNG).sentence
    for found in (none_before, none_after, fitted, varying):
        assert found.numbers["breakdown_mbar"] is None
        assert found.table.height == 0


def test_units_do_not_matter(make_study) -> None:
    def numbers(scale: float) -> dict[str, Any]:
        path = {t: scale * x for t, x in (QUIET | {-3: -1.5}).items()}
        made = trial(make_study, path, scale * 3.0, se=scale * 0.1)
        return dict(run(made, HonestTrends(), RNG).numbers)

    one, hundred = numbers(1.0), numbers(-100.0)
    assert hundred["breakdown_mbar"] == pytest.approx(one["breakdown_mbar"], rel=1e-3)
    assert hundred["breakdown_m"] == pytest.approx(100 * one["breakdown_m"], rel=1e-3)
    assert hundred["worst_step"] == pytest.approx(100 * one["worst_step"])


def test_on_the_embedded_sector() -> None:
    """Providers that were on the same path: a straight line from before leaves the effect."""
    study = sector_study().with_(
        method=GroupTime(aggregate="simple"), hold=(), checks=(HonestTrends(),),
        inference=Inference(draws=0),
    )  # fmt: skip
    evaluation = evaluate(study, simulate(SchoolSector(providers=400), Streams(3)))
    finding = evaluation.findings[0]
    main = finding.table.filter(pl.col("restriction") == RELATIVE).head(9)
    assert main["target"].unique().to_list() == [ANSWER]
    assert (main["low"].diff().drop_nulls() < 0).all()
    assert finding.numbers["years_before"] > 3
    assert evaluation.estimate is not None
    row = evaluation.estimate.row()
    assert main["low"][0] == pytest.approx(row["low"], abs=0.05)
    assert main["high"][0] == pytest.approx(row["high"], abs=0.05)


def test_noise_before_joining_is_told_from_drift(make_study) -> None:
    """The same multiple: a failure where the steps are more than noise, else want of precision."""
    noisy = {-4: 0.5, -3: -0.6, -2: 0.4, 0: 1.4, 1: 1.4}
    weak = run(trial(make_study, noisy, 1.4, se=0.5), HonestTrends(), RNG)
    assert weak.numbers["breakdown_mbar"] < 0.5
    assert weak.verdict is None
    assert "want of precision" in weak.sentence
    sharp = run(trial(make_study, QUIET | {-3: -5.0, -2: 0.0}, 3.0), HonestTrends(), RNG)
    assert sharp.numbers["noise_alone"] == 0.0
    assert "want of precision" not in sharp.sentence


def test_the_chance_of_noise_against_one_step_by_hand(make_study) -> None:
    made = trial(make_study, {-2: 0.15, 0: 1.0}, 1.0)
    found = run(made, HonestTrends(), Streams(2).rng())
    assert found.numbers["noise_alone"] == pytest.approx(2 * stats.norm.sf(1.5), abs=0.01)
