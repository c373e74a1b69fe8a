"""What comes out: fits, effect tables, findings, evaluations. Results never import the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.maths.influence import Influence
from consortia.panel import Arrays, FlowStep, Note, Source
from consortia.structures import Belonging
from consortia.study import Study

Floats = NDArray[np.float64]

EFFECTS: dict[str, Any] = {
    "estimand": pl.String,
    "arm": pl.String,
    "cohort": pl.Int32,
    "year": pl.Int32,
    "event_time": pl.Int32,
    "regime": pl.String,
    "estimate": pl.Float64,
    "std_error": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "band_low": pl.Float64,
    "band_high": pl.Float64,
    "p_value": pl.Float64,
    "n_treated": pl.Int64,
    "n_control": pl.Int64,
    "caution": pl.String,
}
"""The one schema of every table of effects; a simulated run adds ``truth`` (Float64).

``low``/``high`` bound one effect at a time; ``band_low``/``band_high`` bound all rows of the same
estimand at once (uniform band), null where there is only one row. ``p_value`` is two-sided.
``regime``: what else the providers of an effect hold, null where it is not by regime.
An effect that is not identified has null numbers and a caution "not identified, because ...".
"""

Estimand = Literal[
    "att(g,t)", "simple", "group", "group-overall", "calendar", "calendar-overall",
    "dynamic", "dynamic-overall", "raw-gap", "raw-gap-by-year", "two-way",
    "att(g,t,r)", "by-regime", "regime-contrast",
    "fit-before", "per-exposed-year", "dynamic-normalised", "only", "others-only", "together",
    "direct", "direct-alone", "direct-beside", "spill-over", "spill-over-per-member", "area-total",
    "direct-dynamic", "spill-over-dynamic",
    "mixed", "mixed-between", "mixed-difference",
]  # fmt: skip
"""What a row can be an average of; beside these "<one of them> of <label of another arm>"
(imputation) and "spill-over-ring-<number>" with or without "-dynamic" (neighbours)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectKey:
    """Which effect a row is: estimand, and the cohort, year, event time or regime it belongs to."""

    estimand: Estimand | str
    cohort: int | None = None
    year: int | None = None
    event_time: int | None = None
    regime: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What an estimator returns: m effects and their influence functions, never standard errors.

    ``theta`` (m,) is NaN for an effect that is not identified (its caution says why) and for it
    the influence is zero; a reference effect that is zero by construction (event time -1 with a
    universal base) has theta 0, influence zero and the caution "reference year".
    ``headline`` is the row that answers the study's question.
    ``dof_factor`` multiplies the variance under the "regression" small-sample convention.
    ``pieces`` caps the number of clusters that small-sample rules count (0 = no cap).

    A model that states its own uncertainty has no influence functions: then ``influence`` is None,
    ``covariance`` (m, m) and ``dof`` (m,), degrees of freedom of Student's t (infinite: normal),
    take their place, and ``convention`` says in words how they were found.
    """

    method: str
    keys: tuple[EffectKey, ...]
    theta: Floats
    influence: Influence | None
    n_treated: NDArray[np.int64]
    n_control: NDArray[np.int64]
    cautions: tuple[str, ...]
    headline: int
    small_sample: Literal["none", "clusters", "regression"]
    dof_factor: float = 1.0
    pieces: int = 0
    flow: tuple[FlowStep, ...] = ()
    notes: tuple[str, ...] = ()
    covariance: Floats | None = None
    dof: Floats | None = None
    convention: str = ""

    def __repr__(self) -> str:
        found = int(np.isfinite(self.theta).sum())
        head = self.theta[self.headline]
        return (
            f"Fit({self.method}: {found} of {len(self.keys)} effects identified\n"
            f"    headline {self.keys[self.headline].estimand} = {head:.4f})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A Fit with its uncertainty: the effect table (EFFECTS), the covariance, the conventions.

    ``dof``: degrees of freedom of the t distribution behind intervals and p-values; 0 = normal.
    They may be fractional and, as ``critical``, those of the headline where rows differ.
    ``n_clusters``: 0 where a model and not clustering says what depends on what.
    """

    method: str
    effects: pl.DataFrame
    covariance: Floats
    headline: int
    n_clusters: int
    convention: str
    critical: float
    dof: float = 0
    flow: tuple[FlowStep, ...] = ()
    notes: tuple[str, ...] = ()

    def row(self, index: int | None = None) -> dict[str, Any]:
        return self.effects.row(self.headline if index is None else index, named=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check: a verdict (True passed, False failed, None informative only), and why.

    ``sentence`` is computed from the numbers in ``table``; ``numbers`` are the few that matter.
    """

    check: str
    title: str
    verdict: bool | None
    sentence: str
    table: pl.DataFrame
    numbers: dict[str, float | int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer in words by fixed thresholds (sensitivity/verdict.py)."""

    words: str
    sentence: str
    p_positive: float | None
    p_worthwhile: float | None
    worthwhile: float | None
    thresholds: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One rung of the ladder from the raw difference to the answer."""

    name: str
    label: str
    estimate: float | None
    low: float | None
    high: float | None
    n_treated: int | None
    note: str = ""


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

    ``table``, best first: collaboration, joiners, estimate, std_error (of chance alone), shrunk,
    shrunk_low, shrunk_high, p_value (effect zero), q_value (Benjamini-Hochberg), stands_out
    ("better", "worse", ""). ``mean`` and ``spread`` (standard deviation of the true effects
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


PARTS: dict[str, Any] = {
    "term": pl.String,
    "label": pl.String,
    "levels": pl.Int64,
    "sd": pl.Float64,
    "variance": pl.Float64,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "alone": pl.Float64,
    "caution": pl.String,
}
"""How the variance divides, one row per term, the residual last.

``sd``: standard deviation of the effects of levels; ``variance``: what they contribute to an
average row (with weights w of several levels, the variance times sum w squared); ``share`` of the
sum, with its interval; ``alone``: the share if only each row's main membership were known, null
where nobody has several.
"""

STANDINGS: dict[str, Any] = {
    "level": pl.String,
    "name": pl.String,
    "providers": pl.Int64,
    "effect": pl.Float64,
    "std_error": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "rank": pl.Float64,
    "rank_low": pl.Float64,
    "rank_high": pl.Float64,
    "p_wrong": pl.Float64,
    "stands_out": pl.String,
}
"""The levels of one term, largest effect first.

``level``: its identifier, ``name``: what it is called ("" where the data have no other name);
``effect``: predicted, shrunk towards zero; ``low``/``high``: intervals for comparing two levels by
eye; ``rank`` mean rank (1 = largest) with its interval; ``p_wrong``: probability that the effect
has the other sign; ``stands_out``: "above", "below" or "".
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the levels of one term compare: ``table`` (STANDINGS).

    ``factor``: multiple of the standard error in low and high. Of the levels named as standing out
    a share of at most ``rate`` is expected to be named wrongly.
    """

    term: str
    label: str
    table: pl.DataFrame
    factor: float
    rate: float

    def named(self, side: str) -> int:
        """How many stand out "above" or "below"."""
        return int((self.table["stands_out"] == side).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Where the differences lie: variance components of one outcome, and who stands out.

    ``parts`` (PARTS); ``rows`` counts ``rows_of`` ("pupils" or "provider-years"); ``held`` is what
    the model holds equal, in words; ``several`` counts the rows with more than one membership of a
    term; ``exposure``: whether the effect of being a member is taken out first.
    """

    parts: pl.DataFrame
    standings: tuple[Standing, ...]
    rows: int
    rows_of: str
    providers: int
    several: int
    held: tuple[str, ...]
    exposure: bool
    level: float
    intervals: str
    criterion: float
    reml: bool
    cautions: tuple[str, ...] = ()

    def part(self, term: str) -> dict[str, Any]:
        """The row of a term. Raises ValueError for a term that is not there."""
        names = self.parts["term"].to_list()
        return self.parts.row(names.index(term), named=True)

    def __repr__(self) -> str:
        said = ", ".join(
            f"{label} {share:.1%}"
            for label, share in zip(self.parts["label"], self.parts["share"], strict=True)
        )
        return f"Shares of the variance of {self.rows:,} {self.rows_of}:\n       {said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One study, one panel, answered; everything that the report shows is in here."""

    study: Study
    title: str
    estimate: Estimate | None
    not_identified: str
    sd: float
    sd_source: str
    ladder: tuple[Rung, ...]
    findings: tuple[Finding, ...]
    coincidences: tuple[Coincidence, ...]
    verdict: Verdict
    flow: tuple[FlowStep, ...]
    cautions: tuple[str, ...]
    notes: tuple[Note, ...]
    sources: tuple[Source, ...]
    panel_digest: str
    study_digest: str
    assumes: str
    command: str
    version: str
    simulated: bool = False
    identification: Identification | None = None
    gap: Gap | None = None
    contamination: Contamination | None = None
    by_collaboration: ByCollaboration | None = None
    shares: Shares | None = None
    shares_not_identified: str = ""

    @property
    def headline(self) -> dict[str, Any] | None:
        return None if self.estimate is None else self.estimate.row()

    def __repr__(self) -> str:
        asked = f"{self.study.arm} on {self.study.outcome}"
        return f"Evaluation({asked}:\n           {self.verdict.words})"


# --- rows of the tables --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A row of METHODS. ``fit(arrays, spec, study, rng) -> Fit``.

    ``truth(arrays, spec, study, fit) -> (m,)``: the value each effect would take if the known
    effects of a simulated panel were all there is.
    """

    name: str
    fit: Callable[[Arrays, Any, Study, np.random.Generator], Fit]
    truth: Callable[[Arrays, Any, Study, Fit], Floats]
    answers: str
    assumes: str
    fails: str
    paper: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a check may use: the arrays, the estimate in question, and a way to fit again.

    ``facts`` has the fixed facts of the providers, one row per row of ``arrays``.
    ``refit`` raises NotIdentified where nothing can be estimated; ``cross`` makes the arrays of
    another study of the same panel (another outcome, arm, window or rule of exposure), with the
    panel's own errors. ``belonging``: who is in which collaboration of the arm, None for a status.
    ``influence`` (n,) of the headline, made when first asked for; None where the method has none.
    """

    arrays: Arrays
    study: Study
    facts: pl.DataFrame
    estimate: Estimate
    refit: Callable[[Arrays, Study], Estimate]
    cross: Callable[[Study], Arrays]
    sd: float
    belonging: Belonging | None = None
    influence: Callable[[], Floats | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A row of CHECKS. ``run(trial, spec, rng) -> Finding``."""

    name: str
    run: Callable[[Trial, Any, np.random.Generator], Finding]
    asks: str
    reads: str
    paper: str
