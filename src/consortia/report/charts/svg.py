"""Small means of writing SVG as text: elements, scales, wrapped lines of words.

Colours are left to the page's style sheet through classes, so that print and dark screens can have
their own; shapes differ wherever colours do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape

from consortia.report.numerals import shown
from consortia.report.trace import Node, attributes

FONT = 13
"""Size of text in the units of the picture, which is drawn at its natural size or nearly so."""
LINE = 17
GLYPH = 0.57
BOLD = 0.65
"""Mean width of a letter as a share of the font size, on the generous side."""


def tag(name: str, attrs: Mapping[str, object] | None = None, *inside: str) -> Markup:
    """An element; attribute values and bare text are escaped, Markup is taken as it is."""
    written = "".join(
        f' {escape(key)}="{escape(_plain(value))}"' for key, value in (attrs or {}).items()
    )
    body = "".join(str(escape(part)) for part in inside)
    return Markup(f"<{name}{written}>{body}</{name}>") if inside else Markup(f"<{name}{written}/>")


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)


def picture(
    node: Node, ident: str, width: float, height: float, inside: Iterable[str], kind: str
) -> Markup:
    """The <svg> element, named by its title and described by its description."""
    return tag(
        "svg",
        {
            "viewBox": f"0 0 {_plain(float(width))} {_plain(float(height))}",
            "width": _plain(float(width)),
            "height": _plain(float(height)),
            "role": "img",
            "aria-labelledby": f"{ident}-title",
            "aria-describedby": f"{ident}-desc",
            "class": f"chart {kind}",
        },
        tag("title", {"id": f"{ident}-title", **attributes(node.title)}, node.title.value),
        tag(
            "desc", {"id": f"{ident}-desc", **attributes(node.description)}, node.description.value
        ),
        *inside,
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return tag("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "class": kind})


def box(x: float, y: float, width: float, height: float, kind: str, radius: float = 0.0) -> Markup:
    attrs: dict[str, object] = {
        "x": x, "y": y, "width": max(width, 0.0), "height": height, "class": kind,
    }  # fmt: skip
    if radius:
        attrs["rx"] = radius
    return tag("rect", attrs)


def dot(x: float, y: float, shape: str, kind: str, size: float = 4.5) -> Markup:
    """A mark: circle, ring, square, diamond, dash or cross."""
    match shape:
        case "circle" | "ring":
            return tag("circle", {"cx": x, "cy": y, "r": size, "class": f"{shape} {kind}"})
        case "square":
            points = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
            size *= 0.9
        case "diamond":
            points = [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)]
        case "dash":
            return tag(
                "line", {"x1": x - size, "y1": y, "x2": x + size, "y2": y, "class": f"dash {kind}"}
            )
        case "cross":
            arms = f"M{x - size:.2f} {y - size:.2f}L{x + size:.2f} {y + size:.2f}"
            arms += f"M{x + size:.2f} {y - size:.2f}L{x - size:.2f} {y + size:.2f}"
            return tag("path", {"d": arms, "class": f"{shape} {kind}"})
        case _:
            raise ValueError(f"no mark {shape!r}")
    path = " ".join(f"{x + size * dx:.2f},{y + size * dy:.2f}" for dx, dy in points)
    return tag("polygon", {"points": path, "class": f"{shape} {kind}"})


def words(
    x: float, y: float, text: Node | str, kind: str = "", anchor: str = "start", width: float = 0
) -> tuple[Markup, float]:
    """Text, wrapped to ``width`` where given; returns it with the y of the line after it.

    A Node keeps its path on the <text> element, whose lines joined by spaces give the whole again.
    """
    attrs: dict[str, object] = {"x": x, "y": y}
    if kind:
        attrs["class"] = kind
    if anchor != "start":
        attrs["text-anchor"] = anchor
    if isinstance(text, Node):
        attrs |= attributes(text)
        text = str(text.value)
    glyph = BOLD if "answer" in kind else GLYPH
    lines = wrapped(text, width, glyph) if width else [text]
    if len(lines) == 1:
        return tag("text", attrs, lines[0]), y + LINE
    spans = [
        tag("tspan", {"x": x, "y": y + i * LINE}, part + (" " if i + 1 < len(lines) else ""))
        for i, part in enumerate(lines)
    ]
    return tag("text", attrs, *spans), y + LINE * len(lines)


def figure(
    x: float, y: float, node: Node, rule: str, kind: str = "", anchor: str = "start"
) -> Markup:
    """One number as SVG text, traced to the document."""
    attrs: dict[str, object] = {"x": x, "y": y}
    if kind:
        attrs["class"] = kind
    if anchor != "start":
        attrs["text-anchor"] = anchor
    return tag("text", {**attrs, **attributes(node, rule)}, shown(node.value, rule))


def span(node: Node, rule: str) -> Markup:
    """One number inside a longer <text>."""
    return tag("tspan", {**attributes(node, rule)}, shown(node.value, rule))


def room(text: str, glyph: float = GLYPH) -> float:
    """Width that a text is likely to take."""
    return len(text) * glyph * FONT


def margin(values: Iterable[float], rule: str) -> float:
    """Room at the left of a vertical axis for its widest number."""
    return max(40.0, max(room(shown(value, rule)) for value in values) + 12)


def wrapped(text: str, width: float, glyph: float = GLYPH) -> list[str]:
    """Lines of words that fit ``width``; a single word that is too long is left whole."""
    most = max(1, int(width / (glyph * FONT)))
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= most:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def ticked(
    nodes: Node, scale: Scale, y: float, rule: str, edges: tuple[float, float]
) -> list[Markup]:
    """Numbers along a horizontal axis, every one or every second so that none touch; zero stays."""
    values = nodes.value
    at = [scale.at(value) for value in values]
    widest = max(room(shown(value, rule)) for value in values) + 10
    every = 1
    while every < len(at) and (at[every] - at[0]) < widest:
        every += 1
    start = min(range(len(values)), key=lambda i: abs(values[i])) % every
    out: list[Markup] = []
    for i in range(start, len(values), every):
        half = room(shown(values[i], rule)) / 2
        anchor = "middle"
        if at[i] - half < edges[0]:
            anchor = "start"
        elif at[i] + half > edges[1]:
            anchor = "end"
        out.append(figure(at[i], y, nodes[i], rule, "tick", anchor))
    return out


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight map from values to positions."""

    low: float
    high: float
    start: float
    stop: float

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)

    def inside(self, value: float) -> float:
        """The position, held within the picture."""
        a, b = sorted((self.start, self.stop))
        return min(max(self.at(value), a), b)
