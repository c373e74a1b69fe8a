"""The picture of honest trends, by itself and on the page."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from consortia.evaluation import evaluate
from consortia.report import document
from consortia.report.charts import drift
from consortia.report.render import render_html
from consortia.report.trace import Node
from consortia.specs import GroupTime, HonestTrends, Inference, RawGap
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(str(markup))


def test_drift_draws_every_interval_and_where_the_answer_vanishes() -> None:
    rows = [
        {"bound": 0.0, "low": 1.0, "high": 3.0},
        {"bound": 1.0, "low": 0.2, "high": 3.9},
        {"bound": 2.0, "low": -0.7, "high": 4.8},
    ]
    chart = drift.data(rows, breakdown=1.25, unit="points", rule="signed:2")
    assert chart is not None
    assert "1.00: +0.20 to +3.90" in chart["description"]
    root = parsed(drift.draw(Node(chart), 560, "x"))
    lines = [e for e in root.iter("line") if "interval" in e.get("class", "")]
    heights = [float(e.get("y1", "")) - float(e.get("y2", "")) for e in lines]
    assert heights == sorted(heights)
    assert heights[2] / heights[0] == pytest.approx(5.5 / 2, abs=0.02)
    (across,) = [e for e in root.iter("line") if e.get("class") == "joining"]
    x = [float(e.get("x1", "")) for e in lines]
    assert float(across.get("x1", "")) == pytest.approx(x[1] + 0.25 * (x[2] - x[1]), abs=0.05)
    beyond = drift.data(rows, breakdown=None, unit="points", rule="signed:2")
    assert beyond is not None
    assert not [
        e for e in parsed(drift.draw(Node(beyond), 350, "x")).iter("line")
        if e.get("class") == "joining"
    ]  # fmt: skip
    assert drift.data([], breakdown=None, unit="points", rule="signed:2") is None


def test_on_the_page_beside_its_check_and_nowhere_without() -> None:
    panel = simulate(SchoolSector(providers=300), Streams(3))
    study = sector_study().with_(
        hold=(), checks=(HonestTrends(),), inference=Inference(draws=0), method=GroupTime()
    )
    made = document(evaluate(study, panel))
    chart = made["charts"]["drift"]
    assert [p["bound"] for p in chart["points"]][:3] == [0.0, 0.25, 0.5]
    assert chart["points"][0]["low"] == made["findings"][0]["rows"][0]["low"]
    page = render_html(made)
    assert page.index('id="finding-0"') < page.index('id="drift-wide-title"')
    bare = document(evaluate(study.with_(method=RawGap()), panel))
    assert bare["charts"]["drift"] is None
    assert "drift-wide-title" not in render_html(bare)
