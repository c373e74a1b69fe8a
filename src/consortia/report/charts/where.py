"""Winners and losers on a map: one mark for each college, at its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.trace import Node

PAD, MOST = 14, 520


def data(rows: Sequence[Mapping[str, Any]], title: str) -> dict[str, Any] | None:
    """``rows`` of colleges with easting, northing, member, reads (gains, loses, unclear)."""
    if not rows:
        return None
    told = {
        of: {
            reads: sum(1 for r in rows if r["member"] == member and r["reads"] == reads)
            for reads in ("gains", "loses", "unclear")
        }
        for of, member in (("members", True), ("others", False))
    }
    said = "; ".join(
        f"of the {of}, {c['gains']} gain, {c['loses']} lose, {c['unclear']} unclear"
        for of, c in told.items()
    )
    return {
        "title": title,
        "description": f"A map of colleges. {said[0].upper()}{said[1:]}. The table beside it "
        "names them.",
        "marks": [
            {
                "college": r["college"],
                "east": round((r["easting"] - min(x["easting"] for x in rows)) / 1000, 1),
                "north": round((r["northing"] - min(x["northing"] for x in rows)) / 1000, 1),
                "member": bool(r["member"]),
                "reads": r["reads"],
            }
            for r in rows
        ],
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    """North is up, both ways to the same scale; members are larger."""
    marks = chart.marks.value
    east = max(max(m["east"] for m in marks), 1e-6)
    north = max(max(m["north"] for m in marks), 1e-6)
    scale = min((width - 2 * PAD) / east, MOST / north)
    height = north * scale + 2 * PAD
    start = (width - east * scale) / 2
    shape = {"gains": ("circle", "late"), "loses": ("square", "early")}
    out: list[str] = []
    for m in sorted(marks, key=lambda m: m["member"]):
        x, y = start + m["east"] * scale, height - PAD - m["north"] * scale
        form, kind = shape.get(m["reads"], ("ring", "early"))
        size = 7.0 if m["member"] else 3.5
        out.append(svg.dot(x, y, form, kind, size))
        if m["member"]:
            out.append(svg.tag("circle", {"cx": x, "cy": y, "r": 11, "class": "around"}))
    return svg.picture(chart, ident, width, height, out, "where")
