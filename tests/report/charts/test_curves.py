"""Curves over sizes and rows of errors: what is given is what is drawn."""

import re

from consortia.report.charts import curves, misses
from consortia.report.trace import Node


def test_curves_keep_points_and_axis() -> None:
    series = {"one": [(100, 0.4), (200, 0.9)], "two": [(100, None), (200, 0.5)]}
    made = curves.data(series, title="t", x_label="providers", unit="share", rule="percent:0",
                       ceiling=1.0, guide=0.8)  # fmt: skip
    assert made is not None
    assert made["y_ticks"][-1] == 1.0
    assert made["x_ticks"] == [100, 200]
    assert made["series"][1]["points"] == [{"x": 200, "y": 0.5}]
    for width in (350, 640):
        drawn = str(curves.draw(Node(made, "c"), width, "i"))
        lines = re.findall(r'points="([^"]+)" class="series s\d"', drawn)
        heights = [float(p.split(",")[1]) for p in lines[0].split()]
        assert heights[0] > heights[1]  # up the page as the share grows
        assert drawn.count("<circle") >= 3


def test_one_size_is_no_curve() -> None:
    assert (
        curves.data({"a": [(100, 0.4)]}, title="t", x_label="x", unit="u", rule="fixed:2") is None
    )


def test_misses() -> None:
    rows = [
        {"label": "a", "bias": 0.1, "low": -0.2, "high": 0.4},
        {"label": "b", "bias": 1.0, "low": 0.8, "high": 1.2},
        {"label": "c", "bias": None, "low": None, "high": None},
    ]
    made = misses.data(rows, unit="points", rule="signed:2")
    assert made is not None
    assert [r["label"] for r in made["rows"]] == ["a", "b"]
    drawn = str(misses.draw(Node(made, "m"), 640, "i"))
    assert "circle late" in drawn
    assert "ring early" in drawn
    assert misses.data(rows[2:], unit="points", rule="signed:2") is None
