"""What happens in the sector, in which order: the loop as a table.

A step is a plain function ``run(spec, year, U, *reads) -> writes`` of arrays. ``U`` (rows, draws)
are uniform numbers from the step's own stream (``Streams.at("world", step, year)``), one row per
provider (or area), so that a step cannot see what another drew and one more provider moves nobody's
row.
The runner hands over what a step says it reads, and takes what it says it writes, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from consortia.streams import Streams
from consortia.world import setting
from consortia.world import year as yearly
from consortia.world.sector import SchoolSector
from consortia.world.setting import SUBJECTS

Floats = NDArray[np.float64]
State = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the schedule; ``by`` says who has a row of U, ``draws`` how many columns."""

    name: str
    run: Callable[..., tuple[NDArray[Any], ...]]
    when: Literal["start", "year"]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    does: str
    by: Literal["provider", "area", "sector"] = "provider"
    draws: int = 0


SCHEDULE: tuple[Step, ...] = (
    Step(
        name="areas",
        run=setting.areas,
        when="start",
        by="area",
        draws=4,
        reads=(),
        writes=("area_east", "area_north", "area_disadvantage", "area_urban"),
        does="local authorities lie somewhere; some are poorer, some more urban",
    ),
    Step(
        name="places",
        run=setting.places,
        when="start",
        draws=4,
        reads=("area_east", "area_north", "area_urban"),
        writes=("area", "easting", "northing"),
        does="schools lie in towns or around them",
    ),
    Step(
        name="neighbours",
        run=setting.neighbours,
        when="start",
        reads=("easting", "northing"),
        writes=("rival", "rivals"),
        does="rivals are the nearest schools within the radius",
    ),
    Step(
        name="intake",
        run=setting.intake,
        when="start",
        draws=2,
        reads=("area", "area_disadvantage"),
        writes=("size", "disadvantage"),
        does="size of the year group, share of disadvantaged pupils",
    ),
    Step(
        name="people",
        run=setting.people,
        when="start",
        draws=2,
        reads=(),
        writes=("leadership", "response"),
        does="leadership that no file shows; how much a trust would do for this school",
    ),
    Step(
        name="sounding",
        run=setting.sounding,
        when="start",
        draws=1,
        reads=(),
        writes=("turn",),
        does="the one year in which trusts sound the school out",
    ),
    Step(
        name="first-academies",
        run=setting.first_academies,
        when="start",
        draws=1,
        reads=("leadership",),
        writes=("academy", "academy_in"),
        does="some are academies already, well-led schools more often",
    ),
    Step(
        name="opening",
        run=setting.opening,
        when="start",
        reads=("area",),
        writes=("joined", "joined_in", "trust", "federation", "networks", "noise", "common"),
        does="nobody has joined anything yet",
    ),
    Step(
        name="path",
        run=yearly.path,
        when="year",
        by="sector",
        draws=1,
        reads=("common",),
        writes=("common",),
        does="what all schools share this year",
    ),
    Step(
        name="join",
        run=yearly.join,
        when="year",
        draws=5,
        reads=(
            "turn", "noise", "leadership", "disadvantage", "area",
            "joined", "joined_in", "trust", "academy", "academy_in",
        ),
        writes=("joined", "joined_in", "trust", "academy", "academy_in"),
        does="schools sounded out accept: weak leadership, a dip last year, disadvantage; most "
        "become academies the same day",
    ),
    Step(
        name="convert",
        run=yearly.convert,
        when="year",
        draws=1,
        reads=("leadership", "trust", "academy"),
        writes=("academy",),
        does="some schools outside trusts become academies alone",
    ),
    Step(
        name="move",
        run=yearly.move,
        when="year",
        draws=2,
        reads=("area", "joined", "trust"),
        writes=("trust",),
        does="a few members move to another trust",
    ),
    Step(
        name="federate",
        run=yearly.federate,
        when="year",
        draws=2,
        reads=("size", "area", "federation"),
        writes=("federation",),
        does="small schools join and leave federations",
    ),
    Step(
        name="link",
        run=yearly.link,
        when="year",
        draws=len(SUBJECTS),
        reads=("size", "area", "networks"),
        writes=("networks",),
        does="schools join and leave subject networks, several at a time",
    ),
    Step(
        name="compete",
        run=yearly.compete,
        when="year",
        reads=("rival", "rivals", "academy", "joined"),
        writes=("competition", "in_trusts"),
        does="rivals press, academies among them more",
    ),
    Step(
        name="enrol",
        run=yearly.enrol,
        when="year",
        draws=1,
        reads=("size",),
        writes=("pupils",),
        does="pupils of this year's group",
    ),
    Step(
        name="luck",
        run=yearly.luck,
        when="year",
        draws=1,
        reads=("pupils",),
        writes=("noise",),
        does="noise of the year, larger in small schools, gone the year after",
    ),
    Step(
        name="benefit",
        run=yearly.benefit,
        when="year",
        reads=("joined", "response"),
        writes=("effect",),
        does="the truth: what being in a trust adds, growing with the years since joining",
    ),
    Step(
        name="results",
        run=yearly.results,
        when="year",
        draws=1,
        reads=(
            "common", "leadership", "disadvantage", "competition", "academy", "trust",
            "federation", "networks", "in_trusts", "noise", "effect",
        ),
        writes=("score",),
        does="all of it adds up to the summer's results; a few are not published",
    ),
)  # fmt: skip


def as_text() -> str:
    """The schedule as a table of plain text, one step a line."""
    head = ("when", "step", "draws", "reads", "writes", "what it does")
    rows = [
        (
            s.when,
            s.name,
            f"{s.draws} by {s.by}" if s.draws else "-",
            ", ".join(s.reads) or "-",
            ", ".join(s.writes),
            s.does,
        )
        for s in SCHEDULE
    ]
    wide = [max(len(r[c]) for r in (head, *rows)) for c in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(r, wide, strict=True)).rstrip()
        for r in (head, *rows)
    )


def draws(spec: SchoolSector, streams: Streams, step: Step, year: int) -> Floats:
    """The uniform numbers (rows, draws) of a step; ``year`` matters only to a yearly one."""
    rows = {"provider": spec.providers, "area": spec.areas, "sector": 1}[step.by]
    stream = streams.at("world", step.name)
    if step.when == "year":
        stream = stream.at(year)
    return stream.rng().random((rows, step.draws))


KEPT = ("joined", "trust", "federation", "networks", "pupils", "noise", "effect", "score")
"""What is kept of every year."""


def run(spec: SchoolSector, streams: Streams) -> tuple[State, dict[int, State]]:
    """The sector after its last year, and what is kept of each simulated year."""
    state: State = {}
    history: dict[int, State] = {}

    def take(step: Step, year: int) -> None:
        written = step.run(
            spec, year, draws(spec, streams, step, year), *(state[name] for name in step.reads)
        )
        state.update(zip(step.writes, written, strict=True))

    for step in SCHEDULE:
        if step.when == "start":
            take(step, spec.simulated.start)
    for year in spec.simulated:
        for step in SCHEDULE:
            if step.when == "year":
                take(step, year)
        history[year] = {name: state[name] for name in KEPT}
    return state, history
