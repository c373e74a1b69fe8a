"""A study of pupils: rows or sums of rows in, the provider-level outcomes of a Panel out.

Pupil rows are never held in memory: one streaming pass leaves counts and sums by provider and year.
Means by provider and year then serve every method; the mixed model uses the sums themselves.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl

from consortia.errors import DataInvalid, Problem, did_you_mean
from consortia.panel import PupilSums, Source
from consortia.sources.findings import Findings
from consortia.sources.pupil_sums import pupil_sums, read_pupil_sums
from consortia.specs import DataSpec

COUNT = "pupils"
"""Column of the outcomes that counts pupils."""
_BY = ("provider", "year")


def read_pupils(
    spec: DataSpec, folder: Path, findings: Findings
) -> tuple[PupilSums, pl.DataFrame, Source] | None:
    """Sums and outcomes of the file ``spec.pupils``: rows (CSV, Parquet) or sums (Parquet, JSON)
    that write_pupil_sums made. None with the reason among the problems."""
    path = folder / spec.pupils
    if not path.is_file():
        there = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
        findings.whole(path.name, "the file does not exist", did_you_mean(path.name, there))
        return None
    try:
        sums = read_pupil_sums(path) if _is_sums(path) else _reduced(spec, path)
        _fits(sums, spec)
    except DataInvalid as error:
        findings.problems.extend(
            Problem(
                file=p.file or path.name, row=p.row, column=p.column, found=p.found,
                problem=p.problem, remedy=p.remedy,
            )
            for p in error.problems
        )  # fmt: skip
        return None
    except pl.exceptions.PolarsError as error:
        findings.whole(
            path.name, "the pupil rows cannot be read",
            "Numbers must be numbers in every row; name other codes in data.missing_codes",
            found=str(error).splitlines()[0][:120],
        )  # fmt: skip
        return None
    for what, count in (
        ("pupils without a value in a column used, left out", sums.rows_incomplete),
        ("groups by provider and year with too few pupils, left out", sums.groups_suppressed),
        ("pupils of these groups, left out", sums.rows_suppressed),
    ):
        findings.note("pupils", what, count)
    sums = _typed(sums)
    return sums, outcomes_of(sums), Source(
        role="pupils", name=path.name, rows=int(sums.frame["rows"].sum()), digest=_digest(path),
        licence=spec.licence,
    )  # fmt: skip


def outcomes_of(sums: PupilSums) -> pl.DataFrame:
    """provider, year, number of pupils, and the (weighted) mean of every column of the sums."""
    weight = pl.col("1*1")
    return sums.frame.select(
        *_BY,
        pl.col("rows").cast(pl.Float64).alias(COUNT),
        *[(pl.col(f"1*{c}") / weight + sums.shift.get(c, 0.0)).alias(c) for c in sums.columns[1:]],
    ).sort(_BY)


def _typed(sums: PupilSums) -> PupilSums:
    frame = sums.frame.with_columns(
        pl.col("provider").cast(pl.String), pl.col("year").cast(pl.Int32)
    )
    return PupilSums(
        frame=frame, by=sums.by, columns=sums.columns, outcome=sums.outcome, shift=sums.shift,
        weight=sums.weight, minimum=sums.minimum, minimum_cell=sums.minimum_cell,
        groups_suppressed=sums.groups_suppressed, small_cells=sums.small_cells,
        rows_suppressed=sums.rows_suppressed, rows_incomplete=sums.rows_incomplete,
    )  # fmt: skip


def _is_sums(path: Path) -> bool:
    if path.suffix.lower() == ".json":
        return True
    with path.open("rb") as file:
        if file.read(4) != b"PAR1":
            return False
    return "consortia" in pl.read_parquet_metadata(path)


def _reduced(spec: DataSpec, path: Path) -> PupilSums:
    """One pass over the rows."""
    with path.open("rb") as file:
        parquet = file.read(4) == b"PAR1"
    called = {mine: theirs for mine, theirs in spec.columns.pupils.items() if mine != theirs}
    numbers = [*spec.pupil_columns, *([spec.pupil_weight] if spec.pupil_weight else [])]
    if parquet:
        lazy = pl.scan_parquet(path)
    else:
        # Identifiers may have leading zeros; numbers are tried as numbers.
        head = pl.scan_csv(path, infer_schema=False).collect_schema().names()
        types: dict[str, pl.DataType] = {c: pl.String() for c in head}
        types |= {called.get(c, c): pl.Float64() for c in numbers if called.get(c, c) in types}
        lazy = pl.scan_csv(
            path, schema_overrides=types, infer_schema=False, null_values=list(spec.missing_codes)
        )
    there = lazy.collect_schema().names()
    lost = [t for t in called.values() if t not in there]
    if lost:
        raise DataInvalid(
            [Problem(problem="column not found", column=c, remedy=did_you_mean(c, there))
             for c in lost]
        )  # fmt: skip
    lazy = lazy.rename({theirs: mine for mine, theirs in called.items()})
    names = lazy.collect_schema().names()
    if "year" in names:
        lazy = lazy.with_columns(pl.col("year").cast(pl.Int32))
    if "provider" in names:
        lazy = lazy.with_columns(pl.col("provider").cast(pl.String))
    return pupil_sums(
        lazy, by=_BY, outcome=spec.pupil_columns[0], columns=spec.pupil_columns[1:],
        weight=spec.pupil_weight, minimum=spec.pupil_minimum, minimum_cell=spec.pupil_cell,
    )  # fmt: skip


def _fits(sums: PupilSums, spec: DataSpec) -> None:
    """The sums are by provider and year and have what the study names."""
    problems = [
        Problem(
            problem="the sums lack a column that the study uses", column=c,
            remedy=did_you_mean(c, list(sums.columns)),
        )
        for c in spec.pupil_columns
        if c not in sums.columns
    ]  # fmt: skip
    if set(sums.by) != set(_BY):
        problems.append(
            Problem(
                problem="the sums are not by provider and year", found=", ".join(sums.by),
                remedy="Make them by provider and year",
            )
        )  # fmt: skip
    if problems:
        raise DataInvalid(problems)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
