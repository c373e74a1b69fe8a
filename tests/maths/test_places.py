"""Coordinates against published points and quadrature; pairs, rings and markets by brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from consortia.maths import places
from consortia.streams import Streams

AIRY = (6_377_563.396, 0.006_670_540_000_123_4)
WGS84 = (6_378_137.0, 0.006_694_379_990_141_3)


def dms(d, m, s):
    return np.deg2rad(np.array([d + m / 60 + s / 3600]))


# --- coordinates


def test_projection_of_the_ordnance_survey_worked_example():
    # A guide to coordinate systems in Great Britain, annex C1: 52 39 27.2531 N, 1 43 4.5177 E
    # (OSGB36).
    at = places.transverse_mercator(dms(52, 39, 27.2531), dms(1, 43, 4.5177), *AIRY)
    np.testing.assert_allclose(at, [[651_409.903, 313_177.270]], atol=1e-3)


def test_projection_of_the_same_tower_on_the_satellite_ellipsoid():
    # OSTN02 worked example: ETRS89 52 39 28.8282 N, 1 42 57.8663 E has ETRS89 grid 651307.003,
    # 313255.686.
    at = places.transverse_mercator(dms(52, 39, 28.8282), dms(1, 42, 57.8663), *WGS84)
    np.testing.assert_allclose(at, [[651_307.003, 313_255.686]], atol=1e-3)


def test_national_grid_is_good_to_five_metres():
    # The same example's OSGB36 answer through the survey's own grid of shifts: 651409.804,
    # 313177.448.
    lat, lon = np.rad2deg(dms(52, 39, 28.8282)), np.rad2deg(dms(1, 42, 57.8663))
    at = places.national_grid(lat, lon)
    assert np.hypot(*(at[0] - [651_409.804, 313_177.448])) < 5.0


def test_unknown_coordinates_stay_unknown():
    at = places.national_grid(np.array([52.0, np.nan]), np.array([np.nan, 1.0]))
    assert np.isnan(at).all()


def arc(lat0, lat1):
    """Length along a meridian of WGS84, by quadrature of its radius of curvature."""
    a, e2 = WGS84
    return quad(lambda p: a * (1 - e2) / (1 - e2 * np.sin(p) ** 2) ** 1.5, lat0, lat1)[0]


@pytest.mark.parametrize("km", [1, 10, 50, 100])
def test_distances_along_a_meridian_and_the_equator(km):
    degrees = km / 111.2
    points = places.geocentric(np.array([52.0, 52.0 + degrees]), np.array([-1.0, -1.0]))
    found = places.near(points, 200_000.0).distance
    want = arc(np.deg2rad(52.0), np.deg2rad(52.0 + degrees))
    np.testing.assert_allclose(found, want, rtol=2e-7)
    points = places.geocentric(np.zeros(2), np.array([0.0, degrees]))
    want = WGS84[0] * np.deg2rad(degrees)
    np.testing.assert_allclose(places.near(points, 200_000.0).distance, want, rtol=2e-7)


def test_grid_and_ground_agree_up_to_the_scale_of_the_grid():
    rng = Streams(1).rng()
    lat, lon = rng.uniform(51, 54, 200), rng.uniform(-3, 0.5, 200)
    a = places.near(places.geocentric(lat, lon), 50_000.0)
    b = places.near(places.national_grid(lat, lon), 60_000.0)
    x, y = a.matrix(a.distance).toarray(), b.matrix(b.distance).toarray()
    both = (x > 0) & (y > 0)
    assert both.sum() > 1000
    # The grid is shrunk by 0.0004 at its middle meridian and stretched at its sides.
    assert np.abs(y[both] / x[both] - 1).max() < 6e-4


# --- pairs


def brute(points, reach, group=None):
    n = len(points)
    return {
        (i, j)
        for i in range(n)
        for j in range(n)
        if i != j
        and (group is None or (group[i] == group[j] and group[i] >= 0))
        and np.sqrt(((points[i] - points[j]) ** 2).sum()) <= reach
    }


def entries(pairs):
    return list(zip(pairs.row.tolist(), pairs.other.tolist(), strict=True))


@given(st.integers(0, 10_000), st.sampled_from([50.0, 200.0, 2000.0]))
def test_pairs_are_all_pairs_within_reach(seed, reach):
    rng = Streams(seed).rng()
    points = rng.uniform(0, 1000, (30, 2))
    points[3] = points[4]
    points[7, 1] = np.nan
    group = rng.integers(-1, 3, 30) if seed % 2 else None
    found = places.near(points, reach, group)
    assert len(entries(found)) == len(set(entries(found)))
    assert set(entries(found)) == brute(points, reach, group)
    want = np.sqrt(((points[found.row] - points[found.other]) ** 2).sum(axis=1))
    np.testing.assert_allclose(found.distance, want)
    assert not found.known[7]
    assert found.known.sum() == 29


def test_the_edge_belongs_to_the_reach_and_one_building_to_two_providers():
    points = np.array([[0.0, 0.0], [300.0, 400.0], [0.0, 0.0]])
    found = places.near(points, 500.0)
    assert set(entries(found)) == {(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)}
    assert found.matrix().sum() == 6
    assert places.near(points, 499.999).other.size == 2


def test_keep_leaves_the_others():
    points = Streams(2).rng().uniform(0, 1000, (30, 2))
    found = places.near(points, 400.0)
    kept = found.keep(found.distance > 200.0)
    assert set(entries(kept)) == brute(points, 400.0) - brute(points, 200.0)
    np.testing.assert_array_equal(kept.distance, found.distance[found.distance > 200.0])


def test_travel_times():
    o = np.array([0, 1, 0, 2, 2, 3, 0, 1])
    d = np.array([1, 0, 2, 1, 2, 1, 1, 3])
    minutes = np.array([10.0, 14.0, 20.0, 31.0, 0.0, np.nan, 8.0, 3.0])
    found = places.near_by_time(o, d, minutes, 5, 30.0)
    times = dict(zip(entries(found), found.distance.tolist(), strict=True))
    # 0 to 1 given twice: the shorter; 0 to 2 and 1 to 3 given one way only: both ways; 2 to 1 too
    # far.
    want = {(0, 1): 8.0, (1, 0): 14.0, (0, 2): 20.0, (2, 0): 20.0, (1, 3): 3.0, (3, 1): 3.0}
    assert times == want
    assert found.known.tolist() == [True, True, True, True, False]
    assert found.unit == "minutes"
    with pytest.raises(ValueError, match="lie in"):
        places.near_by_time(o, d + 3, minutes, 5, 30.0)
    with pytest.raises(ValueError, match="negative"):
        places.near_by_time(o, d, -minutes, 5, 30.0)


def test_refuses_a_reach_that_is_none():
    for reach in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="reach"):
            places.near(np.zeros((2, 2)), reach)


def test_refuses_more_pairs_than_can_be_kept(monkeypatch):
    points = Streams(3).rng().uniform(0, 100, (50, 2))
    monkeypatch.setattr(places, "_MOST", 50 * 49)
    assert places.near(points, 1000.0).other.size == 50 * 49
    monkeypatch.setattr(places, "_MOST", 50 * 49 - 1)
    with pytest.raises(ValueError, match="2,450 pairs lie within 1000 metres"):
        places.near(points, 1000.0)


# --- rings


@given(st.integers(0, 10_000), st.integers(1, 3))
def test_rings_by_definition(seed, at_least):
    rng = Streams(seed).rng()
    n, T, edges = 25, 5, (150.0, 300.0)
    points = rng.uniform(0, 800, (n, 2))
    points[0] = np.nan
    cohort = rng.integers(0, T + 1, n)
    on = np.arange(T) >= cohort[:, None]
    found = places.near(points, 350.0)
    count = places.count_in_rings(found, edges, on)
    first = places.first_in_rings(found, edges, cohort, T, at_least)
    assert (first[0] == -1).all()
    for i in range(1, n):
        d = np.sqrt(((points - points[i]) ** 2).sum(axis=1))
        for r, (low, high) in enumerate([(-1.0, 150.0), (150.0, 300.0)]):
            there = (d > low) & (d <= high) & (np.arange(n) != i)
            want = on[there].sum(axis=0)
            np.testing.assert_array_equal(count[i, :, r], want)
            years = np.flatnonzero(want >= at_least)
            assert first[i, r] == (years[0] if years.size else T)


def test_ring_edges_are_checked():
    found = places.near(np.array([[0.0, 0.0], [0.0, 5.0]]), 10.0)
    for edges in ((), (5.0, 5.0), (0.0, 5.0), (7.0, 3.0)):
        with pytest.raises(ValueError, match="ascend"):
            places.ring_of(found, edges)
    with pytest.raises(ValueError, match="beyond the reach"):
        places.ring_of(found, (5.0, 11.0))
    assert places.ring_of(found, (5.0, 10.0)).tolist() == [0, 0]
    with pytest.raises(ValueError, match="at_least"):
        places.first_in_rings(found, (5.0,), np.array([1, 2]), 3, 0)


# --- markets


@given(st.integers(0, 10_000))
def test_markets_are_founded_by_whoever_has_most_left(seed):
    points = Streams(seed).rng().uniform(0, 1000, (40, 2))
    points[0] = np.nan
    found = places.near(points, 250.0)
    near = found.matrix().toarray() > 0
    # By definition, one market after the other.
    want, market = np.full(40, -1), 0
    while (want < 0).any():
        free = want < 0
        left = np.where(free, (near & free[None, :]).sum(axis=1), -1)
        founder = int(left.argmax())
        want[(near[founder] & free) | (np.arange(40) == founder)] = market
        market += 1
    np.testing.assert_array_equal(places.markets(found), want)
