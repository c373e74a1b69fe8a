"""Whom and when a row is about: identifiers coded once, rows put in order by whole numbers.

Files repeat a provider over its years, so that runs of the same identifier are looked at once;
sorting and hashing text row by row is what costs on millions of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.sources.findings import Findings, Table

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Bools = NDArray[np.bool_]

_SPARE = 4
"""Cells or values for each row up to which a table of all of them is worth its memory."""

_MANY = 10_000
"""Rows from which on a look for runs pays."""

_WHOLE = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32)

# Names that no column of a file can have.
_LINE, _FIRST = "\x00line", "\x00first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A column of identifiers: ``names`` the distinct ones as text, ascending; ``code`` (rows,)
    the place of each among them, -1 where missing."""

    names: pl.Series
    code: Codes

    def text(self) -> pl.Series:
        """One for each row, null where missing."""
        missing = self.code < 0
        if not missing.any():
            return self.names.gather(self.code.astype(np.uint32))
        # One more, which no name has, stands for missing.
        more = self.names.extend_constant(None, 1)
        return more.gather(np.where(missing, self.names.len(), self.code).astype(np.uint32))


def identifiers(table: Table, column: str, findings: Findings, *, what: str = "") -> pl.Series:
    """A column of names or numbers as text; null where missing, which is a problem."""
    text = _as_text(table.frame[column])
    _missing(table, column, text.is_null() if text.null_count() else None, what, findings)
    return text.alias(column)


def coded(table: Table, column: str, findings: Findings) -> Coded:
    """As ``identifiers``, without making the text of every row."""
    values = table.frame[column]
    if values.dtype.is_float():
        values = _as_text(values)
    heads, often = runs(values)
    if _whole(heads):
        numbers, at = _distinct(heads.to_numpy().astype(np.int64, copy=False))
        names, rank = _ascending(pl.Series(numbers).cast(pl.String))
        code = rank[at]
    else:
        heads = heads.cast(pl.String)
        names, code = _of_text(heads)
        clean = _stripped(names)
        if clean.null_count() or not (clean == names).all():
            names, code = _of_text(_stripped(heads))
    code = code.astype(np.int32)
    if heads.len() < values.len():
        code = np.repeat(code, often)
    if (code < 0).any():
        _missing(table, column, pl.Series(code < 0), "", findings)
    return Coded(names=names.alias(column), code=code)


def _missing(
    table: Table, column: str, none: pl.Series | None, what: str, findings: Findings
) -> None:
    if none is not None and none.any():
        findings.wrong(
            table,
            column,
            none,
            f"the {what or column} is missing",
            "Fill it in, or remove the row",
            found=pl.Series([None], dtype=pl.String).new_from_index(0, none.len()),
        )


def _as_text(values: pl.Series) -> pl.Series:
    if values.dtype.is_integer():
        return values.cast(pl.String)
    if values.dtype.is_float():
        whole = (values == values.floor()).fill_null(True)
        values = values.fill_nan(None).cast(pl.Int64, strict=False) if whole.all() else values
    return _stripped(values.cast(pl.String))


def stripped(text: pl.Series) -> pl.Series:
    """Without white space around it; null where nothing is left."""
    if text.len() > _MANY:
        heads, often = runs(text)
        if 2 * heads.len() < text.len():
            at = np.repeat(np.arange(heads.len(), dtype=np.uint32), often)
            return _stripped(heads).gather(at)
    return _stripped(text)


def _stripped(text: pl.Series) -> pl.Series:
    text = text.str.strip_chars()
    empty = text == ""
    return text.set(empty.fill_null(False), None) if empty.any() else text


def _whole(values: pl.Series) -> bool:
    """Whether NumPy can hold the values as they are in 64 bits."""
    return values.dtype in _WHOLE and not values.null_count()


def runs(values: pl.Series) -> tuple[pl.Series, Ints]:
    """The first of each run of the same value, and how often it comes."""
    n = values.len()
    new: Bools = np.ones(n, dtype=np.bool_)
    if _whole(values):
        a = values.to_numpy()
        np.not_equal(a[1:], a[:-1], out=new[1:])
    else:
        new[1:] = values.ne_missing(values.shift(1)).to_numpy()[1:]
    first = np.flatnonzero(new)
    if first.size == n:
        return values, np.ones(n, dtype=np.int64)
    often = np.empty_like(first)
    np.subtract(first[1:], first[:-1], out=often[:-1])
    often[-1] = n - first[-1]
    return values.gather(first), often


def _distinct(a: Ints) -> tuple[Ints, Ints]:
    """The distinct numbers, ascending, and the place of each among them."""
    low, high = int(a.min()), int(a.max())
    if high - low > _SPARE * a.size + 1000:
        found, at = np.unique(a, return_inverse=True)
        return found, at.reshape(-1)
    off = a - low
    met = np.zeros(high - low + 1, dtype=np.bool_)
    met[off] = True
    return np.flatnonzero(met) + low, (np.cumsum(met) - 1)[off]


