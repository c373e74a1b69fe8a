"""Files of pupil rows, read once and out of core: what they hold, reduced to sums.

A file is CSV or Parquet (a folder or a pattern of Parquet files counts as one). In CSV only the
columns that are summed are numbers: identifiers may have leading zeros. Every fault of a file is
told as a Problem, with what to do about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from consortia.errors import DataInvalid, Problem, did_you_mean
from consortia.panel import PupilSums
from consortia.sources.pupil_sums import pupil_sums

_VALUES = (
    re.compile(r"could not parse `(?P<found>[^`]*)`.* at column '(?P<column>[^']*)'"),
    re.compile(r"conversion .* in column '(?P<column>[^']*)' for .*: \[\"?(?P<found>[^\",\]]*)"),
)
"""How Polars says that a value is not a number."""


def sums_of_file(
    path: Path,
    *,
    by: tuple[str, ...],
    outcome: str,
    columns: tuple[str, ...],
    weight: str = "",
    minimum: int = 10,
    minimum_cell: int = 3,
    digits: int = 0,
    called: Mapping[str, str] | None = None,
    missing: tuple[str, ...] = (),
) -> PupilSums:
    """Sums by group of the rows of a file, in one streaming pass; see ``pupil_sums``.

    ``called``: our name of a column -> its name in the file. ``missing``: codes in a CSV file that
    stand for a missing number. "provider" is read as text, "year" as a whole number. Raises
    DataInvalid with the file's name in every problem."""
    renamed = {mine: theirs for mine, theirs in (called or {}).items() if mine != theirs}
    numbers = (*columns, outcome, *((weight,) if weight else ()))
    try:
        lazy = _open(path, tuple(renamed.get(c, c) for c in numbers), missing)
        there = lazy.collect_schema().names()
        lost = [t for t in renamed.values() if t not in there]
        if lost:
            raise DataInvalid(
                [Problem(problem="column not found", column=c, remedy=did_you_mean(c, there))
                 for c in lost]
            )  # fmt: skip
        lazy = lazy.rename({theirs: mine for mine, theirs in renamed.items()})
        names = lazy.collect_schema().names()
        kinds: dict[str, type[pl.DataType]] = {"year": pl.Int32, "provider": pl.String}
        lazy = lazy.with_columns(pl.col(c).cast(k) for c, k in kinds.items() if c in names)
        return pupil_sums(
            lazy, by=by, outcome=outcome, columns=columns, weight=weight, minimum=minimum,
            minimum_cell=minimum_cell, digits=digits,
        )  # fmt: skip
    except DataInvalid as error:
        raise DataInvalid([_in(p, path.name) for p in error.problems]) from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataInvalid([_told(error, path.name)]) from error


def _open(path: Path, numbers: tuple[str, ...], missing: tuple[str, ...]) -> pl.LazyFrame:
    if not path.is_file():
        return pl.scan_parquet(path)
    with path.open("rb") as file:
        if file.read(4) == b"PAR1":
            return pl.scan_parquet(path)
    head = pl.scan_csv(path, infer_schema=False).collect_schema().names()
    types: dict[str, pl.DataType] = {c: pl.Float64() if c in numbers else pl.String() for c in head}
    return pl.scan_csv(path, schema_overrides=types, infer_schema=False, null_values=list(missing))


def _in(p: Problem, file: str) -> Problem:
    return Problem(
        file=p.file or file, row=p.row, column=p.column, found=p.found, problem=p.problem,
        remedy=p.remedy,
    )  # fmt: skip


def _told(error: Exception, file: str) -> Problem:
    """What the reader of the file said, in one sentence."""
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    for pattern in _VALUES:
        if (value := pattern.search(said)) is not None:
            return Problem(
                file=file, column=value["column"], found=value["found"], problem="not a number",
                remedy="Years are whole numbers (the summer of the results)"
                if value["column"] == "year"
                else "Put it right, or name it as a code for a missing number",
            )  # fmt: skip
    return Problem(
        file=file, problem="the pupil rows cannot be read", found=said[:120],
        remedy="Give one CSV or Parquet file with a header, or a folder of Parquet files",
    )  # fmt: skip
