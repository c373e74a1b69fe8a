"""Does the sign hang on the share of empty posts that agencies cover; what is a learner worth?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small import asked, scenario

from consortia.comparison import asking, compare, hinge
from consortia.comparison.runs import NONE, Draws, luck_of, run_arm
from consortia.scenario import GroupAsked, RunsAsked
from consortia.world.colleges.running import opening

RUNS = RunsAsked(least=3, most=3, without_me=0, hinge=2)


def test_break_even_by_hand() -> None:
    assert hinge.break_even([0.2, 0.6, 1.0], [-4.0, -1.0, 3.0]) == pytest.approx(0.7)
    assert hinge.break_even([0.2, 1.0], [1.0, -3.0]) == pytest.approx(0.4)
    assert hinge.break_even([0.2, 0.6, 1.0], [-4.0, 0.0, 3.0]) == pytest.approx(0.6)
    with pytest.raises(ValueError, match="sign"):
        hinge.break_even([0.2, 1.0], [1.0, 2.0])


def test_ends_are_those_of_single_runs() -> None:
    found = compare(scenario(asked("shared-pool"), runs=RUNS)).hinge
    assert found is not None
    assert found.seeds == 2
    setting = asking.setting(scenario(asked("shared-pool")))
    for share in (0.2, 0.6, 1.0):
        sector = replace(
            setting.sector,
            parameters=setting.sector.parameters.with_values({"money.cover_share": share}),
        )
        gains = []
        for seed in range(2):
            streams = luck_of(7, seed)
            here = replace(setting, sector=sector)
            start = opening(sector, streams)
            pool = run_arm(here, streams, setting.arms["shared-pool"], start).surplus()
            gains.append((pool - run_arm(here, streams, (), start).surplus())[setting.rows].sum())
        row = found.table.filter(found.table["share"] == share).row(0, named=True)
        assert row["gain"] == pytest.approx(np.mean(gains), abs=0.05)
    # A post filled is worth more to its college the dearer the gap was.
    assert found.table["gain"].is_sorted()


def test_a_turn_is_said_first() -> None:
    """Cover at half as much again: members lose where little is covered, and gain where all is."""
    dear = scenario(asked("shared-pool"), runs=replace(RUNS, least=6, most=6, hinge=6))
    found = compare(
        replace(dear, sector=replace(dear.sector, parameters={"money.cover_premium": 0.5}, years=6))
    )
    hung = found.hinge
    assert hung is not None
    assert set(hung.turns) == {"shared-pool"}
    table = hung.table
    assert table["high"][0] < 0 < table["low"][-1]
    assert 0.2 < hung.turns["shared-pool"] < 1.0
    assert f"more than about {100 * hung.turns['shared-pool']:.0f} of 100" in found.sentence


def test_seeds_of_the_comparison_are_not_stretched() -> None:
    found = compare(scenario(asked("shared-pool"), runs=replace(RUNS, hinge=5)))
    assert found.seeds == 3
    assert found.hinge is not None
    assert found.hinge.seeds == 3
    assert compare(scenario(asked("shared-pool"), runs=replace(RUNS, hinge=0))).hinge is None


def test_a_learner_who_achieves_counts() -> None:
    plain = scenario(asked("shared-pool"), runs=RUNS)
    valued = replace(plain, group=GroupAsked(size=4, value_of_achiever=5000.0))
    a, b = compare(plain).answers[0], compare(valued).answers[0]
    more = a.achievers["estimate"]
    assert b.achievers == a.achievers
    assert b.gain["estimate"] == pytest.approx(a.gain["estimate"] + 5000.0 * more, abs=0.1)
    assert "counted as £5,000" in compare(valued).sentence
    # By hand: learners times the share who achieve.
    setting = asking.setting(plain)
    draws = Draws(setting=setting, root=7)
    draws.reach({NONE: ()}, 1, lambda k: None)
    streams = luck_of(7, 0)
    columns = run_arm(setting, streams, (), None).by_college
    hand = (columns["learners"] * columns["achievement"] / 100).mean(axis=1)
    np.testing.assert_allclose(draws.of(NONE, "achievers")[0], hand)
    assert a.per_achiever is None or a.per_achiever > 0
