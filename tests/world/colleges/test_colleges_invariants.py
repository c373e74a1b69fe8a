"""What must hold in every sector under every mechanism: people, learners, money, luck."""

from __future__ import annotations

import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from islands import island, region_of

from consortia.streams import Streams
from consortia.world.colleges import (
    CollegeSector,
    History,
    NoPoach,
    TransferFee,
    mechanism,
    names,
    opening,
    run,
)
from consortia.world.colleges.mechanisms import terms
from consortia.world.colleges.running import Start
from consortia.world.colleges.schedule import one_year, with_terms
from consortia.world.colleges.setting import G, membership_state

COLLEGES = tuple(f"C{k:02d}" for k in range(10))
SECTOR = CollegeSector(region=region_of(island(0, 10, 0.0)), years=4, burn_in=3)
STARTS: dict[int, Start] = {}


def start(seed: int) -> Start:
    if seed not in STARTS:
        STARTS[seed] = opening(SECTOR, Streams(seed))
    return STARTS[seed]


seeds = st.integers(0, 5)
members = st.lists(st.sampled_from(COLLEGES), max_size=10, unique=True).map(tuple)
kinds = st.sampled_from([n for n in names() if n != "none"])
mechanisms = st.lists(st.tuples(kinds, members, st.integers(0, 2)), max_size=3)


def specs(chosen: list[tuple[str, tuple[str, ...], int]]) -> list[Any]:
    return [mechanism(name, members=who, first=first) for name, who, first in chosen]


def same(a: History, b: History, rows: Any = slice(None)) -> None:
    """Bit for bit, but for the mean trust among members, which only members have."""
    for name, values in a.by_college.items():
        if name != "trust":
            assert np.array_equal(values[rows], b.by_college[name][rows]), name
    if rows == slice(None):
        for name, values in a.sector.items():
            assert np.array_equal(values, b.sector[name]), name
        for name, flow in a.flows.items():
            assert np.array_equal(flow, b.flows.get(name, np.zeros_like(flow))), name


@settings(max_examples=25)
@given(seeds, mechanisms)
def test_people_learners_and_money_are_conserved(seed: int, chosen: Any) -> None:
    w = with_terms(start(seed).world, terms(specs(chosen), SECTOR.region, counterfactual=True))
    state = start(seed).state | membership_state(w)
    seen = set(state["people"].id.tolist())
    for t in range(SECTOR.burn_in, SECTOR.burn_in + 3):
        before = state
        state, flows = one_year(w, t, before)
        old, new = before["people"], state["people"]
        # Staff: nobody twice, nobody back, everybody accounted for.
        assert np.unique(new.id).size == new.size
        stayed = np.isin(new.id, old.id)
        entered = set(new.id[~stayed].tolist())
        assert not entered & seen
        seen |= entered
        assert int(stayed.sum()) == old.size - int(state["exits"].sum())
        assert len(entered) == int(state["entered"].sum())
        heads = np.bincount(old.college, minlength=w.n)
        after = np.bincount(new.college, minlength=w.n)
        change = state["entered"] + state["moved_in"] - state["moved_out"] - state["exits"]
        assert np.array_equal(after - heads, change)
        # No more heads than posts, unless a cut left them.
        over = new.heads(w.n, G) > state["posts"]
        assert not (over & (old.heads(w.n, G) <= state["posts"])).any()
        # Learners.
        assert int(state["flows"].sum()) + state["outside"] == int(w.region.cohort.sum())
        assert (state["flows"].sum(axis=1) <= w.region.cohort).all()
        assert (state["flows"] >= 0).all()
        assert (state["new"] <= state["places"]).all()
        second = np.rint(w.p.learners.stay * before["new"]).astype(int)
        assert np.array_equal(state["learners"], state["new"] + second)
        # Money, to the penny.
        assert state["books"].total == 0
        assert np.array_equal(state["books"].cash - before["books"].cash, sum(flows.values()))
        p = w.p.money
        lagged = np.rint(p.rate * p.uplift * before["learners"] * 100).astype(int)
        assert np.array_equal(flows["funding"], lagged)
        for flow in ("fees", "outcome fund"):
            assert int(np.sum(flows.get(flow, 0))) == 0
        for m, term in enumerate(w.terms):
            assert state["books"].accounts.get(term.fund, 0) >= 0
            assert not (state["joined"][m] & ~term.invited).any()


@settings(max_examples=20)
@given(seeds, kinds)
def test_nobody_in_it_is_the_same_as_none(seed: int, kind: str) -> None:
    base = run(SECTOR, Streams(seed), start=start(seed))
    h = run(SECTOR, Streams(seed), [mechanism(kind)], start=start(seed), counterfactual=True)
    same(base, h)


NOTHING_IN_IT = {
    "transfer-fee": {"rate": 0.0},
    "levy-grant": {"rate": 0.0},
    "shared-pipeline": {"trainees": 0},
    "shared-pool": {"quota": 0},
    "joint-campaign": {"spend": 0.0},
    "pooled-outcome-fund": {"share": 0.0},
    "assurance": {"pledge": 0.0},
    "loose-network": {"cost": 0.0},
}


