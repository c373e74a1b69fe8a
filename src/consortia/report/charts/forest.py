"""Several answers on one scale, in standard deviations: one row for each report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import shown, ticks
from consortia.report.trace import Node

SIDE = 16
ROW = 30
LABELS = 300
"""Room for labels on the left; a picture narrower than twice that has them above the lines."""


def data(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What the picture shows; None where no report has an effect in standard deviations."""
    known = [r for r in rows if r["estimate_sd"] is not None]
    if not known:
        return None
    ends = [r[k] for r in known for k in ("estimate_sd", "low_sd", "high_sd") if r[k] is not None]
    axis, digits = ticks(min(0.0, *ends), max(0.0, *ends), 6)
    said = "; ".join(
        f"{r['outcome']}, {r['arm']}: {r['words']}, {shown(r['estimate_sd'], r['rules']['sd'])}"
        for r in known
    )
    return {
        "title": "All answers on one scale",
        "description": f"Rows of a dot with its interval, in standard deviations. {said}.",
        "unit": "standard deviations (SD); right of zero: joiners did better",
        "ticks": axis,
        "tick_rule": f"fixed:{digits}",
        "rows": [
            {
                "label": f"{r['outcome']}: {r['arm']}",
                "words": r["words"],
                "estimate_sd": r["estimate_sd"],
                "low_sd": r["low_sd"],
                "high_sd": r["high_sd"],
                "clear": r["low_sd"] is not None and not r["low_sd"] <= 0 <= r["high_sd"],
            }
            for r in known
        ],
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    """SVG at ``width``."""
    beside = width >= 2 * LABELS
    left = LABELS if beside else SIDE
    axis = chart.ticks.value
    x = svg.Scale(axis[0], axis[-1], left, width - SIDE)
    rows: list[str] = []
    y, heights = 14.0, []
    for row in chart.rows:
        room = LABELS - 24 if beside else width
        label, after = svg.words(0, y, row.label, "label", width=room)
        rows.append(label)
        at = (y + after - svg.LINE) / 2 - 4.5 if beside else after
        heights.append((at, row))
        y = max(after + 9, y + ROW) if beside else after + ROW
    foot = y - 6
    grid = [svg.line(x.at(v), 2, x.at(v), foot, "zero" if not v else "grid") for v in axis]
    for at, row in heights:
        kind = "late" if row.clear.value else "early"
        if row.low_sd.value is not None:
            a, b = x.at(row.low_sd.value), x.at(row.high_sd.value)
            rows.append(svg.line(a, at, b, at, f"interval {kind}"))
        shape = "circle" if row.clear.value else "ring"
        rows.append(svg.dot(x.at(row.estimate_sd.value), at, shape, kind, 5))
    rows += svg.ticked(chart.ticks, x, foot + 16, chart.tick_rule.value, (0, width))
    unit, foot = svg.words(
        (left + width - SIDE) / 2,
        foot + 36,
        chart.unit,
        "axis-title",
        "middle",
        width - left - SIDE,
    )
    return svg.picture(chart, ident, width, foot - 8, [*grid, *rows, unit], "forest")
