"""The page of an appraisal says what its document says."""

from __future__ import annotations

import json

import pytest
import reading
from test_render import agree

from consortia.appraisal import appraise
from consortia.report import appraisal_document, render_appraisal, write_appraisal
from consortia.specs import Appraise, Inference
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate


@pytest.fixture(scope="module")
def found():
    panel = simulate(SchoolSector(providers=120, areas=4), Streams(5))
    study = sector_study().with_(
        hold=(), alongside=(), covariates=(), checks=(), inference=Inference(draws=0)
    )
    spec = Appraise(worlds=6, methods=("two-way", "raw-gap"), providers=(60, 120), years=(7, 9))
    return appraise(study, panel, spec)


@pytest.fixture(scope="module")
def made(found) -> dict:
    return appraisal_document(found, command="consortia appraise study.toml")


def test_page_agrees_with_its_document(made: dict) -> None:
    page = render_appraisal(made)
    assert agree(page, made) > 200
    assert reading.loose_digits(reading.tree(page)) == []
    assert render_appraisal(json.loads(json.dumps(made))) == page
    ids = [e.get("id") for e in reading.tree(page).iter() if e.get("id")]
    assert len(ids) == len(set(ids))


def test_numbers_of_the_document(found, made: dict) -> None:
    assert len(made["groups"]) == 2 * 2 * 2
    rows = {
        (g["providers"], g["years"], g["effect"], r["method"]): r
        for g in made["groups"]
        for r in g["rows"]
    }
    for row in found.table.iter_rows(named=True):
        there = rows[row["providers"], row["years"], row["effect"], row["method"]]
        assert there["bias"] == row["bias"]
        assert there["coverage_mc"] == row["coverage_mc"]
    power = made["charts"]["curves"][0]
    assert [s["name"] for s in power["series"]][:2] == ["group-time, 7 years", "two-way, 7 years"]
    points = {p["x"]: p["y"] for p in power["series"][1]["points"]}
    assert points[60] == found.row("two-way", providers=60, years=7, effect=0.5)["power"]
    assert {m["label"] for m in made["charts"]["misses"]["rows"]} == {
        "group-time", "two-way", "raw-gap",
    }  # fmt: skip
    assert {f["moment"] for f in made["fit"]} >= {"between", "change", "missing"}


def test_sentences_say_the_numbers(found, made: dict) -> None:
    own = found.row("group-time", providers=60, years=7, effect=0.0)
    said = " ".join(made["sentences"])
    assert "group-time, 60 providers and 7 years, on 6 worlds." in said
    assert f"in {100 * own['helps']:.1f}% of worlds" in said
    assert "smallest worthwhile effect: 0.5 points" in said


def test_one_size_has_no_curves_and_a_refusal_has_its_reason(tmp_path) -> None:
    study = sector_study()
    arms = {**study.arms, "trust": study.arms["trust"].__class__(kinds=("trust",), dose="years")}
    panel = simulate(SchoolSector(providers=80, areas=3), Streams(5))
    asked = study.with_(arms=arms, hold=(), covariates=(), alongside=(), checks=())
    found = appraise(asked, panel, Appraise(worlds=2, effects=(0.0,)))
    made = appraisal_document(found)
    assert made["charts"]["curves"] == []
    assert made["charts"]["misses"] is None
    assert "it cannot answer" in made["sentences"][1]
    assert "a dose" in made["groups"][0]["refusals"]
    written = write_appraisal(made, tmp_path / "out")
    assert json.loads(written.json.read_text(encoding="utf-8")) == made
    reading.tree(written.html.read_text(encoding="utf-8"))
