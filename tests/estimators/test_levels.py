"""The study's answer by level of a fact, and the difference with its covariance."""

import numpy as np
import pytest

from consortia.errors import NotIdentified
from consortia.estimators import group_time
from consortia.estimators.estimate import with_uncertainty
from consortia.estimators.levels import by_level, levels_of
from consortia.specs import GroupTime, Inference
from consortia.streams import Streams


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
    assert found.notes == ("4 providers of no known level left out",)


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
