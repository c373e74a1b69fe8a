"""Would a group hold: what members and outsiders get, by how many have joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import shown, ticks
from consortia.report.trace import Node

HEIGHT, RIGHT, TOP, BOTTOM = 260, 12, 30, 46


def data(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """``rows`` by size: size, member, outsider (pounds a year each beside nobody, or null)."""
    points = [
        {"size": r["size"], "member": r["member"], "outsider": r["outsider"]}
        for r in rows
        if r["member"] is not None or r["outsider"] is not None
    ]
    if len(points) < 2:
        return None
    values = [v for p in points for v in (p["member"], p["outsider"]) if v is not None]
    y, _ = ticks(min(0.0, *values), max(0.0, *values), 4)
    said = "; ".join(
        f"{p['size']}: member {shown(p['member'], 'signed:0')}, outsider "
        f"{shown(p['outsider'], 'signed:0')}"
        for p in points
    )
    return {
        "title": "What members and outsiders get, by the number who have joined",
        "description": f"Two rows of dots, in pounds a year each. {said}.",
        "unit": "£ a year each, beside nobody joining",
        "x_label": "Colleges that have joined",
        "points": points,
        "y_ticks": y,
        "x_ticks": [p["size"] for p in points],
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    y_ticks = chart.y_ticks.value
    left = svg.margin(y_ticks, "fixed:0")
    sizes = chart.x_ticks.value
    x = svg.Scale(min(sizes) - 0.4, max(sizes) + 0.4, left, width - RIGHT)
    y = svg.Scale(y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)
    out: list[str] = [svg.words(left, 14, chart.unit, "axis-title")[0]]
    for i in range(len(y_ticks)):
        at = y.at(y_ticks[i])
        out.append(svg.line(left, at, width - RIGHT, at, "zero" if not y_ticks[i] else "grid"))
        out.append(svg.figure(left - 7, at + 4.5, chart.y_ticks[i], "fixed:0", "tick", "end"))
    for p in chart.points.value:
        at = x.at(p["size"])
        if p["outsider"] is not None:
            out.append(svg.dot(at + 5, y.at(p["outsider"]), "ring", "early"))
        if p["member"] is not None:
            out.append(svg.dot(at - 5, y.at(p["member"]), "circle", "late"))
    out += svg.ticked(chart.x_ticks, x, HEIGHT - BOTTOM + 18, "count", (left, width))
    middle = (left + width - RIGHT) / 2
    out.append(svg.words(middle, HEIGHT - 8, chart.x_label, "axis-title", "middle")[0])
    return svg.picture(chart, ident, width, HEIGHT, out, "holding")
