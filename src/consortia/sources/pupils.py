"""A study of pupils: rows or sums of rows in, the provider-level outcomes of a Panel out.

Pupil rows are never held in memory: one streaming pass leaves counts and sums by provider and year.
Means by provider and year then serve every method; the mixed model uses the sums themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import polars as pl

from consortia.errors import DataInvalid, Problem, did_you_mean
from consortia.panel import PupilSums, Source
from consortia.sources.findings import Findings
from consortia.sources.pupil_rows import sums_of_file
from consortia.sources.pupil_sums import read_pupil_sums
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
    return replace(sums, frame=frame)


def _is_sums(path: Path) -> bool:
    if path.suffix.lower() == ".json":
        return True
    with path.open("rb") as file:
        if file.read(4) != b"PAR1":
            return False
    return "consortia" in pl.read_parquet_metadata(path)


def _reduced(spec: DataSpec, path: Path) -> PupilSums:
    """One pass over the rows."""
    return sums_of_file(
        path, by=_BY, outcome=spec.pupil_columns[0], columns=spec.pupil_columns[1:],
        weight=spec.pupil_weight, minimum=spec.pupil_minimum, minimum_cell=spec.pupil_cell,
        called=spec.columns.pupils, missing=spec.missing_codes,
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
