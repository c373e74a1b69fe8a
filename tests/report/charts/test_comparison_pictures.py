"""Pictures of a comparison: marks stand where their numbers say, at every width."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from consortia.report.charts import courses, gains, holding, stocks, tipping, where
from consortia.report.trace import Node

SVG = "{http://www.w3.org/2000/svg}"
COLLEGES = [
    {"college": "A", "easting": 1000.0, "northing": 5000.0, "member": True, "reads": "gains"},
    {"college": "B", "easting": 9000.0, "northing": 1000.0, "member": True, "reads": "loses"},
    {"college": "C", "easting": 5000.0, "northing": 3000.0, "member": False, "reads": "unclear"},
]
YEARS = [{"year": 2026 + t, "estimate": t - 1.0, "low": t - 2.0, "high": t + 0.5} for t in range(4)]
SCHEDULE = [
    {"name": "leave", "reads": ("people",), "writes": ("people", "exits")},
    {"name": "pay", "reads": ("log_pay", "exits"), "writes": ("log_pay", "postings")},
]


def parsed(drawn: object) -> ElementTree.Element:
    return ElementTree.fromstring(str(drawn))


def plain(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [e for e in root.iter() if e.tag.removeprefix(SVG) == name]


@pytest.mark.parametrize("width", [350, 560, 800])
def test_map(width: int) -> None:
    chart = where.data(COLLEGES, "x")
    assert chart is not None
    root = parsed(where.draw(Node(chart), width, "m"))
    rings = {e.get("class"): e for e in plain(root, "circle")}
    gains_at = rings["circle late"]
    # North is up and east is right: A, the north-westernmost, is above and left of the rest.
    other = rings["ring early"]
    assert float(gains_at.get("cx", 0)) < float(other.get("cx", 0))
    assert float(gains_at.get("cy", 0)) < float(other.get("cy", 0))
    assert len(plain(root, "polygon")) == 1  # the one that loses
    assert sum(e.get("class") == "around" for e in plain(root, "circle")) == 2
    # Both ways to one scale: A to C is as far across as it is down, 4 km and 2 km.
    across = float(other.get("cx", 0)) - float(gains_at.get("cx", 0))
    down = float(other.get("cy", 0)) - float(gains_at.get("cy", 0))
    assert across / down == pytest.approx(2.0, rel=1e-2)


@pytest.mark.parametrize("width", [350, 640])
def test_courses(width: int) -> None:
    chart = courses.data([("One", YEARS), ("Two", YEARS)], title="x", unit="u", rule="fixed:1")
    assert chart is not None
    root = parsed(courses.draw(Node(chart), width, "c"))
    first, second = plain(root, "polyline")
    line = [tuple(map(float, p.split(","))) for p in first.get("points", "").split()]
    assert [x for x, _ in line] == sorted(x for x, _ in line)
    assert [y for _, y in line] == sorted((y for _, y in line), reverse=True)  # it rises
    assert first.get("points") != second.get("points")  # panels below one another
    assert len(plain(root, "polygon")) == 2


@pytest.mark.parametrize("width", [350, 560])
def test_holding(width: int) -> None:
    rows = [
        {"size": 0, "member": None, "outsider": 0.0},
        {"size": 1, "member": 0.0, "outsider": 500.0},
        {"size": 2, "member": 2000.0, "outsider": None},
    ]
    chart = holding.data(rows)
    assert chart is not None
    root = parsed(holding.draw(Node(chart), width, "h"))
    filled = [e for e in plain(root, "circle") if e.get("class") == "circle late"]
    assert len(filled) == 2
    assert float(filled[1].get("cy", 0)) < float(filled[0].get("cy", 0))
    assert sum(e.get("class") == "ring early" for e in plain(root, "circle")) == 2


@pytest.mark.parametrize("width", [350, 800])
def test_gains(width: int) -> None:
    cells = [(1234.0, "signed:0", "better"), (-0.5, "signed:2", "worse"), (None, "fixed:0", "none")]
    chart = gains.data(["Money", "Posts", "Staff"], [("A pool", cells)])
    assert chart is not None
    text = str(gains.draw(Node(chart), width, "g"))
    assert "+1,234" in text
    assert "\u22120.50" in text
    assert text.count("carried late") == 1
    assert text.count("carried method") == 1


@pytest.mark.parametrize("width", [350, 800])
def test_stocks(width: int) -> None:
    chart = stocks.data(SCHEDULE)
    assert chart is not None
    # Postings are written and read by no step: no stock.
    assert [s["label"] for s in chart["stocks"]] == ["people", "exits", "log pay"]
    assert chart["stocks"][1]["cells"] == ["changes", "reads"]
    root = parsed(stocks.draw(Node(chart), width, "s"))
    assert len([e for e in plain(root, "circle") if e.get("class") == "circle late"]) == 3
    assert len([e for e in plain(root, "circle") if e.get("class") == "ring early"]) == 1


@pytest.mark.parametrize("width", [350, 560])
def test_tipping(width: int) -> None:
    rows = [
        {"intensity": 0.5, "apart": 0.0, "still_in": 1.0, "breaches": 0.0, "year": None},
        {"intensity": 4.0, "apart": 0.75, "still_in": 0.2, "breaches": 0.3, "year": 4.0},
    ]
    chart = tipping.data(rows)
    assert chart is not None
    assert "4: 75% come apart, 20% of the members left" in chart["description"]
    root = parsed(tipping.draw(Node(chart), width, "t"))
    apart = [
        float(e.get("cy", 0)) for e in plain(root, "circle") if e.get("class") == "circle late"
    ]
    left = [float(e.get("cy", 0)) for e in plain(root, "circle") if e.get("class") == "ring early"]
    # None apart and all inside are the two ends of the axis.
    height = apart[0] - left[0]
    assert height > 100
    assert apart[0] - apart[1] == pytest.approx(0.75 * height, abs=0.02)
    assert apart[0] - left[1] == pytest.approx(0.2 * height, abs=0.02)


def test_nothing_to_draw() -> None:
    assert tipping.data([]) is None
    assert gains.data(["a"], []) is None
    assert where.data([], "x") is None
    assert courses.data([], title="x", unit="y", rule="fixed:0") is None
    assert holding.data([]) is None
    assert stocks.data([]) is None
