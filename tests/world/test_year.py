"""What happens every year, by hand and by what its docstring says."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from consortia.streams import Streams
from consortia.world import year as yearly
from consortia.world.schedule import run
from consortia.world.sector import Competition, SchoolSector, Selection
from consortia.world.setting import NEVER, NONE

SECTOR = SchoolSector(providers=600)


@pytest.fixture(scope="module")
def sector():
    return run(SECTOR, Streams(7))


def test_competition_counts_rivals_and_academies_among_them() -> None:
    spec = SchoolSector(providers=3, competition=Competition(autonomous=0.5))
    rival = np.array([[1, 2], [0, 3], [3, 3]])  # 3 = nobody
    felt, share = yearly.compete(
        spec,
        2015,
        np.empty((3, 0)),
        rival,
        np.array([2.0, 1.0, 0.0]),
        np.array([NEVER, 2015, 2016]),
        np.array([NEVER, 2014, NEVER]),
    )
    assert felt.tolist() == [2.5, 1.0, 0.0]
    assert share.tolist() == [0.5, 0.0, 0.0]


def test_only_those_sounded_out_join_and_join_once(sector) -> None:
    state, _ = sector
    joined = state["joined"] < NEVER
    assert np.array_equal(state["joined"][joined], state["turn"][joined])
    assert joined.any()
    assert ((state["turn"] < NEVER) & ~joined).any()


def test_nobody_joins_when_nobody_is_sounded_out() -> None:
    state, history = run(replace(SECTOR, selection=Selection(sounded=0.0)), Streams(7))
    assert (state["joined"] == NEVER).all()
    assert all((h["trust"] == NONE).all() and not h["effect"].any() for h in history.values())


def test_acceptance_follows_the_stated_chance() -> None:
    """A school accepts iff its uniform number lies below the logit of the docstring."""
    n = 200
    spec = SchoolSector(providers=n)
    rng = Streams(2).at("test").rng()
    u, noise, poor = rng.standard_normal((3, n))
    U = rng.random((n, 5))
    never, zero = np.full(n, NEVER), np.zeros(n, dtype=np.int64)
    disadvantage = 22 + 14 * poor
    out = yearly.join(
        spec, 2015, U, np.full(n, 2015), noise, u, disadvantage, zero,
        never, zero, np.full(n, NONE), never, zero,
    )  # fmt: skip
    s = spec.selection
    typical = np.sqrt(10.0**2 / 45 + 1)
    logit = s.level - s.leadership * u - s.dip * noise / typical + s.disadvantage * poor
    expected = U[:, 0] < 1 / (1 + np.exp(-logit))
    joined, month, trust, academy, academy_month = out
    assert np.array_equal(joined == 2015, expected)
    same_day = expected & (U[:, 2] >= s.associate)
    assert np.array_equal(academy == 2015, same_day)
    assert np.array_equal(academy_month[same_day], month[same_day])
    assert (trust[expected] >= 0).all()
    assert (trust[~expected] == NONE).all()
    assert set(month[expected].tolist()) == {0, 1, 2, 3}


def test_an_academy_that_joins_keeps_the_date_of_its_status() -> None:
    one = np.array([1])
    out = yearly.join(
        SchoolSector(providers=1), 2015, np.array([[0.0, 0.5, 0.9, 0.0, 0.5]]), np.array([2015]),
        np.zeros(1), np.zeros(1), np.zeros(1), 0 * one, NEVER * one, 0 * one, NONE * one,
        np.array([2009]), 0 * one,
    )  # fmt: skip
    assert [v.tolist() for v in out] == [[2015], [2], [2], [2009], [0]]


def test_benefit_grows_to_its_ceiling_and_scales_with_the_school() -> None:
    spec = SchoolSector()  # 0.6 + 0.4 a year for four years
    joined = np.array([2010, 2015, 2019, 2020, NEVER])
    got = [
        yearly.benefit(spec, year, np.empty((5, 0)), joined, np.array([1.0, 1, 2, 1, 1]))[
            0
        ].tolist()
        for year in (2015, 2017, 2019)
    ]
    assert got[0] == pytest.approx([2.2, 0.6, 0, 0, 0])
    assert got[1] == pytest.approx([2.2, 1.4, 0, 0, 0])
    assert got[2] == pytest.approx([2.2, 2.2, 1.2, 0, 0])


def test_trusts_are_local_or_work_everywhere() -> None:
    spec = SchoolSector(areas=3, trusts_per_area=4)
    u = (np.arange(8_000) + 0.5) / 8_000
    which = yearly._which_trust(spec, np.full(8_000, 1), u)
    counts = np.bincount(which, minlength=16)
    assert counts[4:8].tolist() == [1750] * 4
    assert counts[12:16].tolist() == [250] * 4
    assert counts.sum() == 8_000


def test_noise_is_larger_in_small_schools_and_does_not_last(sector) -> None:
    state, history = sector
    noise = np.stack([h["noise"] for h in history.values()])
    small = state["size"] < np.quantile(state["size"], 0.25)
    large = state["size"] > np.quantile(state["size"], 0.75)
    assert noise[:, small].std() > 1.3 * noise[:, large].std()
    expected = yearly.spread_of_noise(SECTOR, np.stack([h["pupils"] for h in history.values()]))
    z = noise / expected
    assert abs(z.std() - 1) < 4 / np.sqrt(2 * z.size)
    lagged = [np.corrcoef(a, b)[0, 1] for a, b in pairwise(z)]
    assert abs(np.mean(lagged)) < 4 / np.sqrt(z.size)


def test_networks_overlap_and_are_left_and_federations_are_one_at_a_time(sector) -> None:
    _, history = sector
    nets = np.stack([h["networks"] for h in history.values()])
    assert ((nets != NONE).sum(axis=2) >= 2).any()
    assert ((nets[:-1] != NONE) & (nets[1:] == NONE)).any()
    federations = np.stack([h["federation"] for h in history.values()])
    held = federations != NONE
    assert (held[:-1] & ~held[1:]).any()
    both = held[:-1] & held[1:]
    assert (federations[:-1][both] == federations[1:][both]).all()
