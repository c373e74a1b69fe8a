"""Threats: ranked by what they did to the answer, then by how near they came."""

import polars as pl
import pytest

from consortia.evaluation import evaluate
from consortia.results import Finding
from consortia.sensitivity import CHECKS
from consortia.sensitivity.threats import standing_of
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate


def finding(verdict: bool | None, danger: float | None = None) -> Finding:
    numbers: dict[str, float | int | None] = {} if danger is None else {"danger": danger}
    return Finding(
        check="pre-trend", title="t", verdict=verdict, sentence="s", table=pl.DataFrame(),
        numbers=numbers,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "danger", "standing", "expected"),
    [
        (False, None, "overturns", 1.0),
        (False, 0.3, "overturns", 0.3),
        (True, None, "holds", 0.1),
        (True, 0.49, "holds", 0.49),
        (True, 0.5, "close", 0.5),
        (None, None, "open", 0.4),
        (None, 0.7, "close", 0.7),
        (None, 0.2, "holds", 0.2),
        (None, 7.0, "close", 1.0),
    ],
)
def test_where_a_finding_stands(verdict, danger, standing, expected) -> None:
    assert standing_of(finding(verdict, danger)) == (standing, expected)


@pytest.fixture(scope="module")
def made():
    return evaluate(sector_study(), simulate(SchoolSector(providers=400), Streams(3)))


def test_the_list_is_complete_and_in_order(made) -> None:
    threats = made.challenge.threats
    order = ["overturns", "close", "open", "holds"]
    ranks = [(order.index(t.standing), -t.danger) for t in threats]
    assert ranks == sorted(ranks)
    names = {t.check for t in threats}
    assert {f.check for f in made.findings} <= names
    assert "chance" in names
    assert all(t.settles for t in threats)


def test_same_day_is_a_threat_unless_it_is_held(made) -> None:
    study = sector_study()
    assert study.hold
    beside = study.with_(hold=(), alongside=study.hold)
    panel = simulate(SchoolSector(providers=400), Streams(3))
    loose = evaluate(beside, panel).challenge.threats
    same = [t for t in loose if t.check.startswith("same-day")]
    assert same
    assert same[0].standing in ("overturns", "close")
    assert not any(t.check.startswith("same-day") for t in made.challenge.threats)


def test_what_nobody_measured_is_said_where_no_check_looks_at_it(made) -> None:
    assert "unseen-cause" not in {t.check for t in made.challenge.threats}
    panel = simulate(SchoolSector(providers=400), Streams(3))
    study = sector_study().with_(checks=())
    said = {t.check: t.sentence for t in evaluate(study, panel).challenge.threats}
    assert said["unseen-cause"].startswith(f"Providers chose to join {study.arm_label}. ")
    status = study.with_(arm=study.hold[0], hold=())
    said = {t.check: t.sentence for t in evaluate(status, panel).challenge.threats}
    assert said["unseen-cause"].startswith("Providers chose to take on academy status. ")
    assert all(row.settles for row in CHECKS.values())
