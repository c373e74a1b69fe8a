"""The exam: what it finds, and that its page is there."""

import re
from pathlib import Path

import pytest

from consortia.appraisal.exam import on_worlds, page, questions, sit
from consortia.estimators import METHODS
from consortia.world.difficulties import DIFFICULTIES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "exam.md"


def test_every_method_sits_it() -> None:
    assert set(questions()) == {m.name for m in METHODS.values()}
    rows = on_worlds("dip", (0,), 1)
    assert [r[4] for r in rows] == [*questions(), "repair"]
    assert on_worlds("dip", (0,), 1) == rows


def test_the_page_names_every_difficulty_and_only_methods_that_exist() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, d in DIFFICULTIES.items():
        assert f'<a id="{name}"></a>' in text
        assert d.does in text
        assert d.teaches in text
    named = re.search(r"^\| difficulty \| (.*) \|$", text, re.MULTILINE)
    assert named is not None
    assert set(named.group(1).split(" | ")) <= {m.name for m in METHODS.values()}


@pytest.mark.slow
def test_lessons() -> None:
    """What the sentences say is what the numbers say (25 worlds)."""
    papers = {p.name: p for p in sit(25)}
    text = page(tuple(papers.values()), 25, 1)
    assert text.count("## ") == 2 + len(DIFFICULTIES)

    def of(name: str, method: str) -> dict:
        if method == "repair":
            return papers[name].repaired
        return next(r for r in papers[name].table.to_dicts() if r["method"] == method)

    for method in questions():
        plain = of("none", method)
        assert abs(plain["bias"]) < 4 * plain["bias_mc"]
        assert of("wrong-dates", method)["bias"] < plain["bias"]
    assert of("hidden-leadership", "raw-gap")["bias"] < -2
    assert abs(of("hidden-leadership", "group-time")["bias"]) < 0.2
    for name in ("dip", "same-day-autonomy", "anticipation", "contagion"):
        off, mended = of(name, "group-time"), of(name, "repair")
        assert abs(off["bias"]) > 4 * off["bias_mc"]
        assert abs(mended["bias"]) < abs(off["bias"]) / 2 + 2 * mended["bias_mc"]
    assert of("growing-effects", "two-way")["coverage"] < 0.2
    assert of("growing-effects", "group-time")["coverage"] > 0.75
    assert of("few-large", "imputation")["coverage"] < 0.85
    assert of("area-shocks", "imputation")["coverage"] < 0.85
    for name in ("few-large", "area-shocks"):
        assert of(name, "repair")["std_error"] > 1.05 * of(name, "group-time")["std_error"]
    assert of("leavers", "group-time")["truth"] < 0.9
    assert of("leavers", "repair")["truth"] == pytest.approx(1.0)
    assert of("closures", "group-time")["bias"] < -0.15
    assert of("small-schools", "group-time")["sd"] > 1.25 * of("none", "group-time")["sd"]
