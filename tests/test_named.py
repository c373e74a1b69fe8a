"""Collaborations are shown by their names: in every table, on the page and in sentences."""

import datetime as dt

import polars as pl
import pytest

from consortia.errors import DataInvalid
from consortia.evaluation import evaluate
from consortia.report import document, overlap_document
from consortia.sources import panel_from_frames
from consortia.specs import DataSpec, Exposure, LeaveOneOut, Renames, ShareTerms
from consortia.streams import Streams
from consortia.structures import belonging, overlay

NAMES = {"1": "Ash", "2": "Beech", "3": "Cedar", "4": "Ash"}


def frames() -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = Streams(5).rng()
    schools = [f"S{k:02}" for k in range(40)]
    outcomes = pl.DataFrame(
        [(s, y, float(rng.normal())) for s in schools for y in range(2014, 2019)],
        schema=["provider", "year", "score"], orient="row",
    )  # fmt: skip
    members = pl.DataFrame(
        [(s, str(1 + k % 4), "trust", dt.date(2015 + k % 2, 9, 1)) for k, s in
         enumerate(schools[:16])],
        schema=["provider", "collaboration", "kind", "from"], orient="row",
    )  # fmt: skip
    return outcomes, members


def named() -> pl.DataFrame:
    return pl.DataFrame({"collaboration": list(NAMES), "name": list(NAMES.values())})


def test_names_from_a_table_or_from_the_memberships_are_the_same() -> None:
    outcomes, members = frames()
    beside = members.join(named(), on="collaboration", how="left")
    a = panel_from_frames(outcomes, memberships=members, collaborations=named())
    b = panel_from_frames(outcomes, memberships=beside)
    c = panel_from_frames(
        outcomes,
        memberships=beside.rename({"name": "title"}),
        data=DataSpec(columns=Renames(memberships={"name": "title"})),
    )
    for panel in (a, b, c):
        # Two trusts share a name: then the identifier stands behind it.
        assert panel.titles(["2", "1", "4", "?"]) == ["Beech", "Ash (1)", "Ash (4)", "?"]
    plain = panel_from_frames(outcomes, memberships=members)
    assert plain.collaborations is None
    assert plain.titles(["2", "?"]) == ["2", "?"]


def test_the_last_of_several_names_is_used_and_counted() -> None:
    outcomes, members = frames()
    beside = members.with_columns(name=pl.format("{} of {}", "collaboration", "from"))
    panel = panel_from_frames(outcomes, memberships=beside)
    several = [n.count for n in panel.notes if n.what.startswith("collaborations with several")]
    expected = beside.select("collaboration", "name").n_unique() - 4
    assert several == ([expected] if expected else [])
    last = dict(zip(beside["collaboration"], beside["name"], strict=True))
    assert panel.titles(["3"]) == [last["3"]]


def test_a_file_of_names_wins_and_the_memberships_fill_what_it_lacks() -> None:
    outcomes, members = frames()
    beside = members.with_columns(name=pl.lit("old ") + pl.col("collaboration"))
    panel = panel_from_frames(
        outcomes, memberships=beside, collaborations=named().filter(pl.col("collaboration") == "2")
    )
    assert panel.titles(["1", "2"]) == ["old 1", "Beech"]


def test_a_collaboration_named_twice_is_a_problem() -> None:
    outcomes, members = frames()
    with pytest.raises(DataInvalid) as told:
        panel_from_frames(
            outcomes, memberships=members, collaborations=pl.concat([named(), named()])
        )
    assert {p.file for p in told.value.problems} == {"collaborations"}


def test_names_stand_in_every_table(make_study) -> None:
    outcomes, members = frames()
    panel = panel_from_frames(outcomes, memberships=members, collaborations=named())
    study = make_study(
        comparison="not-yet",
        checks=(LeaveOneOut(refits=4),),
        shares=ShareTerms(terms=("provider", "trust")),
    )
    assert belonging(panel, study.arms["trust"], panel.arrays(study).provider).titles[1] == "Beech"
    found = evaluate(study, panel)
    made = document(found)
    shown = {"Ash (1)", "Beech", "Cedar", "Ash (4)"}
    assert {r["name"] for r in made["by_collaboration"]["rows"]} == shown
    assert made["by_collaboration"]["columns"][0]["name"] == "name"
    assert {r["left_out"] for r in made["findings"][0]["rows"]} == shown
    standing = made["shares"]["standings"]
    trusts = next(s for s in standing if s["term"] == "trust")
    assert {r["name"] for r in trusts["rows"]} == shown
    over = overlap_document(overlay(panel, Exposure()), title="Overlap")
    assert {r["name"] for r in over["collaborations"]} == shown
