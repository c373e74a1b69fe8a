"""English primary schools: everything that could overturn the answer, from one study file."""

from __future__ import annotations

from pathlib import Path

import pytest

from consortia.evaluation import evaluate
from consortia.sensitivity import CHECKS
from consortia.sources import read_panel
from consortia.studyfile import read_study

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "england-ks2" / "challenge.toml"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "england_ks2"


@pytest.mark.skipif(not DATA.is_dir(), reason="the English data are not here")
def test_the_whole_list_is_made_and_ranked() -> None:
    file = read_study(EXAMPLE, data_folder=DATA)
    (study,) = file.study
    asked = [c.name for c in study.checks]
    # All but an outcome that joining cannot touch, of which these data have none.
    assert set(asked) == {row.name for row in CHECKS.values()} - {"placebo-outcome"}
    made = evaluate(study, read_panel(file.data, file.folder))
    assert [f.check for f in made.findings] == asked
    curve = next(f for f in made.findings if f.check == "specification-curve")
    assert curve.numbers["specifications"] >= 200
    lots = next(f for f in made.findings if f.check == "randomisation")
    assert lots.numbers["draws"] == 999
    order = ["overturns", "close", "open", "holds"]
    ranks = [order.index(t.standing) for t in made.challenge.threats]
    assert ranks == sorted(ranks)
    first = made.challenge.threats[0]
    assert first.check == "pre-trend"
    assert first.standing == "overturns"
    assert made.verdict.words == "cannot tell yet"
    same = next(t for t in made.challenge.threats if t.check == "same-day-academy")
    assert "1,932 of 2,015" in same.sentence
    rated = made.challenge.strength
    assert rated is not None
    assert (rated.initial, rated.rating, rated.maryland) == (4, 2, 2)
