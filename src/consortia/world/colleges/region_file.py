"""A user's own region: a file of colleges with place, size and type."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from consortia.errors import DataInvalid, Problem, did_you_mean
from consortia.world.colleges.parameters import Parameters
from consortia.world.colleges.region import GENERAL, KINDS, Region, make_region

COLUMNS = ("college", "easting", "northing", "latitude", "longitude", "learners", "type")


def read_region(path: Path, p: Parameters | None = None) -> Region:
    """A region from a CSV or Parquet file.

    Columns: ``college``; ``easting`` and ``northing`` (metres) or ``latitude`` and ``longitude``
    (degrees); ``learners`` aged 16-18, both years; ``type`` ("general", "sixth form"; may be left
    out: general). Raises DataInvalid with every problem found.
    """
    if path.suffix == ".parquet":
        frame = pl.read_parquet(path)
    else:
        frame = pl.read_csv(path, infer_schema_length=None)
    return region_from_frame(frame, p, file=path.name)


def region_from_frame(
    frame: pl.DataFrame, p: Parameters | None = None, *, file: str = ""
) -> Region:
    """The same from a frame that is already read."""
    have = set(frame.columns)
    problems: list[Problem] = []
    on_map = {"easting", "northing"} <= have
    for need in ("college", "learners"):
        if need not in have:
            problems.append(_column(need, frame.columns, file))
    if not on_map and not {"latitude", "longitude"} <= have:
        problems.append(
            Problem(
                problem="no places of the colleges",
                remedy="Add the columns easting and northing, or latitude and longitude.",
                file=file,
            )
        )
    if problems:
        raise DataInvalid(problems)
    pair = ("easting", "northing") if on_map else ("latitude", "longitude")
    numbers = {}
    for name in (*pair, "learners"):
        values = frame[name].cast(pl.Float64, strict=False).to_numpy()
        numbers[name] = values
        least = 2 if name == "learners" else -np.inf
        for k in np.flatnonzero(~np.isfinite(values) | (values < least)).tolist():
            problems.append(
                Problem(
                    problem="not a number that can be used",
                    remedy="Give metres, degrees or a number of learners (2 or more).",
                    file=file,
                    row=k + 2,
                    column=name,
                    found=str(frame[name][k]),
                )
            )
    college = frame["college"].cast(pl.String)
    for k in np.flatnonzero(college.is_null().to_numpy() | college.is_duplicated().to_numpy()):
        problems.append(
            Problem(
                problem="a college without a name, or named twice",
                remedy="Give every college a name of its own.",
                file=file,
                row=int(k) + 2,
                column="college",
                found=str(college[int(k)]),
            )
        )
    kind = (
        frame["type"].cast(pl.String).fill_null(GENERAL).str.to_lowercase()
        if "type" in have
        else pl.repeat(GENERAL, frame.height, eager=True)
    )
    for k, found in enumerate(kind.to_list()):
        if found not in KINDS:
            problems.append(
                Problem(
                    problem="no such type of college",
                    remedy=did_you_mean(found, KINDS),
                    file=file,
                    row=k + 2,
                    column="type",
                    found=found,
                )
            )
    if problems:
        raise DataInvalid(problems)
    if on_map:
        east, north = numbers["easting"], numbers["northing"]
    else:
        # A plane through the middle of the region: good to a per cent over 200 km.
        lat, lon = np.radians(numbers["latitude"]), np.radians(numbers["longitude"])
        east = 6_371_008.8 * (lon - lon.mean()) * np.cos(lat.mean())
        north = 6_371_008.8 * (lat - lat.mean())
    return make_region(
        college.to_list(), east, north, np.rint(numbers["learners"]).astype(np.int64),
        kind.to_list(), p,
    )  # fmt: skip


def _column(need: str, have: list[str], file: str) -> Problem:
    return Problem(
        problem=f"the column {need} is missing",
        remedy=did_you_mean(need, have) + f". A region has the columns {', '.join(COLUMNS)}.",
        file=file,
        column=need,
    )
