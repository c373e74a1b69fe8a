"""The answer under every combination of choices: effects in order, the choices as marks below.

Lines and marks and not a row each, so that it reads the same for twenty and for five hundred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.numerals import ticks
from consortia.report.trace import Node
from consortia.results import Finding
from consortia.specs import Outcome

TALL = 200
MOST = 500
"""Specifications drawn; more than this are thinned evenly (both ends and the answer stay)."""
ROW = 16
KNOWN = (
    "place", "estimate", "std_error", "low", "high", "p_value", "past_worthwhile", "n_treated",
    "chosen", "why",
)  # fmt: skip
"""Columns of the check's table that are not choices."""


def data(
    rows: Sequence[Mapping[str, Any]], *, unit: str, worthwhile: float | None
) -> dict[str, Any] | None:
    """What the picture shows; ``rows`` of the check's table, smallest effect first."""
    told = [r for r in rows if r["estimate"] is not None]
    n = len(told)
    if n < 2:
        return None
    count = min(n, MOST)
    at = {round(k * (n - 1) / (count - 1)) for k in range(count)}
    at |= {i for i, r in enumerate(told) if r["chosen"]}
    shown = sorted(at)
    choices = [name for name in told[0] if name not in KNOWN]
    marks: list[dict[str, Any]] = []
    for name in choices:
        for value in dict.fromkeys(str(r[name]) for r in told):
            places = [k for k, i in enumerate(shown) if str(told[i][name]) == value]
            marks.append({"choice": name.replace("_", " "), "value": value, "places": places})
    ends = [told[i][k] for i in shown for k in ("low", "high")]
    axis, digits = ticks(min(0.0, *ends), max(0.0, *ends), 5)
    clear = sum(1 for r in told if r["low"] > 0 or r["high"] < 0)
    return {
        "title": "The answer under other choices",
        "description": f"{n:,} ways to ask the same question, smallest effect left, in {unit}: a "
        f"dot for the effect, a line for its interval; {clear:,} are clear of zero. Below, marks "
        "say which choices each of them makes.",
        "unit": unit,
        "ticks": axis,
        "tick_rule": f"fixed:{digits}",
        "count": len(shown),
        "worthwhile": worthwhile,
        "points": [
            {
                "estimate": told[i]["estimate"],
                "low": told[i]["low"],
                "high": told[i]["high"],
                "clear": told[i]["low"] > 0 or told[i]["high"] < 0,
                "chosen": bool(told[i]["chosen"]),
            }
            for i in shown
        ],
        "marks": marks,
    }


def of_findings(findings: Sequence[Finding], outcome: Outcome) -> dict[str, Any] | None:
    """The picture of the first specification curve among the checks, None without one."""
    found = next((f for f in findings if f.check == "specification-curve"), None)
    if found is None or "estimate" not in found.table.columns:
        return None
    several = "outcome" in found.table.columns
    return data(
        found.table.rows(named=True),
        unit="standard deviations" if several else outcome.unit,
        worthwhile=None if several else outcome.worthwhile,
    )


def draw(chart: Node, width: int, ident: str) -> Markup:
    axis = chart.ticks.value
    marks = chart.marks.value
    label = max(svg.room(f"{m['value']}") for m in marks) if marks else 0.0
    left = max(svg.margin(axis, chart.tick_rule.value), min(label + 10, 0.4 * width))
    top, foot = 26.0, 26.0 + TALL
    y = svg.Scale(axis[0], axis[-1], foot, top)
    x = svg.Scale(0, max(chart["count"].value - 1, 1), left + 5, width - 6)
    out: list[str] = [svg.words(0, 13, chart.unit, "axis-title")[0]]
    for i, value in enumerate(axis):
        out.append(svg.line(left, y.at(value), width, y.at(value), "zero" if not value else "grid"))
        out.append(
            svg.figure(
                left - 7, y.at(value) + 4.5, chart.ticks[i], chart.tick_rule.value, "tick", "end"
            )
        )
    worthwhile = chart.worthwhile.value
    if worthwhile is not None and axis[0] <= worthwhile <= axis[-1]:
        out.append(svg.line(left, y.at(worthwhile), width, y.at(worthwhile), "guide"))
    points = chart.points.value
    # One path for all intervals of a kind: a thousand elements would make the page slow.
    for clear in (False, True):
        path = "".join(
            f"M{x.at(k):.1f} {y.at(p['low']):.1f}V{y.at(p['high']):.1f}"
            for k, p in enumerate(points)
            if p["clear"] is clear
        )
        if path:
            out.append(svg.tag("path", {"d": path, "class": "clear" if clear else "open"}))
    line = " ".join(f"{x.at(k):.1f},{y.at(p['estimate']):.1f}" for k, p in enumerate(points))
    out.append(svg.tag("polyline", {"points": line, "class": "trace"}))
    for k, p in enumerate(points):
        if p["chosen"]:
            out.append(svg.dot(x.at(k), y.at(p["estimate"]), "diamond", "late", 5))
    at = foot + 14
    last = ""
    for j, mark in enumerate(marks):
        if mark["choice"] != last:
            last = mark["choice"]
            at += ROW + 2
            out.append(svg.words(0, at, chart.marks[j]["choice"], "axis-title")[0])
        at += ROW
        text, after = svg.words(
            left - 7, at, chart.marks[j]["value"], "tick", "end", width=left - 7
        )
        out.append(text)
        path = "".join(f"M{x.at(k):.1f} {at - 9:.1f}v9" for k in mark["places"])
        out.append(svg.tag("path", {"d": path, "class": "dots"}))
        at = after - svg.LINE
    return svg.picture(chart, ident, width, at + 8, out, "specification-curve")
