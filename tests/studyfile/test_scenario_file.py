"""The scenario file: what it says is what is asked; all that is wrong told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from consortia.errors import DataInvalid
from consortia.studyfile.scenario import read_scenario

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sector" / "scenario.toml"

GOOD = """
title = "Staff"
counterfactual = true
agreement = "We train recruits together."

[sector]
colleges = 30
years = 5
competition = 2

[parameters.staff]
search = 0.4

[group]
members = ["College 001", "College 002"]

[[mechanisms]]
name = "transfer-fee"
rate = 0.2

[[mechanisms]]
name = "transfer-fee"
label = "small fee"
rate = 0.01

[runs]
least = 4
width = 1000

[coalitions]
mechanism = "small fee"
players = 3
"""


def read(tmp_path: Path, text: str):
    path = tmp_path / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return read_scenario(path)


def test_what_it_says_is_what_is_asked(tmp_path: Path) -> None:
    file = read(tmp_path, GOOD)
    s = file.scenario
    assert (s.title, s.counterfactual) == ("Staff", True)
    assert (s.sector.colleges, s.sector.years, s.sector.competition) == (30, 5, 2.0)
    assert dict(s.sector.parameters) == {"staff.search": 0.4}
    assert s.group.members == ("College 001", "College 002")
    assert [m.key for m in s.mechanisms] == ["transfer-fee", "small fee"]
    assert dict(s.mechanisms[1].parameters) == {"rate": 0.01}
    assert s.runs.rule.width == 1000.0
    assert s.coalitions is not None
    assert s.coalitions.players == 3
    assert s.factorial is None
    assert file.folder == tmp_path
    assert len(file.digest) == 64


def test_the_example_is_read() -> None:
    s = read_scenario(EXAMPLE).scenario
    assert len(s.mechanisms) == 5
    assert s.group.size == 9


@pytest.mark.parametrize(
    ("change", "says", "line"),
    [
        (("[sector]", "[secter]"), "Did you mean 'sector'", 6),
        (("colleges = 30", "collges = 30"), "Did you mean 'colleges'", 7),
        (("years = 5", "years = 5.5"), "must be a whole number", 8),
        (("competition = 2", 'competition = "high"'), "must be a number", 9),
        (("search = 0.4", 'search = "many"'), "must be a number", 12),
        (('"College 002"]', "7]"), "must be a list of texts", 15),
        (('label = "small fee"', ""), "two mechanisms are called 'transfer-fee'", None),
        (('mechanism = "small fee"', 'mechanism = "fee"'), "not among", None),
        (("least = 4", "least = 1"), "2 <= least", None),
        (("players = 3", "players = 1"), "two players", None),
        (('title = "Staff"', "title = 3"), "must be text", 2),
        (('name = "transfer-fee"\nrate = 0.2', "rate = 0.2"), "has no name", None),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, change, says: str, line: int | None) -> None:
    with pytest.raises(DataInvalid) as told:
        read(tmp_path, GOOD.replace(*change))
    hits = [p for p in told.value.problems if says in str(p)]
    assert hits, str(told.value)
    if line is not None:
        assert hits[0].row == line


def test_every_problem_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("years = 5", "years = 5.5").replace("players = 3", "players = 3\nx = 1")
    with pytest.raises(DataInvalid) as told:
        read(tmp_path, text)
    assert len(told.value.problems) == 2


def test_files_that_are_no_scenario(tmp_path: Path) -> None:
    (tmp_path / "scenario.toml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(DataInvalid, match=r"Did you mean 'scenario\.toml'"):
        read_scenario(tmp_path / "scenari.toml")
    with pytest.raises(DataInvalid, match="not valid TOML"):
        read(tmp_path, "title = ")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataInvalid, match="UTF-8"):
        read_scenario(tmp_path / "b.toml")
    with pytest.raises(DataInvalid, match="no mechanism"):
        read(tmp_path, 'title = "x"')


def test_lists_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    head = '[[mechanisms]]\nname = "no-poach"\n\n[tipping]\nintensities = '
    path.write_text(head + "[1, 2.5]\n", encoding="utf-8")
    asked = read_scenario(path).scenario.tipping
    assert asked is not None
    assert asked.intensities == (1.0, 2.5)
    for wrong in ('[1, "two"]', "3", "[true, 2]"):
        path.write_text(head + wrong + "\n", encoding="utf-8")
        with pytest.raises(DataInvalid, match="list of numbers"):
            read_scenario(path)
    path.write_text(head + "[1, -2]\n", encoding="utf-8")
    with pytest.raises(DataInvalid, match="none below zero"):
        read_scenario(path)
