"""Bars of shares, and every collaboration beside the others."""

from __future__ import annotations

import numpy as np
import pytest

from consortia.report.charts import shares, standings
from consortia.report.trace import Node

PARTS = [
    {"term": "provider", "label": "provider", "share": 0.6, "low": 0.5, "high": 0.7},
    {"term": "network", "label": "a network", "share": 0.0, "low": None, "high": None},
    {"term": "residual", "label": "all else", "share": 0.4, "low": 0.3, "high": 0.5},
]


def rows(n: int) -> list[dict]:
    return [
        {"effect": e, "low": e - 0.4, "high": e + 0.4, "stands_out": "above" if e > 1 else ""}
        for e in np.linspace(1.2, -1.2, n).tolist()
    ]


@pytest.mark.parametrize("width", [350, 800])
def test_a_bar_per_part_and_no_interval_at_zero(width: int) -> None:
    drawn = shares.draw(Node(shares.data(PARTS, "pupils", "percent:1")), width, "x")
    assert drawn.count("<rect") == 3
    assert drawn.count('class="interval') == 2
    assert ">60.0%<" in drawn


@pytest.mark.parametrize("n", [1, 30, 1000])
def test_a_line_per_level_and_marks_where_there_is_room(n: int) -> None:
    made = standings.data(rows(n), "trust", "points", "")
    drawn = standings.draw(Node(made), 800, "y")
    lines = [p for p in drawn.split("<path")[1:] if "interval" in p]
    assert sum(p.count("V") for p in lines) == n
    assert drawn.count("<circle") == (n if n <= standings.FEW else 0)


def test_nothing_to_draw() -> None:
    assert standings.data([], "trust", "points", "") is None
