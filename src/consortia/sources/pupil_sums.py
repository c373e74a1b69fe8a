"""Sums per provider from pupil rows: all that a mixed model needs, without any pupil in it.

Pupil rows are read once, out of core (Polars streaming), and reduced to counts and sums of
products by provider (and year, or whatever else is asked for). The result is small enough to be
checked by eye and taken out of a secure setting: groups with few pupils, and groups in which a
yes/no column has a small number of either, are left out and counted (a sum over one pupil is that
pupil's value)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from consortia.errors import DataInvalid, Problem, did_you_mean
from consortia.maths.mixed.model import ONE
from consortia.maths.mixed.statistics import Statistics, from_products
from consortia.panel import PupilSums

FORMAT = "consortia pupil sums 1"
_PEEK = 100_000
_COUNT, _LOG = "rows", "log_weight"


def pupil_sums(
    source: pl.LazyFrame | pl.DataFrame | str | Path,
    *,
    by: tuple[str, ...],
    outcome: str,
    columns: tuple[str, ...],
    weight: str = "",
    minimum: int = 10,
    minimum_cell: int = 3,
    shift: Mapping[str, float] | None = None,
    digits: int = 0,
) -> PupilSums:
    """Reduce pupil rows to sums by group, in one streaming pass.

    ``source``: a frame, or the path of a Parquet file (a folder or pattern of them) or CSV file.
    ``columns`` are numeric columns beside the intercept. Rows without a value in any column used,
    or with weight zero, are left out and counted. Groups of fewer than ``minimum`` rows are left
    out, and groups in which a column of zeros and ones has fewer than ``minimum_cell`` of either
    (but not none). ``shift`` (by column) is taken off before multiplying, so that no digits are
    lost; by default the means of the first rows, rounded. With ``digits`` sums are rounded to so
    many significant digits (counts stay whole), else nothing is rounded.

    Raises DataInvalid where a column is missing or not a number, or where nothing is left.
    """
    if minimum < 1 or minimum_cell < 1:
        raise ValueError("minimum and minimum_cell must be 1 or more")
    if digits and digits < 4:
        raise ValueError(
            "fewer than 4 significant digits say nothing: leave them or give 4 or more"
        )
    lazy = _open(source)
    names = tuple(dict.fromkeys((*columns, outcome)))
    if len(names) != len(columns) + 1 or ONE in names:
        raise ValueError(
            "columns must be different from one another, from the outcome and from '1'"
        )
    _check(lazy, by, names, weight)
    used = [*names, *([weight] if weight else [])]
    complete = pl.all_horizontal([pl.col(c).is_not_null() for c in (*by, *used)])
    finite = pl.all_horizontal([pl.col(c).cast(pl.Float64).is_finite() for c in used])
    good = complete & finite
    if weight:
        good = good & (pl.col(weight) > 0)
    shift = dict(shift) if shift is not None else _peek(lazy.filter(good), names)
    value = {c: pl.col(c).cast(pl.Float64) - shift.get(c, 0.0) for c in names}
    w = pl.col(weight).cast(pl.Float64) if weight else pl.lit(1.0)
    every = (ONE, *names)
    sums: list[pl.Expr] = [
        pl.len().alias(_COUNT),
        (w.log().sum() if weight else pl.lit(0.0)).alias(_LOG),
    ]
    for i, a in enumerate(every):
        for b in every[i:]:
            if a == ONE:
                product = (
                    w.sum()
                    if b == ONE and weight
                    else (w * value[b]).sum()
                    if b != ONE
                    else pl.len().cast(pl.Float64)
                )
            else:
                product = (w * value[a] * value[b]).sum() if weight else (value[a] * value[b]).sum()
            sums.append(product.alias(f"{a}*{b}"))
    for c in columns:
        x = pl.col(c)
        sums += [
            ((x == 0) | (x == 1)).all().alias(f"binary {c}"),
            (x == 1).sum().alias(f"ones {c}"),
        ]
    # One plan and one pass: with two, Polars would keep the rows between them.
    frame = (
        lazy.select([*by, *used])
        .with_columns(good.fill_null(False).alias("good row"))
        .group_by([*by, "good row"])
        .agg(sums)
        .collect(engine="streaming")
    )
    incomplete = int(frame.filter(~pl.col("good row"))[_COUNT].sum())
    frame = frame.filter(pl.col("good row"))
    few = pl.col(_COUNT) < minimum
    cell = pl.lit(False)
    # A column is yes/no when it is so in every group; a score that happens to be 0 in one is not.
    for c in columns:
        if frame.height and bool(frame[f"binary {c}"].all()):
            ones = pl.col(f"ones {c}").cast(pl.Int64)
            zeros = pl.col(_COUNT).cast(pl.Int64) - ones
            cell = cell | ((ones > 0) & (ones < minimum_cell))
            cell = cell | ((zeros > 0) & (zeros < minimum_cell))
    marked = frame.with_columns(few.alias("few"), cell.alias("cell"))
    out = marked.filter(pl.col("few") | pl.col("cell"))
    kept = marked.filter(~(pl.col("few") | pl.col("cell")))
    if not kept.height:
        raise DataInvalid(
            [Problem(
                problem=f"no group by {', '.join(by)} is large enough to be released",
                remedy=f"Group more coarsely, or lower minimum ({minimum}) if the rules allow it",
            )]
        )  # fmt: skip
    products = [f"{a}*{b}" for i, a in enumerate(every) for b in every[i:]]
    values = [
        pl.col(c).round_sig_figs(digits) if digits and (c != "1*1" or weight) else pl.col(c)
        for c in (_LOG, *products)
    ]
    return PupilSums(
        frame=kept.select([*by, pl.col(_COUNT).cast(pl.Int64), *values]).sort(by),
        by=tuple(by), columns=every, outcome=outcome, shift=shift, weight=weight,
        minimum=minimum, minimum_cell=minimum_cell, groups_suppressed=out.height,
        small_cells=int((out["cell"] & ~out["few"]).sum()),
        rows_suppressed=int(out[_COUNT].sum()), rows_incomplete=incomplete, digits=digits,
    )  # fmt: skip


def _open(source: pl.LazyFrame | pl.DataFrame | str | Path) -> pl.LazyFrame:
    if isinstance(source, pl.LazyFrame):
        return source
    if isinstance(source, pl.DataFrame):
        return source.lazy()
    path = Path(source)
    if path.suffix.lower() == ".csv":
        return pl.scan_csv(path)
    return pl.scan_parquet(path)


def _check(lazy: pl.LazyFrame, by: tuple[str, ...], names: tuple[str, ...], weight: str) -> None:
    try:
        schema = lazy.collect_schema()
    except (FileNotFoundError, pl.exceptions.ComputeError) as error:
        raise DataInvalid(
            [Problem(problem="the pupil rows cannot be read", remedy=str(error).splitlines()[0])]
        ) from error
    known = list(schema.names())
    problems = [
        Problem(problem="column not found", column=c, remedy=did_you_mean(c, known))
        for c in (*by, *names, *([weight] if weight else []))
        if c not in known
    ]
    problems += [
        Problem(
            problem="not a number", column=c, found=str(schema[c]),
            remedy="Turn it into numbers (for a yes/no column 0 and 1) before it is summed",
        )
        for c in (*names, *([weight] if weight else []))
        if c in known and not (schema[c].is_numeric() or schema[c] == pl.Boolean)
    ]  # fmt: skip
    if problems:
        raise DataInvalid(problems)


def _peek(lazy: pl.LazyFrame, names: tuple[str, ...]) -> dict[str, float]:
    """Means of the first rows to three digits, zero for columns of zeros and ones (so that sums of
    those stay counts). Any constant near the middle would do."""
    first = lazy.select([pl.col(c).cast(pl.Float64) for c in names]).head(_PEEK).collect()
    out: dict[str, float] = {}
    for c in names:
        values = first[c]
        if values.len() and not values.is_in([0.0, 1.0]).all():
            mean = values.mean()
            out[c] = float(f"{float(mean):.3g}") if isinstance(mean, float) else 0.0
    return out


def statistics(
    sums: PupilSums,
    *,
    fixed: tuple[str, ...] = (),
    codes: tuple[str, ...] = (),
    random: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[Statistics, dict[str, list[object]]]:
    """Statistics of a mixed model from the sums, and the names of the units by code.

    ``fixed``: columns of X (default: "1" and all but the outcome). ``codes``: which of the
    grouping columns carry terms (default: all). ``random``: random columns by code, beside the
    intercept."""
    frame = sums.frame
    fixed = fixed or tuple(c for c in sums.columns if c != sums.outcome)
    numbers: dict[str, np.ndarray] = {}
    names: dict[str, list[object]] = {}
    for c in codes or sums.by:
        unique = frame[c].unique().sort()
        place = {v: k for k, v in enumerate(unique.to_list())}
        numbers[c] = np.array([place[v] for v in frame[c].to_list()], dtype=np.int64)
        names[c] = unique.to_list()
    made = from_products(
        sums.products(), frame[_COUNT].to_numpy(), sums.columns, fixed=fixed, outcome=sums.outcome,
        codes=numbers, units={c: len(v) for c, v in names.items()}, random=random,
        shift=sums.shift, log_weight=float(frame[_LOG].sum()),
    )  # fmt: skip
    return made, names


def write_pupil_sums(sums: PupilSums, path: str | Path) -> None:
    """Write sums as Parquet, or as JSON where the name ends so (to be read by whoever clears
    it)."""
    path = Path(path)
    about = {
        "format": FORMAT, "by": list(sums.by), "columns": list(sums.columns),
        "outcome": sums.outcome, "shift": dict(sums.shift), "weight": sums.weight,
        "minimum": sums.minimum, "minimum_cell": sums.minimum_cell,
        "groups_suppressed": sums.groups_suppressed, "small_cells": sums.small_cells,
        "rows_suppressed": sums.rows_suppressed, "rows_incomplete": sums.rows_incomplete,
        "digits": sums.digits,
    }  # fmt: skip
    if path.suffix.lower() == ".json":
        whole = {**about, "groups": sums.frame.to_dict(as_series=False)}
        path.write_text(json.dumps(whole, indent=1, default=str), encoding="utf-8")
        return
    sums.frame.write_parquet(path, metadata={"consortia": json.dumps(about)})


def read_pupil_sums(path: str | Path) -> PupilSums:
    """Read sums written by ``write_pupil_sums``. DataInvalid where the file is something else."""
    path = Path(path)
    try:
        if path.suffix.lower() == ".json":
            about = json.loads(path.read_text(encoding="utf-8"))
            frame = pl.DataFrame(about["groups"])
        else:
            about = json.loads(pl.read_parquet_metadata(path)["consortia"])
            frame = pl.read_parquet(path)
        if about["format"] != FORMAT:
            raise KeyError("format")
        every = tuple(about["columns"])
        wanted = [f"{a}*{b}" for i, a in enumerate(every) for b in every[i:]]
        frame = frame.select([*about["by"], _COUNT, _LOG, *wanted])
    except (OSError, KeyError, ValueError, TypeError, pl.exceptions.PolarsError) as error:
        raise DataInvalid(
            [Problem(
                problem="not a file of pupil sums", file=path.name,
                found=str(error).splitlines()[0],
                remedy="Make one with consortia pupil-sums",
            )]
        ) from error  # fmt: skip
    counts = {
        k: int(about[k])
        for k in ("minimum", "minimum_cell", "groups_suppressed", "small_cells",
                  "rows_suppressed", "rows_incomplete")
    }  # fmt: skip
    return PupilSums(
        frame=frame, by=tuple(about["by"]), columns=every, outcome=str(about["outcome"]),
        shift={k: float(v) for k, v in about["shift"].items()}, weight=str(about["weight"]),
        digits=int(about.get("digits", 0)), **counts,
    )  # fmt: skip
