"""Many collaborations in one picture: their effects in order, with what remains uncertain.

A ribbon and not a row each, so that it reads the same for twenty and for two thousand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import ticks
from consortia.report.trace import Node

TALL = 220
MOST = 200
"""Points of the ribbon; more collaborations than this are thinned evenly (both ends stay)."""


def data(rows: Sequence[Mapping[str, Any]], *, unit: str, mean: float) -> dict[str, Any] | None:
    """What the picture shows; ``rows`` best first."""
    n = len(rows)
    if n < 2:
        return None
    count = min(n, MOST)
    at = sorted({round(k * (n - 1) / (count - 1)) for k in range(count)})
    ends = [rows[i][k] for i in at for k in ("shrunk_low", "shrunk_high")]
    axis, digits = ticks(min(0.0, *ends), max(0.0, *ends), 5)
    return {
        "title": "Effect in each collaboration, drawn towards their mean",
        "description": f"From the worst (left) to the best (right) of {n:,} collaborations, in "
        f"{unit}: a line with a ribbon for what remains uncertain. Dots stand out from luck.",
        "unit": unit,
        "ticks": axis,
        "tick_rule": f"fixed:{digits}",
        "count": n,
        "mean": mean,
        "left": "worst",
        "right": "best",
        "points": [
            {
                "place": n - 1 - i,
                "shrunk": rows[i]["shrunk"],
                "low": rows[i]["shrunk_low"],
                "high": rows[i]["shrunk_high"],
            }
            for i in reversed(at)
        ],
        "marked": [
            {"place": n - 1 - i, "shrunk": r["shrunk"]}
            for i, r in enumerate(rows)
            if r["stands_out"]
        ],
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    axis = chart.ticks.value
    left = svg.margin(axis, chart.tick_rule.value)
    top, foot = 26.0, 26.0 + TALL
    y = svg.Scale(axis[0], axis[-1], foot, top)
    x = svg.Scale(0, max(chart["count"].value - 1, 1), left + 4, width - 8)
    points = chart.points.value
    out: list[str] = [svg.words(0, 13, chart.unit, "axis-title")[0]]
    for i, value in enumerate(axis):
        out.append(svg.line(left, y.at(value), width, y.at(value), "zero" if not value else "grid"))
        out.append(
            svg.figure(
                left - 7, y.at(value) + 4.5, chart.ticks[i], chart.tick_rule.value, "tick", "end"
            )
        )
    high = [(x.at(p["place"]), y.at(p["high"])) for p in points]
    low = [(x.at(p["place"]), y.at(p["low"])) for p in reversed(points)]
    mid = [(x.at(p["place"]), y.at(p["shrunk"])) for p in points]
    out.append(svg.tag("polygon", {"points": _path(high + low), "class": "ribbon"}))
    out.append(svg.line(left, y.at(chart.mean.value), width, y.at(chart.mean.value), "guide"))
    out.append(svg.tag("polyline", {"points": _path(mid), "class": "trace"}))
    for p in chart.marked.value:
        out.append(svg.dot(x.at(p["place"]), y.at(p["shrunk"]), "circle", "late", 4))
    out.append(svg.words(left, foot + 18, chart.left, "tick")[0])
    out.append(svg.words(width, foot + 18, chart.right, "tick", "end")[0])
    return svg.picture(chart, ident, width, foot + 26, out, "caterpillar")


def _path(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{a:.2f},{b:.2f}" for a, b in points)
