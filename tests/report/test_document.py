from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from consortia.report.document import document
from consortia.results import Evaluation
from consortia.specs import Inference


def test_document_is_plain_json(evaluation: Evaluation) -> None:
    made = document(evaluation)
    assert json.loads(json.dumps(made, allow_nan=False)) == made


def test_keys_are_the_same_for_every_evaluation(make: Callable[[str], Evaluation]) -> None:
    keys = {tuple(document(make(n))) for n in ("plain", "not-identified", "bare", "simulated")}
    assert len(keys) == 1


def test_effects_are_the_whole_table(make: Callable[[str], Evaluation]) -> None:
    e = make("simulated")
    made = document(e)
    assert e.estimate is not None
    frame = e.estimate.effects
    assert len(made["effects"]) == frame.height
    for column in ("estimate", "low", "band_high", "p_value", "n_treated", "truth"):
        assert [row[column] for row in made["effects"]] == frame[column].to_list()
    assert made["effects"][0]["estimate_sd"] == frame["estimate"][0] / e.sd
    listed = sorted(i for t in made["effect_tables"] for i in t["rows"])
    assert listed == list(range(frame.height)), "every effect stands in exactly one table"


def test_headline_in_both_units(make: Callable[[str], Evaluation]) -> None:
    e = make("months")
    head = document(e)["headline"]
    assert e.headline is not None
    assert head["estimate"] == e.headline["estimate"]
    assert head["estimate_sd"] == pytest.approx(0.2534 / 7.5)
    assert head["low_sd"] == pytest.approx(e.headline["low"] / 7.5)
    assert head["months"]["count"] == 1
    assert document(make("plain"))["headline"]["months"] is None


def test_without_a_spread_there_are_no_standard_deviations(
    make: Callable[[str], Evaluation],
) -> None:
    made = document(make("bare"))
    assert made["outcome"]["sd"] is None
    assert made["headline"]["estimate_sd"] is None
    assert made["headline"]["estimate"] == 0.2534


def test_not_identified_has_no_effect_anywhere(make: Callable[[str], Evaluation]) -> None:
    made = document(make("not-identified"))
    assert made["identified"] is False
    assert made["headline"] is None
    assert made["effects"] == []
    assert made["charts"]["ladder"] is None
    assert made["charts"]["event_study"] is None
    assert made["charts"]["flow"] is not None


def test_main_caution_prefers_a_failed_check(make: Callable[[str], Evaluation]) -> None:
    e = make("plain")
    assert document(e)["main_caution"].startswith("A check failed. Without the 96 flagged")
    passed = replace(e, findings=e.findings[:2])
    assert document(passed)["main_caution"] == e.cautions[0]
    assert e.estimate is not None
    technical = replace(passed, cautions=e.estimate.notes)
    assert document(technical)["main_caution"] == e.coincidences[0].sentence
    alone = replace(technical, coincidences=())
    assert document(alone)["main_caution"] == e.estimate.notes[0]
    assert document(replace(alone, cautions=()))["main_caution"] == ""


def test_ladder_says_what_was_never_the_collaborations(make: Callable[[str], Evaluation]) -> None:
    made = document(make("plain"))
    assert made["charts"]["ladder"]["gap"] == pytest.approx(-0.6123 - 0.2534)
    assert "0.87" in made["ladder"]["sentence"]
    assert "check failed" in made["ladder"]["sentence"]
    assert document(make("raw"))["ladder"]["sentence"] == ""


def test_level_is_written_as_asked(make: Callable[[str], Evaluation]) -> None:
    e = make("plain")
    study = e.study.with_(inference=Inference(level=0.975))
    assert document(replace(e, study=study))["rules"]["level"] == "percent:1"
    assert document(e)["rules"]["level"] == "percent"


def test_an_answer_that_rests_on_few_of_the_joiners_says_so_first(make) -> None:
    from dataclasses import replace

    apart = replace(make("apart"), findings=())
    assert document(apart)["main_caution"] == apart.identification.sentence
    many = replace(apart, identification=replace(apart.identification, share=0.9))
    assert document(many)["main_caution"] != apart.identification.sentence
    told = document(apart)["identification"]
    assert [c["name"] for c in told["columns"]][-3:] == ["overlap", "exists", "why"]
    assert [r["exists"] for r in told["rows"]] == ["no", "yes"]
    assert told["inflation_meaning"].startswith("A regression with all of them would give")
