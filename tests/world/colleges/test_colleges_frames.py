"""What an evaluator would see, and the truth beside it."""

import datetime as dt
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from consortia import evaluate
from consortia.streams import Streams
from consortia.world.colleges import (
    CollegeSector,
    LooseNetwork,
    Selection,
    SharedPool,
    embedded_region,
    evaluator_panel,
    frames,
    twin,
)
from consortia.world.colleges.frames import joining
from consortia.world.colleges.setting import world

SECTOR = CollegeSector(region=embedded_region(40), years=8, burn_in=4)
NINE = SECTOR.region.neighbours("College 010", 9)


def test_the_truth_is_the_difference_of_two_worlds() -> None:
    spec = SharedPool(members=NINE, first=3)
    handed = evaluator_panel(SECTOR, Streams(1), [spec])
    with_, without = twin(SECTOR, Streams(1), [spec])
    effect = with_.by_college["achievement"] - without.by_college["achievement"]
    truth = handed.panel.truth
    assert truth is not None
    rows = SECTOR.region.select(NINE)
    for k, name in zip(rows[:3], NINE[:3], strict=True):
        got = truth.filter(pl.col("provider") == name).sort("year")["effect"].to_numpy()
        assert np.array_equal(got[:3], np.zeros(3))
        assert np.array_equal(got[3:], effect[k, 3:])
    # Nobody is treated before the mechanism begins.
    assert np.array_equal(effect[:, :3], np.zeros((40, 3)))
    outside = handed.spill_over.filter(~pl.col("provider").is_in(NINE))
    assert outside.height == 31 * 8
    total = effect[np.setdiff1d(np.arange(40), rows)]
    assert outside["effect"].sum() == pytest.approx(total.sum())
    assert (outside["effect"] != 0).any()


def test_a_known_gain_is_found_by_evaluate() -> None:
    """A network that is worth exactly two points to its members and nothing to others."""
    spec = LooseNetwork(members=NINE, gain=2.0, first=4, cost=0.0)
    handed = evaluator_panel(SECTOR, Streams(2), [spec])
    assert handed.panel.truth is not None
    effects = handed.panel.truth.filter(pl.col("effect") != 0)["effect"].to_numpy()
    assert np.allclose(effects, 2.0)
    assert effects.size == 9 * 4
    assert np.allclose(handed.spill_over["effect"].to_numpy(), 0.0)
    answer = evaluate(handed.study, handed.panel)
    assert answer.simulated
    assert answer.headline is not None
    row = answer.headline
    assert row["estimate"] == pytest.approx(2.0, abs=4 * row["std_error"])
    assert row["std_error"] < 0.8


def test_weaker_leadership_joins_more_and_the_raw_gap_is_wrong() -> None:
    """Colleges choose to join: members look worse than others although joining helps them."""
    sector = replace(SECTOR, region=embedded_region(120), years=10)
    everybody = tuple(sector.region.college.tolist())
    spec = LooseNetwork(members=everybody, gain=1.0, first=2, cost=0.0)
    choice = Selection(asked=0.15, leadership=1.5)
    handed = evaluator_panel(sector, Streams(3), [spec], selection=choice)
    since = joining(choice, sector, Streams(3), 2)
    u = world(sector, Streams(3)).leadership
    joined = since < sector.years
    assert 30 < joined.sum() < 90
    assert u[joined].mean() < u[~joined].mean() - 0.4
    assert since.min() >= 2
    assert len(set(since[joined])) > 4
    truth = handed.panel.truth
    assert truth is not None
    assert np.allclose(truth.filter(pl.col("effect") != 0)["effect"].to_numpy(), 1.0)
    assert handed.panel.memberships.height == joined.sum()
    last = handed.panel.outcomes.filter(pl.col("year") == pl.col("year").max())
    members = handed.panel.memberships["provider"].to_list()
    inside = last.filter(pl.col("provider").is_in(members))["achievement"].mean()
    outside = last.filter(~pl.col("provider").is_in(members))["achievement"].mean()
    assert inside < outside
    answer = evaluate(handed.study, handed.panel)
    assert answer.headline is not None
    assert answer.headline["estimate"] == pytest.approx(1.0, abs=4 * answer.headline["std_error"])


def test_memberships_are_spells_from_september() -> None:
    handed = evaluator_panel(SECTOR, Streams(1), [LooseNetwork(members=NINE, first=2)])
    m = handed.panel.memberships
    assert m.height == 9
    assert set(m["from"]) == {dt.date(2027, 9, 1)}  # before the results of 2028
    assert m["to"].null_count() == 9
    assert m["kind"].unique().to_list() == ["loose-network"]
    held = np.array([[0, 1, 1, 0, 1], [1, 0, 0, 0, 0]], dtype=np.bool_)
    row, first, last = frames._spells(held)
    assert list(zip(row, first, last, strict=True)) == [(0, 1, 2), (0, 4, 4), (1, 0, 0)]


def test_the_source_says_what_it_is() -> None:
    handed = evaluator_panel(SECTOR, Streams(1), [LooseNetwork(members=NINE)])
    (source,) = handed.panel.sources
    assert source.role == "simulated"
    assert "not England" in source.name
    with pytest.raises(ValueError, match="needs a mechanism"):
        evaluator_panel(SECTOR, Streams(1), [])