def _of_text(text: pl.Series) -> tuple[pl.Series, Ints]:
    """The distinct text, ascending, and the place of each among it, -1 where missing."""
    if not text.null_count():
        # Sorting numbers made of text is many times as fast as sorting or matching text.
        number = text.hash().to_numpy()
        order = np.argsort(number)
        new: Bools = np.ones(number.size, dtype=np.bool_)
        number = number[order]
        np.not_equal(number[1:], number[:-1], out=new[1:])
        # In order of the file, which is often sorted in part.
        first = np.minimum.reduceat(order, np.flatnonzero(new))
        appearance = np.argsort(first)
        names, place = _ascending(text.gather(first[appearance]))
        rank = np.empty_like(place)
        rank[appearance] = place
        code = np.empty(number.size, dtype=np.int64)
        code[order] = rank[np.cumsum(new) - 1]
        # Two names may by chance have one number.
        if (names.gather(code) == text).all():
            return names, code
    names = text.drop_nulls().unique().sort()
    place = names.to_frame("name").with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
    met = text.to_frame("name").join(place, on="name", how="left", maintain_order="left")
    return names, met["row"].fill_null(-1).to_numpy()


def _ascending(text: pl.Series) -> tuple[pl.Series, Ints]:
    """Distinct text sorted, and the rank of each."""
    if text.is_sorted():
        return text, np.arange(text.len())
    order = text.arg_sort().to_numpy()
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    return text.gather(order), rank


def once(
    table: Table,
    who: Coded,
    year: pl.Series | None,
    columns: dict[str, pl.Series],
    findings: Findings,
) -> pl.DataFrame:
    """Provider (named as in ``who``), year if any, and ``columns``: one row for each, ascending,
    the first of each; a second one is a problem."""
    name = who.names.name
    head: dict[str, pl.Series] = {} if year is None else {"year": year}
    order = _order(who, year)
    if order is None:
        frame = pl.DataFrame({name: who.text(), **head, **columns})
        return sorted_once(table, frame, [name, *head], findings)
    if not order.size:
        return pl.DataFrame({name: who.text(), **head, **columns})
    rest = pl.DataFrame({**head, **columns})
    text = who.names.gather(who.code[order].astype(np.uint32))
    return rest.select(text, pl.all().gather(order))


def _order(who: Coded, year: pl.Series | None) -> NDArray[np.uint32] | None:
    """The rows in ascending order, of size 0 where they are so already; None where a key is missing
    or comes twice, or where providers and years are too many for a table of all of them."""
    code, rows = who.code, who.code.size
    years = 1
    place = code
    if year is not None:
        if year.null_count():
            return None
        y = year.to_numpy()
        first = int(y.min())
        years = int(y.max()) - first + 1
        if who.names.len() * years >= 2**31:
            place = code.astype(np.int64)
        place = place * years + (y - first)
    if (place[1:] > place[:-1]).all() and (not rows or code[0] >= 0):
        return np.empty(0, dtype=np.uint32)
    cells = who.names.len() * years
    if cells > _SPARE * rows + 1000 or code.min() < 0:
        return None
    row = np.full(cells, rows, dtype=np.uint32)
    row[place] = np.arange(rows, dtype=np.uint32)
    row = row[row < rows] if cells > rows else row
    # A key that comes twice has one cell and leaves another empty, or one row fewer.
    return None if row.size < rows or int(row.max()) == rows else row


def sorted_once(
    table: Table, frame: pl.DataFrame, key: list[str], findings: Findings
) -> pl.DataFrame:
    """The rows with a whole key, sorted by it, the first of each; a second one is a problem."""
    rows = (
        frame.with_columns(table.line.alias(_LINE)).drop_nulls(key).sort(*key, maintain_order=True)
    )
    again = rows.select(
        pl.all_horizontal(pl.col(k) == pl.col(k).shift(1) for k in key).fill_null(False)
    ).to_series()
    if again.any():
        met = rows.with_columns(pl.col(_LINE).first().over(key).alias(_FIRST)).filter(again)
        findings.wrong(
            Table(
                role=table.role,
                name=table.name,
                frame=met,
                line=met[_LINE],
                source=table.source,
                called=table.called,
            ),
            key[0],
            pl.Series([True] * met.height),
            f"a second row for the same {' and '.join(key)}",
            "Keep one row of the two",
            found=met.select(
                pl.concat_str(*[pl.col(k).cast(pl.String) for k in key], separator=", ")
                + " (first on row "
                + pl.col(_FIRST).cast(pl.String)
                + ")"
            ).to_series(),
        )
        rows = rows.filter(~again)
    return rows.drop(_LINE)
