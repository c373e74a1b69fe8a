"""The year as the model has it: which step reads and which changes each stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.trace import Node

ROW = 22


def data(schedule: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """From the schedule alone: stocks are what one step writes and a step reads the year after or
    later in the year; ``steps`` in their order."""
    if not schedule:
        return None
    read = {name for s in schedule for name in s["reads"]}
    stocks = [n for n in dict.fromkeys(n for s in schedule for n in s["writes"]) if n in read]
    return {
        "title": "One year of the model: what each step reads and changes",
        "description": "A grid. "
        + " ".join(
            f"{s['name']} reads {', '.join(s['reads'])} and changes {', '.join(s['writes'])}."
            for s in schedule
        ),
        "steps": [s["name"] for s in schedule],
        "stocks": [
            {
                "label": stock.replace("_", " "),
                "cells": [
                    ("changes" if stock in s["writes"] else "reads" if stock in s["reads"] else "")
                    for s in schedule
                ],
            }
            for stock in stocks
        ],
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    narrow = width < 500
    left = 110.0
    each = (width - left) / len(chart.steps)
    out: list[str] = []
    top = 66.0
    for j, step in enumerate(chart.steps):
        x = left + each * (j + 0.5)
        turned = f"rotate(-60 {x:.1f} {top - 6})"
        attrs = {"x": x, "y": top - 6, "class": "tick", "transform": turned}
        attrs["data-path"] = step.path
        out.append(svg.tag("text", attrs, str(step.value)))
    y = top
    for stock in chart.stocks:
        out.append(svg.words(0, y + 15, stock.label, "tick", width=0)[0])
        out.append(svg.line(left, y + ROW / 2, width, y + ROW / 2, "grid"))
        for j, cell in enumerate(stock.cells.value):
            if cell:
                x = left + each * (j + 0.5)
                form, kind = ("circle", "late") if cell == "changes" else ("ring", "early")
                out.append(svg.dot(x, y + ROW / 2, form, kind, 4.0 if narrow else 5.0))
        y += ROW
    return svg.picture(chart, ident, width, y + 6, out, "stocks")
