"""Gathered tables to files: all of them or none, the same input giving the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from consortia.sources.published.gathering import LICENCE, Gathered
from consortia.version import __version__

TABLES = ("outcomes", "providers", "memberships", "statuses", "covariates", "identifiers")
MANIFEST = "manifest.json"


def write_gathered(gathered: Gathered, out: str | Path) -> dict[str, Any]:
    """Write ``<table>.csv.gz`` for every table and manifest.json into ``out``; the manifest.

    Empty tables are not written. Everything is first written in full beside its place and then
    renamed into it; an earlier table that has no successor is removed. Raises OSError.
    """
    out = Path(out)
    contents: dict[str, bytes] = {}
    files: list[dict[str, Any]] = []
    for name in TABLES:
        frame: pl.DataFrame = getattr(gathered, name)
        if frame.height == 0:
            continue
        plain = io.BytesIO()
        frame.write_csv(plain)
        # No clock in the header: the same table gives the same bytes.
        content = gzip.compress(plain.getvalue(), mtime=0)
        contents[f"{name}.csv.gz"] = content
        files.append(
            {
                "file": f"{name}.csv.gz",
                "rows": frame.height,
                "columns": frame.columns,
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
    manifest = _manifest(gathered, files)
    contents[MANIFEST] = (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
    _write_whole(out, contents)
    for name in TABLES:
        if f"{name}.csv.gz" not in contents:
            (out / f"{name}.csv.gz").unlink(missing_ok=True)
    return manifest


def _manifest(gathered: Gathered, files: list[dict[str, Any]]) -> dict[str, Any]:
    measures = [c for c in gathered.outcomes.columns if c not in ("provider", "year")]
    years = gathered.outcomes.group_by("year").agg(
        pl.len().alias("providers"), *[pl.col(c).count() for c in measures]
    )
    kinds = gathered.memberships.group_by("kind").agg(
        pl.len().alias("memberships"),
        pl.col("provider").n_unique().alias("providers"),
        pl.col("collaboration").n_unique().alias("collaborations"),
        pl.col("joined").is_null().sum().alias("joined_unknown"),
    )
    return {
        "made_by": f"consortia {__version__}",
        "phase": gathered.phase,
        "licence": LICENCE,
        "tables": files,
        "sources": [asdict(s) for s in gathered.sources],
        "years": years.sort("year").to_dicts(),
        "memberships": kinds.sort("kind").to_dicts(),
        "notes": [asdict(n) for n in gathered.notes],
        "breaks": [
            {"year": year, "columns": columns, "what": what}
            for year, columns, what in gathered.breaks
        ],
    }


def _write_whole(out: Path, contents: dict[str, bytes]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    waiting: dict[Path, Path] = {}
    try:
        for name, content in contents.items():
            handle, beside = tempfile.mkstemp(dir=out, prefix=f".{name}.")
            waiting[out / name] = Path(beside)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(beside, 0o666 & ~mask)
        for path in list(waiting):
            os.replace(waiting[path], path)
            del waiting[path]
    finally:
        for left in waiting.values():
            left.unlink(missing_ok=True)
