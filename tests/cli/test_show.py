"""What stands on the terminal is what the evaluation says."""

import re
from dataclasses import replace

import numpy as np

from consortia.cli.show import show_evaluation, show_list
from consortia.evaluation import evaluate
from consortia.specs import Levels, RegimeDid
from consortia.streams import Streams
from consortia.world.two_arms import ArmsSector, arms_sector, arms_study


def panel_of(make_panel):
    y = {
        (f"p{k}", t): (k * 7 % 5) + (k * t % 3) / 4 + (2.0 if k < 6 and t >= 2017 else 0.0)
        for k in range(20)
        for t in range(2013, 2020)
    }
    return make_panel(y, joins=[(f"p{k}", "T", "trust", "2016-09-01") for k in range(6)])


def test_answer_first_then_what_it_rests_on(make_panel, make_study, capsys) -> None:
    found = evaluate(make_study(), panel_of(make_panel))
    show_evaluation(found)
    text = capsys.readouterr().out
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines[0] == "Did joining help?"
    assert lines[1].strip().startswith(found.verdict.words.upper())
    assert f"{found.headline['estimate']:+.2f} points" in text
    assert "Members against the rest" in text
    marks = re.findall(r"\[(?:DOES NOT STAND|barely stands|not known|stands)\]", text)
    assert len(marks) == len(found.challenge.threats)
    assert "Strength of the evidence: " in text


def test_without_an_answer_no_number(make_panel, make_study, capsys) -> None:
    found = evaluate(make_study(arm="club"), panel_of(make_panel_with_late_club(make_panel)))
    show_evaluation(found)
    text = capsys.readouterr().out
    assert "NOT IDENTIFIED" in text
    assert "Effect on" not in text


def make_panel_with_late_club(make_panel):
    def build(y, joins):
        return make_panel(y, joins=[*joins, ("p9", "C", "club", "2030-09-01")])

    return build


def test_list_names_everything(capsys) -> None:
    show_list([("Methods", [("a-method", "asks this")])])
    text = capsys.readouterr().out
    assert "a-method" in text
    assert "asks this" in text


def test_what_can_be_told_apart_and_where_it_differs(make_study, capsys) -> None:
    panel = arms_sector(ArmsSector(providers=160), Streams(4))
    u = np.arange(160) % 3.0
    panel = replace(panel, providers=panel.providers.with_columns(rivalry=u))
    study = arms_study(RegimeDid()).with_(levels=Levels(by="rivalry", cuts=(0.5, 1.5)))
    found = evaluate(study, panel)
    show_evaluation(found)
    text = capsys.readouterr().out
    told = found.identification
    assert f"Told apart: {told.sentence}" in text
    assert told.speaks_for in text
    assert told.silent_on in text
    assert f"By level: {found.by_level.sentence}" in text
    for row in found.by_level.table.iter_rows(named=True):
        assert f"{row['estimate']:+.2f}" in text
    refused = evaluate(study.with_(levels=Levels(by="rivalry", cuts=(9.0,))), panel)
    show_evaluation(refused)
    assert "By level: not identified, because there are no providers" in capsys.readouterr().out
