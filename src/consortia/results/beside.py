"""What stands beside an answer: what it can be told apart from, is made of, and depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Coincidence:
    """How an alongside or held arm coincides with joining, among the joiners of the window."""

    arm: str
    label: str
    joiners: int
    same_year: int
    before: int
    after: int
    never: int
    sentence: str


CONTRASTS: dict[str, Any] = {
    "regime": pl.String,
    "cohort": pl.Int32,
    "joiners": pl.Int64,
    "keep": pl.Int64,
    "compared": pl.Int64,
    "comparison": pl.Int64,
    "years": pl.Int64,
    "overlap": pl.Float64,
    "exists": pl.Boolean,
    "why": pl.String,
}
"""Columns of Identification.table, one row per regime and cohort of joiners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """What the data can tell apart: the arm in question from the arms ``held`` (labels).

    ``table`` (CONTRASTS): by what joiners held in their base year (``regime``) and first year as
    members (``cohort``): ``joiners``; ``keep``, those that kept it in some year after joining;
    ``compared``, those of them that have somebody to be compared with; ``comparison`` providers;
    ``years`` after joining in which there is a comparison; ``overlap``, the share of the compared
    whose chance of joining given the covariates lies within the comparison's (null without
    covariates); whether the contrast ``exists``, and ``why`` not.

    ``joiners`` and ``identified`` are the sums, ``share`` their ratio. ``inflation``: by how much
    the variance of a regression coefficient of the arm grows through the other arms, given
    provider and year effects (infinite: the arms move together exactly); ``correlations`` of the
    arm with each of them, likewise. ``price``: standard error with the arms held over standard
    error without (None where either is unknown).
    """

    arm: str
    held: tuple[str, ...]
    table: pl.DataFrame
    joiners: int
    identified: int
    share: float
    inflation: float
    correlations: tuple[tuple[str, float], ...]
    price: float | None
    sentence: str
    speaks_for: str
    silent_on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GapPart:
    """One bar of the waterfall from the raw difference to the answer, in the outcome's unit.

    ``kind``: "total" (the raw difference, what is left), "part" (what one of the others carries of
    the raw difference), "method" (what the answer's own weights and comparison change; it has no
    standard error), "answer". Numbers are None where they do not exist.
    """

    name: str
    label: str
    kind: Literal["total", "part", "method", "answer"]
    estimate: float
    std_error: float | None
    low: float | None
    high: float | None
    caution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What the raw difference is made of (Gelbach 2016): raw = parts + left, exactly."""

    parts: tuple[GapPart, ...]
    sentence: str
    convention: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contamination:
    """Weights of the two-way regression with all arms in it, and why it is not the answer.

    ``table``: coefficient, effects_of (labels of arms), total, positive, negative (sums of
    weights), cells, below (provider-years, and those with a weight below zero).
    """

    table: pl.DataFrame
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ByCollaboration:
    """The effect in each collaboration, drawn towards their mean as far as chance asks for.

    ``table``, best first: collaboration, name (what people call it), joiners, estimate, std_error
    (of chance alone), shrunk, shrunk_low, shrunk_high, p_value (effect zero), q_value
    (Benjamini-Hochberg), stands_out ("better", "worse", ""). ``mean`` and ``spread`` (standard
    deviation of the true effects
    between collaborations), ``q``, ``dof`` and ``p_value`` of Cochran's test that all are the same;
    ``reliability``: median share of an estimate's variance that is not chance.
    """

    table: pl.DataFrame
    mean: float
    mean_std_error: float
    spread: float
    q: float
    dof: int
    p_value: float
    reliability: float
    false_discovery: float
    better: int
    worse: int
    sentence: str
    notes: tuple[str, ...] = ()


LEVELS: dict[str, Any] = {
    "label": pl.String,
    "above": pl.Float64,
    "up_to": pl.Float64,
    "providers": pl.Int64,
    "estimate": pl.Float64,
    "std_error": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p_value": pl.Float64,
    "n_treated": pl.Int64,
    "n_control": pl.Int64,
    "caution": pl.String,
}
"""The answer by level of a fact, lowest level first, and last the highest less the lowest.

A level holds the ``providers`` whose first known value before joining is ``above`` and no more than
``up_to`` (null: no bound). A level without an answer has null numbers and a caution that says why.
A simulated panel adds ``truth``.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByLevel:
    """Whether the effect depends on a fact: ``table`` (LEVELS).

    ``by`` is the column, ``label`` the fact in words; ``p_value`` of the test that the effect is
    the same in all levels that have one (None where fewer than two have). ``before``: the highest
    less the lowest in the years before joining, with its interval (None where none is seen).
    """

    by: str
    label: str
    table: pl.DataFrame
    p_value: float | None
    before: tuple[float, float | None, float | None] | None
    sentence: str
    notes: tuple[str, ...] = ()


AREA: dict[str, Any] = {
    "who": pl.String,
    "label": pl.String,
    "estimate": pl.Float64,
    "std_error": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p_value": pl.Float64,
    "providers": pl.Int64,
    "caution": pl.String,
}
"""Who gains and who loses: ``who`` is "members", "ring-1" and so on, "neighbours" (all rings, for
each year of membership) or "area" (members and neighbours, for each year of membership)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaReading:
    """What joining does to members, to those nearby and to the area: ``table`` (AREA).

    ``lost_elsewhere``: the share of the members' gain that is their neighbours' loss (of a loss:
    that is the neighbours' gain); None unless the data show both clearly.
    """

    table: pl.DataFrame
    lost_elsewhere: float | None
    sentence: str
