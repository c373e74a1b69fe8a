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
from consortia.specs import GroupTime, Neighbours, PlaceboDate, RegimeDid, anticipation_of


def run(trial: Trial, spec: PlaceboDate, rng: np.random.Generator) -> Finding:
    """Verdict True: the placebo's interval holds zero and is no wider than the answer is large;
    False: it excludes zero; None: too imprecise, or not possible."""
    method = trial.study.method
    anticipation = anticipation_of(method)
    study = trial.study
    if isinstance(method, GroupTime | RegimeDid | Neighbours):
        study = study.with_(method=replace(method, anticipation=0))
    held = isinstance(method, RegimeDid)
    title = f"Pretending to join {_years(spec.years)} earlier"
    try:
        estimate = trial.refit(earlier(trial.arrays, spec.years, anticipation, held), study)
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
    if int(row["n_treated"]) < 2:
        verdict = None
        sentence += "which rests on a single joiner and so says nothing."
    elif verdict is False:
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


def earlier(arrays: Arrays, years: int, anticipation: int, regimes: bool = False) -> Arrays:
    """The arrays with joining moved ``years`` columns before anything had happened.

    ``regimes``: joiners whose other arms change on joining are left out.

    Raises NotIdentified when no joiner has enough years before joining.
    """
    T = arrays.T
    if regimes and arrays.regime is not None:
        # Who changes another arm on joining is not in the answer, and so not in its placebo.
        at_base = np.maximum(arrays.cohort - 1 - anticipation, 0)
        span = np.arange(T)[None, :]
        within = (span >= at_base[:, None]) & (span <= arrays.cohort[:, None])
        base = np.take_along_axis(arrays.regime, np.minimum(at_base, T - 1)[:, None], axis=1)
        changes = (within & (arrays.regime != base)).any(axis=1)
        arrays = arrays.take(~(arrays.joiners & changes))
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
