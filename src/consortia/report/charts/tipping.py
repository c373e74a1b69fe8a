"""When does a compact come apart: runs that do, and members left, as competition grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import shown
from consortia.report.trace import Node

HEIGHT, RIGHT, TOP, BOTTOM = 250, 14, 30, 46


def data(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """``rows`` by intensity of competition: intensity, apart, still_in (shares)."""
    if len(rows) < 2:
        return None
    points = [{k: r[k] for k in ("intensity", "apart", "still_in")} for r in rows]
    said = "; ".join(
        f"{p['intensity']:g}: {shown(p['apart'], 'percent')} come apart, "
        f"{shown(p['still_in'], 'percent')} of the members left"
        for p in points
    )
    return {
        "title": "When the compact comes apart, by the intensity of competition",
        "description": f"Two rows of dots. {said}.",
        "unit": "share of runs, or of members",
        "rule": rule([p["intensity"] for p in points]),
        "x_label": "Competition, times that of today",
        "points": points,
        "y_ticks": [0.0, 0.25, 0.5, 0.75, 1.0],
        "x_ticks": [p["intensity"] for p in points],
    }


def rule(intensities: Sequence[float]) -> str:
    """As many decimals as they need, two at the most."""
    return next(
        (f"fixed:{k}" for k in (0, 1) if all(round(x, k) == x for x in intensities)), "fixed:2"
    )


def draw(chart: Node, width: int, ident: str) -> Markup:
    """Intensities stand at equal distances in their order: they are chosen, often by doubling."""
    left = svg.margin([1.0], "percent") + 8
    points = chart.points.value
    x = svg.Scale(-0.4, len(points) - 0.6, left, width - RIGHT)
    y = svg.Scale(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    out: list[str] = [svg.words(left, 14, chart.unit, "axis-title")[0]]
    for i, tick in enumerate(chart.y_ticks.value):
        at = y.at(tick)
        out.append(svg.line(left, at, width - RIGHT, at, "grid" if tick else "zero"))
        out.append(svg.figure(left - 7, at + 4.5, chart.y_ticks[i], "percent", "tick", "end"))
    for k, p in enumerate(points):
        out.append(svg.dot(x.at(k) + 5, y.at(p["still_in"]), "ring", "early"))
        out.append(svg.dot(x.at(k) - 5, y.at(p["apart"]), "circle", "late"))
        out.append(
            svg.figure(
                x.at(k),
                HEIGHT - BOTTOM + 18,
                chart.x_ticks[k],
                str(chart.rule.value),
                "tick",
                "middle",
            )
        )
    middle = (left + width - RIGHT) / 2
    out.append(svg.words(middle, HEIGHT - 8, chart.x_label, "axis-title", "middle")[0])
    return svg.picture(chart, ident, width, HEIGHT, out, "tipping")
