"""How the variance divides: one bar per term with its interval, from nothing to all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import shown, ticks
from consortia.report.trace import Node

SIDE = 16
VALUE = 62
LABELS = 210
ROW = 34


def data(parts: Sequence[Mapping[str, Any]], rows_of: str, rule: str) -> dict[str, Any]:
    """What the picture shows."""
    top = max([p[k] for p in parts for k in ("share", "high") if p[k] is not None], default=1.0)
    axis, digits = ticks(0.0, 100 * top, 5)
    said = "; ".join(f"{p['label']} {shown(p['share'], rule)}" for p in parts)
    return {
        "title": "Where the differences lie",
        "description": f"One bar per source of differences, with its interval. {said}.",
        "unit": f"share of the variance of {rows_of}",
        "ticks": [v / 100 for v in axis],
        "tick_rule": f"percent:{digits}",
        "rule": rule,
        "rows": [
            {"label": p["label"], "share": p["share"], "low": p["low"], "high": p["high"],
             "rest": p["term"] == "residual"}
            for p in parts
        ],
    }  # fmt: skip


def draw(chart: Node, width: int, ident: str) -> Markup:
    """SVG at ``width``."""
    beside = width >= 2 * LABELS
    left = LABELS if beside else SIDE
    axis = chart.ticks.value
    x = svg.Scale(axis[0], axis[-1], left, width - SIDE - VALUE)
    inside: list[str] = []
    y, bars = 16.0, []
    for row in chart.rows:
        label, after = svg.words(
            0, y, row.label, "label", width=LABELS - 20 if beside else width - SIDE
        )
        inside.append(label)
        at = (y + after - svg.LINE) / 2 - 4.5 if beside else after - 4
        bars.append((at, row))
        y = max(after + 8, y + ROW) if beside else after + 22
    foot = y - 6
    grid = [svg.line(x.at(v), 2, x.at(v), foot, "zero" if not v else "grid") for v in axis]
    for at, row in bars:
        share = row.share.value
        kind = "early" if row.rest.value else "late"
        inside.append(svg.box(x.at(0), at - 8, x.at(share) - x.at(0), 16, f"band {kind}"))
        end = x.at(share)
        if row.low.value is not None and row.high.value is not None:
            a, b = x.at(row.low.value), x.inside(row.high.value)
            inside.append(svg.line(a, at, b, at, f"interval {kind}"))
            end = max(end, b)
        inside.append(svg.figure(end + 8, at + 4.5, row.share, chart.rule.value, "value"))
    inside += svg.ticked(chart.ticks, x, foot + 16, chart.tick_rule.value, (0, width))
    unit, foot = svg.words(
        (left + width - SIDE) / 2, foot + 36, chart.unit, "axis-title", "middle",
        width - left - SIDE,
    )  # fmt: skip
    return svg.picture(chart, ident, width, foot - 8, [*grid, *inside, unit], "forest")
