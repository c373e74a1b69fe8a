"""The feedback loops of the sector, each through arrays that the schedule reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A closed chain ``through`` names of the state; each is written by a step that reads the one
    before (a test follows it)."""

    name: str
    sign: Literal["reinforcing", "balancing"]
    through: tuple[str, ...]
    does: str


LOOPS: tuple[Loop, ...] = (
    Loop(
        name="decline",
        sign="reinforcing",
        through=("vacancies", "filled", "quality", "learners", "learners_before", "income"),
        does="empty posts lower quality, learners go elsewhere, and money with them",
    ),
    Loop(
        name="posts follow learners",
        sign="balancing",
        through=("learners", "learners_before", "posts", "vacancies", "filled", "quality"),
        does="a college that loses learners needs fewer teachers, and fills its posts again",
    ),
    Loop(
        name="pay",
        sign="balancing",
        through=("vacancies", "log_pay", "people"),
        does="a college short of staff pays more, loses fewer and hires more",
    ),
    Loop(
        name="bidding",
        sign="reinforcing",
        through=("log_pay", "people", "vacancies"),
        does="one that pays more empties its neighbours' posts, and they pay more",
    ),
    Loop(
        name="newcomers",
        sign="reinforcing",
        through=("people", "newcomers", "quality"),
        does="moves and exits bring new faces, which lowers quality for a while",
    ),
    Loop(
        name="trust",
        sign="reinforcing",
        through=("trust", "broke"),
        does="who trusts keeps the rule, and is trusted; a breach that is seen breeds the next",
    ),
    Loop(
        name="rescue",
        sign="balancing",
        through=("books", "debt_years", "running"),
        does="debt brings the authority in, and spending down",
    ),
)
