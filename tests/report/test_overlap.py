"""The page of structures that overlay says what its document says."""

from __future__ import annotations

import json

import pytest
import reading
from test_render import agree

from consortia.report import overlap_document, render_overlap, write_overlap
from consortia.specs import Exposure
from consortia.streams import Streams
from consortia.structures import overlay
from consortia.world import SchoolSector, simulate


@pytest.fixture(scope="module")
def made() -> dict:
    panel = simulate(SchoolSector(providers=300), Streams(7))
    return overlap_document(overlay(panel, Exposure()), title="Who is in what", command="consortia")


def test_page_agrees_with_its_document(made: dict) -> None:
    page = render_overlap(made)
    assert agree(page, made) > 100
    assert reading.loose_digits(reading.tree(page)) == []
    assert render_overlap(json.loads(json.dumps(made))) == page
    ids = [e.get("id") for e in reading.tree(page).iter() if e.get("id")]
    assert len(ids) == len(set(ids))


def test_numbers_of_the_document(made: dict) -> None:
    last = str(made["year"])
    several = sum(r[last] for r in made["memberships"][2:])
    assert f"{several:,} of {made['providers']:,} providers" in made["sentence"]
    assert sum(r[last] for r in made["memberships"]) == made["providers"]
    assert sum(r["collaborations"] for r in made["sizes"]) == sum(
        r["count"] for r in made["charts"]["sizes"]["rows"]
    )
    kinds = {k["label"]: k[last] for k in made["kinds"]}
    for i, row in enumerate(made["charts"]["heat"]["rows"]):
        for j, cell in enumerate(row["cells"]):
            if i != j:
                a, b = (made["charts"]["heat"]["labels"][k] for k in (i, j))
                both = next(
                    r["both"] for r in made["between"] if {r["first"], r["second"]} == {a, b}
                )
                assert cell["share"] == both / kinds[a]


def test_a_thousand_collaborations_stay_readable(make_panel, tmp_path) -> None:
    y = {(f"p{i:04}", t): 0.0 for i in range(2000) for t in (2015, 2016)}
    joins = [
        (f"p{i:04}", f"c{(i * 7 + k * 331) % 1000:04}", ("trust", "club")[k], "2012-09-01")
        for i in range(2000)
        for k in range(2)
    ]
    made = overlap_document(overlay(make_panel(y, joins), Exposure()), title="Many")
    written = write_overlap(made, tmp_path)
    assert len(made["collaborations"]) == 1000
    assert len(made["pairs"]) == 20
    assert written.html.stat().st_size < 100_000
