"""The study's answer by level of a fact, and the difference with its covariance."""

from dataclasses import replace

import numpy as np
import pytest

from consortia.errors import NotIdentified
from consortia.estimators import group_time
from consortia.estimators.estimate import estimate, with_uncertainty
from consortia.estimators.levels import _years_before, by_level, levels, levels_of
from consortia.specs import GroupTime, Inference, Levels, Mixed, RegimeDid
from consortia.streams import Streams
from consortia.world.two_arms import ArmsSector, arms_sector, arms_study


@pytest.fixture
def sector(make_panel, make_study):
    """90 providers, 4 years; joining is worth 0.2 where rivalry is low, 0.5, and 1.1 where high."""
    rng = Streams(8).rng()
    names = [f"p{i:02}" for i in range(90)]
    score, rivalry, joins = {}, {}, []
    for i, p in enumerate(names):
        worth = (0.2, 0.5, 1.1)[i % 3]
        join = int(rng.choice([2017, 2018, 9999]))
        if join < 9999:
            joins.append((p, "T", "trust", f"{join - 1}-09-01"))
        for y in range(2016, 2020):
            # Joining itself moves rivalry later on, which must not matter.
            rivalry[p, y] = i % 3 + 0.001 * i + 5.0 * (y >= join)
            score[p, y] = i * 0.01 + 0.1 * (y - 2016) + worth * (y >= join) + 0.05 * rng.normal()
    panel = make_panel(score, joins=joins, rivalry=rivalry)
    study = make_study(method=GroupTime(), covariates=("rivalry",), inference=Inference(draws=0))
    values = panel.arrays(study).Z[:, :, 0]
    study = study.with_(covariates=())
    return panel.arrays(study), study, values


def test_levels_go_by_the_first_known_year_before_joining(sector):
    arrays, _, values = sector
    level, _ = levels_of(values, arrays.cohort)
    np.testing.assert_array_equal(level, np.arange(90) % 3)
    values = np.array([[np.nan, np.nan], [np.nan, 3.0], [1.0, 9.0], [2.0, 9.0], [4.0, 0.0], [5, 5]])
    level, cuts = levels_of(values, np.array([2, 2, 1, 2, 1, 0]), 2)
    assert level.tolist() == [-1, 1, 0, 0, 1, -1]
    assert cuts.tolist() == [2.5]
    assert levels_of(values, np.array([2, 1, 1, 2, 1, 0]), 2)[0].tolist() == [-1, -1, 0, 0, 1, -1]


def test_each_level_is_a_study_of_its_own(sector):
    arrays, study, _ = sector
    level = np.arange(90) % 3
    found = by_level(arrays, study, level, Streams(1).rng())
    for k, worth in enumerate((0.2, 0.5, 1.1)):
        alone = group_time.fit(arrays.take(level == k), study.method, study, Streams(1).rng())
        assert found.theta[k] == pytest.approx(alone.theta[alone.headline])
        assert found.theta[k] == pytest.approx(worth, abs=0.06)
        assert found.n_treated[k] == alone.n_treated[alone.headline]
    assert found.theta[3] == pytest.approx(found.theta[2] - found.theta[0])
    # Levels share no provider, so that variances add up.
    V = found.influence.gram()
    assert V[3, 3] == pytest.approx(V[0, 0] + V[2, 2])
    assert V[0, 2] == 0.0
    table = with_uncertainty(found, arrays, study, Streams(1).rng()).effects
    assert table["estimand"].to_list() == ["level-1", "level-2", "level-3", "level-difference"]
    assert table.row(3, named=True)["low"] > 0.7


def test_a_level_without_joiners_is_not_identified_and_the_rest_stands(sector):
    arrays, study, _ = sector
    level = np.where(arrays.joiners, 2, np.arange(90) % 3)
    level[:4] = -1
    found = by_level(arrays, study, level, Streams(1).rng())
    assert np.isfinite(found.theta[2])
    assert np.isnan(found.theta[[0, 1, 3]]).all()
    assert found.cautions[0].startswith("not identified, because nobody joins")
    assert found.cautions[3] == "not identified, because one of the two levels is not"
    assert found.notes == ("4 providers without a known level before joining left out",)


def test_refuses_where_there_is_nothing_to_go_by(sector):
    arrays, study, _ = sector
    with pytest.raises(NotIdentified, match="not known for anybody"):
        levels_of(np.full((5, 2), np.nan), np.full(5, 2))
    with pytest.raises(NotIdentified, match="too alike"):
        levels_of(np.ones((5, 2)), np.full(5, 2))
    with pytest.raises(NotIdentified, match="nobody joins"):
        by_level(
            arrays.take(~arrays.joiners),
            study,
            (np.arange(90) % 3)[~arrays.joiners],
            Streams(1).rng(),
        )


# --- the question as a study asks it ------------------------------------------------------------


