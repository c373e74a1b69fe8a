"""A study on worlds whose truth is known: numbers against closed forms and against the long way."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from consortia.appraisal import appraise
from consortia.appraisal.designs import Design, by_methods
from consortia.appraisal.worlds import Bench, Todo, _crossed, answers, outcomes, streams_of
from consortia.diagnosis import DIAGNOSES, MOMENTS, RUNS
from consortia.errors import DataInvalid
from consortia.estimators.estimate import estimate
from consortia.maths.diagnosands import known
from consortia.panel import Panel
from consortia.sensitivity import randomisation
from consortia.sensitivity.thresholds import chance_above, in_words
from consortia.specs import (
    Appraise,
    GroupTime,
    LeaveOneOut,
    Outcome,
    PreTrend,
    Randomisation,
    RegimeDid,
    TwoWay,
)
from consortia.specs.appraise import Hidden
from consortia.streams import Streams


def two_groups(make_panel, make_study, n: int = 80, sd: float = 2.0, effect: float = 0.0):
    """Half join in the second of two years; noise alone."""
    rng = Streams(5).rng()
    y = {
        (f"p{i:03}", t): 10 + effect * (t == 2016 and i % 2) + sd * rng.standard_normal()
        for i in range(n)
        for t in (2015, 2016)
    }
    joins = [(f"p{i:03}", "a", "trust", "2015-09-01") for i in range(1, n, 2)]
    study = make_study(
        method=TwoWay(), checks=(), outcomes={"score": Outcome(unit="points", worthwhile=1.0)}
    )
    return study, make_panel(y, joins)


@pytest.mark.slow
def test_power_of_two_groups_is_what_the_formula_says(make_panel, make_study) -> None:
    """The change of 40 joiners less that of 40 others has variance 2 s² (1/40 + 1/40)."""
    study, panel = two_groups(make_panel, make_study)
    found = appraise(study, panel, Appraise(worlds=1500, effects=(0.0, 1.0, 1.4)))
    s = found.parameters["sd_of_a_year"]
    assert found.parameters["sd_persistent"] == 0
    se = s * np.sqrt(2 * (1 / 40 + 1 / 40))
    for effect in (1.0, 1.4):
        row, right = found.row("two-way", effect=effect), known(effect, se)
        # The interval is that of t with 79 degrees of freedom: a little wider than the normal.
        assert abs(row["power"] - right.power) < 4 * row["power_mc"] + 0.015
        assert abs(row["exaggeration"] - right.exaggeration) < 4 * row["exaggeration_mc"] + 0.01
        assert row["sd"] == pytest.approx(se, rel=0.06)
        assert row["detectable"] == pytest.approx(2.80 * se, rel=0.1)
    none = found.row("two-way", effect=0.0)
    assert abs(none["coverage"] - 0.95) < 4 * none["coverage_mc"]
    assert none["power"] == pytest.approx(1 - none["coverage"])
    assert abs(none["bias"]) < 4 * none["bias_mc"]


def test_hidden_trend_is_found_as_bias(make_panel, make_study) -> None:
    study, panel = two_groups(make_panel, make_study, sd=0.5)
    found = appraise(
        study, panel, Appraise(worlds=200, effects=(0.0,), hidden=Hidden(trend=0.3, dip=0.2))
    )
    row = found.row("two-way", effect=0.0)
    # One year of trend, and the recovery from the dip.
    assert abs(row["bias"] - 0.5 * found.sd) < 4 * row["bias_mc"]
    assert row["truth"] == 0
    assert "a trend of +0.3" in found.truth


def test_the_short_way_is_the_long_way(small) -> None:
    """Arrays filled with a world's results answer as the panel of that world, crossed anew."""
    study, panel = small
    spec = Appraise(worlds=2, effects=(0.7,), growth=0.2, spread=0.3,
                    methods=("two-way", "imputation", "mixed", "switchers"))  # fmt: skip
    plan = plan_of(study, panel, spec)
    bench = Bench(plan)
    design = plan.designs[0]
    got = {r[4]: r for r in answers(bench, design, [todo(plan, 1)])}
    streams = streams_of(plan, 1)
    crossed = _crossed(bench, design, streams)
    Y, unit = outcomes(plan, crossed, streams)
    truth = unit(0.7)
    base = crossed.base
    rows = np.repeat(base.provider, base.T)
    frame = pl.DataFrame({"provider": rows, "year": np.tile(base.years, base.n)}).with_columns(
        pl.col("year").cast(pl.Int32), score=pl.Series((Y + truth).ravel()),
        seen=pl.Series(np.isfinite(base.Y).ravel()), effect=pl.Series(truth.ravel()),
    )  # fmt: skip
    world = Panel(
        outcomes=frame.select(
            "provider", "year", score=pl.when(pl.col("seen")).then(pl.col("score"))
        ),
        providers=panel.providers, memberships=panel.memberships, statuses=panel.statuses,
        truth=frame.select("provider", "year", "effect"),
    )  # fmt: skip
    assert len(got) == 5
    for one in plan.studies:
        name = one.method.name
        row = estimate(world.arrays(one), one, streams.at("fit", name).rng()).row()
        want = [row[c] for c in ("estimate", "std_error", "low", "high", "truth")]
        np.testing.assert_allclose(got[name][5:10], want, rtol=1e-9)
        assert got[name][10] == row["n_treated"]


