"""A compact kept by trust alone, as competition grows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small import asked, scenario

from consortia.comparison import asking, compare, unravelling
from consortia.comparison.runs import luck_of
from consortia.errors import DataInvalid
from consortia.scenario import TippingAsked
from consortia.world.colleges.experiments import tipping

ASKED = TippingAsked(intensities=(4.0, 0.5), seeds=2, years=4)


def silent(step: str) -> None:
    return None


def test_figures_are_those_of_the_world() -> None:
    s = scenario(asked("shared-pool"), asked("no-poach"), counterfactual=True, tipping=ASKED)
    setting = asking.setting(s)
    found = unravelling.unravelling(setting, s, ASKED, silent)
    assert found.mechanism == "no-poach"
    (spec,) = setting.arms["no-poach"]
    world = tipping(
        replace(setting.sector, years=4),
        [luck_of(7, 0), luck_of(7, 1)],
        replace(spec, enforcement="trust"),
        [0.5, 4.0],
        counterfactual=True,
    )
    assert found.table["intensity"].to_list() == [0.5, 4.0]
    np.testing.assert_array_equal(found.table["still_in"], world.still_in.mean(axis=1))
    np.testing.assert_array_equal(found.table["apart"], (world.apart_in >= 0).mean(axis=1))
    assert found.point == world.point


def test_looked_at_unasked_where_a_compact_rests_on_trust() -> None:
    contract = scenario(asked("no-poach"), counterfactual=True)
    assert unravelling.asked_or_due(asking.setting(contract), contract) is None
    trust = scenario(asked("no-poach", enforcement="trust"), counterfactual=True)
    due = unravelling.asked_or_due(asking.setting(trust), trust)
    assert due is not None
    assert due.mechanism == "no-poach"


def test_what_nobody_can_break_does_not_come_apart() -> None:
    with pytest.raises(DataInvalid, match="could break"):
        compare(scenario(asked("shared-pool"), tipping=ASKED))


def test_sentences() -> None:
    import polars as pl

    table = pl.DataFrame({"intensity": [0.5, 1.0, 4.0], "apart": [0.0, 0.2, 1.0]})

    def say(point: float | None, t: pl.DataFrame = table) -> str:
        return unravelling._sentence("a compact", t, point, ASKED)

    assert "from 4 times the competition" in say(4.0)
    assert "whatever the competition" in say(0.5)
    assert "at most 100 of 100" in say(None)
    assert "holds in every run" in say(None, table.with_columns(apart=pl.lit(0.0)))
