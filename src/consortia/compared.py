"""What a comparison of mechanisms found. Every figure is a difference from nothing shared, under
the same luck, in means a year, unless it says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.legal import LegalNote
from consortia.scenario import Scenario

Floats = NDArray[np.float64]

CHANGES: dict[str, Any] = {
    "mechanism": pl.String,
    "metric": pl.String,
    "does": pl.String,
    "who": pl.String,
    "of": pl.String,
    "unit": pl.String,
    "better": pl.String,
    "without": pl.Float64,
    "estimate": pl.Float64,
    "std_error": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "reads": pl.String,
}
"""One row per mechanism, figure and group of colleges (``of``: members, neighbours, others,
sector); ``without``: the level with nothing shared; ``reads``: better, worse, changed, unclear
or none."""

MEMBERS: dict[str, Any] = {
    "mechanism": pl.String,
    "college": pl.String,
    "gain": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p_gain": pl.Float64,
    "vacancies": pl.Float64,
    "beside_leaving": pl.Float64,
    "leaving_low": pl.Float64,
    "leaving_high": pl.Float64,
    "free_ride": pl.Float64,
    "spill_over": pl.Float64,
    "side_payment": pl.Float64,
    "patience": pl.Float64,
    "stays": pl.String,
}
"""One row per mechanism and member, pounds a year. ``gain``: beside nobody joining;
``beside_leaving``: beside the others joining without it; ``free_ride``: what it would gain by
leaving while the others stay (zero if nothing); ``spill_over``: what it would have had from the
others' joining without it; ``side_payment``: received, or paid if below zero, so that no member
loses, null where there is not enough; ``patience``: break-even discount factor;
``stays``: yes, no, unclear or not looked at."""

COLLEGES: dict[str, Any] = {
    "mechanism": pl.String,
    "college": pl.String,
    "member": pl.Boolean,
    "easting": pl.Float64,
    "northing": pl.Float64,
    "gain": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "reads": pl.String,
}
"""Surplus of each college, pounds a year, beside nothing shared; ``reads``: gains, loses or
unclear."""

SERIES: dict[str, Any] = {
    "mechanism": pl.String,
    "metric": pl.String,
    "of": pl.String,
    "year": pl.Int64,
    "estimate": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Where vacancies come from, before any mechanism is judged: means a year of one arm.

    ``share_inside``: hires that come from other colleges; ``chain``: vacancies that one vacancy
    makes in all, 1 / (1 - share_inside). A move leaves headcount as it was.
    """

    mechanism: str
    posts: float
    staff: float
    exits: float
    entries: float
    moves: float
    spells: float
    vacancy_rate: float
    exit_rate: float
    move_rate: float
    share_inside: float
    chain: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MechanismAnswer:
    """One mechanism judged. ``gain``: the members together, ``others``: all other colleges,
    pounds a year with intervals, learners who achieve counted as the scenario says;
    ``achievers``: further learners of members who achieve in a year; ``per_achiever``: surplus
    given up for each of them (None: none is given up, or it cannot be told); ``empty``: change of
    the share of members' posts that are empty;
    ``achievement`` of their learners, points; ``losing``: members that lose on average;
    ``unclear``: those whose interval holds zero; ``moved``: side payments after which no member
    loses (None: not enough to share); ``would_leave``: members better off if they left and the
    others stayed (None: not looked at); ``together``, ``alone``: break-even discount factors with
    and without transfers; ``exposure``: the most a sponsor may have to pay; ``pairing``: how many
    times fewer seeds pairing needed for the group's gain."""

    key: str
    name: str
    title: str
    does: str
    entry: str
    exit: str
    enforcement: str
    legal: LegalNote
    gain: Mapping[str, float]
    others: Mapping[str, float]
    empty: Mapping[str, float]
    achievement: Mapping[str, float]
    achievers: Mapping[str, float]
    per_achiever: float | None
    losing: int
    unclear: int
    moved: float | None
    would_leave: int | None
    together: float | None
    alone: float | None
    exposure: float
    sponsor: float
    pairing: float
    members_in: float
    sentence: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CoalitionAnswer:
    """What groups of ``players`` could get, pounds a year beside nobody joining.

    ``sizes``: by coalition size, members' and outsiders' mean pay-off with the number of coalitions
    looked at. ``worths``: games by what the rest does, one row per coalition.
    ``values``: by player, Shapley with its standard error, nucleolus, gain without side payments.
    ``core``: per game (rest apart, rest together): epsilon, low, high, nonempty, draws.
    Empty tables and None where coalitions were sampled.
    """

    mechanism: str
    players: tuple[str, ...]
    seeds: int
    sampled: bool
    coalitions: int
    sizes: pl.DataFrame
    worths: pl.DataFrame
    values: pl.DataFrame
    core: pl.DataFrame
    internal: tuple[int, ...]
    external: tuple[int, ...]
    stable: tuple[int, ...]
    potential: tuple[int, ...]
    stable_chance: float | None
    convex: bool | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingAnswer:
    """The ranking at the ends of what nobody knows. ``table``: parameter, value, end (low, as it
    is, high), mechanism, gain, low, high, rank; ``turns``: parameters at whose ends another
    mechanism comes first by more than noise."""

    table: pl.DataFrame
    first: str
    turns: tuple[str, ...]
    seeds: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HingeAnswer:
    """Whether members gain or lose at both ends of the share of empty posts that agencies cover.

    ``table``: mechanism, share, gain with low and high (pounds a year); ``turns``: break-even share
    of every mechanism whose members clearly lose at one end and clearly gain at the other;
    ``assumed``: the share in all other runs; ``sentences``: by mechanism.
    """

    table: pl.DataFrame
    turns: Mapping[str, float]
    assumed: float
    seeds: int
    sentences: Mapping[str, str]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TippingAnswer:
    """How a compact that rests on trust fares as competition grows. ``table``: intensity (1 = as it
    is), still_in (share of those invited that are members in the last year), breaches (share of
    member-years in which the rule was broken), apart (share of runs that come apart), year (mean
    year in which they do, null where none does); ``point``: lowest intensity from which on at least
    half of the runs come apart (None: there is none)."""

    mechanism: str
    table: pl.DataFrame
    point: float | None
    seeds: int
    years: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorialAnswer:
    """Competition, autonomy and collaboration, each off and on, under the same luck.

    ``effects``: metric, term (a main effect or an interaction, means over the other switches),
    estimate, low, high, and ``share``: the Shapley share of the change from all off to all on (main
    terms only). ``cells``: metric, the three switches, mean.
    """

    mechanism: str
    effects: pl.DataFrame
    cells: pl.DataFrame
    seeds: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateAnswer:
    """Groups that share learners, most gain for each member first: colleges, members, km (widest
    pair), gain with low and high, gain_each, others (what all other colleges gain), pounds a year.
    ``modularity`` of the division."""

    mechanism: str
    table: pl.DataFrame
    modularity: float
    seeds: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One scenario, answered; everything that the report shows is in here."""

    scenario: Scenario
    members: tuple[str, ...]
    caution: str
    sentence: str
    counted: tuple[Counted, ...]
    answers: tuple[MechanismAnswer, ...]
    changes: pl.DataFrame
    member_rows: pl.DataFrame
    college_rows: pl.DataFrame
    series: pl.DataFrame
    schedule: tuple[Mapping[str, Any], ...]
    loops: tuple[Mapping[str, str], ...]
    targets: tuple[Mapping[str, Any], ...]
    seeds: int
    stopped: str
    narrow: bool
    colleges: int
    years: tuple[int, int]
    coalitions: CoalitionAnswer | None = None
    coalitions_not_identified: str = ""
    hinge: HingeAnswer | None = None
    tipping: TippingAnswer | None = None
    ranking: RankingAnswer | None = None
    factorial: FactorialAnswer | None = None
    candidates: CandidateAnswer | None = None
    notes: tuple[str, ...] = ()
    command: str = ""
    version: str = ""

    def __repr__(self) -> str:
        return (
            f"Comparison({len(self.answers)} mechanisms, {len(self.members)} colleges, "
            f"{self.seeds} seeds:\n           {self.sentence})"
        )

    def answer(self, key: str) -> MechanismAnswer:
        """The answer of one mechanism. Raises KeyError for one that was not compared."""
        for a in self.answers:
            if a.key == key:
                return a
        raise KeyError(key)
