"""An answer: effects with their uncertainty, what checks find, and the words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.maths.influence import Influence
from consortia.panel import FlowStep

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
    ``pieces`` caps the number of clusters that small-sample rules count (0 = no cap);
    ``pieces_by_row`` does so for each effect by itself, where they are inferred one by one.

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
    pieces_by_row: tuple[int, ...] = ()
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
