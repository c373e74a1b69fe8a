"""Honest trends: the interval of the answer, against how large a drift after joining may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import shown, ticks
from consortia.report.trace import Node

HEIGHT = 280
RIGHT, TOP, BOTTOM = 14, 40, 46


def data(
    rows: Sequence[Mapping[str, Any]], *, breakdown: float | None, unit: str, rule: str
) -> dict[str, Any] | None:
    """What the picture shows, from the check's rows of one target by relative magnitudes; None
    where there are none. ``breakdown``: the bound at which zero comes in."""
    points = [
        {k: row[k] for k in ("bound", "low", "high")} for row in rows if row["low"] is not None
    ]
    if not points:
        return None
    values = [v for p in points for v in (p["low"], p["high"])]
    y, digits = ticks(min(0.0, *values), max(0.0, *values), 5)
    x, finer = ticks(0.0, max(p["bound"] for p in points), 5)
    inside = breakdown is not None and 0 < breakdown <= points[-1]["bound"]
    said = "; ".join(
        f"{shown(p['bound'], 'fixed:2')}: {shown(p['low'], rule)} to {shown(p['high'], rule)}"
        for p in points
    )
    return {
        "title": "How far a drift after joining would move the answer",
        "description": (
            f"Intervals, in {unit}, that widen with the drift allowed after joining, as a multiple "
            f"of the worst seen before. {said}."
        ),
        "unit": unit,
        "points": points,
        "x_ticks": x,
        "x_rule": f"fixed:{finer}",
        "y_ticks": y,
        "tick_rule": f"fixed:{digits}",
        "x_label": "Drift allowed, in multiples of the worst before",
        "vanishes": "the answer vanishes" if inside else "",
        "breakdown": breakdown if inside else None,
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    """SVG at ``width``."""
    points = list(chart.points)
    y_ticks, x_ticks = chart.y_ticks.value, chart.x_ticks.value
    rule = chart.tick_rule.value
    left = svg.margin(y_ticks, rule)
    x = svg.Scale(x_ticks[0], x_ticks[-1], left + 12, width - RIGHT)
    y = svg.Scale(y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)
    bottom = HEIGHT - BOTTOM
    out: list[str] = [svg.words(0, 14, chart.unit, "axis-title")[0]]
    for i in range(len(y_ticks)):
        at = y.at(y_ticks[i])
        out.append(svg.line(left, at, width - RIGHT, at, "grid"))
        out.append(svg.figure(left - 7, at + 4.5, chart.y_ticks[i], rule, "tick", "end"))
    edge = [(x.at(p.bound.value), y.at(p.high.value)) for p in points]
    edge += [(x.at(p.bound.value), y.at(p.low.value)) for p in reversed(points)]
    path = " ".join(f"{a:.2f},{b:.2f}" for a, b in edge)
    out.append(svg.tag("polygon", {"points": path, "class": "band late"}))
    out.append(svg.line(left, y.at(0), width - RIGHT, y.at(0), "zero"))
    for k, p in enumerate(points):
        at = x.at(p.bound.value)
        kind = "early" if k == 0 else "late"
        out.append(svg.line(at, y.at(p.low.value), at, y.at(p.high.value), f"interval {kind}"))
    if chart.breakdown.value is not None:
        at = x.at(chart.breakdown.value)
        out.append(svg.line(at, TOP - 6, at, bottom, "joining"))
        anchor = "end" if at > (left + width) / 2 else "start"
        out.append(svg.words(at, TOP - 10, chart.vanishes, "note", anchor)[0])
    out += svg.ticked(chart.x_ticks, x, bottom + 18, chart.x_rule.value, (left, width))
    middle = (left + width - RIGHT) / 2
    out.append(svg.words(middle, HEIGHT - 8, chart.x_label, "axis-title", "middle")[0])
    return svg.picture(chart, ident, width, HEIGHT, out, "drift")
