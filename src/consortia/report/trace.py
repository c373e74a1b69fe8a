"""Values that know where they stand in the report's document.

The page is rendered from Nodes, so that every text and number it shows carries the path at which
the JSON holds it. A test reads the page back and compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from consortia.report.numerals import shown


class Node:
    """A value of the document with its path: ``Node(doc).effects[3].estimate``.

    Attribute and item access go down; iteration yields Nodes; printing one in a template writes
    its text inside an element that names the path.
    """

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str = "") -> None:
        self.value = value
        self.path = path

    def _down(self, key: str | int) -> Node:
        return Node(self.value[key], f"{self.path}.{key}" if self.path else str(key))

    def __getattr__(self, name: str) -> Node:
        try:
            return self._down(name)
        except (KeyError, TypeError) as error:
            raise AttributeError(f"the document has no {self.path}.{name}") from error

    def __getitem__(self, key: str | int) -> Node:
        return self._down(key)

    def __iter__(self) -> Iterator[Node]:
        keys = self.value if isinstance(self.value, dict) else range(len(self.value))
        return (self._down(key) for key in keys)

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __eq__(self, other: object) -> bool:
        return self.value == (other.value if isinstance(other, Node) else other)

    __hash__ = None  # type: ignore[assignment]

    def __html__(self) -> str:
        return Markup('<span data-path="{}">{}</span>').format(self.path, self._text())

    def _text(self) -> str:
        if not isinstance(self.value, str):
            raise TypeError(f"{self.path} is not text: write it through the filter 'num'")
        return self.value


def number(node: Node, rule: str | Node) -> Markup:
    """A number as the page shows it; the raw value, path and rule ride along."""
    rule = str(rule.value) if isinstance(rule, Node) else rule
    raw = "" if node.value is None else repr(node.value)
    return Markup('<data value="{}" data-path="{}" data-format="{}">{}</data>').format(
        raw, node.path, rule, shown(node.value, rule)
    )


def plain(node: Node) -> str:
    """The bare text, for places that hold no element: <title>, attributes."""
    return node._text()


def attributes(node: Node, rule: str = "") -> dict[str, str]:
    """Attributes that trace an SVG text back to the document."""
    traced = {"data-path": node.path}
    if rule:
        traced |= {"data-value": repr(node.value), "data-format": rule}
    return traced
