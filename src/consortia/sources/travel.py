"""A travel-time matrix in a file: who can be reached from where in how many minutes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from consortia.errors import DataInvalid
from consortia.maths.places import Near, near_by_time
from consortia.panel import Note
from consortia.sources.files import read_table
from consortia.sources.findings import Findings, Table
from consortia.sources.keys import identifiers
from consortia.sources.values import numeric
from consortia.specs import MISSING_CODES

COLUMNS = ("from", "to", "minutes")


def read_travel_times(
    folder: str | Path, name: str, index: pl.DataFrame, reach: float
) -> tuple[Near, tuple[Note, ...]]:
    """Pairs within ``reach`` minutes, by row of ``index`` (nearby.everyone), and what was met.

    The file has the columns from, to (identifiers of providers) and minutes, one row per pair; a
    pair given one way counts both ways, a missing or coded time as no way at all. Rows about
    providers that are not in the panel are counted and passed over. Raises DataInvalid with every
    problem.
    """
    findings = Findings()
    table = read_table("travel-times", Path(folder), name, findings)
    if table is None:
        raise DataInvalid(findings.problems)
    folded = {c.casefold(): c for c in reversed(table.frame.columns)}
    for column in COLUMNS:
        if column not in folded:
            findings.whole(
                table.name,
                f"the column {column!r} is missing",
                f"A travel-time file has the columns {', '.join(COLUMNS)}",
                column=column,
            )
    if findings.problems:
        raise DataInvalid(findings.problems)
    table = Table(
        role=table.role,
        name=table.name,
        frame=table.frame.select(pl.col(folded[c]).alias(c) for c in COLUMNS),
        line=table.line,
        source=table.source,
    )
    ends = [identifiers(table, c, findings, what="provider") for c in ("from", "to")]
    minutes = numeric(table, "minutes", findings, MISSING_CODES, must=True)
    if minutes is not None:
        findings.wrong(
            table, "minutes", minutes < 0, "the time is below zero", "Correct it", found=minutes
        )
    else:
        findings.whole(
            table.name,
            "the column does not hold numbers",
            "Write minutes as numbers",
            column="minutes",
        )
    if findings.problems or minutes is None:
        raise DataInvalid(findings.problems)
    rows = [
        pl.DataFrame({"provider": end}).join(
            index, on="provider", how="left", maintain_order="left"
        )["row"]
        for end in ends
    ]
    both = (rows[0].is_not_null() & rows[1].is_not_null()).to_numpy()
    findings.note(
        "travel-times", "pairs with a provider that is not in the panel", int((~both).sum())
    )
    i, j = (r.fill_null(0).to_numpy()[both].astype(np.int64) for r in rows)
    time = minutes.fill_null(np.nan).to_numpy()[both]
    return near_by_time(i, j, time, index.height, reach), tuple(findings.notes)
