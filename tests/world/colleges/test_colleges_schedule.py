"""The year as a table: what is read has been written, loops are closed, the page says the same."""

import inspect
import itertools
from pathlib import Path

import numpy as np
import pytest

from consortia.world.colleges import LOOPS, SCHEDULE, Start, schedule, schedule_text
from consortia.world.colleges.loops import Loop
from consortia.world.colleges.mechanisms.rule import Hooks
from consortia.world.colleges.schedule import one_year
from consortia.world.colleges.setting import membership_state, opening_state

DOCS = Path(__file__).resolve().parents[3] / "docs" / "methods"


def test_every_step_takes_what_it_says_it_reads() -> None:
    for step in SCHEDULE:
        names = list(inspect.signature(step.run).parameters)
        assert names[:2] == ["w", "t"], step.name
        assert tuple(names[2:]) == step.reads, step.name


def test_what_is_read_has_been_written(small_start: Start) -> None:
    known = set(opening_state(small_start.world)) | set(membership_state(small_start.world))
    for step in SCHEDULE:
        assert set(step.reads) <= known, step.name
        known |= set(step.writes)


def test_hooks_of_the_schedule_are_those_of_mechanisms() -> None:
    named = [h for step in SCHEDULE for h in step.hooks]
    assert len(named) == len(set(named))
    fields = set(Hooks.__dataclass_fields__) - {"pledged_trainees"}
    assert set(named) == fields


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.name)
def test_a_loop_is_closed(loop: Loop) -> None:
    """Each name is written by a step that reads the one before; the first follows the last."""
    chain = [*loop.through, loop.through[0]]
    for before, after in itertools.pairwise(chain):
        written = "postings" if after == "books" else after
        assert any(before in s.reads and written in s.writes for s in SCHEDULE), (before, after)


def test_a_year_changes_nothing_that_was_there(small_start: Start) -> None:
    state = small_start.state
    copies = {k: v.copy() for k, v in state.items() if isinstance(v, np.ndarray)}
    one_year(small_start.world, 3, state)
    for name, was in copies.items():
        assert np.array_equal(state[name], was, equal_nan=True), name


def test_what_is_not_conserved_is_noticed(small_start: Start) -> None:
    after, _ = one_year(small_start.world, 3, small_start.state)
    for name, wrong in (
        ("outside", after["outside"] + 1),
        ("entered", after["entered"] + 1),
        ("places", after["new"] - 1),
    ):
        with pytest.raises(AssertionError):
            schedule._conserved(small_start.world, small_start.state, after | {name: wrong})


def test_the_text_and_the_page_name_every_step() -> None:
    page = (DOCS / "sector.md").read_text(encoding="utf-8")
    for step in SCHEDULE:
        assert step.name in schedule_text()
        assert f"| `{step.name}` | {step.does} |" in page
    for loop in LOOPS:
        assert f"| {loop.name} | {loop.sign} |" in page


def test_the_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (DOCS / "sector.md").read_text(encoding="utf-8")
    exec(compile(page.split("```python\n")[1].split("```")[0], "sector.md", "exec"), {})
    said = capsys.readouterr().out
    assert "move from one college to another" in said
    assert said.count("\n") > 1
