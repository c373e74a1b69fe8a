"""Regions: the embedded one, and a user's own from a file."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from consortia.errors import DataInvalid
from consortia.world.colleges import CAUTION, Region, embedded_region, make_region
from consortia.world.colleges.region import KINDS, keys_of
from consortia.world.colleges.region_file import read_region, region_from_frame


def test_the_default_has_the_size_of_the_published_counts(default_region: Region) -> None:
    r = default_region
    assert r.n == 218
    assert r.learners.sum() == pytest.approx(661_000, rel=0.001)
    assert 0.12 < (r.kind == "sixth form").mean() < 0.28
    # Largest over mean: 3.5 to 3.8 in the FE Review's data; a sample of 218 spreads around it.
    assert 3 < r.learners.max() / r.learners.mean() < 5
    assert CAUTION in repr(r)
    assert "not England" in CAUTION


def test_zones_know_their_nearest_colleges(default_region: Region) -> None:
    r = default_region
    for z in range(0, r.cohort.size, 997):
        d = np.hypot(r.easting - r.zone_easting[z], r.northing - r.zone_northing[z]) / 1_000
        assert set(r.near[z]) == set(np.argsort(d)[: r.near.shape[1]])
        assert np.allclose(r.km[z], np.sort(d)[: r.near.shape[1]])
    assert (np.diff(r.km, axis=1) >= 0).all()


def test_zones_hold_the_cohort_each_college_needs(default_region: Region) -> None:
    r = default_region
    around = np.bincount(r.around, r.cohort, minlength=r.n)
    assert np.allclose(around, r.learners / 1.9 / 0.9, atol=1)
    assert r.cohort.max() <= 55


def test_neighbours_are_the_nearest(default_region: Region) -> None:
    r = default_region
    nine = r.neighbours("College 010", 9)
    assert nine[0] == "College 010"
    here = r.between[r.select(["College 010"])[0]]
    assert here[r.select(nine)].max() <= np.sort(here)[9]


def test_a_name_there_is_not(default_region: Region) -> None:
    with pytest.raises(DataInvalid, match="no such college"):
        default_region.select(["College 999", "College 001"])
    with pytest.raises(DataInvalid):
        default_region.select(["College 001", "College 001"])


def test_a_key_belongs_to_a_name() -> None:
    a, b = keys_of(["x", "y"]), keys_of(["y", "x"])
    assert np.array_equal(a, b[::-1])
    assert embedded_region(20).key[3] == embedded_region(30).key[3]


def test_permuting_is_undone_by_permuting_back() -> None:
    r = embedded_region(20)
    order = np.argsort(r.learners)
    back = r.permuted(order).permuted(np.argsort(order))
    for name in ("college", "key", "near", "around", "appeal"):
        assert np.array_equal(getattr(back, name), getattr(r, name))
    # Made anew from the other list, it is the same region.
    again = make_region(
        r.college[order].tolist(), r.easting[order], r.northing[order], r.learners[order],
        r.kind[order].tolist(),
    )  # fmt: skip
    assert np.array_equal(again.near, r.permuted(order).near)
    assert np.array_equal(again.zone_key, r.zone_key)


def frame() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "college": ["A", "B", "C"],
            "latitude": [53.4, 53.5, 53.4],
            "longitude": [-2.2, -2.2, -2.35],
            "learners": [2_000, 900, 3_100],
            "type": ["General", "sixth form", None],
        }
    )


def test_a_region_from_a_file(tmp_path: Path) -> None:
    frame().write_csv(tmp_path / "r.csv")
    r = read_region(tmp_path / "r.csv")
    frame().write_parquet(tmp_path / "r.parquet")
    assert np.array_equal(read_region(tmp_path / "r.parquet").easting, r.easting)
    assert r.college.tolist() == ["A", "B", "C"]
    assert r.kind.tolist() == ["general", "sixth form", "general"]
    # A tenth of a degree of latitude is 11.1 km; 0.15 of longitude at 53.4 north is 9.9 km.
    assert r.between[0, 1] == pytest.approx(11.12, abs=0.02)
    assert r.between[0, 2] == pytest.approx(9.95, abs=0.05)
    assert set(r.kind) <= set(KINDS)


def test_every_fault_of_a_file_is_said() -> None:
    bad = frame().with_columns(
        college=pl.Series(["A", "A", None]),
        learners=pl.Series(["2000", "none", "-5"]),
        type=pl.Series(["general", "sixth from", "general"]),
    )
    with pytest.raises(DataInvalid) as said:
        region_from_frame(bad, file="r.csv")
    text = str(said.value)
    assert len(said.value.problems) == 6
    assert "sixth form" in text
    assert "row 3" in text
    with pytest.raises(DataInvalid, match=r"Did you mean 'learner_count'|learners is missing"):
        region_from_frame(frame().rename({"learners": "learner_count"}))
    with pytest.raises(DataInvalid, match="no places"):
        region_from_frame(frame().drop("latitude"))
    with pytest.raises(DataInvalid, match="two colleges"):
        region_from_frame(frame().head(1))
