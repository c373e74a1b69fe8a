"""What happens in the sector of colleges, in which order: the year as a table.

A step is a plain function ``run(world, t, *reads) -> writes`` of arrays. The runner hands over what
a step says it reads and takes what it says it writes, nothing else; postings go through the books
at once, so that money is conserved step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consortia.world.colleges import funding, learners, market, membership, outcomes, training
from consortia.world.colleges.ledger import Posting, post
from consortia.world.colleges.setting import G, State, World

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the schedule; ``hooks`` are those of mechanisms that act in it."""

    name: str
    run: Callable[..., tuple[Any, ...]]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    does: str
    hooks: tuple[str, ...] = ()


_SEEN = (
    "posts", "vacancies", "log_pay", "paybill", "income", "surplus", "running", "achievement",
    "filled", "books",
)  # fmt: skip

SCHEDULE: tuple[Step, ...] = (
    Step(
        name="announce",
        run=membership.announce,
        reads=(
            "left", "joined", "trust", "vacancies", "posts", "log_pay", "learners", "tempted",
            "protected", "books", "income",
        ),
        writes=("joined", "pledged", "broke"),
        does="colleges join or pledge, and decide whether to keep the rules, on last year's "
        "figures",
        hooks=("joins",),
    ),
    Step(
        name="choose",
        run=learners.choose,
        reads=("joined", "pledged", "learners", "new", "places", "quality", *_SEEN),
        writes=("learners", "learners_before", "new", "places", "flows", "refused", "outside"),
        does="new learners choose a college by quality and distance, within its places; last "
        "year's "
        "begin their second year",
        hooks=("appeal",),
    ),
    Step(
        name="fund",
        run=funding.fund,
        reads=(
            "learners_before", "posts", "log_pay", "vacancies", "books", "cut", "joined",
        ),
        writes=("income", "posts", "log_pay", "postings"),
        does="money follows the learners of the year before; colleges set posts and pay",
        hooks=("pay",),
    ),
    Step(
        name="leave",
        run=market.leave,
        reads=("people", "log_pay"),
        writes=("people", "exits", "left_by_service", "searching"),
        does="staff leave the sector, newcomers and the worse paid more often",
    ),
    Step(
        name="move",
        run=market.move,
        reads=(
            "people", "searching", "posts", "log_pay", "joined", "broke", "tempted", "protected",
        ),
        writes=(
            "people", "moved_in", "moved_out", "pay_gain", "tempted", "protected", "postings",
        ),
        does="some look at posts elsewhere and move; the post they leave is empty again",
        hooks=("eligible", "offer_cost", "on_move"),
    ),
    Step(
        name="enter",
        run=market.enter,
        reads=("people", "trainees", "posts", "log_pay", "joined"),
        writes=("people", "trainees", "entered", "placed", "applicants", "unplaced"),
        does="trainees finish and people outside apply, each to colleges near home; pools place "
        "those turned away",
        hooks=("pools",),
    ),
    Step(
        name="cover",
        run=funding.cover,
        reads=(
            "people", "posts", "log_pay", "learners_before", "running", "moved_in", "entered",
            "placed",
        ),
        writes=("vacancies", "filled", "agency", "paybill", "postings"),
        does="what is still empty is covered by agencies in part; the bills of the year are paid",
    ),
    Step(
        name="train",
        run=training.train,
        reads=("trainees", "joined", "pledged", "learners", *_SEEN),
        writes=("trainees", "trained", "postings"),
        does="levies are paid and spent, trainees begin, campaigns and bonuses are paid",
        hooks=("costs", "levy", "grant", "trainees", "bonus"),
    ),
    Step(
        name="achieve",
        run=outcomes.achieve,
        reads=(
            "people", "flows", "quality", "achievement", "joined", "pledged", "learners", "posts",
            "vacancies", "log_pay", "paybill", "income", "surplus", "running", "filled", "agency",
            "books",
        ),
        writes=("quality", "achievement", "newcomers", "specific_skill", "postings"),
        does="empty posts and new faces lower quality, which lasts; learners achieve",
        hooks=("gain", "fund"),
    ),
    Step(
        name="trust",
        run=membership.trusting,
        reads=("joined", "broke", "trust", "left"),
        writes=("trust", "left"),
        does="partners that keep the rule gain trust, those seen to break it lose it; the "
        "distrustful "
        "leave",
    ),
    Step(
        name="rescue",
        run=funding.rescue,
        reads=("books", "income", "running", "debt_years"),
        writes=("debt_years", "running", "cut", "postings"),
        does="after years of debt the authority pays it off and the college cuts",
    ),
)  # fmt: skip


def as_text() -> str:
    """The schedule as a table of plain text, one step a line."""
    head = ("step", "reads", "writes", "hooks", "what it does")
    rows = [
        (s.name, ", ".join(s.reads), ", ".join(s.writes), ", ".join(s.hooks) or "-", s.does)
        for s in SCHEDULE
    ]
    wide = [max(len(r[c]) for r in (head, *rows)) for c in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(r, wide, strict=True)).rstrip()
        for r in (head, *rows)
    )


def one_year(w: World, t: int, state: State) -> tuple[State, dict[str, Ints]]:
    """The state a year later, and the flows of money of the year, (n,) pence into colleges.

    Neither the state handed in nor its arrays are changed. Raises ValueError where a fund would be
    overdrawn; AssertionError where staff, learners or money are not conserved.
    """
    before, state = state, dict(state)
    flows: dict[str, Ints] = {}
    for step in SCHEDULE:
        written = step.run(w, t, *(state[name] for name in step.reads))
        for name, value in zip(step.writes, written, strict=True):
            if name == "postings":
                _enter_in_books(state, flows, value)
            else:
                state[name] = value
    rescued = flows.get("rescue", 0)
    state["surplus"] = sum(flows.values()) - rescued
    _conserved(w, before, state)
    return state, flows


def _enter_in_books(state: State, flows: dict[str, Ints], postings: tuple[Posting, ...]) -> None:
    state["books"] = post(state["books"], postings)
    for p in postings:
        if not p.to:
            flows[p.flow] = flows.get(p.flow, 0) + p.pence


def _conserved(w: World, before: State, after: State) -> None:
    start, end = before["people"], after["people"]
    came, went = int(after["entered"].sum()), int(after["exits"].sum())
    assert start.size + came - went == end.size, "staff are not conserved"
    assert int(after["moved_in"].sum()) == int(after["moved_out"].sum()), "a move has two ends"
    heads = end.heads(w.n, G)
    over = heads - after["posts"]
    was_over = start.heads(w.n, G) - after["posts"]
    assert (over <= np.maximum(was_over, 0)).all(), "more staff than posts"
    taken = int(after["flows"].sum()) + int(after["outside"])
    assert taken == int(w.region.cohort.sum()), "learners are not conserved"
    assert (after["flows"] >= 0).all(), "fewer than no learners"
    assert (after["new"] <= after["places"]).all(), "more learners than places"
    assert after["books"].total == 0, "money is not conserved"


def with_terms(w: World, terms: tuple[Any, ...]) -> World:
    """The same world under these mechanisms."""
    return replace(w, terms=terms)
