"""Numbers of the sector: every one has its source, and the page is made from the same files."""

from dataclasses import fields
from pathlib import Path

import pytest

from consortia.errors import DataInvalid
from consortia.world.colleges import UNKNOWN, described, parameters, sweeps
from consortia.world.colleges.parameters import GROUPS, as_page, targets

PAGE = Path(__file__).resolve().parents[3] / "docs" / "methods" / "sector-parameters.md"


def test_files_and_specs_name_the_same_numbers() -> None:
    named = {p.name for p in described()}
    assert named == {f"{g}.{f.name}" for g, kind in GROUPS.items() for f in fields(kind)}


@pytest.mark.parametrize("p", [*described(), *targets()], ids=lambda p: p.name)
def test_every_number_lies_in_its_range_and_has_a_source(p) -> None:
    assert p.low <= p.value <= p.high
    assert p.low < p.high
    assert p.unit
    assert p.source
    assert p.does
    assert p.confidence in ("H", "M", "L")
    assert 1990 < p.year <= 2026
    # What has no source is not sold as known.
    assert ("no source" not in p.source) or p.confidence in ("L", "M")


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == as_page()


def test_other_values() -> None:
    p = parameters().with_values({"staff.search": 0.2, "learners.choices": 4.0})
    assert (p.staff.search, p.learners.choices) == (0.2, 4)
    assert isinstance(p.learners.choices, int)
    assert p.money == parameters().money
    assert p.get("staff.search") == 0.2
    assert parameters().with_values({"staff.search": 0.9}, wide=True).staff.search == 0.9


def test_every_wrong_value_is_said_at_once() -> None:
    with pytest.raises(DataInvalid) as said:
        parameters().with_values({"staff.serch": 0.2, "staff.search": 7.0, "x": 1.0})
    assert len(said.value.problems) == 3
    assert "staff.search" in str(said.value)
    assert "0.1 to 0.6" in str(said.value)
    with pytest.raises(DataInvalid):
        parameters().get("staff.serch")


def test_sweeps_are_the_ends_of_the_ranges() -> None:
    assert tuple(s.name for s in sweeps()) == UNKNOWN
    (one,) = sweeps(["money.hire_cost"])
    assert (one.low, one.value, one.high) == (1_500, 3_000, 6_000)
    for s in sweeps():
        for end in (s.low, s.high):
            assert parameters().with_values({s.name: end}).get(s.name) == end
    with pytest.raises(DataInvalid):
        sweeps(["nothing.here"])
