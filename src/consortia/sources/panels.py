"""The doors: files or data frames in, a Panel out, or every problem at once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from consortia.errors import DataInvalid
from consortia.panel import Panel, PupilSums, Source
from consortia.sources import tables
from consortia.sources.files import read_table
from consortia.sources.findings import Findings, Table
from consortia.sources.keys import runs, stripped
from consortia.sources.pupils import read_pupils
from consortia.specs import ROLES, DataSpec


def read_panel(data: DataSpec, folder: str | Path = ".") -> Panel:
    """The files that ``data`` names, in ``folder``, as one validated Panel.

    Raises DataInvalid with every problem of every file: file, row, column, value and remedy.
    """
    findings = Findings()
    panel = read_leniently(data, Path(folder), findings)
    if findings.problems:
        raise DataInvalid(findings.problems)
    assert panel is not None
    return panel


def read_leniently(data: DataSpec, folder: Path, findings: Findings) -> Panel | None:
    """As read_panel, with the problems left in ``findings``; None where there are no outcomes."""
    read: dict[str, Table] = {}
    if not data.outcomes and not data.pupils:
        findings.whole(
            "",
            "no outcomes file is named",
            'Write outcomes = "..." under [data] in the study file',
            column="data.outcomes",
        )
    for role in ROLES:
        name = getattr(data, role)
        if name:
            table = read_table(role, folder, name, findings, licence=data.licence)
            if table is not None:
                read[role] = table
    pupils = read_pupils(data, folder, findings) if data.pupils else None
    return _assembled(read, data, findings, pupils)


def panel_from_frames(
    outcomes: Any,
    *,
    providers: Any = None,
    memberships: Any = None,
    statuses: Any = None,
    places: Any = None,
    covariates: Any = None,
    collaborations: Any = None,
    data: DataSpec | None = None,
) -> Panel:
    """Data frames of any library that Narwhals knows (pandas, Polars, PyArrow, lazy ones) as one
    validated Panel.

    ``data`` gives renames, kinds and codes; its file names are not used. Problems name the frame
    and the record, counted from 1. Raises DataInvalid with every problem, TypeError for something
    that is not a data frame.
    """
    findings = Findings()
    read: dict[str, Table] = {}
    given = dict(
        zip(
            ROLES,
            (outcomes, providers, memberships, statuses, places, covariates, collaborations),
            strict=True,
        )
    )
    spec = data or DataSpec()
    for role, native in given.items():
        if native is None:
            continue
        frame = _as_polars(role, native)
        if frame.height == 0:
            if role == "outcomes":
                findings.whole(role, "the data frame has no rows", "Hand in at least one row")
            continue
        read[role] = Table(
            role=role,
            name=role,
            frame=frame,
            line=pl.Series("line", np.arange(1, frame.height + 1)),
            source=Source(
                role=role,
                name="data frame",
                rows=frame.height,
                digest=_digest(frame),
                licence=spec.licence,
            ),
        )
    panel = _assembled(read, spec, findings)
    if findings.problems:
        raise DataInvalid(findings.problems)
    assert panel is not None
    return panel


def _digest(frame: pl.DataFrame) -> str:
    """SHA-256 of names, types and values, column by column; the same on any machine."""
    digest = hashlib.sha256()
    for column in frame.get_columns():
        digest.update(f"{column.name}\x1f{column.dtype}\x1f{column.len()}\x1e".encode())
        gaps = column.null_count() > 0
        null = column.is_null().to_numpy() if gaps else np.zeros(column.len(), dtype=np.bool_)
        digest.update(np.packbits(null, bitorder="little").data)
        if column.dtype.is_float():
            values = (column.fill_null(0.0) if gaps else column).cast(pl.Float64).to_numpy()
            digest.update(np.ascontiguousarray(values, dtype="<f8").data)
        elif column.dtype.is_integer():
            values = (column.fill_null(0) if gaps else column).cast(pl.Int64).to_numpy()
            digest.update(np.ascontiguousarray(values, dtype="<i8").data)
        elif column.len():
            # Runs of the same text are hashed once, with their lengths: files repeat names.
            text = _text(column)
            first, often = runs(text.fill_null("") if gaps else text)
            digest.update(np.ascontiguousarray(often, dtype="<i8").data)
            digest.update(first.str.join("\x1f").item().encode())
    return digest.hexdigest()


def _text(column: pl.Series) -> pl.Series:
    if not column.dtype.is_temporal():
        return column.cast(pl.String, strict=False)
    # Dates repeat, and writing them out is slow.
    known = column.drop_nulls().unique().sort()
    at = known.to_physical().search_sorted(column.to_physical())
    text = known.cast(pl.String, strict=False).extend_constant(None, 1)
    return text.gather(at.set(column.is_null(), known.len()) if column.null_count() else at)


def _as_polars(role: str, native: Any) -> pl.DataFrame:
    if isinstance(native, pl.DataFrame):
        frame = native
    elif nw.dependencies.is_pandas_dataframe(native) and _plain(native.columns):
        frame = pl.DataFrame({c: _of_pandas(role, native[c]) for c in native.columns})
    else:
        try:
            wrapped = nw.from_native(native)
        except TypeError:
            raise TypeError(
                f"{role} must be a data frame (pandas, Polars, PyArrow or another that Narwhals "
                f"knows), not {type(native).__name__}"
            ) from None
        if isinstance(wrapped, nw.LazyFrame):
            wrapped = wrapped.collect()
        frame = pl.DataFrame({c: _column(wrapped[c]) for c in wrapped.columns})
    simple: list[pl.Series] = []
    for column in frame:
        dtype = column.dtype
        if isinstance(dtype, (pl.Categorical, pl.Enum)) or dtype == pl.Object:
            column = column.cast(pl.String, strict=False)
        if column.dtype == pl.String:
            simple.append(stripped(column))
    return frame.with_columns(simple) if simple else frame


def _plain(names: Any) -> bool:
    return names.is_unique and all(isinstance(name, str) for name in names)


def _of_pandas(role: str, values: Any) -> pl.Series:
    """Numbers without the detour by Narwhals, which costs more than all else in a small table."""
    if str(values.dtype) not in ("int64", "float64"):
        return _column(nw.from_native(values, series_only=True))
    numbers = values.to_numpy()
    # Polars would use the memory of pandas, in which others may write. Whole numbers of outcomes
    # become text, years or floats, and so are copied in any case.
    if role != "outcomes" or numbers.dtype != np.int64:
        numbers = numbers.copy()
    return pl.Series(values.name, numbers, nan_to_null=True)


def _column(values: Any) -> pl.Series:
    """One column as Polars; a column of mixed objects (numbers and codes) as text."""
    try:
        return values.to_polars()
    except Exception:  # each library has its own errors for what it cannot convert
        return pl.Series(
            [None if v is None or v != v else str(v) for v in values.to_list()], dtype=pl.String
        )


def _assembled(
    read: dict[str, Table],
    spec: DataSpec,
    findings: Findings,
    pupils: tuple[PupilSums, pl.DataFrame, Source] | None = None,
) -> Panel | None:
    ready: dict[str, Table] = {}
    for role, table in read.items():
        named = tables.named(table, spec, findings)
        if named is not None:
            ready[role] = named
    frames: dict[str, pl.DataFrame] = {}
    makers = {
        "outcomes": tables.outcomes,
        "providers": tables.facts,
        "memberships": tables.memberships,
        "statuses": tables.statuses,
        "places": tables.facts,
    }
    for role, make in makers.items():
        if role in ready:
            frames[role] = make(ready[role], spec, findings)
    if pupils is not None:
        frames["outcomes"] = pupils[1]
    if not frames.get("outcomes", pl.DataFrame()).height:
        # Nothing to hold the other tables against; why has been told.
        return None
    _join_covariates(ready.get("covariates"), frames, spec, findings)
    _join_places(ready.get("places"), frames, findings)
    _everyone(ready, frames, findings)
    return Panel(
        outcomes=frames["outcomes"],
        providers=frames["providers"],
        memberships=frames.get("memberships", pl.DataFrame(schema=tables.MEMBERSHIPS)),
        statuses=frames.get("statuses", pl.DataFrame(schema=tables.STATUSES)),
        sources=(
            *(table.source for table in read.values()),
            *(() if pupils is None else (pupils[2],)),
        ),
        collaborations=tables.collaborations(
            ready.get("collaborations"), ready.get("memberships"), findings
        ),
        # Last, when everything has been met.
        notes=tuple(findings.notes),
        pupils=None if pupils is None else pupils[0],
    )


def _join_covariates(
    table: Table | None, frames: dict[str, pl.DataFrame], spec: DataSpec, findings: Findings
) -> None:
    if table is None:
        return
    by_year = "year" in table.frame.columns
    role = "outcomes" if by_year else "providers"
    mine = (
        tables.outcomes(table, spec, findings) if by_year else tables.facts(table, spec, findings)
    )
    key = ["provider", "year"] if by_year else ["provider"]
    base = frames.get(role)
    if base is None:
        base = frames["outcomes"].select("provider").unique(maintain_order=True)
    both = [c for c in mine.columns if c in base.columns and c not in key]
    for column in both:
        findings.whole(
            table.name,
            f"the column also stands in the {role} file",
            "Keep it in one of the two files, or add it to data.ignore",
            column=column,
        )
    if both:
        return
    findings.note(
        "covariates",
        "rows without a row in the outcomes file",
        mine.join(frames["outcomes"], on=key, how="anti").height,
    )
    frames[role] = base.join(mine, on=key, how="left", maintain_order="left")


def _join_places(table: Table | None, frames: dict[str, pl.DataFrame], findings: Findings) -> None:
    if table is None or "places" not in frames:
        return
    mine = frames["places"].select(
        "provider", *[c for c in tables.PLACES if c in frames["places"].columns]
    )
    if mine.width < 3:
        findings.whole(
            table.name,
            "the file has no place",
            "Give easting and northing, or latitude and longitude",
        )
        return
    base = frames.get("providers")
    if base is None:
        base = frames["outcomes"].select("provider").unique(maintain_order=True)
    both = [c for c in mine.columns if c in base.columns and c != "provider"]
    if both:
        findings.whole(
            table.name,
            "places stand in the providers file too",
            "Keep them in one of the two files",
            column=both[0],
        )
        return
    frames["providers"] = base.join(mine, on="provider", how="left", maintain_order="left")


def _everyone(ready: dict[str, Table], frames: dict[str, pl.DataFrame], findings: Findings) -> None:
    """Every provider with outcomes has a row among the providers; rows of the other tables that
    belong to nobody are counted, and a table in which nobody is found is a problem."""
    # Outcomes are sorted by provider: neighbours tell where a new one begins.
    known = runs(frames["outcomes"]["provider"])[0].to_frame()
    for role in ("providers", "memberships", "statuses", "places"):
        if role not in frames or role not in ready:
            continue
        frame = frames[role]
        if frame["provider"].null_count():
            frame = frame.filter(pl.col("provider").is_not_null())
        strange = frame.join(known, on="provider", how="anti")
        if strange.height and strange.height == frame.height:
            findings.whole(
                ready[role].name,
                "no provider of this file is in the outcomes file",
                _why_strangers(strange["provider"], known["provider"]),
                column=ready[role].called.get("provider", "provider"),
                found=str(strange["provider"][0]),
            )
        else:
            findings.note(
                role,
                "rows of providers without outcomes, not used",
                strange.height,
                column=ready[role].called.get("provider", "provider"),
                found=str(strange["provider"][0]) if strange.height else "",
            )
    if "providers" not in frames:
        frames["providers"] = known
        return
    absent = known.join(frames["providers"], on="provider", how="anti")
    findings.note("outcomes", "providers that the providers file does not have", absent.height)
    if absent.height:
        frames["providers"] = pl.concat([frames["providers"], absent], how="diagonal").sort(
            "provider"
        )


def _why_strangers(theirs: pl.Series, ours: pl.Series) -> str:
    """A hint at the difference between two ways of writing identifiers."""
    example = f"There they look like {ours[0]!r}"
    known = set(ours.to_list())

    def hit(changed: pl.Series) -> bool:
        return any(v in known for v in changed.drop_nulls().to_list())

    if hit(theirs.str.replace(r"\.0$", "")) or hit(theirs + ".0"):
        return f"{example}: one of the files writes them with '.0' at the end; save them as text"
    short = {v.lstrip("0") for v in known}
    if any(v.lstrip("0") in short for v in theirs.drop_nulls().to_list()):
        return f"{example}: one of the files lost its leading zeros; save them as text"
    folded = {v.casefold().replace(" ", "") for v in known}
    if any(v.casefold().replace(" ", "") in folded for v in theirs.drop_nulls().to_list()):
        return f"{example}: they differ in capital letters or spaces"
    return f"{example}: use the same identifier in both files"
