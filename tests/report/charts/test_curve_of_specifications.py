"""The picture of a specification curve: every effect in order, every choice marked."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

import consortia.report.charts.specification_curve as picture
from consortia.evaluation import evaluate
from consortia.report import document, render_html
from consortia.report.trace import Node
from consortia.specs import Exposure, GroupTime, Inference, SpecificationCurve, TwoWay
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate


def rows(n: int) -> list[dict]:
    return [
        {
            "place": i + 1, "estimate": (i - n / 3) / n, "std_error": 0.1,
            "low": (i - n / 3) / n - 0.2, "high": (i - n / 3) / n + 0.2, "p_value": 0.5,
            "past_worthwhile": False, "n_treated": 9, "chosen": i == 7,
            "method": ("two-way", "group-time")[i % 2], "window": f"from {2010 + i % 3}", "why": "",
        }
        for i in range(n)
    ]  # fmt: skip


@pytest.mark.parametrize("n", [20, 700, 3000])
def test_reads_at_any_size(n) -> None:
    made = picture.data(rows(n), unit="points", worthwhile=0.1)
    assert made["count"] == len(made["points"]) <= picture.MOST + 1
    estimates = [p["estimate"] for p in made["points"]]
    assert estimates == sorted(estimates)
    assert estimates[0] == rows(n)[0]["estimate"]
    assert estimates[-1] == rows(n)[-1]["estimate"]
    assert sum(p["chosen"] for p in made["points"]) == 1
    for choice in ("method", "window"):
        places = [k for m in made["marks"] if m["choice"] == choice for k in m["places"]]
        assert sorted(places) == list(range(made["count"])), "each makes one choice of a kind"
    for width in (350, 800):
        drawn = str(picture.draw(Node(made), width, "c"))
        root = ET.fromstring(drawn)
        paths = [p.get("d") for p in root.iter("path")]
        intervals = sum(d.count("V") for d in paths)
        assert intervals == made["count"]
        assert sum(d.count("v9") for d in paths) == 2 * made["count"]
        assert len(drawn) < 60_000


def test_nothing_to_draw() -> None:
    assert picture.data(rows(1), unit="points", worthwhile=None) is None
    refused = [r | {"estimate": None} for r in rows(5)]
    assert picture.data(refused, unit="points", worthwhile=None) is None


def test_in_the_report() -> None:
    spec = SpecificationCurve(
        comparisons=("never", "not-yet"), methods=(GroupTime(), TwoWay()),
        exposures=(Exposure(), Exposure(partial="missing")), draws=0,
    )  # fmt: skip
    study = sector_study().with_(
        checks=(spec,), hold=(), covariates=(), inference=Inference(draws=0)
    )
    found = evaluate(study, simulate(SchoolSector(providers=150), Streams(2)))
    made = document(found)
    chart = made["charts"]["specification_curve"]
    told = found.findings[0].numbers["specifications"]
    assert len(chart["points"]) == told
    page = render_html(made)
    assert "The answer under other choices" in page
    assert "chart specification-curve" in page
