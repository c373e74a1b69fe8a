"""Competition as columns: read off a panel made by hand, and off the real one by brute force."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from consortia.errors import NotIdentified
from consortia.maths.places import near_by_time
from consortia.sources import read_panel
from consortia.sources.competition import COLUMNS, Competition, with_competition
from consortia.specs import Arm, DataSpec, Exposure, Renames

KS2 = Path("../shared/data/england_ks2")
TRUST = Arm(kinds=("trust",))


@pytest.fixture
def street(make_panel):
    """a, b, c at 0, 1 and 3 km, d at 50; a and c in trust T from 2019's results on, b in U."""
    pupils = {"a": 100.0, "b": 300.0, "c": 50.0, "d": 80.0}
    rows = {(p, y): 1.0 for p in "abcde" for y in (2018, 2019)}
    del rows["c", 2018]
    return make_panel(
        rows,
        joins=[
            ("a", "T", "trust", "2018-09-01"), ("c", "T", "trust", "2018-09-01", "2030-01-01"),
            ("b", "U", "trust", "2010-09-01", "2018-07-31"), ("b", "T", "club", "2010-09-01"),
        ],
        facts={
            "easting": {"a": 0.0, "b": 1000.0, "c": 3000.0, "d": 50_000.0},
            "northing": dict.fromkeys("abcd", 0.0),
        },
        pupils={(p, y): pupils.get(p) for p, y in rows if (p, y) != ("b", 2019)},
    )  # fmt: skip


def cell(panel, provider, year):
    return panel.outcomes.row(
        by_predicate=(pl.col("provider") == provider) & (pl.col("year") == year), named=True
    )


def test_columns_read_off_by_hand(street):
    panel = with_competition(street, Competition(radius_km=3.0, size="pupils"), TRUST)
    a18, a19 = cell(panel, "a", 2018), cell(panel, "a", 2019)
    # c has no results in 2018, so that it is no rival then; b's missing size is that of 2018.
    assert (a18["rivals"], a19["rivals"]) == (1.0, 2.0)
    assert a18["pressure"] == pytest.approx(2 / 3 * 300 / 100)
    assert a19["pressure"] == pytest.approx(2 / 3 * 300 / 100 + 0.0)
    assert a18["concentration"] == pytest.approx(0.25**2 + 0.75**2)
    assert a19["concentration"] == pytest.approx((100**2 + 300**2 + 50**2) / 450**2)
    assert a19["owned_concentration"] == pytest.approx((150**2 + 300**2) / 450**2)
    assert (a18["rivals_joined"], a19["rivals_joined"]) == (1.0, 1.0)
    assert (a18["rivals_together"], a19["rivals_together"]) == (0.0, 0.5)
    d = cell(panel, "d", 2019)
    assert [d[c] for c in COLUMNS] == [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    assert [cell(panel, "e", 2019)[c] for c in COLUMNS] == [None] * 6
    notes = {n.what: n.count for n in panel.notes}
    assert notes["providers without a place: no competition known"] == 1
    assert notes["enrolment missing, taken from the provider's nearest year"] == 3


def test_owners_change_over_the_years_and_the_first_by_name_counts(make_panel):
    # a and b in M throughout; c in M and Z from 2019; d leaves Z after 2018's results.
    joins = [
        ("a", "M", "trust", "2010-09-01"), ("b", "M", "trust", "2010-09-01"),
        ("c", "Z", "trust", "2018-09-01"), ("c", "M", "trust", "2018-09-01"),
        ("d", "Z", "trust", "2010-09-01", "2018-08-01"),
    ]  # fmt: skip
    panel = make_panel(
        {(p, y): 1.0 for p in "abcd" for y in (2018, 2019)},
        joins=joins,
        facts={"easting": dict.fromkeys("abcd", 0.0), "northing": dict.fromkeys("abcd", 0.0)},
    )
    made = with_competition(panel, Competition(), TRUST)
    for p in "abcd":
        # 2018: M has two of four, c and d (Z) stand alone. 2019: M has three, d is on its own.
        assert cell(made, p, 2018)["owned_concentration"] == pytest.approx(1 / 4 + 2 / 16)
        assert cell(made, p, 2019)["owned_concentration"] == pytest.approx(9 / 16 + 1 / 16)


def test_without_an_arm_only_the_market(street):
    panel = with_competition(street, Competition(radius_km=3.0))
    assert cell(panel, "a", 2019)["concentration"] == pytest.approx(1 / 3)
    assert "rivals_joined" not in panel.outcomes.columns
    with pytest.raises(ValueError, match="already have rivals"):
        with_competition(panel, Competition())


def test_travel_times_instead_of_distance(street):
    pairs = near_by_time(np.array([0]), np.array([3]), np.array([20.0]), 5, 30.0)
    panel = with_competition(street, Competition(), pairs=pairs)
    assert cell(panel, "a", 2019)["rivals"] == 1.0
    assert cell(panel, "b", 2019)["rivals"] is None
    with pytest.raises(ValueError, match="of 4 providers"):
        with_competition(street, Competition(), pairs=near_by_time(*[np.array([0])] * 3, 4, 1.0))


def test_says_what_is_missing(street):
    with pytest.raises(NotIdentified, match="Did you mean 'pupils'"):
        with_competition(street, Competition(size="pupil"))
    for reach in (0.0, 501.0):
        with pytest.raises(ValueError, match="radius_km"):
            Competition(radius_km=reach)


def test_unknown_starts_follow_the_rule(make_panel):
    panel = make_panel(
        {(p, 2019): 1.0 for p in "ab"},
        joins=[("a", "T", "trust", None), ("b", "T", "trust", "2010-09-01")],
        facts={"easting": {"a": 0.0, "b": 1.0}, "northing": {"a": 0.0, "b": 0.0}},
    )
    together = with_competition(panel, Competition(), TRUST).outcomes["rivals_together"]
    assert together.to_list() == [1.0, 1.0]
    rule = Exposure(unknown_from="ignore")
    alone = with_competition(panel, Competition(), TRUST, rule).outcomes["rivals_together"]
    assert alone.to_list() == [0.0, 0.0]


@pytest.mark.skipif(not KS2.is_dir(), reason="the key stage 2 files are not there")
def test_english_primaries_by_brute_force():
    data = DataSpec(
        outcomes="outcomes.csv.gz", providers="providers.csv.gz", memberships="memberships.csv.gz",
        columns=Renames(memberships={"from": "joined"}),
    )  # fmt: skip
    arm = Arm(kinds=("multi-academy trust",))
    panel = with_competition(read_panel(data, KS2), Competition(size="pupils"), arm)
    facts = panel.providers.sort("provider")
    lat, lon = (np.deg2rad(facts[c].to_numpy()) for c in ("latitude", "longitude"))
    one = panel.outcomes.filter(pl.col("year") == 2018).sort("provider")
    size = one["pupils"].to_numpy()
    for i in (0, 5000, 14_000):
        # Great circle on a sphere: within half a percent of the ellipsoid.
        h = np.sin((lat - lat[i]) / 2) ** 2
        h += np.cos(lat) * np.cos(lat[i]) * np.sin((lon - lon[i]) / 2) ** 2
        d = 2 * 6371.0088 * np.arcsin(np.sqrt(h))
        low, high = (d <= 4.97).sum() - 1, (d <= 5.03).sum() - 1
        row = one.row(i, named=True)
        assert low <= row["rivals"] <= high
        if low == high:
            market = d <= 5.0
            share = size[market] / size[market].sum()
            assert row["concentration"] == pytest.approx((share**2).sum())
