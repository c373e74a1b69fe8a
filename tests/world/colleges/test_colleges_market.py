"""The labour market, step by step: exits, moves, entry, pools."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortia.streams import Streams
from consortia.world.colleges import CollegeSector, SharedPool, Start, TransferFee, market, run
from consortia.world.colleges.people import People, Trainees, accepted, nobody
from consortia.world.colleges.pool import placed_in_turn
from consortia.world.colleges.schedule import one_year
from consortia.world.colleges.setting import G


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.floats(0.001, 0.999)), min_size=1, max_size=30, unique=True
    ),
    st.lists(st.integers(0, 4), min_size=5, max_size=5),
)
def test_a_cell_takes_its_first_by_priority(
    asked: list[tuple[int, float]], room: list[int]
) -> None:
    cell = np.array([c for c, _ in asked])
    luck = np.array([u for _, u in asked])
    got = accepted(cell, luck, np.array(room))
    for c in range(5):
        mine = sorted(luck[cell == c])
        limit = mine[: room[c]]
        assert sorted(luck[(cell == c) & got]) == limit


def proposed(
    applicant_prefs: list[list[int]], post_prefs: list[list[int]], quotas: list[int]
) -> list[int]:
    """The applicant-optimal stable matching: the post of each applicant, -1 where none.

    Lists of acceptable partners, best first; who is not listed is not acceptable. A post keeps the
    ``quotas`` best of those that asked.
    """
    rank = [{a: r for r, a in enumerate(prefs)} for prefs in post_prefs]
    held: list[list[tuple[int, int]]] = [[] for _ in post_prefs]
    next_ = [0] * len(applicant_prefs)
    match = [-1] * len(applicant_prefs)
    free = list(range(len(applicant_prefs) - 1, -1, -1))
    while free:
        a = free.pop()
        while next_[a] < len(applicant_prefs[a]):
            post = applicant_prefs[a][next_[a]]
            next_[a] += 1
            place = rank[post].get(a)
            if place is None or quotas[post] <= 0:
                continue
            if len(held[post]) < quotas[post]:
                held[post].append((place, a))
                match[a] = post
                break
            worst = max(held[post])
            if place < worst[0]:
                held[post].remove(worst)
                held[post].append((place, a))
                match[a], match[worst[1]] = post, -1
                free.append(worst[1])
                break
    return match


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 3]))
def test_a_pool_matches_as_proposals_on_lists_do(seed: int, most: int) -> None:
    """The pool's match against a plain loop of proposals over lists."""
    rng = Streams(seed).rng()
    n, A, K = 6, 9, 4
    ids = rng.integers(0, 2**60, A).astype(np.uint64)
    near = np.stack([rng.permutation(n)[:K] for _ in range(A)])
    known, open_ = rng.random((A, K)), rng.random((A, K)) < 0.8
    quotas, key = rng.integers(0, most + 1, n), rng.integers(0, 2**60, n).astype(np.uint64)
    luck = Streams(seed).at("luck").keyed()
    got = market._cleared(ids, near, known, open_, quotas, "deferred-acceptance", luck, key)
    wishes = [[int(near[a, k]) for k in np.argsort(-known[a]) if open_[a, k]] for a in range(A)]
    liking = luck.uniform(ids[:, None], key)
    ranks = [[int(a) for a in np.argsort(liking[:, j]) if j in wishes[a]] for j in range(n)]
    assert got.tolist() == proposed(wishes, ranks, quotas.tolist())
    taken = market._cleared(ids, near, known, open_, quotas, "greedy", luck, key)
    assert (np.bincount(taken[taken >= 0], minlength=n) <= quotas).all()
    # Nobody who knows a college with a post left goes without.
    left = quotas - np.bincount(taken[taken >= 0], minlength=n)
    assert not (open_ & (left[near] > 0))[taken < 0].any()


def test_trainees_go_where_most_posts_are_empty_or_in_turn() -> None:
    room = np.array([[3, 0], [1, 1], [9, 9]])
    members = np.array([True, True, False])
    key = np.array([2, 1, 0], dtype=np.uint64)
    subject = np.array([0, 0, 0, 0, 0, 1])
    short = placed_in_turn(subject, members, room, key, "short")
    assert short.tolist() == [0, 0, 1, 0, -1, 1]
    equal = placed_in_turn(subject, members, room, key, "equal")
    assert equal.tolist() == [1, 0, 0, 0, -1, 1]


def test_leaving_follows_service_and_pay(small_start: Start) -> None:
    w = small_start.world
    m = 40_000
    ids = w.once("test").word(np.arange(m))
    none = np.zeros(m, dtype=np.int64)
    log_pay = w.usual_pay * 0 + np.where(w.region.kind == "sixth form", 0.174, 0.0)
    log_pay[1] += 0.1
    for service, hazard in ((0, 0.24), (1, 0.19), (2, 0.19), (3, 0.115), (20, 0.115)):
        for college, factor in ((0, 1.0), (1, np.exp(-0.13))):
            people = People(
                id=ids, zone=none, college=none + college, subject=none, service=none + service,
                tenure=none, bond=none - 1,
            )  # fmt: skip
            kept, exits, by_service, searching = market.leave(w, 3, people, log_pay)
            share = exits[college] / m
            assert share == pytest.approx(hazard * factor, abs=4 * np.sqrt(hazard / m))
            assert by_service[service] == exits[college] == m - kept.size
            assert searching.mean() == pytest.approx(0.30, abs=0.01)
            assert (kept.service == service + 1).all()


