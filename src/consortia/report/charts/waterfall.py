"""The waterfall: what each of the others carries of the raw difference, down to the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import shown, ticks
from consortia.report.trace import Node

SIDE = 14
TALL = 14
KINDS = {"total": "carried total", "part": "carried", "method": "carried method"}


def data(parts: Sequence[Mapping[str, Any]], *, unit: str, rule: str) -> dict[str, Any]:
    """What the picture shows. A part's interval stands around the end of its bar."""
    bars: list[dict[str, Any]] = []
    for p in parts:
        low, high = p["low"], p["high"]
        if low is not None and p["kind"] == "part":
            low, high = p["start"] - p["high"], p["start"] - p["low"]
        bars.append(
            {k: p[k] for k in ("name", "label", "kind", "estimate", "start", "end")}
            | {"whisker_low": low, "whisker_high": high}
        )
    ends = [
        v
        for b in bars
        for v in (b["start"], b["end"], b["whisker_low"], b["whisker_high"])
        if v is not None
    ]
    axis, digits = ticks(min(0.0, *ends), max(0.0, *ends), 5)
    said = "; ".join(f"{p['label']}: {shown(p['estimate'], rule)}" for p in parts)
    return {
        "title": "What the raw difference is made of",
        "description": f"Bars below one another, in {unit}, each starting where the one above "
        f"ends. {said}.",
        "unit": unit,
        "ticks": axis,
        "tick_rule": f"fixed:{digits}",
        "rule": rule,
        "bars": bars,
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    """SVG at ``width``: labels above their own bar, so that it reads on a narrow screen too."""
    axis = chart.ticks.value
    x = svg.Scale(axis[0], axis[-1], SIDE, width - SIDE)
    rule = chart.rule.value
    rows: list[str] = []
    places: list[tuple[float, Node]] = []
    y = 16.0
    for bar in chart.bars:
        kind = "answer" if bar.kind.value in ("answer", "total") else "step"
        taken = svg.room(shown(bar.estimate.value, rule), svg.BOLD) + 14
        label, after = svg.words(0, y, bar.label, f"label {kind}", width=width - taken)
        rows += [label, svg.figure(width, y, bar.estimate, rule, f"value {kind}", "end")]
        places.append((after - 4, bar))
        y = after + 28
    foot = y - 8
    under: list[str] = []
    for height, _ in places:
        for value in axis:
            kind = "grid" if value else "zero"
            under.append(svg.line(x.at(value), height - 4, x.at(value), height + TALL + 4, kind))
    for k, (height, bar) in enumerate(places):
        a, b = sorted((x.at(bar.start.value), x.at(bar.end.value)))
        kind = KINDS.get(bar.kind.value, "carried late")
        under.append(svg.box(a, height, max(b - a, 1.5), TALL, kind))
        if bar.whisker_low.value is not None:
            middle = height + TALL / 2
            p, q = x.at(bar.whisker_low.value), x.at(bar.whisker_high.value)
            under.append(svg.line(p, middle, q, middle, "whisker"))
            under += [svg.line(e, middle - 4, e, middle + 4, "whisker") for e in (p, q)]
        following = places[k + 1][1].kind.value if k + 1 < len(places) else ""
        if following in ("part", "method", "total") or (following == "answer"):
            under.append(
                svg.line(
                    x.at(bar.end.value), height + TALL, x.at(bar.end.value),
                    places[k + 1][0], "guide",
                )
            )  # fmt: skip
    rows += svg.ticked(chart.ticks, x, foot + 14, chart.tick_rule.value, (0, width))
    unit, foot = svg.words(width / 2, foot + 32, chart.unit, "axis-title", "middle")
    rows.append(unit)
    return svg.picture(chart, ident, width, foot - 8, [*under, *rows], "waterfall")