def plan_of(study, panel, spec: Appraise):
    from consortia.appraisal.appraising import _calibrated

    return _calibrated(study, panel, spec)[0]


def todo(plan, world: int) -> Todo:
    return world, tuple((e, s.method.name) for e in plan.effects for s in plan.studies)


def test_every_number_of_the_table_by_hand(small) -> None:
    study, panel = small
    found = appraise(study, panel, Appraise(worlds=12, methods=("raw-gap",)))
    assert found.runs.schema == RUNS
    assert found.table.schema == DIAGNOSES
    assert found.fit.schema == MOMENTS
    assert found.worthwhile == 0.5
    for row in found.table.iter_rows(named=True):
        runs = found.runs.filter(
            (pl.col("method") == row["method"]) & (pl.col("effect") == row["effect"])
        ).to_dicts()
        assert len(runs) == row["worlds"] == 12
        errors = [r["estimate"] - r["truth"] for r in runs]
        assert row["bias"] == pytest.approx(sum(errors) / 12)
        assert row["rmse"] == pytest.approx((sum(e * e for e in errors) / 12) ** 0.5)
        held = [r["low"] <= r["truth"] <= r["high"] for r in runs]
        assert row["coverage"] == pytest.approx(sum(held) / 12)
        hit = [r for r in runs if r["low"] > 0 or r["high"] < 0]
        assert row["power"] == pytest.approx(len(hit) / 12)
        helps = [r["words"] == "probably helps" for r in runs]
        assert row["helps"] == pytest.approx(sum(helps) / 12)
        if row["effect"] == 0:
            assert row["false_helps"] == row["helps"]
            assert row["wrong_sign"] is None
            assert row["false_useless"] is None
        else:
            assert row["false_helps"] is None
            if hit:
                wrong = [r["estimate"] < 0 for r in hit]
                assert row["wrong_sign"] == pytest.approx(sum(wrong) / len(hit))
        for r in runs:
            dof = 0
            words = in_words(
                chance_above(0.0, r["estimate"], r["std_error"], dof),
                chance_above(0.5, r["estimate"], r["std_error"], dof),
            )
            assert r["words"] == words
    with pytest.raises(ValueError, match="rows are meant"):
        found.row("raw-gap")
    assert "160 providers" in repr(found)


def test_truth_is_the_chosen_effect(small) -> None:
    study, panel = small
    found = appraise(study, panel, Appraise(worlds=2, effects=(0.8,), methods=("two-way",)))
    np.testing.assert_allclose(found.runs["truth"].to_numpy(), 0.8)
    growing = appraise(study, panel, Appraise(worlds=2, effects=(0.8,), growth=0.5))
    assert (growing.runs["truth"] > 0.9).all()
    # Zero stays zero.
    none = appraise(study, panel, Appraise(worlds=2, effects=(0.0,), growth=0.5))
    assert (none.runs["truth"] == 0).all()


def test_sizes_and_redrawn_joining(small) -> None:
    study, panel = small
    spec = Appraise(worlds=3, adoption="redrawn", strata=("local_authority",),
                    providers=(80, 160, 330), years=(7, 11), methods=("raw-gap",))  # fmt: skip
    found = appraise(study, panel, spec)
    assert found.table.height == 3 * 2 * 2 * 2
    assert found.table["refused"].max() == 0
    sizes = found.runs.filter(pl.col("method") == "raw-gap").group_by("providers").agg(
        pl.col("joiners").mean()
    ).sort("providers")["joiners"].to_list()  # fmt: skip
    assert sizes[0] < sizes[1] < sizes[2]
    # Drawn at random, who joined is no better or worse than the others: nothing is left to adjust.
    more = appraise(study, panel, replace(spec, worlds=60, providers=(), years=(), effects=(0.0,)))
    row = more.row("raw-gap", effect=0.0)
    assert abs(row["bias"]) < 4 * row["bias_mc"]
    assert "drawn anew within local_authority" in found.world


def test_more_providers_have_collaborations_of_their_own(small) -> None:
    study, panel = small
    found = study.with_(inference=replace(study.inference, cluster="collaboration"))
    plan = plan_of(found, panel, Appraise(providers=(160, 320)))
    bench = Bench(plan)
    one = _crossed(bench, Design(providers=160, years=9), streams_of(plan, 0))
    two = _crossed(bench, Design(providers=320, years=9), streams_of(plan, 0))
    assert two.base.incidence.shape[1] == 2 * one.base.incidence.shape[1]
    assert two.base.joiners.sum() == 2 * one.base.joiners.sum()


