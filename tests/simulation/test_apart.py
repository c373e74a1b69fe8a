"""Worlds of two arms: a smoke test on few, and size and coverage on many (slow)."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from consortia.estimators.estimate import estimate, trace
from consortia.streams import Streams
from consortia.world.two_arms import WORLDS, arms_sector, arms_study

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "simulation"))
import apart


def test_few_worlds_give_a_page_with_every_world() -> None:
    worlds = 2
    found = apart.marks(apart.run(worlds, 1), worlds)
    assert {m.world for m in found} == set(WORLDS)
    assert all(np.isfinite([m.bias, m.rmse, m.coverage]).all() for m in found if m.answered)
    text = apart.page(found, worlds)
    assert text.count("\n| ") == len(found) + 1
    ours = {m.world: m for m in found if m.method.startswith("regime-did")}
    assert set(ours) == set(WORLDS)
    # Where nothing tells the two apart it says so, every time.
    assert ours["one day"].answered == 0
    assert "| one day | regime-did | – | – | – | – | – | – | – | 2 |" in text


def test_a_world_is_the_same_whatever_was_drawn_before() -> None:
    assert (
        apart.one(("additive", 1))
        == apart.run(2, 1, ("additive",))[-len(apart.one(("additive", 1))) :]
    )


@pytest.mark.parametrize("world", ["interacting", "spill-over"])
def test_one_crossing_gives_every_method_what_its_own_would(world: str) -> None:
    panel = arms_sector(WORLDS[world][1], Streams(2).at(world))
    for name, (study, arrays) in apart.given(panel, world).items():
        mine, own = (
            estimate(a, study, Streams(1).rng()).effects for a in (arrays, panel.arrays(study))
        )
        assert mine.drop("caution").equals(own.drop("caution")), name


@pytest.mark.parametrize(
    ("method", "slack"), [("regime-did", 0.03), ("imputation, all arms", 0.05)]
)
def test_standard_errors_are_those_of_leaving_out_one_provider_at_a_time(
    method: str, slack: float
) -> None:
    """The jackknife knows nothing of influence functions."""
    sector = replace(WORLDS["two initiatives"][1], providers=300, years=8)
    panel = arms_sector(sector, Streams(3))
    spec, hold, alongside = apart.METHODS[method]
    study = arms_study(spec, hold).with_(alongside=alongside)
    arrays = panel.arrays(study)
    value, psi = trace(arrays, study, Streams(1).rng())
    without = []
    for i in range(arrays.n):
        kept = np.arange(arrays.n) != i
        w, W = np.where(kept, arrays.w, 0.0), np.where(kept[:, None], arrays.W, 0.0)
        without.append(trace(replace(arrays, w=w, W=W), study, Streams(1).rng())[0])
    jackknife = np.sqrt((arrays.n - 1) / arrays.n * np.sum((np.array(without) - value) ** 2))
    assert np.sqrt((psi**2).sum()) == pytest.approx(jackknife, rel=slack)


@pytest.mark.slow
def test_regime_did_covers_and_the_others_do_not() -> None:
    worlds = 200
    found = {(m.world, m.method): m for m in apart.marks(apart.run(worlds, 1), worlds)}
    slack = 3 * np.sqrt(0.95 * 0.05 / worlds)
    for world in WORLDS:
        if world == "one day":
            continue
        ours = next(
            m for (w, name), m in found.items() if w == world and name.startswith("regime-did")
        )
        assert ours.coverage > 0.95 - slack, world
        assert abs(ours.bias) < 3.5 * ours.bias_error, world
    assert found["additive", "group-time, other arms ignored"].coverage < 0.9
    assert found["two initiatives", "group-time, other arms ignored"].bias > 0.05
