"""Numbers, years and dates as people write them, held against Python's own reading."""

import calendar
import datetime as dt
import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortia.panel import Source
from consortia.sources.findings import Findings, Table
from consortia.sources.values import as_number, codes_mask, dates, numeric, years
from consortia.specs import MISSING_CODES


def table(values: list[object], dtype: object = pl.String) -> Table:
    frame = pl.DataFrame({"v": pl.Series(values, dtype=dtype)})
    return Table(
        role="outcomes",
        name="o.csv",
        frame=frame,
        line=pl.Series(range(2, frame.height + 2), dtype=pl.Int64),
        source=Source(role="outcomes", name="o.csv", rows=frame.height, digest=""),
    )


def numbers(values: list[object], dtype: object = pl.String, must: bool = True):
    findings = Findings()
    out = numeric(table(values, dtype), "v", findings, MISSING_CODES, must=must)
    return (None if out is None else out.to_list()), findings


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_any_finite_number_is_read_as_python_reads_it(values: list[float]) -> None:
    out, findings = numbers([repr(v) for v in values])
    assert out == values
    assert findings.problems == []
    assert findings.notes == []


@given(st.integers(-(10**12), 10**12), st.sampled_from(["{:,}", "£{:,}", "{:,}.5", "{:,}%"]))
def test_thousands_commas_currency_and_percent(value: int, form: str) -> None:
    text = form.format(value)
    out, findings = numbers([text])
    assert out == [float(text.replace(",", "").replace("£", "").replace("%", ""))]
    assert findings.problems == []
    if "%" in form:
        assert any("percent" in n.what for n in findings.notes)
    if "£" in form or abs(value) >= 1000:
        assert any("comma" in n.what and n.found == text for n in findings.notes)


@pytest.mark.parametrize(
    "text",
    ["1,23", "12,34", "1,2345", "1.2.3", "12a", "a12", "1 2", "--1", "1e", "0x10", "1_000", "٣x",
     "1,000,00", "%", "£", "5%%", "True", "2016-09-01"],
)  # fmt: skip
def test_what_is_no_number_is_a_problem_and_never_a_number(text: str) -> None:
    out, findings = numbers(["1", text])
    assert out == [1.0, None]
    (problem,) = findings.problems
    assert (problem.row, problem.found) == (3, text)


def test_codes_are_missing_and_counted_as_written() -> None:
    cells = ["1.5", "SUPP", "SUPP", "supp", "NE", "NP", "LOWCOV", "NEW", "SP", "NA", None, "x", "c",
             "z", "low", "u", "k", ":", "-", "2"]  # fmt: skip
    out, findings = numbers(cells)
    assert out == [1.5, *[None] * 18, 2.0]
    assert findings.problems == []
    counted = {n.found: n.count for n in findings.notes}
    assert counted == {
        "SUPP": 2,
        "(empty)": 1,
        **{c: 1 for c in cells if c not in ("1.5", "2", "SUPP", None)},
    }
    assert sum(counted.values()) == out.count(None)


def test_a_column_of_codes_alone_is_a_column_of_missing_numbers() -> None:
    out, findings = numbers(["SUPP", None], must=False)
    assert out == [None, None]
    assert sum(n.count for n in findings.notes) == 2


def test_a_column_of_text_is_told_from_a_column_with_a_mistake() -> None:
    assert numbers(["Church of England", "SUPP"], must=False)[0] is None
    out, findings = numbers(["1", "Church of England"], must=False)
    assert out == [1.0, None]
    assert len(findings.problems) == 1


def test_a_minus_sign_of_typography() -> None:
    assert numbers(["\u22123.2", "-3.2"])[0] == [-3.2, -3.2]


@pytest.mark.parametrize("text", ["inf", "-inf", "Infinity", "1e999"])
def test_infinity_is_a_problem(text: str) -> None:
    out, findings = numbers([text, "1"])
    assert out == [None, 1.0]
    assert len(findings.problems) == 1
    assert "infinite" in findings.problems[0].problem


def test_typed_columns() -> None:
    assert numbers([1, None, 3], pl.Int64)[0] == [1.0, None, 3.0]
    assert numbers([True, False], pl.Boolean)[0] == [1.0, 0.0]
    out, findings = numbers([1.0, math.nan, math.inf], pl.Float64)
    assert out == [1.0, None, None]
    assert [n.count for n in findings.notes] == [1]
    assert [p.row for p in findings.problems] == [4]


def test_numeric_codes_where_somebody_uses_them() -> None:
    for values, dtype in ((["1", "-999"], pl.String), ([1.0, -999.0], pl.Float64)):
        findings = Findings()
        out = numeric(table(values, dtype), "v", findings, ("-999",), must=True)
        assert out is not None
        assert out.to_list() == [1.0, None]
        assert findings.notes[0].count == 1


