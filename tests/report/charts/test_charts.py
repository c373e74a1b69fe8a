"""What the pictures show: marks stand where their numbers say, and text fits and can be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

import consortia.report.charts.bars as bars
import consortia.report.charts.caterpillar as caterpillar
import consortia.report.charts.cohorts as cohorts
import consortia.report.charts.event_study as event_study
import consortia.report.charts.flow as flow
import consortia.report.charts.forest as forest
import consortia.report.charts.heat as heat
import consortia.report.charts.ladder as ladder
import consortia.report.charts.svg as svg
import consortia.report.charts.waterfall as waterfall
from consortia.report import document
from consortia.report.index import index_document
from consortia.report.trace import Node
from consortia.results import Evaluation

WIDTHS = (350, 560, 800)


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)


def charts(make: Callable[[str], Evaluation], name: str) -> list[tuple[str, Any, Node]]:
    made = document(make(name))
    made["charts"]["forest"] = index_document([made, made], ["a", "b"], title="x")["chart"]
    draws = {
        "ladder": ladder.draw,
        "event_study": event_study.draw,
        "flow": flow.draw,
        "cohorts": cohorts.draw,
        "forest": forest.draw,
        "waterfall": waterfall.draw,
        "caterpillar": caterpillar.draw,
        "heat": heat.draw,
        "bars": bars.draw,
    }
    names = ["co-operative or foundation trust", "b", "c", "academy (status)", "e", "f"]
    made["charts"]["heat"] = heat.data(
        names,
        [[None if j == 4 else (i + j) / 10 for j in range(6)] for i in range(6)],
        title="x",
        said="x",
    )
    made["charts"]["bars"] = bars.data(
        [("51 members and more", 14046), ("2", 0), ("3", 17)], title="x", unit="providers"
    )
    root = Node(made).charts
    return [(name, draw, root[name]) for name, draw in draws.items()]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("variant", ["simulated", "large"])
def test_everything_stays_inside_the_picture(
    make: Callable[[str], Evaluation], variant: str, width: int
) -> None:
    for name, draw, node in charts(make, variant):
        root = parsed(draw(node, width, "x"))
        assert root.get("role") == "img"
        box = [float(v) for v in root.get("viewBox", "").split()]
        assert box[2] == width
        places = {"x": 2, "cx": 2, "x1": 2, "x2": 2, "y": 3, "cy": 3, "y1": 3, "y2": 3}
        for e in root.iter():
            for key in places.keys() & e.keys():
                value = float(e.get(key, ""))
                assert -1 <= value <= box[places[key]] + 1, (name, e.tag, key)
        for e in root.iter("text"):
            for part in [t for t in e.iter("tspan") if t.get("x")] or [e]:
                said = "".join(part.itertext()).strip()
                start, taken = float(part.get("x") or e.get("x", "")), len(said) * 0.5 * svg.FONT
                start -= {"end": taken, "middle": taken / 2}.get(e.get("text-anchor", ""), 0)
                assert -4 <= start <= start + taken <= width + 4, (name, said)


def test_text_is_large_enough() -> None:
    assert svg.FONT >= 12


def test_event_study_puts_points_where_their_numbers_are(
    make: Callable[[str], Evaluation],
) -> None:
    made = document(make("simulated"))
    chart = made["charts"]["event_study"]
    root = parsed(event_study.draw(Node(chart), 560, "x"))
    ticks = {
        float(e.get("data-value", "")): e
        for e in root.iter("text")
        if e.get("data-path", "").startswith("y_ticks")
    }
    y = {v: float(e.get("y", "")) - 4.5 for v, e in ticks.items()}
    a, b = min(y), max(y)
    ya, yb = y[a], y[b]
    dots = list(root.iter("circle"))
    shown = [p for p in chart["points"] if not p["reference"]]
    assert len(dots) == len(shown)
    for dot, point in zip(dots, shown, strict=True):
        value = a + (float(dot.get("cy", "")) - ya) / (yb - ya) * (b - a)
        assert value == pytest.approx(point["estimate"], abs=0.02)
        late = "late" in dot.get("class", "")
        assert late == (point["event_time"] >= 0)
        assert ("ring" in dot.get("class", "")) != late, "shape tells what colour tells"
    dashes = [e for e in root.iter("line") if "dash" in e.get("class", "")]
    known = [p["truth"] for p in shown if p["truth"] is not None]
    assert [a + (float(e.get("y1", "")) - ya) / (yb - ya) * (b - a) for e in dashes] == (
        pytest.approx(known, abs=0.02)
    )
    assert [p["event_time"] for p in chart["points"] if p["reference"]] == [-1]
    assert 3 not in [p["event_time"] for p in chart["points"]], "not identified is not drawn"


def test_one_wide_interval_is_cut_with_an_arrow(make: Callable[[str], Evaluation]) -> None:
    chart = document(make("plain"))["charts"]["event_study"]
    assert chart["cut"] is True
    assert chart["y_ticks"][0] > -3
    drawn = event_study.draw(Node(chart), 560, "x")
    assert drawn.count('class="arrow early"') == 2
    del chart["points"][0]
    narrow = event_study.data(
        [p | {"estimand": "dynamic"} for p in chart["points"]],
        unit="points", rule="signed:2", reference=-1, joining="a trust",
    )  # fmt: skip
    assert narrow is not None
    assert narrow["cut"] is False
    assert narrow["y_ticks"][0] <= -0.31
    assert narrow["y_ticks"][-1] >= 0.81


def test_years_between_base_and_joining_look_different(
    make: Callable[[str], Evaluation],
) -> None:
    points = document(make("plain"))["charts"]["event_study"]["points"]
    kept = {"unit": "points", "rule": "signed:2", "reference": -2, "joining": "a trust"}
    chart = event_study.data(points, **kept)
    assert chart is not None
    assert [p["event_time"] for p in chart["points"] if p["touched"]] == [-1]
    assert "Between the base year and joining, year −1: 0.00." in chart["description"]
    assert event_study.draw(Node(chart), 560, "x").count('class="square early"') == 1


def test_a_single_joiner_is_a_cross_without_an_interval(make: Callable[[str], Evaluation]) -> None:
    points = document(make("plain"))["charts"]["event_study"]["points"]
    kept = {"unit": "points", "rule": "signed:2", "reference": -1, "joining": "x"}
    assert not event_study.data(points, **kept)["alone"]
    none = dict.fromkeys(("low", "high", "band_low", "band_high"))
    points[-1] = {**points[-1], **none, "n_treated": 1}
    chart = event_study.data(points, **kept)
    drawn = event_study.draw(Node(chart), 560, "x")
    assert chart["alone"]
    assert drawn.count('class="cross late"') == 1
    assert drawn.count('class="circle late"') == sum(p["event_time"] >= 0 for p in points) - 1


def test_event_study_needs_more_than_its_reference() -> None:
    row = dict.fromkeys(("low", "high", "band_low", "band_high", "n_treated"))
    only = [{"event_time": -1, "estimate": 0.0, **row}]
    kept = {"unit": "points", "rule": "signed:2", "reference": -1, "joining": "x"}
    assert event_study.data(only, **kept) is None
    assert event_study.data([], **kept) is None


def test_ladder_marks_the_gap(make: Callable[[str], Evaluation]) -> None:
    chart = document(make("plain"))["charts"]["ladder"]
    root = parsed(ladder.draw(Node(chart), 560, "x"))
    bar = next(e for e in root.iter("rect") if e.get("class") == "gap")
    scale = (560 - 2 * ladder.SIDE) / (chart["ticks"][-1] - chart["ticks"][0])
    assert float(bar.get("width", "")) == pytest.approx(chart["gap_size"] * scale, abs=0.1)
    assert [e.get("class") for e in root.iter("circle")] == [
        "ring early", "circle late", "ring early",
    ]  # fmt: skip
    assert len([e for e in root.iter("polygon") if "square" in e.get("class", "")]) == 1


def test_ladder_with_a_rung_that_is_not_identified() -> None:
    rungs = [
        {"name": "raw-gap", "label": "raw", "estimate": 1.0, "low": 0.5, "high": 1.5, "note": ""},
        {"name": "answer", "label": "answer", "estimate": None, "low": None, "high": None,
         "note": "not identified, because of x"},
    ]  # fmt: skip
    chart = ladder.data(rungs, unit="points", rule="signed:1", answer=1)
    assert chart is not None
    assert chart["gap"] is None
    drawn = ladder.draw(Node(chart), 350, "x")
    assert "not identified" in drawn
    assert 'class="gap"' not in drawn
    assert ladder.data(rungs[1:], unit="points", rule="signed:1", answer=0) is None


def test_flow_counts_whole_providers_only(make: Callable[[str], Evaluation]) -> None:
    chart = document(make("plain"))["charts"]["flow"]
    assert chart["start"]["providers"] == 14046
    assert [d["providers"] for d in chart["drops"]] == [83, 1859]
    assert [g["providers"] for g in chart["groups"]] == [1932, 10172]
    assert chart["compared"] == []
    steps = [
        {"kind": "start", "providers": 5, "step": "in the file"},
        {"kind": "end", "providers": 5, "step": "compared"},
    ]
    assert flow.data(steps, joiners=None, compared=None) is not None
    made = flow.data(steps[:1], joiners=2, compared=3)
    assert made is not None
    assert [g["providers"] for g in made["groups"]] == [2, 3]
    assert flow.data([], joiners=2, compared=3) is None
    three = [*steps, *[{"kind": "end", "providers": n, "step": "x"} for n in (2, 3)]]
    made = flow.data(three, joiners=2, compared=3)
    assert made is not None
    assert [s["providers"] for s in made["compared"]] == [5]
    assert flow.draw(Node(made), 350, "x").count("<rect") == 4
    assert made["note"] == ""
    three[-1]["providers"] = 4
    both = flow.data(three, joiners=2, compared=4)
    assert both is not None
    assert "until they join" in both["note"]


def test_cohorts_one_panel_each(make: Callable[[str], Evaluation]) -> None:
    chart = document(make("plain"))["charts"]["cohorts"]
    assert [p["cohort"] for p in chart["panels"]] == [2017, 2018, 2019]
    drawn = cohorts.draw(Node(chart), 350, "x")
    assert drawn.count("<circle") == 9
    assert cohorts.data([], unit="points", joining="x") is None


def test_forest_one_row_for_each_effect(make: Callable[[str], Evaluation]) -> None:
    documents = [document(make(n)) for n in ("plain", "bare", "not-identified")]
    chart = index_document(documents, ["a", "b", "c"], title="x")["chart"]
    assert len(chart["rows"]) == 1
    assert chart["rows"][0]["clear"] is True
    assert index_document(documents[1:], ["b", "c"], title="x")["chart"] is None


def test_words_wrap_and_keep_every_word() -> None:
    text = "joiners against never-joiners, from the year before joining"
    lines = svg.wrapped(text, 150)
    assert len(lines) > 1
    assert " ".join(lines) == text
    assert max(map(len, lines)) * svg.GLYPH * svg.FONT <= 150
    assert svg.wrapped("incomprehensibilities", 10) == ["incomprehensibilities"]
    markup, after = svg.words(0, 10, text, width=150)
    assert re.sub(r"\s+", " ", "".join(parsed(markup).itertext())) == text
    assert after == 10 + svg.LINE * len(lines)


def test_marks_and_escapes() -> None:
    with pytest.raises(ValueError, match="no mark 'star'"):
        svg.dot(0, 0, "star", "late")
    assert svg.tag("text", {"x": '"<'}, "<b>") == '<text x="&#34;&lt;">&lt;b&gt;</text>'


def test_ticks_do_not_touch() -> None:
    values = [-0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2]
    scale = svg.Scale(-0.4, 0.2, 16, 334)
    drawn = [parsed(m) for m in svg.ticked(Node(values), scale, 10, "fixed:1", (0, 350))]
    at = [float(e.get("x", "")) for e in drawn]
    assert all(b - a >= svg.room("−0.4") for a, b in pairwise(at))
    assert "0.0" in ["".join(e.itertext()) for e in drawn]


def test_waterfall_bars_start_where_the_last_ended(make: Callable[[str], Evaluation]) -> None:
    chart = document(make("plain"))["charts"]["waterfall"]
    root = parsed(waterfall.draw(Node(chart), 560, "x"))
    low, high = chart["ticks"][0], chart["ticks"][-1]
    scale = (560 - 2 * waterfall.SIDE) / (high - low)
    boxes = [e for e in root.iter("rect") if "carried" in e.get("class", "")]
    here = 0.0
    for box, bar in zip(boxes, chart["bars"], strict=True):
        whole = bar["kind"] in ("total", "answer")
        start = 0.0 if whole else here
        here = bar["estimate"] if whole else here - bar["estimate"]
        left, wide = float(box.get("x", "")), float(box.get("width", ""))
        assert left == pytest.approx(waterfall.SIDE + (min(start, here) - low) * scale, abs=0.02)
        assert wide == pytest.approx(abs(here - start) * scale, abs=0.02)
        if bar["kind"] == "part":
            assert bar["whisker_high"] - here == pytest.approx(1.96 * 0.05)
    before_answer = chart["bars"][-2]
    assert before_answer["end"] == pytest.approx(chart["bars"][-1]["estimate"])
    assert before_answer["whisker_low"] is None


def test_caterpillar_thins_but_keeps_the_ends(make: Callable[[str], Evaluation]) -> None:
    chart = document(make("large"))["charts"]["caterpillar"]
    assert len(chart["points"]) == caterpillar.MOST
    assert [chart["points"][k]["place"] for k in (0, -1)] == [0, 1499]
    assert [m["place"] for m in chart["marked"]] == [1499, 1498]
    drawn = parsed(caterpillar.draw(Node(chart), 560, "x"))
    assert len(list(drawn.iter("circle"))) == 2
    assert caterpillar.data([], unit="points", mean=0.0) is None


def test_heat_is_darker_for_more_and_says_the_share() -> None:
    chart = heat.data(["a", "b"], [[1.0, 0.25], [0.75, 1.0]], title="x", said="y")
    root = parsed(heat.draw(Node(chart), 560, "x"))
    dark = [float(e.get("fill-opacity", "")) for e in root.iter("rect") if e.get("class") == "heat"]
    assert dark == [0.25, 0.75]
    said = ["".join(e.itertext()) for e in root.iter("text")]
    assert {"25%", "75%"} <= set(said)
    assert heat.data(["a"], [[1.0]], title="x", said="y") is None


def test_bars_are_as_long_as_their_counts() -> None:
    chart = bars.data([("a", 40), ("b", 10)], title="x", unit="providers")
    root = parsed(bars.draw(Node(chart), 480, "x"))
    a, b = (float(e.get("width", "")) for e in root.iter("rect"))
    assert a == pytest.approx(4 * b, abs=0.05)
    assert bars.data([("a", 0)], title="x", unit="providers") is None
