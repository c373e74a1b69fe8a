"""What would be left of the effect beside a hidden cause, by how strong it is both ways.

Both axes are shares (of what is left of who joins, of what is left of results) on a square-root
scale, so that the weak causes near the corner have room. Every line joins the causes that would
leave the same effect; marks are causes as strong as something that was recorded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import shown
from consortia.report.trace import Node

HEIGHT = 320
RIGHT, TOP, BOTTOM = 14, 30, 48
STEPS = 48
TICKS = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
LEFT = (0.5, 0.0, -1.0)
"""What is left along each line, as a share of the estimate."""
ROW = 20


def of_findings(
    findings: Sequence[Mapping[str, Any]], *, unit: str, rule: str
) -> dict[str, Any] | None:
    """What the picture shows, from the document's own finding; None without that check."""
    found = next((f for f in findings if f["check"] == "unseen-confounder"), None)
    if found is None:
        return None
    numbers = {n["name"]: n["number"] for n in found["numbers"]}
    return data(
        found["rows"],
        estimate=numbers.get("estimate"),
        scale=numbers.get("scale"),
        robustness=numbers.get("robustness_value"),
        unit=unit,
        rule=rule,
    )


def data(
    rows: Sequence[Mapping[str, Any]],
    *,
    estimate: float | None,
    scale: float | None,
    robustness: float | None,
    unit: str,
    rule: str,
) -> dict[str, Any] | None:
    """``rows``: benchmark, times, r2_joining, r2_outcome, estimate of each cause; ``scale``: S of
    the bias S sqrt(y d / (1 - d)). None where there is no effect or nothing known of the bias."""
    if not estimate or not scale:
        return None
    known = [r for r in rows if r.get("estimate") is not None]
    names = list(dict.fromkeys(r["benchmark"] for r in known))
    points = [
        {
            "number": names.index(r["benchmark"]) + 1,
            "times": r["times"],
            "x": r["r2_joining"],
            "y": r["r2_outcome"],
            "left": r["estimate"],
        }
        for r in known
    ]
    value = robustness or 0.0
    x_top = min(1.0, max([2.4 * value, *(1.15 * p["x"] for p in points), 0.004]))
    y_top = min(1.0, max([2.4 * value, *(1.15 * p["y"] for p in points), 0.004]))
    lines: list[dict[str, Any]] = []
    for share in LEFT:
        distance = abs(estimate) * (1 - share)
        path = _path(distance / scale, x_top, y_top)
        if path:
            lines.append({"left": share * estimate, "zero": share == 0.0, "along": path})
    said = "; ".join(
        f"as strong as {r['benchmark']} {_times(r['times'])}: {shown(r['estimate'], rule)}"
        for r in known
    )
    return {
        "title": "What a hidden cause would leave of the effect",
        "description": (
            f"Lines of equal effect, in {unit}, by how much of joining (across) and of results "
            f"(upwards) a hidden cause would explain. Without one: {shown(estimate, rule)}. "
            + (f"What would be left: {said}." if said else "")
        ),
        "unit": unit,
        "rule": rule,
        "estimate": estimate,
        "x_label": "Share of joining that it explains",
        "y_label": "Share of results that it explains",
        "x_ticks": _ticks(x_top),
        "y_ticks": _ticks(y_top),
        "x_top": x_top,
        "y_top": y_top,
        "lines": lines,
        "points": points,
        "names": [{"number": i + 1, "label": name} for i, name in enumerate(names)],
    }


def _times(k: float) -> str:
    return "" if k == 1 else f"{k:g} times over"


def _path(reach: float, x_top: float, y_top: float) -> list[list[float]]:
    """Points (x, y) of the line y x / (1 - x) = reach squared, within the picture."""
    square = reach * reach
    # Where the line enters at the top and leaves at the right.
    start, stop = square / (square + y_top), x_top
    if start >= stop:
        return []
    out: list[list[float]] = []
    for i in range(STEPS + 1):
        x = start * (stop / start) ** (i / STEPS)
        out.append([x, min(y_top, square * (1 - x) / x)])
    return out


