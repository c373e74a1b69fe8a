"""Coalitions, the ranking at the ends, the factorial: against their definitions."""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl
import pytest
from small import asked, scenario

from consortia.compared import Comparison
from consortia.comparison import asking, coalitions, factorial, ranking
from consortia.comparison.runs import luck_of, run_arm
from consortia.errors import DataInvalid
from consortia.maths.games.shapley import shapley
from consortia.scenario import CoalitionsAsked, RunsAsked, SensitivityAsked
from consortia.world.colleges.mechanisms import with_members
from consortia.world.colleges.running import opening


def silent(step: str) -> None:
    return None


def test_worths_are_those_of_single_runs(whole: Comparison) -> None:
    found = whole.coalitions
    assert found is not None
    assert found.coalitions == 7
    setting = asking.setting(whole.scenario)
    players = list(found.players)
    rows = setting.sector.region.select(players)
    (spec,) = setting.arms["shared-pool"]
    pair, whole_gain = [], []
    for seed in range(3):
        streams = luck_of(7, seed)
        start = opening(setting.sector, streams)
        base = run_arm(setting, streams, (), start).surplus()
        two = run_arm(setting, streams, (with_members(spec, players[:2]),), start).surplus()
        all_ = run_arm(setting, streams, (with_members(spec, players),), start).surplus()
        pair.append((two - base)[rows[:2]].sum())
        whole_gain.append((all_ - base)[rows].sum())
    worth = dict(zip(found.worths["coalition"], found.worths["apart"], strict=True))
    assert worth[" + ".join(players[:2])] == pytest.approx(np.mean(pair), abs=0.05)
    assert worth[" + ".join(players)] == pytest.approx(np.mean(whole_gain), abs=0.05)
    # Of three players, the rest of a pair is alone: both rules agree there and on all.
    together = dict(zip(found.worths["coalition"], found.worths["together"], strict=True))
    assert together[" + ".join(players[:2])] == worth[" + ".join(players[:2])]
    assert (found.worths["pessimistic"] <= found.worths["optimistic"] + 1e-6).all()
    assert found.values["shapley"].sum() == pytest.approx(np.mean(whole_gain), abs=0.1)
    assert found.values["gain"].sum() == pytest.approx(np.mean(whole_gain), abs=0.1)
    assert (found.core["draws"] == 40).all()
    assert found.core["nonempty"].is_between(0, 40).all()


def test_sampled_coalitions_share_out_everything(monkeypatch) -> None:
    monkeypatch.setattr(coalitions, "FULL", 2)
    s = scenario(coalitions=CoalitionsAsked(players=3, seeds=2, orders=3, bootstrap=20))
    setting = asking.setting(s)
    found = coalitions.coalitions(setting, s, "shared-pool", silent)
    assert found.sampled
    assert found.values["shapley"].sum() == pytest.approx(found.values["gain"].sum(), abs=0.1)
    assert "cannot be told from a sample" in found.sentence
    monkeypatch.undo()
    full = coalitions.coalitions(setting, s, "shared-pool", silent)
    np.testing.assert_allclose(
        found.values["shapley"], full.values["shapley"],
        atol=4 * float(found.values["shapley_error"].max()) + 1,
    )  # fmt: skip


def test_ranking_keeps_to_its_numbers(whole: Comparison) -> None:
    found = whole.ranking
    assert found is not None
    assert found.table["end"].unique().sort().to_list() == ["as it is", "high", "low"]
    for _, rows in found.table.group_by("parameter", "end"):
        ordered = rows.sort("rank")
        assert ordered["gain"].is_sorted(descending=True)
    middle = found.table.filter(
        (pl.col("end") == "as it is") & (pl.col("mechanism") != "no-poach")
    ).sort("rank")
    assert middle["mechanism"][0] == found.first  # a red one never comes first
    s = scenario(sensitivity=SensitivityAsked(parameters=("staff.serch",), seeds=2))
    with pytest.raises(DataInvalid, match=r"staff\.search"):
        ranking.ranking(asking.setting(s), s, silent)


def test_contrasts_of_the_factorial() -> None:
    # y = a + 2b + 3c + 5ab: main effects average the interaction in, and so does Shapley.
    y = np.array([[a + 2 * b + 3 * c + 5 * a * b for c, b, a in product((0, 1), repeat=3)]], float)
    assert factorial.contrast(y, (0,)) == pytest.approx([3.5])
    assert factorial.contrast(y, (1,)) == pytest.approx([4.5])
    assert factorial.contrast(y, (2,)) == pytest.approx([3.0])
    assert factorial.contrast(y, (0, 1)) == pytest.approx([5.0])
    assert factorial.contrast(y, (0, 2)) == pytest.approx([0.0])
    assert factorial.contrast(y, (0, 1, 2)) == pytest.approx([0.0])
    np.testing.assert_allclose(shapley(y[0]), [3.5, 4.5, 3.0])


def test_factorial_adds_up(whole: Comparison) -> None:
    found = whole.factorial
    assert found is not None
    for metric in ("surplus", "vacancy_rate", "achievement"):
        cells = found.cells.filter(pl.col("metric") == metric)
        on = pl.col("competition") & pl.col("autonomy") & pl.col("collaboration")
        off = ~pl.col("competition") & ~pl.col("autonomy") & ~pl.col("collaboration")
        change = cells.filter(on)["mean"][0] - cells.filter(off)["mean"][0]
        shares = found.effects.filter((pl.col("metric") == metric) & (pl.col("order") == 1))
        assert shares["share"].sum() == pytest.approx(change, rel=1e-9, abs=1e-9)


def test_labels_of_the_best() -> None:
    s = scenario(asked("shared-pool"), runs=RunsAsked(least=2, most=2, without_me=0))
    setting = asking.setting(s)
    with pytest.raises(ValueError, match="not among"):
        scenario(coalitions=CoalitionsAsked(mechanism="pool"))
    assert list(setting.arms) == ["shared-pool"]
