"""The schedule: it prints, steps keep to what they declare, draws go by slot."""

from dataclasses import replace

import numpy as np

from consortia.streams import Streams
from consortia.world.schedule import SCHEDULE, as_text, draws, run
from consortia.world.sector import Competition, SchoolSector

SECTOR = SchoolSector(providers=600)
BY_NAME = {step.name: step for step in SCHEDULE}


def test_it_prints_as_a_table() -> None:
    lines = as_text().splitlines()
    assert len(lines) == len(SCHEDULE) + 1
    assert lines[0].split()[:3] == ["when", "step", "draws"]
    for line, step in zip(lines[1:], SCHEDULE, strict=True):
        assert line.startswith(step.when)
        assert step.name in line
        assert line.endswith(step.does)


def test_every_step_reads_only_what_was_written_before_it() -> None:
    written: set[str] = set()
    for step in SCHEDULE:
        assert set(step.reads) <= written, step.name
        written |= set(step.writes)
    assert len(BY_NAME) == len(SCHEDULE)
    order = [s.when for s in SCHEDULE]
    assert order == sorted(order)  # "start" before "year"


def test_no_step_changes_what_it_reads() -> None:
    state, _ = run(SECTOR, Streams(7))
    for step in SCHEDULE:
        before = {name: state[name].copy() for name in step.reads}
        step.run(
            SECTOR, 2015, draws(SECTOR, Streams(7), step, 2015), *(state[r] for r in step.reads)
        )
        for name in step.reads:
            assert np.array_equal(state[name], before[name], equal_nan=True), (step.name, name)


def test_each_decision_of_each_year_has_its_own_stream() -> None:
    seen: dict[bytes, str] = {}
    for step in SCHEDULE:
        for year in (2015, 2016) if step.when == "year" else (0,):
            if step.draws:
                key = draws(SECTOR, Streams(7), step, year)[0, 0].tobytes()
                assert key not in seen, (step.name, year, seen.get(key))
                seen[key] = f"{step.name} {year}"
    assert len(seen) > 20


def test_draws_of_a_step_come_from_its_name_alone() -> None:
    expected = Streams(7).at("world", "join", 2019).rng().random((600, 5))
    assert np.array_equal(draws(SECTOR, Streams(7), BY_NAME["join"], 2019), expected)


def test_one_more_provider_changes_nobody_elses_draw() -> None:
    more = replace(SECTOR, providers=601)
    for step in SCHEDULE:
        for year in SECTOR.simulated if step.when == "year" else (0,):
            few, many = (draws(s, Streams(7), step, year) for s in (SECTOR, more))
            if step.by == "provider":
                assert many.shape[0] == few.shape[0] + 1
                assert np.array_equal(few, many[:-1]), (step.name, year)
            else:
                assert np.array_equal(few, many), (step.name, year)


def test_one_more_provider_changes_nobody_elses_story_without_competition() -> None:
    alone = replace(SECTOR, competition=Competition(effect=0.0))
    few = run(alone, Streams(7))[1]
    many = run(replace(alone, providers=601), Streams(7))[1]
    for year, kept in few.items():
        for name, values in kept.items():
            assert np.array_equal(values, many[year][name][:600], equal_nan=True), (year, name)


def test_a_rival_does_change_the_results_of_its_neighbours() -> None:
    # The other side of the test above: with competition, somebody may notice number 601.
    crowded = replace(SECTOR, competition=Competition(radius=50_000.0, most=599))
    few = run(crowded, Streams(7))[1][2015]["score"]
    many = run(replace(crowded, providers=601), Streams(7))[1][2015]["score"][:600]
    assert not np.array_equal(few, many, equal_nan=True)
