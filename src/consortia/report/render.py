"""From document to page: Jinja2 templates, everything inlined, no outside request."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from consortia.report.charts import (
    bars,
    caterpillar,
    cohorts,
    contour,
    courses,
    curves,
    drift,
    event_study,
    flow,
    forest,
    gains,
    heat,
    holding,
    ladder,
    misses,
    shares,
    specification_curve,
    standings,
    stocks,
    tipping,
    waterfall,
    where,
)
from consortia.report.trace import Node, number, plain

DRAWINGS = {
    "ladder": ladder.draw,
    "event_study": event_study.draw,
    "flow": flow.draw,
    "cohorts": cohorts.draw,
    "forest": forest.draw,
    "waterfall": waterfall.draw,
    "caterpillar": caterpillar.draw,
    "specification_curve": specification_curve.draw,
    "heat": heat.draw,
    "bars": bars.draw,
    "shares": shares.draw,
    "standings": standings.draw,
    "hidden_cause": contour.draw,
    "drift": drift.draw,
    "misses": misses.draw,
    "curves": curves.draw,
    "gains": gains.draw,
    "where": where.draw,
    "courses": courses.draw,
    "holding": holding.draw,
    "stocks": stocks.draw,
    "tipping": tipping.draw,
}
WIDE = {
    "ladder": 560,
    "event_study": 560,
    "flow": 480,
    "cohorts": 800,
    "forest": 800,
    "waterfall": 640,
    "caterpillar": 640,
    "specification_curve": 800,
    "heat": 640,
    "bars": 480,
    "shares": 800,
    "standings": 800,
    "hidden_cause": 560,
    "drift": 560,
    "misses": 640,
    "curves": 640,
    "gains": 800,
    "where": 560,
    "courses": 640,
    "holding": 560,
    "stocks": 800,
    "tipping": 560,
}
NARROW = 350


def render_html(document: Mapping[str, Any]) -> str:
    """The report as one HTML page, from the document alone (as made here or read from JSON)."""
    return _environment().get_template("report.html.j2").render(doc=Node(document))


def render_shares(document: Mapping[str, Any]) -> str:
    """The page of shares alone, from its document alone."""
    return _environment().get_template("shares.html.j2").render(doc=Node(document))


def render_index(document: Mapping[str, Any]) -> str:
    """The page that lists several reports, from the index document alone."""
    return _environment().get_template("index.html.j2").render(doc=Node(document))


def render_comparison(document: Mapping[str, Any]) -> str:
    """The page that compares mechanisms, from its document alone."""
    return _environment().get_template("comparison.html.j2").render(doc=Node(document))


def render_overlap(document: Mapping[str, Any]) -> str:
    """The page of structures that overlay, from its document alone."""
    return _environment().get_template("overlap.html.j2").render(doc=Node(document))


def render_appraisal(document: Mapping[str, Any]) -> str:
    """The page of an appraisal, from its document alone."""
    return _environment().get_template("appraisal.html.j2").render(doc=Node(document))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("consortia.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"num": number, "plain": plain, "cell": _cell}
    environment.globals |= {"picture": _picture}
    return environment


def _picture(name: str, chart: Node, ident: str = "") -> Markup:
    """A picture drawn twice, for wide and for narrow screens, so that its text keeps its size.

    The style sheet shows one of the two; the other is hidden from everyone. ``ident`` tells
    several pictures of a kind apart.
    """
    draw, ident = DRAWINGS[name], ident or name
    return Markup('<div class="wide">{}</div><div class="narrow">{}</div>').format(
        draw(chart, WIDE[name], f"{ident}-wide"), draw(chart, NARROW, f"{ident}-narrow")
    )


def _cell(node: Node, rule: Node | str) -> Markup | Node:
    """A table cell under its column's rule: text as text, anything else as a number."""
    rule = rule.value if isinstance(rule, Node) else rule
    return node if rule == "text" else number(node, rule)
