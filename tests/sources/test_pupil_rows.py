"""Files of pupil rows: names, codes and kinds of columns, and faults told by the file's name."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from consortia.errors import DataInvalid
from consortia.sources.pupil_rows import sums_of_file

LINES = ["URN,year,score,prior", *(f"00{k % 2},2020,{k},{k * k}" for k in range(40))]


def _write(folder: Path, *more: str) -> Path:
    path = folder / "pupils.csv"
    path.write_text("\n".join([*LINES, *more]) + "\n", encoding="utf-8")
    return path


def _sums(path: Path, **more):
    options = {"by": ("provider", "year"), "outcome": "score", "columns": ("prior",),
               "called": {"provider": "URN"}}  # fmt: skip
    return sums_of_file(path, **(options | more))


def test_identifiers_keep_their_zeros_and_codes_are_counted_as_missing(tmp_path: Path) -> None:
    got = _sums(_write(tmp_path, "000,2020,SUPP,4", "001,2020,3,"), missing=("SUPP",))
    assert got.frame["provider"].to_list() == ["000", "001"]
    assert got.frame["rows"].to_list() == [20, 20]
    assert got.rows_incomplete == 2
    total = got.frame["1*score"].sum() + 40 * got.shift["score"]
    assert total == pytest.approx(sum(range(40)))


def test_parquet_by_what_it_holds_and_not_by_its_name(tmp_path: Path) -> None:
    frame = pl.read_csv(_write(tmp_path), schema_overrides={"URN": pl.String})
    frame.write_parquet(tmp_path / "export.dat")
    parts = tmp_path / "parts"
    parts.mkdir()
    for k in range(2):
        frame[20 * k : 20 * k + 20].write_parquet(parts / f"{k}.parquet")
    want = _sums(tmp_path / "pupils.csv")
    for path in (tmp_path / "export.dat", parts):
        got = _sums(path)
        assert got.frame["rows"].to_list() == want.frame["rows"].to_list()
        shift = got.shift["score"]
        total = [v + 20 * shift for v in got.frame["1*score"].to_list()]
        mine = [v + 20 * want.shift["score"] for v in want.frame["1*score"].to_list()]
        assert total == pytest.approx(mine)


@pytest.mark.parametrize(
    ("line", "column", "found"),
    [("000,2020,abc,4", "score", "abc"), ("000,summer,3,4", "year", "summer")],
)
def test_a_value_that_is_no_number_is_named(tmp_path: Path, line, column, found) -> None:
    with pytest.raises(DataInvalid) as caught:
        _sums(_write(tmp_path, line))
    (problem,) = caught.value.problems
    assert (problem.file, problem.column, problem.found) == ("pupils.csv", column, found)


def test_a_name_that_the_file_lacks_is_met_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid) as caught:
        _sums(_write(tmp_path), called={"provider": "UNR"})
    (problem,) = caught.value.problems
    assert problem.file == "pupils.csv"
    assert "URN" in problem.remedy
