"""From the words of a panel to who is near whom."""

import numpy as np
import pytest

from consortia.errors import NotIdentified
from consortia.nearby import cohort_of, everyone, markets_of, pairs_of, points_of, rings_of
from consortia.specs import Arm, Exposure

TRUST = Arm(kinds=("trust",))


@pytest.fixture
def street(make_panel):
    """a, b, c, d along a road at 0, 1, 3 and 10 km; e somewhere unknown; d has no results."""
    return make_panel(
        {(p, y): 1.0 for p in "abce" for y in (2018, 2019, 2020)},
        joins=[("a", "T", "trust", "2018-09-01"), ("c", "T", "trust", "2016-09-01"),
               ("c", "U", "club", "2010-09-01")],
        facts={
            "easting": {"a": 0.0, "b": 1000.0, "c": 3000.0, "d": 10_000.0},
            "northing": dict.fromkeys("abcd", 0.0),
            "phase": {"a": "primary", "b": "primary", "c": "secondary", "e": "primary"},
        },
    )  # fmt: skip


def entries(pairs, index):
    names = index["provider"].to_list()
    return {(names[i], names[j]) for i, j in zip(pairs.row, pairs.other, strict=True)}


def test_everyone_counts_results_or_not(street):
    assert everyone(street)["provider"].to_list() == ["a", "b", "c", "e"]
    assert np.isnan(points_of(street, everyone(street))[3]).all()


def test_pairs_within_reach_and_phase(street):
    index = everyone(street)
    near = {("a", "b"), ("b", "a")}
    assert entries(pairs_of(street, index, 1.5), index) == near
    assert entries(pairs_of(street, index, 2.0), index) == near | {("b", "c"), ("c", "b")}
    assert entries(pairs_of(street, index, 5.0, "phase"), index) == near
    with pytest.raises(NotIdentified, match="phase"):
        pairs_of(street, index, 5.0, "phrase")


def test_degrees_serve_as_well(make_panel):
    panel = make_panel(
        {(p, 2019): 1.0 for p in "ab"},
        facts={"latitude": {"a": 52.0, "b": 52.009}, "longitude": {"a": -1.0, "b": -1.0}},
    )
    pairs = pairs_of(panel, everyone(panel), 2.0)
    # 0.009 degrees of latitude at 52 N: 111.27 km a degree.
    np.testing.assert_allclose(pairs.distance, 1001.4, atol=1.0)


def test_without_places_it_says_so(make_panel):
    panel = make_panel({("a", 2019): 1.0})
    with pytest.raises(NotIdentified, match="easting and northing"):
        points_of(panel, everyone(panel))


def test_rings_are_years_in_which_others_had_joined(street):
    years = np.array([2018, 2019, 2020])
    index = everyone(street)
    # Joined on 1 September 2018: results of 2019 on. c: results of 2017 on, before the window.
    assert cohort_of(street, index, TRUST, Exposure(), years).tolist() == [1, 3, 0, 3]
    names = np.array(["b", "a", "c", "e"])
    ask = (street, TRUST, Exposure(), names, years, (1.0, 3.0))
    assert rings_of(*ask).tolist() == [[1, 0], [3, 0], [3, 1], [-1, -1]]
    assert rings_of(*ask, earlier="ignore").tolist() == [[1, 3], [3, 3], [3, 1], [-1, -1]]
    assert rings_of(*ask, at_least=2).tolist() == [[3, 3], [3, 3], [3, 3], [-1, -1]]
    assert rings_of(*ask, within="phase").tolist()[0] == [1, 3]


def test_markets_are_those_nearby(street):
    names = np.array(["e", "c", "b", "a"])
    # b has a and c within 2 km and founds the first market; e is nowhere.
    assert markets_of(street, names, 2.0).tolist() == [1, 0, 0, 0]
    assert markets_of(street, names, 1.5).tolist() == [2, 1, 0, 0]
