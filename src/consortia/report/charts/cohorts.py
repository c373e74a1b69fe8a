"""Small pictures side by side: one for each year of joining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import event_study, svg
from consortia.report.trace import Node

TALL = 132
MOST = 16
"""More joining years than this are left to the table."""


def data(rows: Sequence[Mapping[str, Any]], *, unit: str, joining: str) -> dict[str, Any] | None:
    """What the pictures show, from the group-time rows; None for fewer than two joining years."""
    known = [r for r in rows if r["estimate"] is not None]
    names = sorted({r["cohort"] for r in known})
    if not 2 <= len(names) <= MOST:
        return None
    panels = [
        {
            "cohort": name,
            "points": [
                {
                    "year": r["year"],
                    "estimate": r["estimate"],
                    "low": r["low"],
                    "high": r["high"],
                    "joined": r["year"] >= name,
                }
                for r in sorted(known, key=lambda r: r["year"])
                if r["cohort"] == name
            ],
        }
        for name in names
    ]
    every = [
        p | {"band_low": None, "band_high": None, "truth": None}
        for q in panels
        for p in q["points"]
    ]
    axis, digits = event_study.axis(every)
    years = [p["year"] for p in every]
    return {
        "title": f"Effect year by year, for each year of joining {joining}",
        "description": f"{len(panels)} small pictures on one scale, in {unit}: open dots before "
        "joining, full dots after. The table below gives every number.",
        "unit": unit,
        "panels": panels,
        "ticks": [axis[0], 0.0, axis[-1]] if axis[0] < 0 < axis[-1] else [axis[0], axis[-1]],
        "tick_rule": f"fixed:{digits}",
        "first": min(years),
        "last": max(years),
        "heading": "joined",
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    """SVG at ``width``; as many pictures in a row as fit."""
    left, gap = svg.margin(chart.ticks.value, chart.tick_rule.value), 18
    across = max(1, min(4, len(chart.panels), int((width - left + gap) / (150 + gap))))
    each = (width - left - gap * (across - 1)) / across
    low, high = chart.ticks.value[0], chart.ticks.value[-1]
    out: list[str] = [svg.words(0, 13, chart.unit, "axis-title")[0]]
    rows = -(-len(chart.panels) // across)
    for k, panel in enumerate(chart.panels):
        row, column = divmod(k, across)
        x0, top = left + column * (each + gap), 44 + row * TALL
        foot = top + TALL - 58
        y = svg.Scale(low, high, foot, top)
        x = svg.Scale(chart.first.value - 0.5, chart.last.value + 0.5, x0, x0 + each)
        edge = x.at(panel.cohort.value - 0.5)
        out.append(svg.box(x0, top, edge - x0, foot - top, "before"))
        out.append(
            svg.tag(
                "text",
                {"x": x0, "y": top - 7, "class": "label step"},
                svg.tag("tspan", {"data-path": chart.heading.path}, chart.heading.value),
                " ",
                svg.span(panel.cohort, "year"),
            )
        )
        for i, value in enumerate(chart.ticks.value):
            out.append(
                svg.line(x0, y.at(value), x0 + each, y.at(value), "zero" if not value else "grid")
            )
            if column == 0:
                rule = chart.tick_rule.value
                out.append(
                    svg.figure(x0 - 7, y.at(value) + 4.5, chart.ticks[i], rule, "tick", "end")
                )
        for p in panel.points:
            kind = "late" if p.joined.value else "early"
            at = x.at(p.year.value)
            if p.low.value is not None:
                a, b = y.inside(p.low.value), y.inside(p.high.value)
                out.append(svg.line(at, a, at, b, f"interval {kind}"))
            shape = "circle" if p.joined.value else "ring"
            out.append(svg.dot(at, y.inside(p.estimate.value), shape, kind, 3.5))
        out.append(svg.figure(x0, foot + 16, chart.first, "year", "tick"))
        out.append(svg.figure(x0 + each, foot + 16, chart.last, "year", "tick", "end"))
    return svg.picture(chart, ident, width, 44 + rows * TALL - 34, out, "cohorts")
