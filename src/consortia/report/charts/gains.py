"""Who gains: mechanisms down, groups of people across, one figure in each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.trace import Node

ROW, HEAD = 34, 58


def data(
    columns: Sequence[str], rows: Sequence[tuple[str, Sequence[tuple[Any, str, str]]]]
) -> dict[str, Any] | None:
    """``rows``: label and one (value, rule, reads) for each column; reads: better, worse, unclear,
    changed or none."""
    if not rows:
        return None
    said = "; ".join(
        f"{label}: " + ", ".join(f"{c} {cell[2]}" for c, cell in zip(columns, cells, strict=True))
        for label, cells in rows
    )
    return {
        "title": "Who gains and who loses, beside nothing shared",
        "description": f"A table of marks. {said}. The tables below give the intervals.",
        "columns": list(columns),
        "rows": [
            {
                "label": label,
                "cells": [{"number": v, "rule": rule, "reads": reads} for v, rule, reads in cells],
            }
            for label, cells in rows
        ],
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    narrow = width < 500
    left = (0.30 if narrow else 0.24) * width
    each = (width - left) / len(chart.columns)
    out: list[str] = []
    head = 0.0
    for j, column in enumerate(chart.columns):
        _, y = svg.words(0, 14, str(column.value), "tick", width=each - 6)
        head = max(head, y)
        out.append(svg.words(left + each * j + 4, 14, column, "tick", width=each - 6)[0])
    y = max(HEAD, head) - 6
    for row in chart.rows:
        lines = svg.wrapped(row.label.value, left - 8)
        tall = max(ROW, len(lines) * svg.LINE + 8) + (svg.LINE if narrow else 0)
        out.append(svg.words(0, y + 19, row.label, "label", width=left - 8)[0])
        for j, cell in enumerate(row.cells):
            x = left + each * j
            reads = cell.reads.value
            kind = {"better": "carried late", "worse": "carried method"}.get(reads, "heat-edge")
            out.append(svg.box(x + 1, y + 1, each - 3, tall - 3, kind, 3))
            text = "cell over" if reads == "better" else "cell"
            shape = {"better": "diamond", "worse": "square"}.get(reads)
            at = y + tall / 2 + 4.5
            if shape and not narrow:
                out.append(svg.dot(x + 12, at - 4.5, shape, "early" if shape == "square" else ""))
            out.append(
                svg.figure(x + each / 2 + (0 if narrow else 5), at, cell.number,
                           str(cell.rule.value), text, "middle")
            )  # fmt: skip
        y += tall
    return svg.picture(chart, ident, width, y + 4, out, "gains")