def test_sector_worlds_need_nothing(small) -> None:
    spec = Appraise(world="sector", worlds=3, providers=(200,), years=(6,), methods=("two-way",))
    found = appraise(None, None, spec)
    assert found.table.height == 4
    assert found.fit.height == 0
    assert found.world == "the embedded sector"
    # A study's own rules are asked of the sector.
    asked = appraise(small[0].with_(method=TwoWay()), None, replace(spec, methods=()))
    assert asked.table["method"].unique().to_list() == ["two-way"]


def test_refusals_are_counted_with_their_reason(small) -> None:
    study, panel = small
    held = study.with_(arms={**study.arms, "trust": replace(study.arms["trust"], dose="years")})
    found = appraise(held, panel, Appraise(worlds=3, methods=("two-way",)))
    row = found.row("group-time", effect=0.0)
    assert row["refused"] == 1.0
    assert "a dose" in row["because"]
    assert row["bias"] is None
    assert found.row("two-way", effect=0.0)["refused"] == 0.0


def test_methods_take_their_own_options(small) -> None:
    study = small[0].with_(method=GroupTime(anticipation=2, few=3))
    names = by_methods(study, ("all",))
    assert names[0].method == study.method
    asked = {s.method.name: s.method for s in names}
    assert asked["regime-did"] == RegimeDid(anticipation=2)
    assert asked["two-way"] == TwoWay()
    with pytest.raises(DataInvalid, match="Did you mean 'two-way'"):
        by_methods(study, ("tow-way",))


def test_bad_requests(small) -> None:
    study, panel = small
    with pytest.raises(DataInvalid, match="need a study and its data"):
        appraise(study, None, Appraise())
    with pytest.raises(DataInvalid, match="local_authority"):
        appraise(study, panel, Appraise(adoption="redrawn", strata=("local_autority",)))
    with pytest.raises(DataInvalid, match="belong to calibrated worlds"):
        appraise(None, None, Appraise(world="sector", hidden=Hidden(trend=0.1)))
    with pytest.raises(DataInvalid, match="outcome column is not in the data"):
        appraise(study.with_(outcome="sore", outcomes={"sore": Outcome()}), panel, Appraise())


def test_checks_withhold_words_as_in_the_report(small) -> None:
    """A trend that the pre-trend test sees: words that would be wrong are withheld. What the checks
    find in a world is what evaluate finds in its panel."""
    study, panel = small
    asked = study.with_(checks=(PreTrend(), LeaveOneOut(refits=1)), method=TwoWay())
    spec = Appraise(worlds=8, effects=(0.0,), hidden=Hidden(trend=0.1), methods=("group-time",))
    plain = appraise(asked, panel, spec).row("group-time", effect=0.0)
    found = appraise(asked, panel, replace(spec, checks=True))
    row = found.row("group-time", effect=0.0)
    assert plain["failed"] is None
    assert plain["false_helps"] > 0.5
    assert row["failed"] > 0.5
    assert row["false_helps"] < plain["false_helps"]
    assert row["bias"] == plain["bias"]
    failed = found.runs["failed"].to_list()
    assert {f for f in failed if f} <= {"pre-trend", "leave-one-out", "pre-trend, leave-one-out"}
    words = found.runs.filter(pl.col("failed").str.contains("pre-trend"))["words"]
    assert set(words) == {"cannot tell yet"}


def test_checks_of_a_sector_are_those_of_evaluate() -> None:
    spec = Appraise(world="sector", worlds=3, providers=(300,), effects=(0.5,), checks=True)
    found = appraise(None, None, spec)
    from consortia.appraisal.appraising import _sector
    from consortia.appraisal.designs import sector_of
    from consortia.evaluation import evaluate
    from consortia.world import sector_study, simulate

    plan, _ = _sector(None, spec)
    for run in found.runs.iter_rows(named=True):
        panel = simulate(sector_of(plan.designs[0], plan.spec, 0.5), streams_of(plan, run["world"]))
        whole = evaluate(sector_study(), panel)
        assert run["words"] == whole.verdict.words
        assert run["failed"] == ", ".join(f.check for f in whole.findings if f.verdict is False)
        assert run["estimate"] == whole.headline["estimate"]


@pytest.mark.parametrize("world", ["calibrated", "sector"])
def test_worlds_deal_out_dates_by_sums_as_evaluate_does(small, monkeypatch, world) -> None:
    study, panel = small
    asked = study.with_(checks=(Randomisation(draws=99),))
    spec = Appraise(world=world, worlds=2, providers=(160,), effects=(0.3,), checks=True)
    seen = []
    real = randomisation.reference

    def dealt(sums, shuffle, draws, rng):
        seen.append(draws)
        return real(sums, shuffle, draws, rng)

    def never(*_):
        raise AssertionError("fitted again, though sums by path give the same")

    monkeypatch.setattr(randomisation, "reference", dealt)
    monkeypatch.setattr(randomisation, "_refitted", never)
    monkeypatch.setattr("consortia.appraisal.appraising.sector_study", lambda: asked, raising=False)
    monkeypatch.setattr("consortia.appraisal.designs.sector_study", lambda: asked)
    found = appraise(asked if world == "calibrated" else None, panel, spec)
    assert seen == [99] * found.runs.filter(pl.col("estimate").is_not_null()).height
    assert seen
