"""Where learners go: the multinomial, places, and who is refused."""

import numpy as np
from scipy import stats

from consortia.streams import Streams
from consortia.world.colleges import CollegeSector, learners
from consortia.world.colleges.learners import ROUNDS
from consortia.world.colleges.setting import world

WEIGHT = np.array([[3.0, 1.0, 0.5], [0.2, 0.2, 5.0]])
OUTSIDE = np.array([0.5, 1.0])
COHORT = np.array([40, 23])


def counts(seed: int, weight: np.ndarray = WEIGHT) -> np.ndarray:
    key = np.array([11, 12], dtype=np.uint64)
    return learners._counts(Streams(seed).keyed(), key, COHORT, weight, OUTSIDE)


def test_counts_are_those_of_a_multinomial() -> None:
    N = 3_000
    got = np.stack([counts(s) for s in range(N)])
    share = np.column_stack([WEIGHT, OUTSIDE]) / (WEIGHT.sum(axis=1) + OUTSIDE)[:, None]
    full = np.concatenate([got, (COHORT - got.sum(axis=2))[:, :, None]], axis=2)
    assert (full >= 0).all()
    for z in range(2):
        n, p = COHORT[z], share[z]
        want = n * (np.diag(p) - np.outer(p, p))
        error = np.sqrt(np.diag(want) / N)
        assert (np.abs(full[:, z].mean(axis=0) - n * p) < 4.5 * error).all()
        cov = np.cov(full[:, z].T)
        assert np.allclose(cov, want, atol=0.08 * np.diag(want).max())
        # The whole distribution of one margin, not its moments alone.
        seen = np.bincount(full[:, z, 0], minlength=n + 1)[: n + 1]
        expected = N * stats.binom.pmf(np.arange(n + 1), n, p[0])
        keep = expected >= 5
        chi = ((seen - expected)[keep] ** 2 / expected[keep]).sum()
        assert stats.chi2.sf(chi, keep.sum() - 1) > 0.001


def test_zones_are_independent() -> None:
    got = np.stack([counts(s) for s in range(2_000)])
    r = np.corrcoef(got[:, 0, 0], got[:, 1, 2])[0, 1]
    assert abs(r) < 4 / np.sqrt(2_000)


def test_a_better_college_only_gains() -> None:
    # The same people with the same numbers: nobody leaves the college that became better first.
    for seed in range(50):
        before = counts(seed)
        weight = WEIGHT.copy()
        weight[:, 0] *= 1.3
        after = counts(seed, weight)
        assert (after[:, 0] >= before[:, 0]).all()
        assert (after.sum(axis=1) >= before.sum(axis=1)).all()


def test_nearest_live_nearest_in_a_full_college(small: CollegeSector) -> None:
    w = world(small, Streams(1))
    rng = Streams(2).rng()
    flows = rng.integers(0, 6, w.region.near.shape)
    room = rng.integers(0, 300, w.n)
    got = learners._nearest_first(w, flows, room)
    for j in range(w.n):
        z, k = np.nonzero(w.region.near == j)
        order = sorted(
            range(z.size), key=lambda i: (w.region.km[z[i], k[i]], w.region.zone_key[z[i]])
        )
        left = int(room[j])
        for i in order:
            expected = min(left, int(flows[z[i], k[i]]))
            assert got[z[i], k[i]] == expected
            left -= expected


def test_places_bind_and_nobody_is_lost(small: CollegeSector) -> None:
    w = world(small, Streams(1))
    room = np.full(w.n, 30)
    flows, refused = learners._placed(w, Streams(4).keyed(), np.exp(w.region.appeal), room)
    taken = np.bincount(w.region.near.ravel(), flows.ravel(), minlength=w.n)
    assert (taken <= room).all()
    assert refused.sum() > 0
    assert (flows.sum(axis=1) <= w.region.cohort).all()
    # With ample places elsewhere, those refused try again: more are placed than first choices fit.
    room[0] = 10_000
    flows, refused = learners._placed(w, Streams(4).keyed(), np.exp(w.region.appeal), room)
    first = learners._counts(
        Streams(4).keyed(),
        w.region.zone_key,
        w.region.cohort,
        np.exp(w.region.appeal)[w.region.near] * np.exp(-w.p.learners.decay * w.region.km),
        w.outside,
    )
    wanted = np.bincount(w.region.near.ravel(), first.ravel(), minlength=w.n)
    assert flows.sum() > np.minimum(wanted, room).sum()
    assert ROUNDS > 1


def test_expected_choices_fill_colleges_to_their_size(small: CollegeSector) -> None:
    w = world(small, Streams(1))
    weight = np.exp(w.region.appeal)[w.region.near] * np.exp(-w.p.learners.decay * w.region.km)
    share = weight / (weight.sum(axis=1) + w.outside)[:, None]
    got = np.bincount(
        w.region.near.ravel(), (share * w.region.cohort[:, None]).ravel(), minlength=w.n
    )
    assert np.allclose(got, w.region.learners / (1 + w.p.learners.stay), rtol=0.02)
    assert np.allclose(1 - share.sum(axis=1), w.p.learners.outside)
