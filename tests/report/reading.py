"""Reads a page back as a browser would: its tree, the paths it names and the texts it shows."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree.ElementTree import Element

import html5lib

from consortia.report.numerals import MINUS, MISSING

HTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"


def tree(page: str) -> Element:
    """The parsed page; a page that is not valid HTML fails here."""
    return html5lib.HTMLParser(strict=True).parse(page)


def at(document: Any, path: str) -> Any:
    here = document
    for key in path.split("."):
        here = here[int(key)] if isinstance(here, list) else here[key]
    return here


def text(element: Element) -> str:
    return "".join(element.itertext())


def name(element: Element) -> str:
    return re.sub(r"\{.*\}", "", str(element.tag))


def traced(root: Element) -> list[Element]:
    return [e for e in root.iter() if e.get("data-path")]


def numbers(root: Element) -> list[tuple[str, str, str, str]]:
    """(path, raw, rule, shown) of every number of the page."""
    out = []
    for e in traced(root):
        raw = e.get("value") if name(e) == "data" else e.get("data-value")
        if raw is not None:
            out.append((e.get("data-path", ""), raw, e.get("data-format", ""), text(e)))
    return out


def read_back(shown: str, rule: str) -> tuple[float, float] | None:
    """The value that a reader takes from the text, and how far off it may be by rounding.

    Works from the text alone, so that it can disagree with the code that wrote it.
    """
    if shown == MISSING or shown.startswith(("over", "under", "<")):
        return None
    plain = shown.replace(MINUS, "-").replace(",", "").replace("+", "")
    scale = 0.01 if plain.endswith("%") else 1.0
    plain = plain.removesuffix("%")
    mantissa, _, power = plain.partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(power or 0)
    return float(plain) * scale, 0.5 * 10.0**-decimals * scale * (1 + 1e-9)


def raw_value(raw: str) -> Any:
    return None if raw == "" else json.loads(raw)


def loose_digits(root: Element) -> list[str]:
    """Texts with a digit that stand in no traced element (styles aside)."""
    found: list[str] = []

    def walk(element: Element, inside: bool) -> None:
        if name(element) in ("style", "title") and not str(element.tag).startswith(SVG):
            return
        inside = inside or bool(element.get("data-path"))
        if not inside and re.search(r"\d", element.text or ""):
            found.append(element.text or "")
        for child in element:
            walk(child, inside)
            if not inside and re.search(r"\d", child.tail or ""):
                found.append(child.tail or "")

    walk(root, False)
    return found
