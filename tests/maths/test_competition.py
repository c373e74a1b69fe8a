"""Competition measures by their definition, provider by provider."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortia.maths import competition as c
from consortia.maths.places import near, near_by_time
from consortia.streams import Streams

N, T, C, REACH = 30, 4, 6, 300.0


def draw(seed):
    rng = Streams(seed).rng()
    points = rng.uniform(0, 900, (N, 2))
    points[0] = np.nan
    points[2] = points[1]
    size = rng.uniform(20, 400, (N, T))
    size[rng.random((N, T)) < 0.15] = np.nan
    size[5, 2] = 0.0
    return rng, points, size, near(points, REACH)


def walk(points, size):
    """(i, t, rivals open, their distance) by brute force."""
    there = np.nan_to_num(size) > 0
    for i in range(N):
        d = np.sqrt(((points - points[i]) ** 2).sum(axis=1))
        for t in range(T):
            j = np.flatnonzero((d <= REACH) & there[:, t] & (np.arange(N) != i))
            yield i, t, there[i, t] and bool(np.isfinite(points[i, 0])), j, d[j]


KERNELS = {
    "even": lambda d: np.ones_like(d),
    "linear": lambda d: 1 - d / REACH,
    "inverse": lambda d: 1 / (1 + d / 60.0),
    "exponential": lambda d: np.exp(-d / 60.0),
}


@given(st.integers(0, 10_000))
def test_rivals_pressure_and_concentration(seed):
    rng, points, size, pairs = draw(seed)
    owner = rng.integers(-1, 4, (N, T))
    kernel = list(KERNELS)[seed % 4]
    count, squeeze = c.rivals(pairs, size), c.pressure(pairs, size, kernel)
    plain, owned = c.herfindahl(pairs, size), c.herfindahl(pairs, size, owner)
    for i, t, there, j, d in walk(points, size):
        if not there:
            assert np.isnan([x[i, t] for x in (count, squeeze, plain, owned)]).all()
            continue
        assert count[i, t] == j.size
        want = (KERNELS[kernel](d) * size[j, t]).sum() / size[i, t]
        assert squeeze[i, t] == pytest.approx(want)
        market = np.append(j, i)
        share = size[market, t] / size[market, t].sum()
        assert plain[i, t] == pytest.approx((share**2).sum())
        mine = np.where(owner[market, t] >= 0, owner[market, t], 100 + market)
        want = sum(share[mine == o].sum() ** 2 for o in np.unique(mine))
        assert owned[i, t] == pytest.approx(want)


@given(st.integers(0, 10_000), st.booleans())
def test_shares_of_rivals(seed, by_size):
    rng, points, size, pairs = draw(seed)
    on = rng.random((N, T)) < 0.4
    k = 50
    who, what = rng.integers(0, N, k), rng.integers(0, C, k)
    first = rng.integers(-2, T + 1, k)
    last = first + rng.integers(0, 4, k)
    member = np.zeros((N, C, T), dtype=bool)
    for p, q, a, b in zip(who, what, first, last, strict=True):
        member[p, q, max(a, 0) : max(b, 0)] = True
    links = c.ties(who, what, first, last, N, C, T)
    joined = c.share_on(pairs, on, size, by_size=by_size)
    tied = c.share_tied(pairs, c.shared_years(pairs, links), size, by_size=by_size)
    for i, t, there, j, _ in walk(points, size):
        if not there or j.size == 0:
            assert np.isnan(joined[i, t])
            assert np.isnan(tied[i, t])
            continue
        w = size[j, t] if by_size else np.ones(j.size)
        together = (member[i, :, t] & member[j, :, t]).any(axis=1)
        assert joined[i, t] == pytest.approx((w * on[j, t]).sum() / w.sum())
        assert tied[i, t] == pytest.approx((w * together).sum() / w.sum())


def test_nobody_in_anything_and_nobody_near():
    _, _, size, pairs = draw(1)
    none = np.empty(0, dtype=np.int64)
    links = c.ties(none, none, none, none, N, C, T)
    shared = c.shared_years(pairs, links)
    assert not shared.any()
    assert np.nanmax(c.share_tied(pairs, shared, size)) == 0.0
    alone = near(np.arange(N)[:, None] * [1e6, 0.0], REACH)
    full = np.full((N, T), 100.0)
    assert (c.rivals(alone, full) == 0).all()
    assert (c.pressure(alone, full) == 0).all()
    assert (c.herfindahl(alone, full) == 1).all()
    assert np.isnan(c.share_on(alone, full > 0, full)).all()


def test_pairs_of_different_times_each_way_are_each_looked_up():
    pairs = near_by_time(np.array([0, 1, 2]), np.array([1, 0, 0]), np.array([5.0, 7.0, 9.0]), 3, 30)
    links = c.ties(
        np.array([0, 1, 2]), np.array([0, 0, 0]), np.zeros(3, int), np.full(3, 64), 3, 1, 64
    )
    assert (c.shared_years(pairs, links) == np.uint64(2**64 - 1)).all()


def test_bad_input_is_refused():
    _, _, size, pairs = draw(2)
    with pytest.raises(ValueError, match="64"):
        c.ties(*[np.zeros(1, dtype=np.int64)] * 4, 1, 1, 65)
    for bad in (-1.0, np.inf):
        size[3, 1] = bad
        with pytest.raises(ValueError, match="sizes"):
            c.rivals(pairs, size)
    with pytest.raises(ValueError, match="scale"):
        c.kernel_weights(pairs, "inverse", 0.0)
