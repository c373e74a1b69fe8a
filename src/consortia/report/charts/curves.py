"""A diagnosand over the size of the study: one line for each method (and number of years)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import shown, ticks
from consortia.report.trace import Node

HEIGHT = 280
TOP, BOTTOM = 30, 46
STYLES = 6
"""Ways in which lines differ by dashes and marks, before they repeat."""
MARKS = ("circle", "ring", "square", "diamond", "circle", "ring")


def data(
    series: Mapping[str, Sequence[tuple[float, float | None]]],
    *,
    title: str,
    x_label: str,
    unit: str,
    rule: str,
    ceiling: float | None = None,
    guide: float | None = None,
) -> dict[str, Any] | None:
    """What the picture shows: for each name points (x, y), those without y left out. ``ceiling``
    fixes the top of the axis (1 for shares); ``guide`` is a line to compare with."""
    kept = {name: [(x, y) for x, y in points if y is not None] for name, points in series.items()}
    kept = {name: points for name, points in kept.items() if points}
    xs = sorted({x for points in kept.values() for x, _ in points})
    if len(xs) < 2:
        return None
    ys = [y for points in kept.values() for _, y in points]
    top = ceiling if ceiling is not None else max(ys)
    axis, digits = ticks(0.0, max(top, guide or 0.0, 1e-9), 5)
    axis = [v for v in axis if ceiling is None or v <= ceiling * (1 + 1e-9)]
    said = " ".join(
        f"{name}: " + ", ".join(f"{shown(y, rule)} at {shown(x, 'count')}" for x, y in points) + "."
        for name, points in kept.items()
    )
    percent = rule.startswith("percent")
    return {
        "title": title,
        "description": f"Lines over {x_label}. {said}",
        "unit": unit,
        "x_label": x_label,
        "x_ticks": xs,
        "y_ticks": axis,
        "tick_rule": "percent:0" if percent else f"fixed:{digits}",
        "guide": guide,
        "series": [
            {"name": name, "points": [{"x": x, "y": y} for x, y in points]}
            for name, points in kept.items()
        ],
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    """SVG at ``width``."""
    y_ticks, x_ticks = chart.y_ticks.value, chart.x_ticks.value
    rule = chart.tick_rule.value
    left = svg.margin(y_ticks, rule)
    names = [s.value["name"] for s in chart.series]
    beside = width >= 480
    right = max(svg.room(n) for n in names) + 16 if beside else 14
    x = svg.Scale(x_ticks[0], x_ticks[-1], left + 8, width - right)
    bottom = HEIGHT - BOTTOM
    y = svg.Scale(y_ticks[0], y_ticks[-1], bottom, TOP)
    out: list[str] = [svg.words(left, 14, chart.unit, "axis-title")[0]]
    for i in range(len(y_ticks)):
        at = y.at(y_ticks[i])
        out.append(svg.line(left, at, width - right, at, "grid" if y_ticks[i] else "zero"))
        out.append(svg.figure(left - 7, at + 4.5, chart.y_ticks[i], rule, "tick", "end"))
    if chart.guide.value is not None:
        at = y.inside(chart.guide.value)
        out.append(svg.line(left, at, width - right, at, "joining"))
    ends: list[tuple[float, int]] = []
    for k, s in enumerate(chart.series):
        points = [(x.at(p.x.value), y.inside(p.y.value)) for p in s.points]
        path = " ".join(f"{a:.2f},{b:.2f}" for a, b in points)
        style = f"series s{k % STYLES}"
        out.append(svg.tag("polyline", {"points": path, "class": style}))
        out += [svg.dot(a, b, MARKS[k % STYLES], style, 4) for a, b in points]
        ends.append((points[-1][1], k))
    height = HEIGHT
    if beside:
        # Names stand at the ends of their lines, pushed apart where those meet.
        last = TOP - svg.LINE
        for at, k in sorted(ends):
            last = max(at + 4.5, last + svg.LINE)
            out.append(svg.words(width - right + 10, last, chart.series[k]["name"], "label")[0])
        height = max(HEIGHT, last + 10)
    else:
        foot = HEIGHT + 6.0
        for k, s in enumerate(chart.series):
            style = f"series s{k % STYLES}"
            out.append(svg.line(left, foot, left + 24, foot, style))
            out.append(svg.dot(left + 12, foot, MARKS[k % STYLES], style, 4))
            out.append(svg.words(left + 32, foot + 4.5, s["name"], "label")[0])
            foot += svg.LINE + 2
        height = foot
    out += svg.ticked(chart.x_ticks, x, bottom + 18, "count", (left, width))
    middle = (left + width - right) / 2
    out.append(svg.words(middle, HEIGHT - 8, chart.x_label, "axis-title", "middle")[0])
    return svg.picture(chart, ident, width, height, out, "curves")
