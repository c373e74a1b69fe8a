"""Memberships by year, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from consortia.errors import DataInvalid
from consortia.grouping import asked, cell_sums, groupings
from consortia.panel import PupilSums
from consortia.specs import Exposure, Mixed, ShareTerms

YEARS = np.array([2017, 2018, 2019])
OUT = {(p, y): 1.0 for p in "abc" for y in YEARS.tolist()}
JOINS = [
    ("a", "T1", "trust", "2016-09-01", None),
    ("a", "T2", "trust", "2017-09-30", "2018-10-01"),
    ("a", "T1", "trust", "2016-09-01", None),
    ("b", "T2", "trust", "2017-10-01", None),
    ("b", "N1", "club", None, None),
]
INDEX = pl.DataFrame({"provider": ["a", "b", "c"], "row": [0, 1, 2]})


def study_with(make_study, *terms, **more):
    return make_study(shares=ShareTerms(terms=terms), **more)


def test_spells_become_cells(make_panel, make_study) -> None:
    panel = make_panel(OUT, JOINS, facts={"area": {"a": "N", "b": "S"}})
    trust, area = groupings(
        panel, study_with(make_study, "provider", "trust", "area"), INDEX, YEARS
    )
    assert trust.levels == ("T1", "T2")
    # a: T1 all along, told twice and counted once; T2 for 2018 and 2019 (left after the cut-off of
    # 2018). b: joined a day late for 2018. c: never.
    wanted = np.zeros((9, 2))
    wanted[0:3, 0] = 1
    wanted[1:3, 1] = 1
    wanted[5, 1] = 1
    assert (trust.members.toarray() == wanted).all()
    assert area.levels == ("N", "S")
    assert (area.members.toarray().argmax(axis=1)[:6] == [0, 0, 0, 1, 1, 1]).all()
    assert area.members.toarray()[6:].sum() == 0


def test_unknown_starts_and_partial_years_follow_the_rule(make_panel, make_study) -> None:
    panel = make_panel(OUT, JOINS)
    for rule, count in ((Exposure(), 3), (Exposure(unknown_from="ignore"), 0)):
        study = study_with(make_study, "club", exposure=rule)
        (club,) = groupings(panel, study, INDEX, YEARS)
        assert club.members.sum() == count
    study = study_with(make_study, "trust", exposure=Exposure(partial="exposed"))
    (trust,) = groupings(panel, study, INDEX, YEARS)
    assert trust.members.toarray()[4].tolist() == [0, 1], "joined during the year of 2018"


def test_collaborations_carry_the_latest_name_that_their_memberships_tell(
    make_panel, make_study
) -> None:
    panel = make_panel(OUT, JOINS)
    (plain,) = groupings(panel, study_with(make_study, "trust"), INDEX, YEARS)
    assert plain.names == ()
    called = ["Old Hill", "Valley", "Hill Schools", None, None]
    named = panel.memberships.with_columns(
        name=pl.Series(called, dtype=pl.String),
        last_seen=pl.Series([2017, 2022, 2022, 2017, 2022]).cast(pl.String).str.to_date("%Y"),
    )
    panel = replace(panel, memberships=named)
    trust, club = groupings(panel, study_with(make_study, "trust", "club"), INDEX, YEARS)
    assert dict(zip(trust.levels, trust.names, strict=True)) == {
        "T1": "Hill Schools", "T2": "Valley",
    }  # fmt: skip
    assert club.names == ("",)


def test_what_is_asked(make_study) -> None:
    assert asked(make_study()) == ()
    assert asked(make_study(method=Mixed())) == ("provider", "trust")
    assert asked(make_study(arm="academy", method=Mixed())) == ("provider",)
    study = make_study(method=Mixed(terms=("provider",)), shares=ShareTerms(terms=("year",)))
    assert asked(study) == ("provider", "year")


def test_an_unknown_term_is_refused_with_the_nearest(make_panel, make_study) -> None:
    panel = make_panel(OUT, JOINS)
    with pytest.raises(DataInvalid) as caught:
        panel.arrays(study_with(make_study, "trusts"))
    (problem,) = caught.value.problems
    assert problem.column == "shares.terms"
    assert "trust" in problem.remedy


def test_arrays_take_their_groupings_along(make_panel, make_study) -> None:
    arrays = make_panel(OUT, JOINS).arrays(study_with(make_study, "trust"))
    kept = arrays.take(np.array([False, True, False]))
    assert (kept.groupings[0].members.toarray() == arrays.groupings[0].members.toarray()[3:6]).all()


def test_sums_find_their_cells() -> None:
    frame = pl.DataFrame(
        {"provider": ["b", "a", "z"], "year": [2019, 2017, 2017], "rows": [2, 3, 4],
         "log_weight": [0.0] * 3, "1*1": [2.0, 3.0, 4.0], "1*y": [5.0, 6.0, 7.0],
         "y*y": [9.0, 9.0, 9.0]},
        schema_overrides={"year": pl.Int32},
    )  # fmt: skip
    sums = PupilSums(
        frame=frame, by=("provider", "year"), columns=("1", "y"), outcome="y", shift={},
        weight="", minimum=1, minimum_cell=1, groups_suppressed=0, small_cells=0,
        rows_suppressed=0, rows_incomplete=0,
    )  # fmt: skip
    cells = cell_sums(sums, INDEX, YEARS)
    assert cells.place.tolist() == [[1, -1, -1], [-1, -1, 0], [-1, -1, -1]]
    assert cells.products[1].tolist() == [[3, 6], [6, 9]]
