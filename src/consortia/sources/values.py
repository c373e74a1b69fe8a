"""Text to numbers, years and dates, a column at a time, with every oddity counted or told."""

from __future__ import annotations

from datetime import date, timedelta
from typing import cast

import polars as pl

from consortia.sources.findings import Findings, Table

EARLIEST, LATEST = date(1850, 1, 1), date(2100, 12, 31)
FIRST_YEAR, LAST_YEAR = 1900, 2100

_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"


def codes_mask(values: pl.Series, codes: tuple[str, ...]) -> pl.Series:
    """Where a text value is one of the missing codes (case does not matter); null is not."""
    known = [c.casefold() for c in codes if c]
    return values.str.to_lowercase().is_in(known).fill_null(False)


def as_number(values: pl.Series) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Text to Float64: the numbers (null where it is none), where a percent sign was read, where a
    thousands comma or a currency sign was read."""
    numbers = pl.select(
        pl.when(values.str.contains(_PLAIN)).then(values).cast(pl.Float64, strict=False)
    ).to_series()
    odd = values.is_not_null() & numbers.is_null()
    never = pl.Series([False]).new_from_index(0, values.len())
    if not odd.any():
        return numbers, never, never
    # Only the odd ones are looked at twice: distinct values are few even in a large file.
    distinct = values.filter(odd).unique()
    text = distinct.str.replace("^\u2212", "-").str.strip_chars()
    percent = text.str.ends_with("%")
    text = text.str.strip_suffix("%").str.strip_chars()
    money = text.str.contains(r"^[+-]?[£$€]")
    text = text.str.replace(r"^([+-]?)[£$€]\s*", "${1}")
    thousands = text.str.contains(_THOUSANDS)
    text = pl.select(
        pl.when(thousands).then(text.str.replace_all(",", "", literal=True)).otherwise(text)
    ).to_series()
    ok = text.str.contains(_PLAIN)
    table = pl.DataFrame(
        {
            "value": distinct,
            "number": pl.select(pl.when(ok).then(text).cast(pl.Float64, strict=False)).to_series(),
            "percent": percent & ok,
            "grouped": (thousands | money) & ok,
        }
    )
    met = pl.DataFrame({"value": values}).join(table, on="value", how="left", maintain_order="left")
    return (
        numbers.fill_null(met["number"]) if numbers.null_count() else numbers,
        met["percent"].fill_null(False),
        met["grouped"].fill_null(False),
    )


def count_codes(
    table: Table, column: str, values: pl.Series, coded: pl.Series, findings: Findings
) -> None:
    """One note for each code of a column, as written; an empty cell is "(empty)" there."""
    shown = table.called.get(column, column)
    empty = values.null_count()
    findings.note(table.role, "read as missing", empty, column=shown, found="(empty)")
    if coded.any():
        for code, count in sorted(values.filter(coded).value_counts().rows()):
            findings.note(table.role, "read as missing", count, column=shown, found=code)


def numeric(
    table: Table,
    column: str,
    findings: Findings,
    codes: tuple[str, ...],
    *,
    must: bool,
) -> pl.Series | None:
    """A column as Float64 with null for missing, or None where it holds text and not numbers.

    With ``must`` everything that is neither a number nor a missing code is a problem; without it
    that holds only where the column has at least one number.
    """
    values = table.frame[column]
    shown = table.called.get(column, column)
    if values.dtype != pl.String:
        return _typed(table, column, values, findings, codes)
    coded = codes_mask(values, codes)
    numbers, percent, grouped = as_number(values.set(coded, None))
    bad = values.is_not_null() & ~coded & numbers.is_null()
    if bad.any() and not must and numbers.null_count() == numbers.len():
        return None
    count_codes(table, column, values, coded, findings)
    findings.note(table.role, "percent sign read as a number of percent", int(percent.sum()),
                  column=shown, found=_first(values, percent))  # fmt: skip
    findings.note(table.role, "number read with thousands comma or currency sign",
                  int(grouped.sum()), column=shown, found=_first(values, grouped))  # fmt: skip
    infinite = values.str.to_lowercase().str.contains(r"^[+-]?inf(inity)?$").fill_null(False)
    findings.wrong(
        table, column, bad & infinite, "the number is infinite", "Leave the cell empty if unknown"
    )
    comma = values.str.contains(r"^[+-]?\d+,\d{1,2}$").fill_null(False)
    findings.wrong(
        table,
        column,
        bad & comma & ~infinite,
        "not a number",
        "Write decimals with a point and not with a comma",
    )
    findings.wrong(
        table,
        column,
        bad & ~infinite & ~comma,
        "not a number",
        "Correct it; if it is a code for missing, add it to data.missing_codes; if the column is "
        "not needed, add it to data.ignore",
    )
    return _finite(table, column, numbers, findings)


def _first(values: pl.Series, mask: pl.Series) -> str:
    return str(values.filter(mask)[0]) if mask.any() else ""


def _finite(table: Table, column: str, numbers: pl.Series, findings: Findings) -> pl.Series:
    if numbers.is_finite().all():
        return numbers
    infinite = numbers.is_infinite().fill_null(False)
    findings.wrong(
        table, column, infinite, "the number is infinite", "Leave the cell empty if unknown",
        found=numbers,
    )  # fmt: skip
    return numbers.set(infinite, None)


def _typed(
    table: Table, column: str, values: pl.Series, findings: Findings, codes: tuple[str, ...]
) -> pl.Series | None:
    if not (values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null)):
        return None
    numbers = values.cast(pl.Float64).fill_nan(None)
    wanted = [float(c) for c in codes if c.lstrip("+-").replace(".", "", 1).isdigit()]
    if not wanted:
        count_codes(table, column, numbers, pl.Series([False]), findings)
        return _finite(table, column, numbers, findings)
    coded = numbers.is_in(wanted).fill_null(False)
    count_codes(table, column, numbers.cast(pl.String), coded, findings)
    return _finite(table, column, numbers.set(coded, None), findings)


def years(table: Table, column: str, findings: Findings) -> pl.Series:
    """Year of the results as Int32; null where it was a problem."""
    values = table.frame[column]
    if values.dtype in (pl.Date, pl.Datetime):
        values = values.dt.year()
    if values.dtype.is_integer() and values.null_count() == 0 and values.len():
        # The usual case needs no look at single values.
        low, high = cast(int, values.min()), cast(int, values.max())
        if low >= FIRST_YEAR and high <= LAST_YEAR:
            return values.cast(pl.Int32)
    text = values.cast(pl.String).str.replace(r"\.0+$", "")
    number = text.cast(pl.Int64, strict=False)
    findings.wrong(
        table, column, text.is_null(), "the year is missing", "Fill it in, or remove the row"
    )
    split = text.str.contains(r"^\d{4}\s?[/_-]\s?(\d{2}|\d{4})$") | text.str.contains(
        r"^(19|20)\d{2}(19|20)?\d{2}$"
    )
    split = split.fill_null(False)
    findings.wrong(
        table,
        column,
        split,
        "the year is an academic year and not the year of the results",
        "Write the calendar year of the results: 2016/17 is 2017",
    )
    odd = text.is_not_null() & number.is_null() & ~split
    findings.wrong(
        table, column, odd, "the year is not a whole number", "Write a year such as 2017"
    )
    far = ((number < FIRST_YEAR) | (number > LAST_YEAR)).fill_null(False) & ~split
    findings.wrong(
        table,
        column,
        far,
        f"the year lies outside {FIRST_YEAR} to {LAST_YEAR}",
        "Correct it, or remove the row",
    )
    return number.set(far | split, None).cast(pl.Int32)


def dates(
    table: Table,
    column: str,
    findings: Findings,
    *,
    unknown: tuple[str, ...],
    codes: tuple[str, ...],
    month_is_enough: bool = False,
) -> pl.Series:
    """A column as Date; null where unknown or where it was a problem.

    Reads 2016-09-01, 01/09/2016 and 01-09-2016 (day first), with a midnight time after them, and
    for snapshots 2017-01 (its first day). A date in ``unknown`` is noted and null.
    """
    values = table.frame[column]
    shown = table.called.get(column, column)
    if values.dtype == pl.Null:
        return values.cast(pl.Date)
    if values.dtype == pl.Date:
        day = values
    elif values.dtype == pl.Datetime or isinstance(values.dtype, pl.Datetime):
        day = values.dt.date()
    elif values.dtype == pl.String or isinstance(values.dtype, (pl.Categorical, pl.Enum)):
        day = _parsed_dates(table, column, values.cast(pl.String), findings, codes, month_is_enough)
    elif values.dtype == pl.Float64 and values.is_nan().all():
        return pl.Series(column, [None] * values.len(), dtype=pl.Date)
    else:
        day = _parsed_dates(table, column, values.cast(pl.String), findings, codes, month_is_enough)
    low, high = day.min(), day.max()
    none = [date.fromisoformat(u) for u in unknown]
    # The usual case needs no look at single values.
    if low is None or (
        cast(date, low) >= EARLIEST
        and cast(date, high) <= LATEST
        and not any(cast(date, low) <= u <= cast(date, high) for u in none)
    ):
        return day.alias(column)
    placeholder = day.is_in(none).fill_null(False)
    for found, count in sorted(day.filter(placeholder).value_counts().rows()):
        findings.note(
            table.role, "placeholder date read as unknown", count, column=shown, found=str(found)
        )
    day = day.set(placeholder, None)
    far = ((day < EARLIEST) | (day > LATEST)).fill_null(False)
    findings.wrong(
        table,
        column,
        far,
        f"the date lies outside {EARLIEST.year} to {LATEST.year}",
        "Correct it, leave it empty if unknown, or add it to data.unknown_dates",
    )
    return day.set(far, None).alias(column)


def _parsed_dates(
    table: Table,
    column: str,
    values: pl.Series,
    findings: Findings,
    codes: tuple[str, ...],
    month_is_enough: bool,
) -> pl.Series:
    shown = table.called.get(column, column)
    coded = codes_mask(values, codes)
    if coded.any():
        for code, count in sorted(values.filter(coded).value_counts().rows()):
            findings.note(table.role, "read as unknown date", count, column=shown, found=code)
    text = values.set(coded, None).str.replace(r"[T ]00:00(:00(\.0+)?)?Z?$", "")
    # Dates repeat: read each distinct text once.
    distinct = pl.DataFrame({"text": text.drop_nulls().unique()})
    iso = pl.col("text").str.contains(r"^\d{4}-\d{1,2}-\d{1,2}$")
    european = pl.col("text").str.contains(r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{4}$")
    month = pl.col("text").str.contains(r"^\d{4}-\d{2}$")
    parts = pl.col("text").str.replace_all(r"[/.]", "-")
    read = distinct.with_columns(
        day=pl.when(iso)
        .then(pl.col("text").str.to_date("%Y-%m-%d", strict=False))
        .when(european)
        .then(parts.str.to_date("%d-%m-%Y", strict=False))
        .when(month & pl.lit(month_is_enough))
        .then((pl.col("text") + "-01").str.to_date("%Y-%m-%d", strict=False)),
        american=european & (parts.str.to_date("%m-%d-%Y", strict=False).is_not_null()),
        shaped=iso | european | (month & pl.lit(month_is_enough)),
        month=month,
        short=pl.col("text").str.contains(r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{2}$"),
        year=pl.col("text").str.contains(r"^(19|20)\d{2}(\.0)?$"),
        serial=pl.col("text").str.contains(r"^[2-6]\d{4}(\.0)?$"),
        clock=pl.col("text").str.contains(r"^(\d{4}-\d\d-\d\d|\d\d/\d\d/\d{4})[T ]\d\d:\d\d"),
    )
    met = pl.DataFrame({"text": text}).join(read, on="text", how="left", maintain_order="left")
    bad = met["text"].is_not_null() & met["day"].is_null()
    if bad.any():
        _say_bad_dates(table, column, met, bad, values, findings)
    return met["day"].alias(column)


def _say_bad_dates(
    table: Table,
    column: str,
    met: pl.DataFrame,
    bad: pl.Series,
    values: pl.Series,
    findings: Findings,
) -> None:
    write = "write it as 2016-09-01 or 01/09/2016, or leave it empty if unknown"
    cases = [
        (
            met["american"],
            "no such day",
            "Dates are read as day/month/year; this one looks like month/day/year",
        ),
        (
            met["shaped"],
            "no such day",
            "Correct the day or month, or leave it empty if unknown",
        ),
        (met["month"], "the date has no day", f"Add the day of the month: {write}"),
        (met["short"], "the year of the date has two digits", "Write the year with four digits"),
        (met["year"], "the date is only a year", f"Add day and month: {write}"),
        (met["clock"], "the date has a time of day", f"Remove the time: {write}"),
    ]
    left = bad
    for mask, problem, remedy in cases:
        mask = mask.fill_null(False)
        findings.wrong(table, column, left & mask, problem, remedy, found=values)
        left = left & ~mask
    serial = met["serial"].fill_null(False) & left
    if serial.any():
        example = str(met["text"].filter(serial)[0])
        day = date(1899, 12, 30) + timedelta(days=int(float(example)))
        findings.wrong(
            table,
            column,
            serial,
            "the date is a spreadsheet's day number",
            f"Format the column as a date and save again: {example} is {day}",
            found=values,
        )
        left = left & ~serial
    findings.wrong(table, column, left, "not a date", write.capitalize(), found=values)
