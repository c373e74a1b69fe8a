"""Identifiers coded once and rows in order, against Python's own sorting."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortia.panel import Source
from consortia.sources.findings import Findings, Table
from consortia.sources.keys import coded, once, runs, stripped

IDS = st.one_of(
    st.lists(st.integers(-50, 50), min_size=1, max_size=40),
    st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=40),
    st.lists(st.integers(-(2**31), 2**31).map(float), min_size=1, max_size=40),
    st.lists(st.sampled_from(["a", " a", "b ", "B", "é", "10", "9", "010"]), min_size=1),
)


def table(**columns: list[object]) -> Table:
    frame = pl.DataFrame(columns)
    return Table(
        role="outcomes",
        name="o.csv",
        frame=frame,
        line=pl.Series(range(2, frame.height + 2), dtype=pl.Int64),
        source=Source(role="outcomes", name="o.csv", rows=frame.height, digest=""),
    )


def as_written(value: object) -> str:
    return str(int(value)) if isinstance(value, float) else str(value).strip()


@given(IDS, st.integers(1, 4))
def test_codes_are_places_among_the_sorted_names(ids: list[object], often: int) -> None:
    for given_ids in (ids, [i for i in ids for _ in range(often)], ids * often):
        findings = Findings()
        who = coded(table(provider=given_ids), "provider", findings)
        text = [as_written(i) for i in given_ids]
        # Polars and Python both sort text by code point.
        assert who.names.to_list() == sorted(set(text))
        assert who.text().to_list() == text
        assert not findings.problems


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(2000, 2012)), min_size=1, unique=True),
    st.sampled_from([1, 10**9]),
    st.booleans(),
)
def test_rows_come_out_in_order(keys: list[tuple[int, int]], far: int, ready: bool) -> None:
    keys = sorted(keys, key=lambda k: (str(k[0] * far), k[1])) if ready else keys
    rows = [(str(p * far), y, float(i)) for i, (p, y) in enumerate(keys)]
    one = table(provider=[p * far for p, _ in keys], year=[y for _, y in keys])
    findings = Findings()
    year = one.frame["year"].cast(pl.Int32)
    value = pl.Series([v for _, _, v in rows])
    found = once(one, coded(one, "provider", findings), year, {"value": value}, findings)
    assert found.rows() == sorted(rows)
    assert found.schema == {"provider": pl.String, "year": pl.Int32, "value": pl.Float64}
    assert not findings.problems


def test_a_table_of_all_cells_is_not_made_for_few_rows() -> None:
    n = 3000
    one = table(provider=list(range(n)), year=[2100 if i % 2 else 1900 for i in range(n)])
    found = once(one, coded(one, "provider", Findings()), one.frame["year"].cast(pl.Int32), {},
                 Findings())  # fmt: skip
    assert found["provider"].to_list() == sorted(map(str, range(n)))


@pytest.mark.parametrize("sort", [False, True])
def test_a_second_row_and_a_missing_identifier_are_told_with_their_lines(sort: bool) -> None:
    ids, years = ["b", "a", None, "b"], [2016, 2016, 2016, 2016]
    if sort:
        ids, years = ["a", "b", "b", None], years
    one, findings = table(provider=ids, year=years), Findings()
    year = one.frame["year"].cast(pl.Int32)
    found = once(one, coded(one, "provider", findings), year, {}, findings)
    assert found["provider"].to_list() == ["a", "b"]
    assert [(p.row, p.problem, p.found) for p in findings.problems] == [
        (ids.index(None) + 2, "the provider is missing", ""),
        (4 if sort else 5, "a second row for the same provider and year",
         f"b, 2016 (first on row {3 if sort else 2})"),
    ]  # fmt: skip


def test_two_names_with_one_hash_stay_two(monkeypatch) -> None:
    ids = ["b", "a", "c", "a", "b"]
    expected = coded(table(provider=ids), "provider", Findings())
    monkeypatch.setattr(
        pl.Series, "hash", lambda s: pl.Series(np.zeros(s.len(), dtype=np.uint64)), raising=True
    )
    found = coded(table(provider=ids), "provider", Findings())
    assert found.names.to_list() == expected.names.to_list() == ["a", "b", "c"]
    assert found.code.tolist() == expected.code.tolist() == [1, 0, 2, 0, 1]


@given(st.lists(st.sampled_from([None, "", "a", "b"])))
def test_runs_put_together_are_the_column(values: list[str | None]) -> None:
    column = pl.Series(values, dtype=pl.String)
    heads, often = runs(column)
    assert [v for v, k in zip(heads.to_list(), often.tolist(), strict=True) for _ in range(k)] == (
        values
    )
    both = zip(heads.to_list()[1:], heads.to_list()[:-1], strict=True)
    assert all(a != b for a, b in both)


def test_white_space_goes_in_long_columns_as_in_short_ones() -> None:
    short = [" a ", "", None, "  ", "b"]
    clean = ["a", None, None, None, "b"]
    assert stripped(pl.Series(short)).to_list() == clean
    long = [v for v in short for _ in range(5000)]
    assert stripped(pl.Series(long)).to_list() == [v for v in clean for _ in range(5000)]
    assert stripped(pl.Series(short * 5000)).to_list() == clean * 5000
