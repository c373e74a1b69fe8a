"""Every combination once, each of them the answer of its own study; one set of draws for all."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest

from consortia.errors import DataInvalid, NotIdentified
from consortia.estimators.permuted import path_sums
from consortia.evaluation import evaluate
from consortia.maths.permutation import observed
from consortia.panel import Panel
from consortia.sensitivity.joint_test import Curve, Member, joint, p_values
from consortia.sensitivity.specification_curve import crossing_key
from consortia.specs import (
    Exposure,
    GroupTime,
    Imputation,
    Inference,
    SpecificationCurve,
    TwoWay,
    Window,
)
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate


@pytest.fixture(scope="module")
def sector() -> Panel:
    return simulate(SchoolSector(providers=200), Streams(5))


PLAIN = {
    "hold": (), "alongside": (), "covariates": (), "method": GroupTime(), "exposure": Exposure(),
    "inference": Inference(draws=0),
}  # fmt: skip


def study(**changes):
    return sector_study().with_(**(PLAIN | changes))


SPEC = SpecificationCurve(
    comparisons=("never", "not-yet"),
    exposures=(Exposure(), Exposure(partial="missing"), Exposure(unknown_from="ignore")),
    methods=(GroupTime(), GroupTime(aggregate="simple"), TwoWay(), Imputation()),
    draws=49,
)


@pytest.fixture(scope="module")
def curve(sector):
    return evaluate(study(checks=(SPEC,)), sector).findings[0]


def test_every_combination_is_the_answer_of_its_own_study(sector, curve) -> None:
    table = curve.table
    assert curve.numbers["specifications"] + curve.numbers["refused"] == 24 == table.height
    told = table.filter(pl.col("estimate").is_not_null())
    assert told["estimate"].is_sorted()
    assert told["place"].to_list() == list(range(1, told.height + 1))
    assert table["chosen"].sum() == 1
    by_words = {
        (r["comparison"], r["exposure"], r["method"]): r["estimate"]
        for r in table.iter_rows(named=True)
    }
    words = {"usual rule": 0, "partial missing": 1, "unknown from ignore": 2}
    methods = dict(
        zip(
            ["group-time", "group-time, aggregate simple", "two-way", "imputation"],
            SPEC.methods,
            strict=True,
        )
    )
    for (comparison, rule, name), value in by_words.items():
        own = evaluate(
            study(
                comparison=comparison, exposure=SPEC.exposures[words[rule]], method=methods[name],
                checks=(),
            ),
            sector,
        ).headline  # fmt: skip
        assert value == pytest.approx(own["estimate"], abs=1e-12), (comparison, rule, name)


def test_numbers_are_those_of_the_table(curve) -> None:
    told = curve.table.filter(pl.col("estimate").is_not_null())
    n = curve.numbers
    assert n["median"] == told["estimate"].median()
    assert n["share_past_worthwhile"] == told["past_worthwhile"].mean()
    answer = told.filter(pl.col("chosen"))["estimate"][0]
    assert n["share_same_sign"] == (told["estimate"].sign() == np.sign(answer)).mean()
    assert n["tested"] == 18, "imputation takes no part in the joint test"
    assert "(of the 18 that can be dealt out)" in curve.sentence
    assert 1 / 50 <= n["p_median"] <= 1
    assert 0 <= n["danger"] <= 1


def test_joint_test_of_two_specifications_is_each_alone_under_the_same_draws(sector) -> None:
    """By hand: the same records moved, both methods fitted to each permuted panel."""
    from dataclasses import replace

    from consortia.estimators import METHODS

    one = study()
    two = study(method=TwoWay())
    arrays = sector.arrays(one)
    members = []
    for asked in (one, two):
        sums = path_sums(arrays, asked)
        members.append(Member(sums=sums, place=sums.rows, movable=(arrays.cohort > 0)[sums.rows]))
    N = arrays.n
    found = joint(members, np.zeros(N, dtype=int), 40, Streams(1).rng())
    for j, m in enumerate(members):
        theta, psi = observed(m.sums)
        assert found.theta[j] == pytest.approx(theta[0])
        assert found.error[j] == pytest.approx(np.sqrt((psi[:, 0] ** 2).sum()))
    # A permuted panel has one cohort vector: both effects of a draw must come from the same one.
    # Their joint distribution over draws is that of panels permuted by hand.
    rng = np.random.default_rng(3)
    by_hand = []
    for _ in range(60):
        source = np.arange(N)
        move = np.flatnonzero(arrays.cohort > 0)
        source[move] = rng.permutation(move)
        dealt = replace(arrays, cohort=arrays.cohort[source], D=arrays.D[source])
        row = []
        for asked in (one, two):
            try:
                fit = METHODS[type(asked.method)].fit(dealt, asked.method, asked, rng)
                row.append(fit.theta[fit.headline])
            except NotIdentified:
                row.append(np.nan)
        by_hand.append(row)
    hand = np.array(by_hand)
    assert np.corrcoef(found.drawn.T)[0, 1] == pytest.approx(np.corrcoef(hand.T)[0, 1], abs=0.25)
    assert np.std(found.drawn, axis=0) == pytest.approx(np.std(hand, axis=0), rel=0.4)


def test_p_values_count_curves_as_extreme() -> None:
    rng = np.random.default_rng(1)
    drawn = rng.standard_normal((99, 5))
    own = np.full(5, 0.8)
    made = p_values(
        Curve(theta=own, error=np.full(5, 0.4), drawn=drawn, drawn_error=np.ones((99, 5))),
        np.ones(5), 1.96,
    )  # fmt: skip
    medians = np.abs(np.median(drawn, axis=1))
    assert made.median == (1 + (medians >= 0.8).sum()) / 100
    alike = np.maximum((drawn > 0).sum(axis=1), (drawn < 0).sum(axis=1)) == 5
    assert made.same_sign == (1 + alike.sum()) / 100
    beyond = np.maximum((drawn >= 1.96).sum(axis=1), (drawn <= -1.96).sum(axis=1)) == 5
    assert made.significant == (1 + beyond.sum()) / 100
    assert made.mean_z == (1 + (np.abs(drawn.mean(axis=1)) >= 2).sum()) / 100


def test_outcomes_are_put_in_standard_deviations(sector) -> None:
    base = sector_study()
    double = base.outcome + "_twice"
    twice = Panel(
        outcomes=sector.outcomes.with_columns((2 * pl.col(base.outcome)).alias(double)),
        providers=sector.providers,
        memberships=sector.memberships,
        statuses=sector.statuses,
    )
    plain = base.outcomes[base.outcome].__class__
    outcomes = {base.outcome: plain(), double: plain()}
    asked = study(
        outcomes=outcomes,
        checks=(SpecificationCurve(outcomes=(base.outcome, double), draws=0),),
    )
    finding = evaluate(asked, twice).findings[0]
    assert finding.table["estimate"][0] == pytest.approx(finding.table["estimate"][1])
    assert finding.numbers["p_median"] is None
    assert "standard deviations" in finding.sentence


def test_what_cannot_be_answered_is_listed_with_its_reason(sector) -> None:
    first = int(sector.outcomes["year"].min())
    spec = SpecificationCurve(
        windows=(Window(), Window(first=first + 500, last=first + 501), Window(first=first + 1)),
        draws=0,
    )
    finding = evaluate(study(checks=(spec,)), sector).findings[0]
    refused = finding.table.filter(pl.col("estimate").is_null())
    assert refused.height == 1 == finding.numbers["refused"]
    assert "fewer than two years" in refused["why"][0]
    assert "1 could not be answered" in finding.sentence


def test_names_and_numbers_of_combinations_are_checked(sector) -> None:
    with pytest.raises(ValueError, match="list the choices"):
        SpecificationCurve()
    for spec, words in (
        (SpecificationCurve(outcomes=("scor",)), r"is not defined under \[outcomes\]"),
        (SpecificationCurve(arms=("trst",)), r"is not defined under \[arms\]"),
        (SpecificationCurve(comparisons=("never",) * 9, most=3), "more than most = 3"),
        (
            SpecificationCurve(comparisons=("never", "not-yet"), within=("phse",)),
            "column is not in the providers file",
        ),
    ):
        with pytest.raises(DataInvalid, match=words):
            evaluate(study(checks=(spec,)), sector)


def test_studies_share_a_crossing_only_where_it_is_the_same() -> None:
    base = study()
    assert crossing_key(base) == crossing_key(study(comparison="not-yet"))
    assert crossing_key(base) == crossing_key(study(method=GroupTime(aggregate="simple")))
    different = [
        study(method=GroupTime(anticipation=1)),
        study(method=TwoWay()),
        study(exposure=Exposure(partial="missing")),
        study(window=Window(first=2015)),
        study(covariates=("pupils",)),
    ]
    keys = [crossing_key(s) for s in (base, *different)]
    for a, b in itertools.combinations(keys, 2):
        assert a != b
