"""The picture of hidden causes: lines and marks stand where the bound puts them."""

import math
from xml.etree import ElementTree

import pytest

from consortia.maths.confounding import bias, needed_on_outcome, robustness_value
from consortia.report.charts import contour, svg
from consortia.report.trace import Node

ROWS = [
    {"benchmark": "size", "times": k, "r2_joining": 0.01 * k, "r2_outcome": 0.02 * k,
     "estimate": 0.4 - bias(3.0, 0.02 * k, 0.01 * k)}
    for k in (1.0, 2.0, 3.0)
] + [{"benchmark": "region", "times": 1.0, "r2_joining": None, "r2_outcome": None,
      "estimate": None}]  # fmt: skip


@pytest.fixture
def chart():
    made = contour.data(
        ROWS, estimate=0.4, scale=3.0, robustness=robustness_value(0.4 / 3.0), unit="points",
        rule="signed:2",
    )  # fmt: skip
    assert made is not None
    return made


def test_lines_leave_what_they_say(chart) -> None:
    assert [one["left"] for one in chart["lines"]] == pytest.approx([0.2, 0.0, -0.4])
    assert [one["zero"] for one in chart["lines"]] == [False, True, False]
    for one in chart["lines"]:
        inner = [(x, y) for x, y in one["along"] if y < chart["y_top"]]
        assert len(inner) > 20
        for x, y in inner:
            assert 0.4 - bias(3.0, y, x) == pytest.approx(one["left"], abs=1e-9)
            assert needed_on_outcome(3.0, 0.4 - one["left"], x) == pytest.approx(y)


def test_the_robustness_value_lies_on_the_thick_line_within_the_picture(chart) -> None:
    value = robustness_value(0.4 / 3.0)
    assert value < min(chart["x_top"], chart["y_top"])
    assert bias(3.0, value, value) == pytest.approx(0.4)


@pytest.mark.parametrize("width", [350, 560, 800])
def test_marks_stand_on_the_square_root_scale(chart, width: int) -> None:
    root = ElementTree.fromstring(contour.draw(Node(chart), width, "x"))
    marks = list(root.iter("circle"))
    assert len(marks) == 3
    left = min(float(e.get("x1", "")) for e in root.iter("line"))
    for mark, row in zip(marks, ROWS, strict=False):
        share = math.sqrt(row["r2_joining"] / chart["x_top"])
        assert float(mark.get("cx", "")) == pytest.approx(
            left + share * (width - contour.RIGHT - left), abs=0.05
        )
        assert ("ring" in mark.get("class", "")) == (row["times"] != 1.0)
    assert sum("contour" in e.get("class", "") for e in root.iter("polyline")) == 3
    box = [float(v) for v in root.get("viewBox", "").split()]
    for e in root.iter("polyline"):
        for pair in e.get("points", "").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= box[2]
            assert 0 <= y <= box[3]
    for e in root.iter("text"):
        said = "".join(e.itertext())
        start, taken = float(e.get("x", "")), len(said) * 0.5 * svg.FONT
        start -= {"end": taken, "middle": taken / 2}.get(e.get("text-anchor", ""), 0)
        assert -4 <= start <= start + taken <= width + 4, said


def test_a_harm_is_drawn_towards_zero() -> None:
    rows = [r | {"estimate": None if r["estimate"] is None else -r["estimate"]} for r in ROWS]
    made = contour.data(
        rows, estimate=-0.4, scale=3.0, robustness=0.1, unit="points", rule="signed:2"
    )
    assert made is not None
    assert [one["left"] for one in made["lines"]] == pytest.approx([-0.2, 0.0, 0.4])
    assert "−0.40" in made["description"]


def test_nothing_to_draw() -> None:
    kept = {"robustness": 0.0, "unit": "points", "rule": "signed:2"}
    assert contour.data(ROWS, estimate=None, scale=3.0, **kept) is None
    assert contour.data(ROWS, estimate=0.4, scale=None, **kept) is None
    assert contour.of_findings([], unit="points", rule="signed:2") is None
    bare = contour.data([], estimate=0.4, scale=3.0, **kept)
    assert bare is not None
    assert bare["points"] == []
    assert contour.draw(Node(bare), 350, "x").count("<circle") == 0
