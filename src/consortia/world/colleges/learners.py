"""Where learners go: a choice of each zone among the colleges it knows, places, and what is next.

Zones hold counts. Every person of a zone's cohort has a number of their own each year, so counts
are multinomial draws, and a change of one college moves only those at its margin.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consortia.streams import Keyed
from consortia.world.colleges.ledger import Books
from consortia.world.colleges.setting import World, accounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Words = NDArray[np.uint64]
Pence = NDArray[np.int64]

ROUNDS = 3
"""Choices made before somebody who found no place goes elsewhere."""

_TOP = 2.0**32


def choose(
    w: World,
    t: int,
    joined: Bools,
    pledged: Bools,
    learners: Ints,
    new: Ints,
    places: Ints,
    quality: Floats,
    posts: Ints,
    vacancies: Ints,
    log_pay: Floats,
    paybill: Pence,
    income: Pence,
    surplus: Pence,
    running: Pence,
    achievement: Floats,
    filled: Floats,
    books: Books,
) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints, int]:
    """Writes learners, learners_before, new, places, flows (Z, K), refused (n,), outside."""
    p, region = w.p.learners, w.region
    appeal = region.appeal + w.sector.competition * p.quality * quality
    for m, term in enumerate(w.terms):
        if term.hooks.appeal is not None and joined[m].any():
            appeal = appeal + term.hooks.appeal(
                term.spec,
                accounts(
                    w, m, t, joined=joined, pledged=pledged, learners=learners, posts=posts,
                    vacancies=vacancies, log_pay=log_pay, paybill=paybill, income=income,
                    surplus=surplus, running=running, achievement=achievement, filled=filled,
                    books=books,
                ),
            )  # fmt: skip
    room = np.rint(np.clip(p.headroom * new, 0.95 * places, 1.05 * places + 1)).astype(np.int64)
    flows, refused = _placed(w, w.draw("learner", t), np.exp(appeal), room)
    taken = np.bincount(region.near.ravel(), flows.ravel(), minlength=w.n).astype(np.int64)
    second = np.rint(p.stay * new).astype(np.int64)
    outside = int(region.cohort.sum() - flows.sum())
    return taken + second, learners, taken, room, flows, refused, outside


def _placed(w: World, draw: Keyed, appeal: Floats, room: Ints) -> tuple[Ints, Ints]:
    """Flows (Z, K) within ``room``; and how many each college refused of its first choices."""
    region, n = w.region, w.n
    weight = appeal[region.near] * w.fade
    flows = _counts(draw, region.zone_key, region.cohort, weight, w.outside)
    wanted = np.bincount(region.near.ravel(), flows.ravel(), minlength=n).astype(np.int64)
    refused = np.maximum(wanted - room, 0)
    if not refused.any():
        return flows, refused
    admitted = _nearest_first(w, flows, room)
    for round_ in range(1, ROUNDS):
        waiting = (flows - admitted).sum(axis=1)
        zone = np.flatnonzero(waiting)
        taken = np.bincount(region.near.ravel(), admitted.ravel(), minlength=n)
        left = (room - taken).astype(np.int64)
        if zone.size == 0 or not (left > 0).any():
            break
        open_ = np.where(left > 0, 1.0, 0.0)[region.near[zone]]
        again = _counts(
            draw,
            region.zone_key[zone],
            waiting[zone],
            weight[zone] * open_,
            w.outside[zone],
            salt=round_,
        )
        more = np.zeros_like(flows)
        more[zone] = again
        granted = _nearest_first(w, more, left)
        # Those that are refused again wait for the next round; those that chose to go elsewhere
        # are in ``waiting`` no more.
        admitted = admitted + granted
        flows = admitted + (more - granted)
    return admitted, refused


def _counts(
    draw: Keyed, key: Words, cohort: Ints, weight: Floats, outside: Floats, salt: int = 0
) -> Ints:
    """(Z, K) how many of each zone's cohort choose each college; the rest choose none."""
    Z, K = weight.shape
    edge = np.cumsum(weight, axis=1)
    edge *= (_TOP / (edge[:, -1] + outside))[:, None]
    # The highest number stands for "not there": no threshold reaches it.
    limit = np.minimum(edge, _TOP - 2).astype(np.uint32).T.copy()
    below = np.zeros((K, Z), dtype=np.int64)
    slots = int(cohort.max(initial=0))
    least = int(cohort.min(initial=0))
    # Two numbers of 32 bits come from each word; a block of rows stays in the cache.
    start = draw.word(key, salt)
    halves = -(-slots // 2)
    for first in range(0, halves, 4):
        rows = np.arange(first, min(first + 4, halves), dtype=np.uint64)[:, None]
        word = draw.word(start, rows)
        both = np.concatenate([word.astype(np.uint32), (word >> np.uint64(32)).astype(np.uint32)])
        slot = np.concatenate([2 * rows, 2 * rows + 1]).astype(np.int64)
        if int(slot.max()) >= least:
            both[slot >= cohort] = np.uint32(0xFFFFFFFF)
        for k in range(K):
            below[k] += (both < limit[k]).view(np.uint8).sum(axis=0, dtype=np.uint8)
    return np.diff(below, axis=0, prepend=0).T


def _nearest_first(w: World, flows: Ints, room: Ints) -> Ints:
    """Flows cut to ``room`` (n,): a college that is full takes those who live nearest."""
    out = flows.ravel().copy()
    wanted = np.bincount(w.region.near.ravel(), out, minlength=w.n)
    for j in np.flatnonzero(wanted > room).tolist():
        queue = w.queue[w.queue_first[j] : w.queue_first[j + 1]]
        queued = out[queue]
        before = np.cumsum(queued) - queued
        out[queue] = np.clip(room[j] - before, 0, queued)
    return out.reshape(flows.shape)