@pytest.mark.parametrize("kind", NOTHING_IN_IT)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_rate_of_zero_is_the_same_as_none(kind: str, seed: int) -> None:
    base = run(SECTOR, Streams(seed), start=start(seed))
    spec = mechanism(kind, members=COLLEGES, **NOTHING_IN_IT[kind])
    same(base, run(SECTOR, Streams(seed), [spec], start=start(seed)))


@pytest.mark.parametrize(
    "kind", ["no-poach", "transfer-fee", "shared-pool", "federation", "merger", "none"]
)
def test_one_member_alone_changes_nothing(kind: str) -> None:
    base = run(SECTOR, Streams(1), start=start(1))
    spec = mechanism(kind, members=("C04",))
    same(base, run(SECTOR, Streams(1), [spec], start=start(1), counterfactual=True))


@settings(max_examples=12)
@given(seeds, members)
def test_an_infinite_fee_is_a_no_poach_compact(seed: int, who: tuple[str, ...]) -> None:
    fee = run(SECTOR, Streams(seed), [TransferFee(members=who, rate=math.inf)], start=start(seed))
    compact = run(
        SECTOR, Streams(seed), [NoPoach(members=who)], start=start(seed), counterfactual=True
    )
    same(compact, fee)


@settings(max_examples=15)
@given(seeds, st.permutations(list(range(10))), mechanisms)
def test_listing_colleges_otherwise_permutes_the_results(
    seed: int, order: list[int], chosen: Any
) -> None:
    at = np.array(order)
    moved = replace(SECTOR, region=SECTOR.region.permuted(at))
    a = run(SECTOR, Streams(seed), specs(chosen), start=start(seed), counterfactual=True)
    b = run(moved, Streams(seed), specs(chosen), counterfactual=True)
    for name, values in a.by_college.items():
        assert np.array_equal(values[at], b.by_college[name], equal_nan=True), name
    for name, values in a.sector.items():
        # Sums of floats over colleges are in the order of the list.
        assert np.allclose(values, b.sector[name], rtol=1e-12, atol=1e-12), name
    for label in a.joined:
        assert np.array_equal(a.joined[label][at], b.joined[label])


def test_threads_and_repetition_do_not_matter() -> None:
    spec = mechanism("levy-grant", members=COLLEGES)
    alone = run(SECTOR, Streams(3), [spec])
    with ThreadPoolExecutor(4) as pool:
        for other in pool.map(lambda _: run(SECTOR, Streams(3), [spec]), range(4)):
            same(alone, other)


def test_starts_and_histories_travel_between_processes() -> None:
    begin = pickle.loads(pickle.dumps(start(1)))
    h = run(SECTOR, Streams(1), [NoPoach(members=COLLEGES)], start=begin, counterfactual=True)
    same(h, pickle.loads(pickle.dumps(h)))


def test_an_arm_leaves_the_start_as_it_was() -> None:
    begin = opening(SECTOR, Streams(2))
    first = run(SECTOR, Streams(2), start=begin)
    for kind in names():
        spec = mechanism(kind, members=COLLEGES if kind != "none" else ())
        run(SECTOR, Streams(2), [spec], start=begin, counterfactual=True)
    same(first, run(SECTOR, Streams(2), start=begin))
    same(first, run(SECTOR, Streams(2)))


def test_people_far_away_live_the_same_lives() -> None:
    """Two islands: what members agree on one, nobody on the other notices, to the last bit."""
    here, there = island(0, 9, 0.0), island(20, 9, 600_000.0)
    sector = CollegeSector(region=region_of(here, there), years=6, burn_in=3)
    begin = opening(sector, Streams(8))
    far = np.array([name.startswith("C2") for name in sector.region.college])
    for kind in names():
        if kind == "none":
            continue
        spec = mechanism(kind, members=tuple(f"C{k:02d}" for k in range(9)))
        w = with_terms(begin.world, terms([spec], sector.region, counterfactual=True))
        bare = begin.world
        one, two = begin.state | membership_state(w), begin.state | membership_state(bare)
        for t in range(3, 9):
            (one, _), (two, _) = one_year(w, t, one), one_year(bare, t, two)
            for name in ("quality", "achievement", "learners", "log_pay", "vacancies"):
                assert np.array_equal(one[name][far], two[name][far]), (kind, name)
            a, b = (s["people"].take(far[s["people"].college]) for s in (one, two))
            for field in ("id", "zone", "college", "subject", "service", "tenure"):
                assert np.array_equal(getattr(a, field), getattr(b, field)), (kind, field)


def test_the_opening_staff_of_an_island_do_not_know_the_other() -> None:
    """A region with one more island draws for the first what the first drew alone."""
    one = CollegeSector(region=region_of(island(0, 9, 0.0)), years=1, burn_in=2)
    two = CollegeSector(
        region=region_of(island(0, 9, 0.0), island(20, 9, 600_000.0)), years=1, burn_in=2
    )
    a, b = opening(one, Streams(4)).state["people"], opening(two, Streams(4)).state["people"]
    assert np.isin(a.id, b.id).mean() > 0.99
