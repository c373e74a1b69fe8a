"""Panels of another size."""

import numpy as np

from consortia.streams import Streams
from consortia.world.likeness import MOMENTS
from consortia.world.replicas import redrawn, replica, sample, until


def test_sample_takes_all_before_it_repeats() -> None:
    index, copy = sample(5, 12, Streams(1))
    assert index.size == 12
    assert np.bincount(index, minlength=5).min() == 2
    assert copy[:10].tolist() == [0] * 5 + [1] * 5
    assert len(set(zip(index.tolist(), copy.tolist(), strict=True))) == 12
    few, first = sample(5, 3, Streams(1))
    assert len(set(few.tolist())) == 3
    assert first.tolist() == [0, 0, 0]


def test_redrawn_within_strata_is_a_permutation() -> None:
    rng = Streams(2).rng()
    area, phase = rng.integers(0, 6, 200), rng.integers(0, 2, 200)
    to = redrawn([area, phase], 200, Streams(3))
    assert sorted(to.tolist()) == list(range(200))
    np.testing.assert_array_equal(area[to], area)
    np.testing.assert_array_equal(phase[to], phase)
    assert (to != np.arange(200)).mean() > 0.8
    assert (redrawn([area], 200, Streams(4)) != to).any()


def test_replica_and_until(make_panel) -> None:
    panel = make_panel(
        {(p, t): float(t) for p in "ab" for t in (2015, 2016)},
        [("a", "club 1", "club", "2015-09-01")],
        [("b", "academy", "2014-09-01")],
        {"easting": {"a": 1.0, "b": 2.0}},
    )
    made = replica(panel, ["a", "a", "b"], ["a", "b", "a"], np.array([0, 1, 0]))
    assert made.providers["provider"].to_list() == ["a", "a (copy 2)", "b"]
    assert made.providers["easting"].to_list() == [1.0, 5e6 + 1, 2.0]
    members = made.memberships.sort("provider")
    # The copy of a has b's joining (none), b has a's, each copy its own collaboration.
    assert members.select("provider", "collaboration").rows() == [("a", "club 1"), ("b", "club 1")]
    assert made.statuses["provider"].to_list() == ["a (copy 2)"]
    assert made.outcomes.height == 6
    longer = until(panel, 2015, 2018).outcomes
    assert longer.filter(longer["provider"] == "a")["year"].to_list() == [2015, 2016, 2017, 2018]
    assert until(panel, 2015, 2015).outcomes.height == 2
    assert "between" in MOMENTS
