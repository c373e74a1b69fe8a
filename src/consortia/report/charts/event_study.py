"""The event study: effects by years since joining, with the years before as the trial of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import shown, ticks
from consortia.report.trace import Node

HEIGHT = 300
RIGHT, TOP, BOTTOM = 12, 30, 46
REACH = 3.0
"""An interval wider than this many times the middle one is cut off with an arrow, so that one thin
year does not flatten all the others."""


def data(
    rows: Sequence[Mapping[str, Any]], *, unit: str, rule: str, reference: int | None, joining: str
) -> dict[str, Any] | None:
    """What the picture shows, from the dynamic rows of the effect table; None without any."""
    kept = ("event_time", "estimate", "low", "high", "band_low", "band_high", "n_treated")
    points = [
        {name: row[name] for name in kept}
        | {
            "truth": row.get("truth"),
            "reference": row["event_time"] == reference,
            # Between the base year and joining: touched by what led to joining.
            "touched": reference is not None and reference < row["event_time"] < 0,
        }
        for row in sorted(rows, key=lambda r: r["event_time"])
        if row["estimate"] is not None
    ]
    if not any(not p["reference"] for p in points):
        return None
    y, digits = axis(points)
    times = [p["event_time"] for p in points]
    few = ticks(min(times), max(times), 8)
    x = [int(t) for t in few[0] if min(times) <= t <= max(times)] if few[1] == 0 else times
    return {
        "title": f"Effect by years since joining {joining}",
        "description": _described(points, unit, rule),
        "unit": unit,
        "points": points,
        "x_ticks": x,
        "y_ticks": y,
        "tick_rule": f"fixed:{digits}",
        "x_label": "Years since joining",
        "before": "before joining",
        "after": "after joining",
        "bands": any(p["band_low"] is not None for p in points),
        "truth": any(p["truth"] is not None for p in points),
        "reference": any(p["reference"] for p in points),
        "touched": any(p["touched"] for p in points),
        "cut": any(_cut(p, y) for p in points),
        "alone": any(_alone(p) for p in points),
    }


def _alone(point: Mapping[str, Any]) -> bool:
    """An effect on a single joiner, which has no interval."""
    return point["n_treated"] == 1 and point["low"] is None and not point["reference"]


def _ends(point: Mapping[str, Any]) -> tuple[float, float]:
    """The widest that is drawn at a point."""
    values = [
        point[k]
        for k in ("estimate", "low", "high", "band_low", "band_high")
        if point[k] is not None
    ]
    return min(values), max(values)


def axis(points: Sequence[Mapping[str, Any]]) -> tuple[list[float], int]:
    """Ticks of the axis of effects, and their decimals."""
    half = [(b - a) / 2 for a, b in map(_ends, points) if b > a]
    most = REACH * median(half) if half else 0.0
    low = min([0.0] + [max(_ends(p)[0], p["estimate"] - most) for p in points])
    high = max([0.0] + [min(_ends(p)[1], p["estimate"] + most) for p in points])
    known = [p["truth"] for p in points if p["truth"] is not None]
    return ticks(min([low, *known]), max([high, *known]), 5)


def _cut(point: Mapping[str, Any], y: Sequence[float]) -> bool:
    low, high = _ends(point)
    return low < y[0] or high > y[-1]


def _described(points: Sequence[Mapping[str, Any]], unit: str, rule: str) -> str:
    def said(group: list[Mapping[str, Any]]) -> str:
        return "; ".join(
            f"year {shown(p['event_time'], 'fixed')}: {shown(p['estimate'], rule)}" for p in group
        )

    real = [p for p in points if not p["reference"]]
    before = [p for p in real if p["event_time"] < 0 and not p["touched"]]
    touched = [p for p in real if p["touched"]]
    after = [p for p in real if p["event_time"] >= 0]
    parts = [f"Dots with intervals, in {unit}; zero means no difference from the comparison."]
    if before:
        parts.append(f"Before joining, {said(before)}.")
    if touched:
        parts.append(f"Between the base year and joining, {said(touched)}.")
    if after:
        parts.append(f"From joining on, {said(after)}.")
    return " ".join(parts) + " The table below gives the intervals."


def draw(chart: Node, width: int, ident: str) -> Markup:
    """SVG at ``width``."""
    points = list(chart.points)
    times = [p.event_time.value for p in points]
    y_ticks = chart.y_ticks.value
    rule = chart.tick_rule.value
    pad = 0.6
    left = svg.margin(y_ticks, rule)
    x = svg.Scale(min(times) - pad, max(times) + pad, left, width - RIGHT)
    y = svg.Scale(y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)
    bottom = HEIGHT - BOTTOM
    edge = x.inside(-0.5)
    out: list[str] = [
        svg.box(left, TOP, edge - left, bottom - TOP, "before"),
        svg.words(left, 14, chart.unit, "axis-title")[0],
    ]
    for i in range(len(y_ticks)):
        at = y.at(y_ticks[i])
        out.append(svg.line(left, at, width - RIGHT, at, "grid"))
        out.append(svg.figure(left - 7, at + 4.5, chart.y_ticks[i], rule, "tick", "end"))
    out.append(svg.line(left, y.at(0), width - RIGHT, y.at(0), "zero"))
    if min(times) < 0 <= max(times):
        out.append(svg.line(edge, TOP, edge, bottom, "joining"))
        out.append(svg.words(edge - 6, TOP + 14, chart.before, "note", "end")[0])
        out.append(svg.words(edge + 6, TOP + 14, chart.after, "note")[0])
    step = x.at(1) - x.at(0)
    half = min(9.0, 0.3 * step)
    for p in points:
        out += _point(p, x.at(p.event_time.value), y, half)
    out += svg.ticked(chart.x_ticks, x, bottom + 18, "fixed", (left, width))
    middle = (left + width - RIGHT) / 2
    out.append(svg.words(middle, HEIGHT - 8, chart.x_label, "axis-title", "middle")[0])
    return svg.picture(chart, ident, width, HEIGHT, out, "event-study")


def _point(p: Node, at: float, y: svg.Scale, half: float) -> list[str]:
    here = y.inside(p.estimate.value)
    if p.reference.value:
        return [svg.dot(at, here, "diamond", "reference", 4.5)]
    kind = "late" if p.event_time.value >= 0 else "early"
    out: list[str] = []
    if p.band_low.value is not None:
        top, foot = y.inside(p.band_high.value), y.inside(p.band_low.value)
        out.append(svg.box(at - half, top, 2 * half, max(foot - top, 0.5), f"band {kind}", 2))
    if p.low.value is not None:
        top, foot = y.inside(p.high.value), y.inside(p.low.value)
        out.append(svg.line(at, top, at, foot, f"interval {kind}"))
    low, high = _ends(p.value)
    if high > y.high:
        out.append(_arrow(at, y.stop, -1, kind))
    if low < y.low:
        out.append(_arrow(at, y.start, 1, kind))
    if p.truth.value is not None:
        out.append(svg.dot(at, y.inside(p.truth.value), "dash", "truth", half))
    shape = "circle" if kind == "late" else "square" if p.touched.value else "ring"
    if _alone(p.value):
        shape = "cross"
    if y.low <= p.estimate.value <= y.high:
        out.append(svg.dot(at, here, shape, kind))
    return out


def _arrow(x: float, y: float, down: int, kind: str) -> Markup:
    path = f"{x - 5:.2f},{y - 6 * down:.2f} {x + 5:.2f},{y - 6 * down:.2f} {x:.2f},{y + down:.2f}"
    return svg.tag("polygon", {"points": path, "class": f"arrow {kind}"})