def test_codes_ignore_case_and_leave_null_alone() -> None:
    mask = codes_mask(pl.Series(["supp", "SUPP", "suppl", None]), MISSING_CODES)
    assert mask.to_list() == [True, True, False, False]


def test_as_number_on_nothing() -> None:
    assert as_number(pl.Series([], dtype=pl.String))[0].to_list() == []


# --- years ---------------------------------------------------------------------------------------


def test_years_as_numbers_text_and_dates() -> None:
    for values, dtype in (
        (["2017", "2018.0"], pl.String),
        ([2017, 2018], pl.Int64),
        ([2017.0, 2018.0], pl.Float64),
        ([dt.date(2017, 8, 1), dt.date(2018, 8, 1)], pl.Date),
    ):
        findings = Findings()
        assert years(table(values, dtype), "v", findings).to_list() == [2017, 2018]
        assert findings.problems == []


@pytest.mark.parametrize("text", ["2016/17", "2016-17", "2016/2017", "201617", "20162017"])
def test_an_academic_year_is_not_guessed(text: str) -> None:
    findings = Findings()
    assert years(table([text]), "v", findings).to_list() == [None]
    (problem,) = findings.problems
    assert "academic year" in problem.problem
    assert "2016/17 is 2017" in problem.remedy


@pytest.mark.parametrize("text", ["", "17", "2017.5", "1899", "2101", "-2017", "twenty"])
def test_other_years_are_problems(text: str) -> None:
    findings = Findings()
    assert years(table([text or None]), "v", findings).to_list() == [None]
    assert len(findings.problems) == 1


# --- dates ---------------------------------------------------------------------------------------


def days(values: list[object], dtype: object = pl.String, month_is_enough: bool = False):
    findings = Findings()
    out = dates(
        table(values, dtype),
        "v",
        findings,
        unknown=("1900-01-01",),
        codes=MISSING_CODES,
        month_is_enough=month_is_enough,
    )
    return out.to_list(), findings


FORMS = ["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y-%m-%d 00:00:00", "%Y-%m-%dT00:00:00"]


@given(
    st.lists(
        st.tuples(st.dates(dt.date(1900, 1, 2), dt.date(2100, 12, 31)), st.sampled_from(FORMS)),
        min_size=1,
        max_size=20,
    )
)
def test_any_day_in_any_of_the_forms(given_days: list[tuple[dt.date, str]]) -> None:
    out, findings = days([d.strftime(form) for d, form in given_days])
    assert out == [d for d, _ in given_days]
    assert findings.problems == []


@given(st.integers(1850, 2100), st.integers(1, 12), st.integers(29, 31), st.booleans())
def test_a_day_that_does_not_exist_is_never_read(y: int, m: int, d: int, iso: bool) -> None:
    text = f"{y}-{m:02}-{d:02}" if iso else f"{d:02}/{m:02}/{y}"
    out, findings = days([text])
    exists = d <= calendar.monthrange(y, m)[1]
    assert out == [dt.date(y, m, d) if exists else None]
    assert len(findings.problems) == (0 if exists else 1)


def test_placeholder_and_codes_are_unknown_and_counted() -> None:
    out, findings = days(["1900-01-01", "01/01/1900", "NA", None, "2016-09-01"])
    assert out == [None, None, None, None, dt.date(2016, 9, 1)]
    assert {(n.what, n.found): n.count for n in findings.notes} == {
        ("placeholder date read as unknown", "1900-01-01"): 2,
        ("read as unknown date", "NA"): 1,
    }
    assert findings.problems == []


def test_a_month_serves_for_snapshots_alone() -> None:
    assert days(["2017-01"], month_is_enough=True)[0] == [dt.date(2017, 1, 1)]
    out, findings = days(["2017-01"])
    assert out == [None]
    assert "no day" in findings.problems[0].problem
    assert days(["2017-13"], month_is_enough=True)[1].problems


def test_typed_dates() -> None:
    day = dt.date(2016, 9, 1)
    assert days([day, None], pl.Date)[0] == [day, None]
    assert days([dt.datetime(2016, 9, 1, 12)], pl.Datetime("ns"))[0] == [day]
    assert days([None, None], pl.Null)[0] == [None, None]
    assert days([dt.date(1700, 1, 1)], pl.Date)[1].problems[0].row == 2


def test_every_bad_date_gets_exactly_one_problem() -> None:
    bad = ["2017-02-30", "09/30/2016", "31/11/2016", "2016-09", "1/9/16", "2016", "42614",
           "2016-09-01 12:30", "soon", "1492-10-12"]  # fmt: skip
    out, findings = days(bad)
    assert out == [None] * len(bad)
    assert sorted(p.found for p in findings.problems) == sorted(bad)
    assert len({(p.problem, p.remedy) for p in findings.problems}) == 9
