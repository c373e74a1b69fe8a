"""The flow of providers: from the file to the two groups that are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from consortia.report.charts import svg
from consortia.report.trace import Node

BOX = 46
TRUNK = 26


def data(
    steps: Sequence[Mapping[str, Any]], *, joiners: int | None, compared: int | None
) -> dict[str, Any] | None:
    """What the picture shows: a start, whole providers that fell out, and the ends.

    The last two ends are the two groups; one before them is what both make together.
    """
    if not steps:
        return None
    start = next((s for s in steps if s["kind"] == "start"), None)
    drops = [
        {"providers": s["providers"], "step": s["step"]}
        for s in steps
        if s["kind"] == "drop" and s["providers"]
    ]
    ends = [{"providers": s["providers"], "step": s["step"]} for s in steps if s["kind"] == "end"]
    if not ends and joiners is not None and compared is not None:
        ends = [
            {"providers": joiners, "step": "joiners in the answer"},
            {"providers": compared, "step": "comparison in the answer"},
        ]
    parts = [f"{s['providers']:,} left out: {s['step']}" for s in drops]
    said = [f"{start['providers']:,} providers {start['step']}."] if start else []
    if parts:
        said.append("; ".join(parts) + ".")
    said += [f"{e['providers']:,} {e['step']}." for e in ends]
    groups, whole = ends[-2:], ends[:-2]
    both = whole and sum(g["providers"] for g in groups) > whole[-1]["providers"]
    return {
        "title": "How providers came into the comparison",
        "description": " ".join(said),
        "start": None
        if start is None
        else {"providers": start["providers"], "step": start["step"]},
        "drops": drops,
        "compared": whole,
        "groups": groups,
        "note": "Some are in both groups: joiners serve as comparison until they join."
        if both
        else "",
        "left_out": "left out:",
    }


def draw(chart: Node, width: int, ident: str) -> Markup:
    """SVG at ``width``."""
    out: list[str] = []
    y = 1.0
    if chart.start:
        out += _box(chart.start, 1, y, width - 2, "stage")
        y += BOX
    top = y
    y += 24
    last = y
    for i in range(len(chart.drops)):
        drop = chart.drops[i]
        last = y
        out.append(svg.line(TRUNK, y - 4.5, TRUNK + 20, y - 4.5, "trunk"))
        number = svg.figure(TRUNK + 28, y, drop.providers, "count", "value step")
        lead = TRUNK + 28 + 9 * len(f"{drop.providers.value:,}") + 6
        out.append(number)
        text, y = svg.words(lead, y, drop.step, "label step", width=width - lead - 4)
        out.append(text)
        y += 8
    y += 2 if len(chart.drops) else -8
    groups = list(chart.groups)
    if len(groups):
        out.append(svg.line(TRUNK, top, TRUNK, y, "trunk"))
    elif len(chart.drops):
        out.append(svg.line(TRUNK, top, TRUNK, last - 4.5, "trunk"))
    for stage in chart.compared:
        out += _box(stage, 1, y, width - 2, "stage")
        out.append(svg.line(TRUNK, y + BOX, TRUNK, y + BOX + 16, "trunk"))
        y += BOX + 16
    if groups:
        gap = 16
        each = (width - 2 - gap * (len(groups) - 1)) / len(groups)
        tall = max(len(svg.wrapped(g.step.value, each - _lead(g) - 4)) for g in groups)
        for i, group in enumerate(groups):
            kind = "joiners" if i == 0 else "stage"
            out += _box(group, 1 + i * (each + gap), y, each, kind, tall)
        y += BOX + (tall - 1) * svg.LINE
    return svg.picture(chart, ident, width, y + 2, out, "flow")


def _lead(node: Node) -> int:
    """Room taken by the count at the left of a box."""
    return 20 + 9 * len(f"{node.providers.value:,}")


def _box(node: Node, x: float, y: float, width: float, kind: str, tall: int = 1) -> list[str]:
    lead = _lead(node)
    text, _ = svg.words(x + lead, y + 28, node.step, "label", width=width - lead - 4)
    return [
        svg.box(x, y, width, BOX + (tall - 1) * svg.LINE, f"box {kind}", 4),
        svg.figure(x + 12, y + 28, node.providers, "count", "value answer"),
        text,
    ]
