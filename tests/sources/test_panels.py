"""The doors: any data frame, the same panel; what belongs together is joined and counted."""

import datetime as dt
import hashlib
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from consortia.errors import DataInvalid
from consortia.sources import panel_from_frames, read_panel
from consortia.sources.tables import MEMBERSHIPS, STATUSES
from consortia.specs import DataSpec, Renames

OUTCOMES = pl.DataFrame(
    {
        "provider": ["b", "a", "a", "b"],
        "year": [2017, 2016, 2017, 2016],
        "score": [4.0, 1.0, None, 3.0],
        "pupils": [20, 10, 11, 21],
    }
)
MEMBERS = pl.DataFrame(
    {
        "provider": ["a"],
        "collaboration": ["T"],
        "kind": ["trust"],
        "from": [dt.date(2016, 9, 1)],
        "to": pl.Series([None], dtype=pl.Date),
    }
)
STATUS = pl.DataFrame({"provider": ["b"], "status": ["academy"], "since": ["2015-09-01"]})
PLACES = pl.DataFrame(
    {"provider": ["a", "b"], "easting": [400000, 410000], "northing": [300000, 300500]}
)
FACTS = pl.DataFrame({"provider": ["a", "b"], "code": ["01", "02"], "size": [1, 2]})


def as_pandas(frame: pl.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(frame.to_dict(as_series=False))


KINDS = {
    "polars": lambda f: f,
    "lazy": lambda f: f.lazy(),
    "pyarrow": lambda f: f.to_arrow(),
    "pandas": as_pandas,
    "pandas categories": lambda f: as_pandas(f).astype({"provider": "category"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_any_frame_gives_the_same_panel(kind: str) -> None:
    to = KINDS[kind]
    panel = panel_from_frames(
        to(OUTCOMES),
        providers=to(FACTS),
        memberships=to(MEMBERS),
        statuses=to(STATUS),
        places=to(PLACES),
    )
    assert panel.outcomes.schema == {
        "provider": pl.String, "year": pl.Int32, "score": pl.Float64, "pupils": pl.Float64,
    }  # fmt: skip
    assert panel.outcomes.rows() == [
        ("a", 2016, 1.0, 10.0), ("a", 2017, None, 11.0), ("b", 2016, 3.0, 21.0),
        ("b", 2017, 4.0, 20.0),
    ]  # fmt: skip
    assert dict(panel.memberships.schema) == MEMBERSHIPS
    assert panel.memberships.rows() == [
        ("a", "T", "trust", dt.date(2016, 9, 1), None, 1.0, None, None)
    ]
    assert dict(panel.statuses.schema) == STATUSES
    assert panel.statuses.rows() == [("b", "academy", dt.date(2015, 9, 1), None)]
    assert panel.providers.select("provider", "code", "size", "easting").rows() == [
        ("a", "01", 1, 400000.0), ("b", "02", 2, 410000.0),
    ]  # fmt: skip
    assert [s.role for s in panel.sources] == [
        "outcomes", "providers", "memberships", "statuses", "places",
    ]  # fmt: skip


def test_files_and_frames_agree(tmp_path: Path) -> None:
    for name, frame in (("o", OUTCOMES), ("m", MEMBERS), ("s", STATUS), ("f", FACTS)):
        frame.write_csv(tmp_path / f"{name}.csv")
        frame.write_parquet(tmp_path / f"{name}.parquet")
    frames = panel_from_frames(OUTCOMES, providers=FACTS, memberships=MEMBERS, statuses=STATUS)
    for end in ("csv", "parquet"):
        spec = DataSpec(
            outcomes=f"o.{end}", providers=f"f.{end}", memberships=f"m.{end}", statuses=f"s.{end}"
        )
        panel = read_panel(spec, tmp_path)
        for part in ("outcomes", "providers", "memberships", "statuses"):
            assert getattr(panel, part).equals(getattr(frames, part)), (end, part)


def test_outcomes_alone_make_a_panel() -> None:
    panel = panel_from_frames(OUTCOMES)
    assert panel.providers.rows() == [("a",), ("b",)]
    assert panel.memberships.height == panel.statuses.height == 0
    assert dict(panel.memberships.schema) == MEMBERSHIPS


def test_identifiers_are_text_whatever_they_were() -> None:
    numbers = OUTCOMES.with_columns(
        pl.col("provider").replace({"a": "100", "b": "200"}).cast(pl.Int64)
    )
    floats = numbers.with_columns(pl.col("provider").cast(pl.Float64))
    for frame in (numbers, floats, as_pandas(floats)):
        assert panel_from_frames(frame).providers["provider"].to_list() == ["100", "200"]


def test_a_column_of_numbers_and_codes_as_pandas_keeps_it() -> None:
    frame = as_pandas(OUTCOMES).assign(score=[4.0, "SUPP", None, 3])
    panel = panel_from_frames(frame)
    assert panel.outcomes["score"].to_list() == [None, None, 3.0, 4.0]
    met = {(n.column, n.found): n.count for n in panel.notes}
    assert met == {("score", "SUPP"): 1, ("score", "(empty)"): 1}


def test_times_and_missing_times_of_pandas() -> None:
    members = as_pandas(MEMBERS)
    for stamp in (pd.Timestamp("2016-09-01"), pd.Timestamp("2016-09-01", tz="UTC")):
        both = pd.concat(
            [members.assign(**{"from": [stamp]}), members.assign(**{"from": [pd.NaT]})]
        )
        panel = panel_from_frames(OUTCOMES, memberships=both)
        assert panel.memberships["from"].to_list() == [dt.date(2016, 9, 1), None]


def test_renames_case_and_spaces() -> None:
    odd = OUTCOMES.rename({"provider": "URN", "year": "Year", "score": "MATPROG"})
    spec = DataSpec(columns=Renames(outcomes={"provider": "URN", "maths": "MATPROG"}))
    panel = panel_from_frames(odd, data=spec)
    assert panel.outcomes.columns == ["provider", "year", "maths", "pupils"]


def test_a_rename_wins_over_a_column_of_the_same_name() -> None:
    both = MEMBERS.with_columns(joined=pl.lit("2017-09-01"))
    spec = DataSpec(columns=Renames(memberships={"from": "joined"}))
    panel = panel_from_frames(OUTCOMES, memberships=both, data=spec)
    assert panel.memberships["from"].to_list() == [dt.date(2017, 9, 1)]


def test_a_misspelt_rename_is_refused() -> None:
    spec = DataSpec(columns=Renames(memberships={"form": "joined"}))
    with pytest.raises(DataInvalid, match="Did you mean 'from'"):
        panel_from_frames(OUTCOMES, memberships=MEMBERS, data=spec)


def test_members_and_statuses_of_strangers_are_counted_not_refused() -> None:
    more = pl.concat([MEMBERS, MEMBERS.with_columns(provider=pl.lit("zz"))])
    panel = panel_from_frames(OUTCOMES, memberships=more)
    note = next(n for n in panel.notes if "without outcomes" in n.what)
    assert (note.role, note.count, note.found) == ("memberships", 1, "zz")


@pytest.mark.parametrize(
    ("theirs", "ours", "hint"),
    [
        (["100.0"], ["100"], "'.0'"),
        (["0100"], ["100"], "leading zeros"),
        (["AB 1"], ["ab1"], "capital letters or spaces"),
        (["q"], ["100"], "same identifier"),
    ],
)
def test_identifiers_in_another_format_get_a_hint(theirs, ours, hint) -> None:
    outcomes = pl.DataFrame({"provider": ours, "year": [2016] * len(ours), "score": [1.0]})
    members = MEMBERS.with_columns(provider=pl.Series(theirs))
    with pytest.raises(DataInvalid) as caught:
        panel_from_frames(outcomes, memberships=members)
    (problem,) = caught.value.problems
    assert hint in problem.remedy
    assert repr(ours[0]) in problem.remedy


def test_providers_that_the_providers_file_lacks_get_a_row() -> None:
    panel = panel_from_frames(OUTCOMES, providers=FACTS.head(1))
    assert panel.providers["provider"].to_list() == ["a", "b"]
    assert panel.providers["size"].to_list() == [1, None]
    assert [n.count for n in panel.notes if "does not have" in n.what] == [1]


def test_covariates_by_provider_and_by_year() -> None:
    fixed = pl.DataFrame({"provider": ["a", "b"], "deprived": [0.1, 0.2]})
    panel = panel_from_frames(OUTCOMES, covariates=fixed)
    assert panel.providers["deprived"].to_list() == [0.1, 0.2]
    yearly = pl.DataFrame(
        {"provider": ["a", "a", "b"], "year": [2016, 2017, 2030], "staff": ["3", "SUPP", "5"]}
    )
    panel = panel_from_frames(OUTCOMES, covariates=yearly)
    assert panel.outcomes["staff"].to_list() == [3.0, None, None, None]
    assert {n.what: n.count for n in panel.notes if n.role == "covariates"} == {
        "read as missing": 1,
        "rows without a row in the outcomes file": 1,
    }


def test_the_same_column_twice_is_refused() -> None:
    fixed = pl.DataFrame({"provider": ["a", "b"], "size": [1, 2]})
    with pytest.raises(DataInvalid, match="also stands in the providers file"):
        panel_from_frames(OUTCOMES, providers=FACTS, covariates=fixed)
    with pytest.raises(DataInvalid, match="places stand in the providers file too"):
        panel_from_frames(OUTCOMES, providers=PLACES, places=PLACES)


def test_degrees_given_as_metres() -> None:
    wrong = PLACES.with_columns(easting=pl.lit(1.5), northing=pl.lit(52.0))
    with pytest.raises(DataInvalid, match="look like degrees"):
        panel_from_frames(OUTCOMES, places=wrong)


def test_facts_keep_their_nature() -> None:
    facts = pl.DataFrame(
        {
            "provider": ["a", "b"],
            "flag": ["0", "1"],
            "share": ["12.5", "SUPP"],
            "code": ["007", "012"],
            "name": ["x", "c"],
        }
    )
    panel = panel_from_frames(OUTCOMES, providers=facts)
    assert panel.providers.rows() == [("a", 0, 12.5, "007", "x"), ("b", 1, None, "012", "c")]
    met = [(n.column, n.found) for n in panel.notes if n.role == "providers"]
    assert met == [("share", "SUPP")]
    panel = panel_from_frames(OUTCOMES, providers=facts, data=DataSpec(text=("flag",)))
    assert panel.providers["flag"].to_list() == ["0", "1"]


def test_a_fact_that_must_be_a_number() -> None:
    facts = pl.DataFrame({"provider": ["a", "b"], "share": ["12.5", "lots"]})
    assert panel_from_frames(OUTCOMES, providers=facts).providers["share"].dtype == pl.String
    with pytest.raises(DataInvalid, match="row 2, column share: not a number"):
        panel_from_frames(
            OUTCOMES.with_columns(share2=1), providers=facts, data=DataSpec(numbers=("share",))
        )


def test_text_in_the_outcomes_is_left_out_and_said() -> None:
    panel = panel_from_frames(OUTCOMES.with_columns(name=pl.lit("Green Lane")))
    assert "name" not in panel.outcomes.columns
    assert any("text" in n.what and n.column == "name" for n in panel.notes)


def test_ignored_columns_are_not_read() -> None:
    odd = OUTCOMES.with_columns(bad=pl.Series(["1", "?!", "2", "3"]))
    with pytest.raises(DataInvalid):
        panel_from_frames(odd)
    assert "bad" not in panel_from_frames(odd, data=DataSpec(ignore=("bad",))).outcomes.columns


def test_memberships_without_a_kind_take_the_default() -> None:
    panel = panel_from_frames(OUTCOMES, memberships=MEMBERS.drop("kind"))
    assert panel.memberships["kind"].to_list() == ["collaboration"]
    assert any(n.column == "kind" for n in panel.notes)


def test_the_same_membership_twice_counts_once() -> None:
    panel = panel_from_frames(OUTCOMES, memberships=pl.concat([MEMBERS, MEMBERS, MEMBERS]))
    assert panel.memberships.height == 1
    assert [n.count for n in panel.notes if "again" in n.what] == [2]


def test_overlapping_memberships_are_kept() -> None:
    other = MEMBERS.with_columns(collaboration=pl.lit("U"))
    assert (
        panel_from_frames(OUTCOMES, memberships=pl.concat([MEMBERS, other])).memberships.height == 2
    )


def test_spells_that_overlap_in_one_collaboration_are_counted() -> None:
    spells = pl.DataFrame(
        {
            "provider": ["a", "a", "a", "b", "b"],
            "collaboration": ["T", "T", "T", "T", "U"],
            "kind": ["trust"] * 5,
            "from": ["2010-09-01", "2011-09-01", "2015-09-01", "2010-09-01", "2010-09-01"],
            "to": ["2013-08-31", "2012-08-31", None, None, None],
        }
    )
    panel = panel_from_frames(OUTCOMES, memberships=spells)
    assert [n.count for n in panel.notes if "overlaps" in n.what] == [1]
    assert panel.memberships.height == 5


def test_a_start_after_the_snapshot_that_shows_it_is_counted() -> None:
    seen = MEMBERS.with_columns(first_seen=pl.lit("2016-01"), last_seen=pl.lit("2016-01"))
    panel = panel_from_frames(OUTCOMES, memberships=seen)
    assert panel.memberships["last_seen"].to_list() == [dt.date(2016, 1, 1)]
    assert [n.count for n in panel.notes if "after the last snapshot" in n.what] == [1]


def test_the_digest_follows_the_content() -> None:
    one, same = panel_from_frames(OUTCOMES), panel_from_frames(OUTCOMES.clone())
    other = panel_from_frames(OUTCOMES.with_columns(score=pl.col("score") + 1))
    assert one.digest == same.digest != other.digest


def test_the_digest_is_of_names_types_and_values_in_the_order_given() -> None:
    frame = pl.DataFrame(
        {
            "provider": ["b", "b", "a"],
            "year": [2016, 2017, 2016],
            "score": [4.0, None, 3.0],
            "day": [dt.date(2016, 9, 1), None, dt.date(2016, 9, 1)],
        }
    )
    expected = hashlib.sha256()
    for name, kind, gaps, content in (
        ("provider", "String", 0b000, struct.pack("<2q", 2, 1) + b"b\x1fa"),
        ("year", "Int64", 0b000, struct.pack("<3q", 2016, 2017, 2016)),
        ("score", "Float64", 0b010, struct.pack("<3d", 4.0, 0.0, 3.0)),
        ("day", "Date", 0b010, struct.pack("<3q", 1, 1, 1) + b"2016-09-01\x1f\x1f2016-09-01"),
    ):
        expected.update(f"{name}\x1f{kind}\x1f3\x1e".encode() + bytes([gaps]) + content)
    assert panel_from_frames(frame).sources[0].digest == expected.hexdigest()


def test_a_panel_does_not_change_with_the_frame_that_it_came_from() -> None:
    scores, sizes = np.array([1.0, 2.0]), np.array([3, 4])
    results = pd.DataFrame({"provider": ["a", "b"], "year": 2016, "score": scores}, copy=False)
    facts = pd.DataFrame({"provider": ["a", "b"], "size": sizes}, copy=False)
    panel = panel_from_frames(results, providers=facts)
    scores[:], sizes[:] = 9.0, 9
    assert results["score"].tolist() == [9.0, 9.0]
    assert panel.outcomes["score"].to_list() == [1.0, 2.0]
    assert panel.providers["size"].to_list() == [3, 4]


def test_what_is_no_frame_is_a_fault_of_the_program() -> None:
    with pytest.raises(TypeError, match="outcomes must be a data frame"):
        panel_from_frames([1, 2])


def test_no_outcomes_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid, match="no outcomes file is named"):
        read_panel(DataSpec(), tmp_path)


def test_frames_report_records_from_one() -> None:
    twice = pl.concat([OUTCOMES, OUTCOMES.head(1)])
    with pytest.raises(DataInvalid) as caught:
        panel_from_frames(twice)
    (problem,) = caught.value.problems
    assert (problem.file, problem.row, problem.found) == (
        "outcomes", 5, "b, 2017 (first on row 1)",
    )  # fmt: skip


def test_columns_may_have_any_name() -> None:
    """Names that the reader uses inside are free for the user."""
    odd = OUTCOMES.with_columns(line=pl.lit(1.0), first=pl.lit(2.0), value=pl.lit(3.0))
    panel = panel_from_frames(odd, providers=FACTS.with_columns(year=pl.lit(1999), row=pl.lit(4)))
    assert panel.outcomes.columns == [*OUTCOMES.columns, "line", "first", "value"]
    assert panel.providers["year"].to_list() == [1999, 1999]
    assert panel.providers["row"].to_list() == [4, 4]


def test_order_of_rows_does_not_matter() -> None:
    one = panel_from_frames(OUTCOMES, providers=FACTS)
    other = panel_from_frames(OUTCOMES.reverse(), providers=FACTS.reverse())
    assert one.outcomes.equals(other.outcomes)
    assert one.providers.equals(other.providers)
