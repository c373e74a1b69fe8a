"""Counts as bars, one row each."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import shown
from consortia.report.trace import Node

ROW = 24


def data(rows: list[tuple[str, int]], *, title: str, unit: str) -> dict[str, Any] | None:
    """What the picture shows: label and count of each row."""
    if not any(count for _, count in rows):
        return None
    said = "; ".join(f"{label}: {shown(count, 'count')}" for label, count in rows)
    return {
        "title": title,
        "description": f"Bars, in {unit}. {said}.",
        "unit": unit,
        "rows": [{"label": label, "count": count} for label, count in rows],
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    left = min(0.45 * width, max(svg.room(row.label.value) for row in chart.rows) + 12)
    most = max(row["count"].value for row in chart.rows)
    room = svg.room(shown(most, "count")) + 10
    x = svg.Scale(0, most, left, width - room)
    out: list[str] = [svg.words(left, 13, chart.unit, "axis-title")[0]]
    y = 22.0
    for row in chart.rows:
        label, after = svg.words(0, y + 14, row.label, "label", width=left - 8)
        end = x.at(row["count"].value)
        out += [
            label,
            svg.box(left, y + 2, end - left, ROW - 8, "carried total"),
            svg.figure(end + 6, y + 15, row["count"], "count", "value"),
        ]
        y = max(y + ROW, after - 6)
    return svg.picture(chart, ident, width, y + 4, out, "bars")
