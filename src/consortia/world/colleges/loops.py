"""The feedback loops of the sector, each through arrays that the schedule reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A closed chain ``through`` names of the state; each is written by a step that reads the one
    before (a test follows it). ``books`` are written by every step that makes postings."""

    name: str
    sign: Literal["reinforcing", "balancing"]
    through: tuple[str, ...]
    does: str


LOOPS: tuple[Loop, ...] = (
    Loop(
        name="decline",
        sign="reinforcing",
        through=("filled", "quality", "learners", "learners_before", "books", "log_pay", "people"),
        does="empty posts lower quality, learners go elsewhere and money with them, and a college "
        "in debt cannot raise pay to keep its staff",
    ),
    Loop(
        name="posts follow learners",
        sign="balancing",
        through=("learners", "learners_before", "posts", "filled", "quality"),
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
        through=("people", "quality", "learners", "learners_before", "books", "log_pay"),
        does="those who leave are followed by new faces, which lowers quality for a while, and "
        "what that costs in learners is missing for pay",
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
        through=("books", "running"),
        does="debt brings the authority in, and spending down",
    ),
)
