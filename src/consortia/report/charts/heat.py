"""A square of shares: how far each kind of structure overlays each other."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import shown
from consortia.report.trace import Node

ROW = 34


def data(
    labels: list[str], share: list[list[float | None]], *, title: str, said: str
) -> dict[str, Any] | None:
    """``share`` (K, K) between 0 and 1, None where there is none; row: of these; column: also."""
    if len(labels) < 2:
        return None
    return {
        "title": title,
        "description": said,
        "labels": labels,
        "rows": [
            {"label": label, "cells": [{"share": v, "own": i == j} for j, v in enumerate(row)]}
            for i, (label, row) in enumerate(zip(labels, share, strict=True))
        ],
        "numbers": list(range(1, len(labels) + 1)),
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    """Columns carry the number of their row, so that long names are written once."""
    K = len(chart.rows)
    narrow = width < 500
    left = 0.42 * width if narrow else 0.38 * width
    each = (width - left) / K
    out: list[str] = []
    for j in range(K):
        out.append(
            svg.figure(left + each * (j + 0.5), 14, chart.numbers[j], "count", "tick", "middle")
        )
    y = 22.0
    for i, row in enumerate(chart.rows):
        lines = svg.wrapped(row.label.value, left - 30)
        tall = max(ROW, len(lines) * svg.LINE + 6)
        out.append(svg.figure(0, y + 17, chart.numbers[i], "count", "tick"))
        out.append(svg.words(22, y + 17, row.label, "label", width=left - 30)[0])
        for j, cell in enumerate(row.cells):
            value = cell.share.value
            x = left + each * j
            if value is not None and not cell.own.value:
                out.append(
                    svg.tag(
                        "rect",
                        {"x": x + 1, "y": y + 1, "width": each - 2, "height": tall - 2,
                         "class": "heat", "fill-opacity": round(min(1.0, value), 3)},
                    )
                )  # fmt: skip
            out.append(svg.box(x + 1, y + 1, each - 2, tall - 2, "heat-edge"))
            if not cell.own.value:
                over = " over" if value is not None and value > 0.55 else ""
                text = shown(value, "percent")
                if svg.room(text) <= each:
                    out.append(
                        svg.figure(
                            x + each / 2, y + tall / 2 + 5, cell.share, "percent",
                            f"cell{over}", "middle",
                        )
                    )  # fmt: skip
        y += tall
    return svg.picture(chart, ident, width, y + 4, out, "heat")
