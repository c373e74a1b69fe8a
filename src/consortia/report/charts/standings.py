"""Every collaboration of a kind beside the others, from the largest effect to the smallest.

Readable from five to some thousands: intervals are drawn as one path, so that a thousand stand side
by side as a band with its edge, and only those that stand out are drawn stronger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import ticks
from consortia.report.trace import Node

LEFT = 62
SIDE = 14
HEIGHT = 250
FEW = 60
"""Up to so many, every one has a mark."""


def data(
    rows: Sequence[Mapping[str, Any]], label: str, unit: str, sentence: str
) -> dict[str, Any] | None:
    """What the picture shows, largest effect first; None without effects."""
    if not rows:
        return None
    low = min(min(r["effect"], r["low"]) for r in rows)
    high = max(max(r["effect"], r["high"]) for r in rows)
    axis, digits = ticks(min(low, 0.0), max(high, 0.0), 5)
    return {
        "title": f"Effects of each {label}, from the largest to the smallest",
        "description": f"A row of dots with intervals, one per {label}. {sentence}",
        "unit": f"predicted effect, {unit}",
        "order": "from the largest effect to the smallest",
        "ticks": axis,
        "tick_rule": f"signed:{digits}",
        "points": [[r["effect"], r["low"], r["high"], r["stands_out"]] for r in rows],
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    """SVG at ``width``."""
    points = chart.points.value
    axis = chart.ticks.value
    unit, top = svg.words(0, 14, chart.unit, "axis-title", width=width)
    y = svg.Scale(axis[0], axis[-1], top + HEIGHT, top + 4)
    inside: list[str] = [unit]
    for k, value in enumerate(axis):
        at = y.at(value)
        inside.append(svg.line(LEFT, at, width - SIDE, at, "zero" if not value else "grid"))
        inside.append(
            svg.figure(LEFT - 8, at + 4, chart.ticks[k], chart.tick_rule.value, "tick", "end")
        )
    n = len(points)
    step = (width - SIDE - LEFT) / n
    few = n <= FEW
    for named in (False, True):
        kind = "late" if named else "early"
        mine = [(i, p) for i, p in enumerate(points) if bool(p[3]) == named]
        if not mine:
            continue
        x = [LEFT + (i + 0.5) * step for i, _ in mine]
        bars = "".join(
            f"M{at:.1f} {y.at(p[1]):.1f}V{y.at(p[2]):.1f}"
            for at, (_, p) in zip(x, mine, strict=True)
        )
        # Thin where many stand close, so that neighbours stay apart or melt into a band.
        stroke = {} if few else {"style": f"stroke-width:{max(0.4, min(2.0, 0.6 * step)):.2f}"}
        inside.append(svg.tag("path", {"d": bars, "class": f"interval {kind}", **stroke}))
        if few:
            inside += [
                svg.dot(at, y.at(p[0]), "circle" if named else "ring", kind, 4)
                for at, (_, p) in zip(x, mine, strict=True)
            ]
        else:
            marks = "".join(
                f"M{at - 0.6:.1f} {y.at(p[0]):.1f}h1.2" for at, (_, p) in zip(x, mine, strict=True)
            )
            inside.append(svg.tag("path", {"d": marks, "class": "dash"}))
    order, foot = svg.words(
        (LEFT + width - SIDE) / 2, top + HEIGHT + 20, chart.order, "axis-title", "middle",
        width - LEFT,
    )  # fmt: skip
    inside.append(order)
    return svg.picture(chart, ident, width, foot - 8, inside, "cohorts")
