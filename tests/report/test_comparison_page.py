"""The page that compares mechanisms: numbers traced to the document, pictures, law."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType

import pytest
import reading

from consortia.comparison import compare
from consortia.report import write_comparison
from consortia.report.charts import courses, gains, holding, stocks, tipping, where
from consortia.report.comparison import comparison_document
from consortia.report.trace import Node
from consortia.scenario import (
    CandidatesAsked,
    CoalitionsAsked,
    FactorialAsked,
    GroupAsked,
    MechanismAsked,
    RunsAsked,
    Scenario,
    SectorAsked,
    SensitivityAsked,
    TippingAsked,
)


@pytest.fixture(scope="module")
def made() -> dict:
    scenario = Scenario(
        title="Which of two?",
        mechanisms=(
            MechanismAsked(name="shared-pool"),
            MechanismAsked(name="no-poach", parameters=MappingProxyType({})),
        ),
        sector=SectorAsked(colleges=14, years=4, burn_in=3),
        group=GroupAsked(size=3),
        runs=RunsAsked(least=2, most=2, without_me=2),
        coalitions=CoalitionsAsked(players=3, seeds=2, bootstrap=20),
        sensitivity=SensitivityAsked(parameters=("staff.search",), seeds=2),
        factorial=FactorialAsked(seeds=2),
        candidates=CandidatesAsked(size=4, seeds=2),
        tipping=TippingAsked(intensities=(0.5, 4.0), seeds=2, years=3),
        counterfactual=True,
    )
    return comparison_document(compare(scenario, command="consortia compare x.toml"), digest="ab")


@pytest.fixture(scope="module")
def page(made: dict, tmp_path_factory) -> str:
    written = write_comparison(made, tmp_path_factory.mktemp("out"))
    assert json.loads(Path(written.json).read_text(encoding="utf-8")) == made
    return Path(written.html).read_text(encoding="utf-8")


def test_page_and_document_agree(made: dict, page: str) -> None:
    root = reading.tree(page)
    assert reading.loose_digits(root) == []
    found = reading.numbers(root)
    assert len(found) > 200
    for path, raw, rule, shown in found:
        value = reading.at(made, path)
        assert reading.raw_value(raw) == value or raw == repr(value), path
        read = reading.read_back(shown, rule)
        if read is not None and value is not None:
            assert read[0] == pytest.approx(value, abs=read[1]), (path, rule, shown)
    for element in reading.traced(root):
        if element.get("value") is None and element.get("data-value") is None:
            assert reading.text(element) == str(reading.at(made, element.get("data-path", "")))


def test_caution_and_law_stand_in_every_output(made: dict, page: str) -> None:
    assert "not England" in made["caution"]
    assert page.count(made["caution"]) >= 2
    red = [a for a in made["answers"] if a["red"]]
    assert [a["name"] for a in red] == ["no-poach"]
    assert "UNLAWFUL" in red[0]["banner"]
    assert page.count("UNLAWFUL") >= 2
    assert "not legal advice" in page


def test_page_stands_alone(page: str) -> None:
    for outside in ('src="http', 'href="http', "<script", "url(http", "@import"):
        assert outside not in page


def test_map_marks_stand_where_colleges_are(made: dict) -> None:
    chart = made["mechanisms"][0]["map"]
    rows = [r for r in made["colleges_by_mechanism"] if r["mechanism"] == "shared-pool"]
    assert len(chart["marks"]) == len(rows) == 14
    west = min(r["easting"] for r in rows)
    for mark, row in zip(chart["marks"], rows, strict=True):
        assert mark["college"] == row["college"]
        assert mark["east"] == pytest.approx((row["easting"] - west) / 1000, abs=0.06)
        assert mark["reads"] == row["reads"]
    assert sum(m["member"] for m in chart["marks"]) == 3


def test_matrix_shows_the_changes(made: dict) -> None:
    chart = made["charts"]["gains"]
    by = {(r["mechanism"], r["metric"], r["of"]): r for r in made["changes"]}
    row = by["shared-pool", "surplus", "members"]
    cell = chart["rows"][0]["cells"][0]
    assert cell["number"] == pytest.approx(row["estimate"] / 1000)
    assert cell["reads"] == row["reads"]
    assert len(chart["rows"]) == 2


def test_stocks_are_those_of_the_schedule(made: dict) -> None:
    chart = made["charts"]["stocks"]
    steps = {s["name"]: s for s in made["schedule"]}
    assert chart["steps"] == list(steps)
    for stock in chart["stocks"]:
        name = stock["label"].replace(" ", "_")
        for step, cell in zip(chart["steps"], stock["cells"], strict=True):
            writes = name in steps[step]["writes"].split(", ")
            reads = name in steps[step]["reads"].split(", ")
            assert cell == ("changes" if writes else "reads" if reads else "")


@pytest.mark.parametrize("width", [350, 560, 800])
def test_pictures_draw_at_every_width(made: dict, width: int) -> None:
    doc = Node(made)
    for draw, chart in (
        (gains.draw, doc.charts.gains),
        (courses.draw, doc.charts.vacancies),
        (stocks.draw, doc.charts.stocks),
        (where.draw, doc.mechanisms[0].map),
        (holding.draw, doc.coalitions.chart),
        (tipping.draw, doc.tipping.chart),
    ):
        drawn = str(draw(chart, width, "x"))
        assert drawn.startswith("<svg")
        assert f'width="{width}"' in drawn
        assert "nan" not in drawn