def test_a_bond_keeps_people(small_start: Start) -> None:
    w, people = small_start.world, small_start.state["people"]
    bound = People(
        id=people.id, zone=people.zone, college=people.college, subject=people.subject,
        service=people.service, tenure=people.tenure, bond=people.bond * 0 + 9,
    )  # fmt: skip
    *_, searching = market.leave(w, 9, bound, small_start.state["log_pay"])
    assert not searching.any()
    *_, searching = market.leave(w, 10, bound, small_start.state["log_pay"])
    assert searching.any()


def test_moves_by_hand(small_start: Start) -> None:
    """The whole step against a loop over people, colleges and posts."""
    w, state = small_start.world, small_start.state
    s, region, t = w.p.staff, w.region, 7
    kept, _, _, searching = market.leave(w, t, state["people"], state["log_pay"])
    posts, pay = state["posts"], state["log_pay"]
    none = np.zeros((0, w.n), dtype=np.bool_)
    moved, came, went, *_ = market.move(
        w, t, kept, searching, posts, pay, none, none, np.zeros((0, w.n)), np.zeros((0, w.n))
    )
    room = np.maximum(posts - kept.heads(w.n, G), 0)
    taste, luck = w.draw("taste", t), w.draw("shortlist", t)
    asked: dict[tuple[int, int], list[tuple[float, int]]] = {}
    for i in np.flatnonzero(searching):
        z, own, g = kept.zone[i], kept.college[i], kept.subject[i]

        def felt(j: int, i: int = i) -> float:
            u = taste.uniform(kept.id[i : i + 1], region.key[j : j + 1])[0]
            return -np.log(-np.log(u))

        home = np.hypot(
            region.zone_easting[z] - region.easting[own],
            region.zone_northing[z] - region.northing[own],
        )
        best, to = pay[own] / s.taste - home / 1_000 / s.travel + felt(own) + s.threshold, -1
        for k, j in enumerate(region.near[z]):
            if j == own or room[j, g] == 0:
                continue
            value = pay[j] / s.taste - region.km[z, k] / s.travel + felt(j) + np.log(room[j, g])
            if value > best:
                best, to = value, int(j)
        if to >= 0:
            u = luck.uniform(kept.id[i : i + 1], region.key[to : to + 1])[0]
            asked.setdefault((to, int(g)), []).append((u, int(i)))
    expected = kept.college.copy()
    for (j, g), queue in asked.items():
        for _, i in sorted(queue)[: room[j, g]]:
            expected[i] = j
    assert (expected != kept.college).sum() > 5
    assert np.array_equal(moved.college, expected)
    # Headcount is conserved; where somebody left, one post more is empty.
    assert moved.size == kept.size
    assert came.sum() == went.sum() == (expected != kept.college).sum()
    change = np.bincount(moved.college, minlength=w.n) - np.bincount(kept.college, minlength=w.n)
    assert np.array_equal(change, came - went)


def test_higher_pay_draws_more_applicants_who_take_the_post(small_start: Start) -> None:
    w, state = small_start.world, small_start.state
    ids, zone, subject = market._applicants(w, 5)
    room = np.full(w.n * G, 5_000)
    low, *_ = market._apply(w, 5, ids, zone, subject, room.copy(), state["log_pay"])
    pay = state["log_pay"].copy()
    pay[4] += 0.1
    high, *_ = market._apply(w, 5, ids, zone, subject, room.copy(), pay)
    assert (high == 4).sum() > (low == 4).sum()
    # Only those for whom it became the best chose differently.
    assert (high[high != low] == 4).all()


def test_applicants_are_as_many_as_said(small_start: Start) -> None:
    w = small_start.world
    many = [market._applicants(w, t)[0].size for t in range(60)]
    want = w.p.staff.applicants * w.posts.sum()
    assert np.mean(many) == pytest.approx(want, abs=4 * np.sqrt(want / 60))
    everybody = np.concatenate([market._applicants(w, t)[0] for t in range(60)])
    assert np.unique(everybody).size == everybody.size


def test_a_pool_places_those_turned_away(small: CollegeSector, small_start: Start) -> None:
    for rule in ("deferred-acceptance", "greedy"):
        club = SharedPool(members=tuple(small.region.college.tolist()), rule=rule)
        # The first year: all else is equal still.
        w = small_start.world
        alone, _ = one_year(w, small.burn_in, small_start.state)
        h = run(small, Streams(5), [club], start=small_start)
        base = run(small, Streams(5), start=small_start)
        placed = int(h.sector["entries"][0])
        assert placed > int(alone["entered"].sum()) == int(base.sector["entries"][0])
        assert h.mean("sector_vacancy_rate") < base.mean("sector_vacancy_rate")
    quota = run(small, Streams(5), [SharedPool(members=club.members, quota=0)], start=small_start)
    assert np.array_equal(quota.by_college["staff"], base.by_college["staff"])
    assert isinstance(nobody(), Trainees)


def test_a_fee_is_paid_by_the_one_who_hires(small: CollegeSector, small_start: Start) -> None:
    club = TransferFee(members=tuple(small.region.college.tolist()), rate=0.15, passed_on=0.0)
    h = run(small, Streams(5), [club], start=small_start)
    base = run(small, Streams(5), start=small_start)
    # Nothing is kept back from the offer, so everybody moves as before; only money changes hands.
    assert np.array_equal(h.by_college["moved_in"][:, 0], base.by_college["moved_in"][:, 0])
    fees = h.flows["fees"][:, 0]
    assert fees.sum() == 0
    moved = h.by_college["moved_in"][:, 0] - h.by_college["moved_out"][:, 0]
    assert np.abs(fees).sum() > 0
    # Standard pay 34,500: who gains m people pays about 0.15 of it for each.
    assert np.corrcoef(moved, -fees)[0, 1] > 0.95
    total = np.maximum(fees, 0).sum() / 100
    assert total < h.sector["moves"][0] * 0.15 * 34_500 * 1.4
