"""The ladder: from the raw difference, rung by rung, to the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import shown, ticks
from consortia.report.trace import Node, attributes

SIDE = 14


def data(
    rungs: Sequence[Mapping[str, Any]], *, unit: str, rule: str, answer: int | None
) -> dict[str, Any] | None:
    """What the picture shows; None where no rung has a number."""
    known = [r for r in rungs if r["estimate"] is not None]
    if not known:
        return None
    ends = [v for r in known for v in (r["estimate"], r["low"], r["high"]) if v is not None]
    axis, digits = ticks(min(0.0, *ends), max(0.0, *ends), 5)
    raw = next((r for r in known if r["name"] == "raw-gap"), None)
    final = None if answer is None else rungs[answer]["estimate"]
    gap = None if raw is None or final is None else raw["estimate"] - final
    low = None if answer is None else rungs[answer]["low"]
    within = (
        low is not None
        and raw is not None
        and answer is not None
        and (low <= raw["estimate"] <= rungs[answer]["high"])
    )
    said = "; ".join(
        f"{r['label']}: {shown(r['estimate'], rule)}"
        if r["estimate"] is not None
        else f"{r['label']}: {r['note'] or 'not identified'}"
        for r in rungs
    )
    return {
        "title": "From the raw difference to the answer",
        "description": f"Rows of a dot with its interval, in {unit}. {said}.",
        "unit": unit,
        "ticks": axis,
        "tick_rule": f"fixed:{digits}",
        "rule": rule,
        "rungs": [
            {k: r[k] for k in ("name", "label", "estimate", "low", "high")}
            | {"answer": i == answer, "missing": "not identified"}
            for i, r in enumerate(rungs)
        ],
        "gap": gap,
        "gap_size": None if gap is None else abs(gap),
        "gap_from": None if raw is None or final is None else raw["estimate"],
        "gap_to": None if raw is None else final,
        "gap_label": "between the two, which may be chance:"
        if within
        else "never the collaboration’s:",
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    """SVG at ``width``: labels above their own line, so that it reads on a narrow screen too."""
    axis = chart.ticks.value
    x = svg.Scale(axis[0], axis[-1], SIDE, width - SIDE)
    rule = chart.rule.value
    rows: list[str] = []
    y = 16.0
    lines: list[tuple[float, Node]] = []
    for rung in chart.rungs:
        kind = "answer" if rung.answer.value else "step"
        numbers, taken = _numbers(rung, rule, kind)
        glyph = svg.BOLD if kind == "answer" else svg.GLYPH
        beside = len(svg.wrapped(rung.label.value, width - taken - 14, glyph)) <= 2
        room = width - taken - 14 if beside else width
        label, after = svg.words(0, y, rung.label, f"label {kind}", width=room)
        place: dict[str, object] = {"x": 0, "y": after}
        if beside:
            place = {"x": width, "y": y, "text-anchor": "end"}
        after += 0 if beside else svg.LINE
        rows += [label, svg.tag("text", {**place, "class": f"value {kind}"}, *numbers)]
        lines.append((after + 1, rung))
        y = after + 27
    foot = y - 8
    under: list[str] = []
    for i in range(len(axis)):
        at = x.at(axis[i])
        for height, _ in lines:
            under.append(svg.line(at, height - 8, at, height + 8, "grid"))
    rows += svg.ticked(chart.ticks, x, foot + 14, chart.tick_rule.value, (0, width))
    for height, rung in lines:
        under.append(svg.line(SIDE, height, width - SIDE, height, "grid"))
        under.append(svg.line(x.at(0), height - 9, x.at(0), height + 9, "zero"))
        if rung.estimate.value is not None:
            rows += _mark(rung, x, height)
    if chart.gap_from.value is not None:
        under += _shade(chart, x, lines)
    unit, foot = svg.words(width / 2, foot + 32, chart.unit, "axis-title", "middle")
    rows.append(unit)
    return svg.picture(chart, ident, width, foot - 8, [*under, *rows], "ladder")


def _numbers(rung: Node, rule: str, kind: str) -> tuple[list[str], float]:
    """The rung's numbers, and the room they take."""
    if rung.estimate.value is None:
        missing = svg.tag("tspan", attributes(rung.missing), rung.missing.value)
        return [missing], svg.room(rung.missing.value)
    parts: list[str] = [svg.span(rung.estimate, rule)]
    if rung.low.value is not None:
        parts += [" (", svg.span(rung.low, rule), " to ", svg.span(rung.high, rule), ")"]
    glyph = svg.BOLD if kind == "answer" else svg.GLYPH
    return parts, svg.room(Markup("").join(parts).striptags(), glyph)


def _mark(rung: Node, x: svg.Scale, y: float) -> list[str]:
    answer = rung.answer.value
    kind = "late" if answer else "early"
    out: list[str] = []
    if rung.low.value is not None:
        out.append(svg.line(x.at(rung.low.value), y, x.at(rung.high.value), y, f"interval {kind}"))
    shape = "circle" if answer else "square" if rung.name.value == "raw-gap" else "ring"
    out.append(svg.dot(x.at(rung.estimate.value), y, shape, kind, 6.0 if answer else 4.5))
    return out


def _shade(chart: Node, x: svg.Scale, lines: list[tuple[float, Node]]) -> list[str]:
    """A guide down from the raw difference, and a quiet bar from there to the answer."""
    raw = next(height for height, rung in lines if rung.name.value == "raw-gap")
    end = next(height for height, rung in lines if rung.answer.value)
    start = x.at(chart.gap_from.value)
    a, b = sorted((start, x.at(chart.gap_to.value)))
    return [
        svg.line(start, raw, start, end + 8, "guide"),
        svg.box(a, end - 7, b - a, 14, "gap"),
    ]
