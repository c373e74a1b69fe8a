"""The nouns of a comparison: a plain two-line repr, answers by key."""

from __future__ import annotations

import polars as pl

from consortia.compared import Comparison
from consortia.scenario import MechanismAsked, Scenario


def test_repr_is_two_lines_and_says_the_answer() -> None:
    empty = pl.DataFrame()
    made = Comparison(
        scenario=Scenario(mechanisms=(MechanismAsked(name="x"),)),
        members=("a", "b"),
        caution="c",
        sentence="Nothing gains.",
        counted=(),
        answers=(),
        changes=empty,
        member_rows=empty,
        college_rows=empty,
        series=empty,
        schedule=(),
        loops=(),
        targets=(),
        seeds=3,
        stopped="",
        narrow=True,
        colleges=4,
        years=(2026, 2030),
    )
    assert len(repr(made).splitlines()) == 2
    assert "Nothing gains." in repr(made)
