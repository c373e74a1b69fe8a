"""How a figure changes over the years: one small panel for each mechanism, on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import shown, ticks
from consortia.report.trace import Node

PANEL, GAP, RIGHT, FOOT = 92, 24, 12, 24


def data(
    courses: Sequence[tuple[str, Sequence[Mapping[str, Any]]]], *, title: str, unit: str, rule: str
) -> dict[str, Any] | None:
    """``courses``: label and rows with year, estimate, low, high."""
    if not courses or not courses[0][1]:
        return None
    ends = [v for _, rows in courses for r in rows for v in (r["low"], r["high"], 0.0)]
    y, digits = ticks(min(ends), max(ends), 3)
    years = [r["year"] for r in courses[0][1]]
    few = [int(t) for t in ticks(min(years), max(years), 5)[0] if min(years) <= t <= max(years)]
    percent = rule.startswith("percent")
    last = "; ".join(f"{label} {shown(rows[-1]['estimate'], rule)}" for label, rows in courses)
    return {
        "title": title,
        "description": f"Lines over the years with intervals, in {unit}; zero is nothing shared. "
        f"In the last year: {last}.",
        "unit": unit,
        "tick_rule": f"percent:{max(0, digits - 2)}" if percent else f"fixed:{digits}",
        "y_ticks": y,
        "x_ticks": few if len(few) > 1 else years,
        "panels": [
            {
                "label": label,
                "points": [{k: r[k] for k in ("year", "estimate", "low", "high")} for r in rows],
            }
            for label, rows in courses
        ],
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    y_ticks, rule = chart.y_ticks.value, chart.tick_rule.value
    left = svg.margin(y_ticks, rule)
    years = [p["year"] for p in chart.panels.value[0]["points"]]
    x = svg.Scale(min(years) - 0.3, max(years) + 0.3, left, width - RIGHT)
    out: list[str] = [svg.words(left, 14, chart.unit, "axis-title")[0]]
    top = 24.0
    for panel in chart.panels:
        _, top = svg.words(left, top + 12, panel.label, "label", width=width - left - RIGHT)
        top -= 10
        y = svg.Scale(y_ticks[0], y_ticks[-1], top + PANEL, top)
        for i in range(len(y_ticks)):
            at = y.at(y_ticks[i])
            out.append(svg.line(left, at, width - RIGHT, at, "zero" if not y_ticks[i] else "grid"))
            out.append(svg.figure(left - 7, at + 4.5, chart.y_ticks[i], rule, "tick", "end"))
        out.append(svg.words(left, top - 2, panel.label, "label", width=width - left - RIGHT)[0])
        points = panel.points.value
        upper = [f"{x.at(p['year']):.1f},{y.inside(p['high']):.1f}" for p in points]
        lower = [f"{x.at(p['year']):.1f},{y.inside(p['low']):.1f}" for p in reversed(points)]
        out.append(svg.tag("polygon", {"points": " ".join(upper + lower), "class": "ribbon"}))
        line = " ".join(f"{x.at(p['year']):.1f},{y.inside(p['estimate']):.1f}" for p in points)
        out.append(svg.tag("polyline", {"points": line, "class": "trace"}))
        top += PANEL + GAP
    out += svg.ticked(chart.x_ticks, x, top - GAP + 16, "year", (left, width))
    return svg.picture(chart, ident, width, top - GAP + FOOT, out, "courses")
