"""Placebo joining date: every joiner joins earlier, and only the years before the real date count.

With anticipation d the years from d before joining are already touched, so the placebo falls before
those. cohort' = cohort - d - k; years from cohort - d on are left out; joiners whose placebo year
has no year before it drop out. What is then estimated can only be noise or a difference in paths.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from consortia.errors import NotIdentified
from consortia.panel import Arrays
from consortia.results import Finding, Trial
from consortia.specs import GroupTime, Neighbours, PlaceboDate, anticipation_of


def run(trial: Trial, spec: PlaceboDate, rng: np.random.Generator) -> Finding:
    """Verdict True: the placebo's interval holds zero and is no wider than the answer is large;
    False: it excludes zero; None: too imprecise, or not possible."""
    method = trial.study.method
    anticipation = anticipation_of(method)
    study = trial.study
    if isinstance(method, GroupTime | Neighbours):
        study = study.with_(method=replace(method, anticipation=0))
    title = f"Pretending to join {_years(spec.years)} earlier"
    try:
        estimate = trial.refit(earlier(trial.arrays, spec.years, anticipation), study)
    except NotIdentified as error:
        return Finding(
            check="placebo-date",
            title=title,
            verdict=None,
            sentence=f"A placebo date cannot be tried: {error.because}.",
            table=pl.DataFrame(),
            numbers={"estimate": None},
        )
    row = estimate.row()
    headline = float(trial.estimate.row()["estimate"])
    unit = study.outcomes[study.outcome].unit
    low, high, effect = float(row["low"]), float(row["high"]), float(row["estimate"])
    level = study.inference.level
    p = float(row["p_value"])
    telling = (high - low) / 2 <= abs(headline)
    verdict = False if p < spec.size else (True if telling else None)
    sentence = (
        f"Pretending that joiners joined {_years(spec.years)} earlier gives {effect:.2f} {unit} "
        f"({level:.0%} interval {low:.2f} to {high:.2f}), "
    )
    if verdict is False:
        sentence += "which should be zero and is not: joiners were already on another path."
    elif verdict:
        sentence += "as it should be: no effect before there could be one."
    else:
        sentence += "which is too imprecise to reassure or to alarm."
    return Finding(
        check="placebo-date",
        title=title,
        verdict=verdict,
        sentence=sentence,
        table=estimate.effects.filter(pl.col("estimand") == row["estimand"]).drop(
            "truth", strict=False
        ),
        numbers={
            "years": spec.years,
            "estimate": effect,
            "std_error": float(row["std_error"]),
            "low": low,
            "high": high,
            "p_value": p,
            "n_treated": int(row["n_treated"]),
        },
    )


def earlier(arrays: Arrays, years: int, anticipation: int) -> Arrays:
    """The arrays with joining moved ``years`` columns before anything had happened.

    Raises NotIdentified when no joiner has enough years before joining.
    """
    T = arrays.T
    moved = np.where(arrays.joiners, arrays.cohort - anticipation - years, arrays.cohort)
    keep = ~arrays.joiners | (moved > 0)
    if not (keep & arrays.joiners).any():
        raise NotIdentified(
            f"no joiner is observed {years + anticipation + 1} or more years before joining"
        )
    at = np.arange(T)[None, :]
    untouched = at < np.where(arrays.joiners, arrays.cohort - anticipation, T)[:, None]
    already = arrays.cohort == 0
    untouched[already] = True
    return replace(
        arrays,
        Y=np.where(untouched, arrays.Y, np.nan),
        W=np.where(untouched, arrays.W, 0.0),
        cohort=moved,
        D=(at >= moved[:, None]),
        truth=None,
    ).take(keep)


def _years(k: int) -> str:
    return "one year" if k == 1 else f"{k} years"
