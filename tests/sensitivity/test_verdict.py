"""The words, and what withholds them."""

from dataclasses import replace

import polars as pl
import pytest

from consortia.evaluation import evaluate
from consortia.results import Finding
from consortia.sensitivity import CHECKS
from consortia.sensitivity.verdict import decide
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate


@pytest.fixture(scope="module")
def made():
    study = sector_study().with_(checks=())
    return study, evaluate(study, simulate(SchoolSector(), Streams(7)))


def failing(check: str) -> Finding:
    return Finding(
        check=check, title=check, verdict=False, sentence="s", table=pl.DataFrame(), numbers={}
    )  # fmt: skip


@pytest.mark.parametrize("row", CHECKS.values(), ids=lambda r: r.name)
def test_words_are_withheld_where_the_row_says_why_and_only_there(made, row) -> None:
    study, e = made
    assert e.verdict.words == "probably helps"
    said = decide(study, e.estimate, e.sd, [failing(row.name)], "")
    if row.failed:
        assert said.words == "cannot tell yet"
        assert row.failed in said.sentence
    else:
        assert said == e.verdict


def test_no_answer_says_why() -> None:
    said = decide(sector_study(), None, 10.0, [], "nobody joined")
    assert said.words == "not identified"
    assert "nobody joined" in said.sentence
    assert said.p_positive is None


def test_the_words_are_about_a_unit_of_a_dose(made) -> None:
    study, e = made
    dosed = {study.arm: replace(study.arms[study.arm], dose="years", label="a trust")}
    said = decide(study.with_(arms=study.arms | dosed), e.estimate, e.sd, [], "")
    assert said.sentence.startswith("One more year of a trust probably raises")
