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
    """A matrix; on a narrow screen one block below another, a line for each column."""
    if width < 500:
        return _blocks(chart, width, ident)
    left = 0.24 * width
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
        tall = max(ROW, len(lines) * svg.LINE + 8)
        out.append(svg.words(0, y + 19, row.label, "label", width=left - 8)[0])
        for j, cell in enumerate(row.cells):
            out += _cell(cell, left + each * j, y, each, tall)
        y += tall
    return svg.picture(chart, ident, width, y + 4, out, "gains")


def _blocks(chart: Node, width: int, ident: str) -> Markup:
    each = 96.0
    left = width - each
    out: list[str] = []
    y = 0.0
    for row in chart.rows:
        words, end = svg.words(0, y + 18, row.label, "label", width=width)
        out.append(words)
        y = end + 4
        for j, cell in enumerate(row.cells):
            words, end = svg.words(0, y + 18, chart.columns[j], "tick", width=left - 10)
            out.append(words)
            tall = max(28.0, end - y - 4)
            out += _cell(cell, left, y, each, tall)
            y += tall
        y += 14
    return svg.picture(chart, ident, width, y, out, "gains")


def _cell(cell: Node, x: float, y: float, each: float, tall: float) -> list[str]:
    reads = cell.reads.value
    kind = {"better": "carried late", "worse": "carried method"}.get(reads, "heat-edge")
    shape = {"better": "diamond", "worse": "square"}.get(reads)
    at = y + tall / 2 + 4.5
    out: list[str] = [svg.box(x + 1, y + 1, each - 3, tall - 3, kind, 3)]
    if shape:
        out.append(svg.dot(x + 12, at - 4.5, shape, "early" if shape == "square" else ""))
    text = "cell over" if reads == "better" else "cell"
    out.append(svg.figure(x + each / 2 + 5, at, cell.number, str(cell.rule.value), text, "middle"))
    return out