def _ticks(top: float) -> list[float]:
    """Shares that stand apart on the square-root scale."""
    out = [0.0]
    for t in TICKS[1:]:
        if t <= top and math.sqrt(t) - math.sqrt(out[-1]) >= 0.16 * math.sqrt(top):
            out.append(t)
    return out


def draw(chart: Node, width: int, ident: str) -> Markup:
    x_ticks, y_ticks = chart.x_ticks, chart.y_ticks
    left = svg.margin(y_ticks.value, "percent:1")
    bottom = HEIGHT - BOTTOM
    x = svg.Scale(0, math.sqrt(chart.x_top.value), left, width - RIGHT)
    y = svg.Scale(0, math.sqrt(chart.y_top.value), bottom, TOP)
    out: list[str] = [svg.words(0, 14, chart.y_label, "axis-title")[0]]
    for tick in y_ticks:
        at = y.at(math.sqrt(tick.value))
        out.append(svg.line(left, at, width - RIGHT, at, "grid"))
        out.append(svg.figure(left - 7, at + 4.5, tick, _rule(tick.value), "tick", "end"))
    last = -1e9
    for tick in x_ticks:
        at = x.at(math.sqrt(tick.value))
        half = svg.room(shown(tick.value, _rule(tick.value))) / 2
        end = min(at, width - half)
        if end - half > last + 6:
            out.append(svg.figure(end, bottom + 18, tick, _rule(tick.value), "tick", "middle"))
            last = end + half
    out.append(
        svg.words((left + width - RIGHT) / 2, HEIGHT - 8, chart.x_label, "axis-title", "middle")[0]
    )
    rule = chart.rule.value
    run = (bottom - TOP) / (width - RIGHT - left)
    for one in chart.lines:
        at = [(x.at(math.sqrt(px)), y.at(math.sqrt(py))) for px, py in one.along.value]
        kind = "contour zero" if one.zero.value else "contour"
        path = " ".join(f"{a:.2f},{b:.2f}" for a, b in at)
        out.append(svg.tag("polyline", {"points": path, "class": kind}))
        # On the diagonal lines lie furthest apart.
        mid_x, mid_y = min(at, key=lambda q: abs((q[0] - left) * run - (bottom - q[1])))
        taken = svg.room(shown(one.left.value, rule))
        if one.zero.value:
            continue
        if one.left.value * chart.estimate.value > 0:
            if mid_x - 6 - taken > left:
                out.append(svg.figure(mid_x - 6, mid_y + 14, one.left, rule, "note", "end"))
        elif mid_x + 8 + taken < width - RIGHT:
            out.append(svg.figure(mid_x + 8, mid_y - 2, one.left, rule, "note"))
    for p in chart.points:
        at_x, at_y = x.at(math.sqrt(p.x.value)), y.at(math.sqrt(p.y.value))
        out.append(svg.dot(at_x, at_y, "circle" if p.times.value == 1 else "ring", "late", 4.5))
        if p.times.value == 1:
            right = at_x + 14 < width - RIGHT
            out.append(
                svg.figure(
                    at_x + (8 if right else -8), at_y - 6, p.number, "count", "value",
                    "start" if right else "end",
                )
            )  # fmt: skip
    below = HEIGHT + 14.0
    for name in chart.names:
        out.append(svg.figure(0, below, name.number, "count", "value"))
        text, after = svg.words(18, below, name.label, "label", width=width - 18)
        out.append(text)
        below = after + 2
    height = HEIGHT if not len(chart.names) else below - svg.LINE + 8
    return svg.picture(chart, ident, width, height, out, "contours")


def _rule(share: float) -> str:
    return "percent" if share == 0 or share >= 0.01 else "percent:1"