def test_the_difference_of_two_levels_is_that_of_differences_with_its_variance(
    make_panel, make_study
):
    """Two years, one day of joining: a triple difference of means, whose variance is the sum of
    those of the four groups (no small-sample factor)."""
    rng = Streams(3).rng()
    names = [f"p{i:03}" for i in range(160)]
    rival = {p: float(i % 2) for i, p in enumerate(names)}
    join = {p: rng.random() < 0.4 for p in names}
    score = {(p, y): rng.normal() for p in names for y in (2016, 2017)}
    panel = make_panel(
        score,
        joins=[(p, "T", "trust", "2016-09-01") for p in names if join[p]],
        facts={"rival": rival},
    )
    study = make_study(
        levels=Levels(by="rival", cuts=(0.5,)),
        inference=Inference(draws=0, small_sample="none"),
    )
    table = levels(panel.arrays(study), study, Streams(1).rng()).table
    change = np.array([score[p, 2017] - score[p, 2016] for p in names])
    joins, high = np.array([join[p] for p in names]), np.array([rival[p] for p in names]) > 0.5
    cells = {
        (a, b): change[(joins == a) & (high == b)] for a in (True, False) for b in (True, False)
    }
    mean = {k: v.mean() for k, v in cells.items()}
    effect = [mean[True, b] - mean[False, b] for b in (False, True)]
    variance = sum(v.var() / v.size for v in cells.values())
    assert table["label"].to_list() == ["lower", "higher", "higher less lower"]
    np.testing.assert_allclose(table["estimate"], [*effect, effect[1] - effect[0]], atol=1e-12)
    assert table["std_error"][2] == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert table["up_to"].to_list() == [0.5, None, None]
    assert table["providers"].to_list() == [80, 80, 160]


def ask(sector, **changes):
    arrays, study, values = sector
    study = study.with_(levels=Levels(**{"by": "rivalry"} | changes))
    return levels(replace(arrays, by=values), study, Streams(1).rng())


def test_the_sentence_says_where_it_is_larger_and_what_was_there_before(sector):
    found = ask(sector)
    assert "Where rivalry is lowest (up to" in found.sentence
    assert "It is larger where rivalry is highest, by more than chance" in found.sentence
    assert found.p_value < 1e-6
    assert found.before[1] < 0 < found.before[2]
    assert "Before joining, where there should be no such difference" in found.sentence
    assert "90 providers" not in " ".join(found.notes)


def test_given_cuts_make_the_levels(sector):
    found = ask(sector, cuts=(0.5,), label="the number of rivals")
    assert found.table["up_to"].to_list() == [0.5, None, None]
    assert found.label in found.sentence
    with pytest.raises(NotIdentified, match="no providers in one of the levels"):
        ask(sector, cuts=(99.0,))


def test_without_joiners_in_a_level_the_difference_is_refused_in_words(sector):
    arrays, study, values = sector
    keep = ~(arrays.joiners & (np.arange(90) % 3 == 2))
    study = study.with_(levels=Levels(by="rivalry", cuts=(0.9, 1.9)))
    found = levels(replace(arrays, by=values).take(keep), study, Streams(1).rng())
    assert found.table["estimate"].is_null().to_list() == [False, False, True, True]
    assert found.sentence.startswith(
        "Whether the effect of trust depends on rivalry cannot be told"
    )
    assert "where it is highest there is no answer, because nobody joins" in found.sentence
    assert found.p_value is not None


def test_methods_without_influence_refuse(sector):
    arrays, study, values = sector
    study = study.with_(levels=Levels(by="rivalry"), method=Mixed(terms=("provider",)))
    with pytest.raises(NotIdentified, match="states its own uncertainty"):
        levels(replace(arrays, by=values), study, Streams(1).rng())


def test_each_level_follows_its_own_rule_for_few_joiners():
    panel = arms_sector(ArmsSector(providers=120), Streams(6))
    u = np.arange(120) % 2.0
    panel = replace(panel, providers=panel.providers.with_columns(rival=u))
    study = arms_study(RegimeDid()).with_(levels=Levels(by="rival", cuts=(0.5,)))
    arrays = panel.arrays(study)
    table = levels(arrays, study, Streams(1).rng()).table
    for k in (0, 1):
        alone = estimate(arrays.take(u == k), study, Streams(1).rng()).row()
        assert table["std_error"][k] == pytest.approx(alone["std_error"], rel=1e-12)
        assert table["low"][k] == pytest.approx(alone["low"], rel=1e-9)
        assert table["truth"][k] == pytest.approx(alone["truth"])
    assert table["truth"][2] == pytest.approx(table["truth"][1] - table["truth"][0])


def test_the_base_year_is_no_year_before_whatever_else_its_caution_says(
    arrays_of, study_of, rng
) -> None:
    fit = group_time.fit(
        arrays_of(rng.normal(size=(40, 5)), np.repeat([3, 5], 20)), GroupTime(), study_of(), rng
    )
    said = tuple(
        f"{c}; 1 of 2 cells not identified and left out" if c == "reference year" else c
        for c in fit.cautions
    )
    assert said != fit.cautions
    before = _years_before(replace(fit, cautions=said))
    assert sorted(before) == [-3, -2]
