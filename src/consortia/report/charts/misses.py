"""How far answers lie from the truth: bias and the spread around it, one row for each method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import shown, ticks
from consortia.report.trace import Node

SIDE, ROW, LABELS = 16, 30, 190
REACH = 6.0
"""A row wider than this many times the middle one is cut off at the edge."""


def data(rows: Sequence[Mapping[str, Any]], *, unit: str, rule: str) -> dict[str, Any] | None:
    """What the picture shows: ``label``, ``bias``, ``low`` and ``high`` of each row."""
    known = [dict(r) for r in rows if r["bias"] is not None]
    if not known:
        return None
    widths = sorted(r["high"] - r["low"] for r in known)
    most = REACH * max(widths[len(widths) // 2], 1e-12)
    ends = [max(min(r[k], most), -most) for r in known for k in ("low", "high", "bias")]
    axis, digits = ticks(min(0.0, *ends), max(0.0, *ends), 6)
    said = "; ".join(f"{r['label']}: {shown(r['bias'], rule)}" for r in known)
    return {
        "title": "How far answers lie from the truth",
        "description": "Rows of a dot, the average error, with the range of 19 answers in 20. "
        f"{said}.",
        "unit": f"{unit} above or below the true effect",
        "ticks": axis,
        "tick_rule": f"fixed:{digits}",
        "rows": known,
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    """SVG at ``width``."""
    beside = width >= 2 * LABELS
    left = LABELS if beside else SIDE
    axis = chart.ticks.value
    x = svg.Scale(axis[0], axis[-1], left, width - SIDE)
    rows: list[str] = []
    y = 16.0
    for row in chart.rows:
        label, after = svg.words(0, y, row.label, "label", width=LABELS - 12 if beside else width)
        rows.append(label)
        at = (y + after - svg.LINE) / 2 - 4.5 if beside else after
        off = not row.low.value <= 0 <= row.high.value
        kind = "late" if off else "early"
        rows.append(
            svg.line(x.inside(row.low.value), at, x.inside(row.high.value), at, f"interval {kind}")
        )
        shape = "circle" if off else "ring"
        rows.append(svg.dot(x.inside(row.bias.value), at, shape, kind, 5))
        y = max(after + 9, y + ROW) if beside else after + ROW
    foot = y - 6
    grid = [svg.line(x.at(v), 2, x.at(v), foot, "zero" if not v else "grid") for v in axis]
    rows += svg.ticked(chart.ticks, x, foot + 16, chart.tick_rule.value, (0, width))
    unit, foot = svg.words(
        (left + width - SIDE) / 2, foot + 36, chart.unit, "axis-title", "middle",
        width - left - SIDE,
    )  # fmt: skip
    return svg.picture(chart, ident, width, foot - 8, [*grid, *rows, unit], "misses")
