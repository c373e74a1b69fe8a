"""Trimming bounds for leaving at different rates (Lee 2009), cohort by cohort and year by year."""

from __future__ import annotations

import numpy as np
import polars as pl

from consortia.maths.trimming import either_end, lee_bounds
from consortia.results import Finding, Trial
from consortia.sensitivity.changes import standard_error
from consortia.sensitivity.leaving import cells
from consortia.sensitivity.overturning import cannot, danger, words
from consortia.specs import LeeBounds

CHECK, TITLE = "lee-bounds", "Leaving the data at different rates"


def run(trial: Trial, spec: LeeBounds, rng: np.random.Generator) -> Finding:
    """Verdict True: the answer's words are the same at both bounds, or nobody leaves; None: they
    differ, so that who left could decide the answer."""
    a = trial.arrays
    found = cells(trial)
    if not found:
        return cannot(CHECK, TITLE, "No joiner is seen both before and after joining.")
    lost = sum(int((~c.S).sum()) for c in found)
    row = trial.estimate.row()
    at = float(row["estimate"])
    unit = trial.study.outcomes[trial.study.outcome].unit
    if lost == 0:
        return Finding(
            check=CHECK,
            title=TITLE,
            verdict=True,
            sentence="Every provider seen in its base year is seen in all years after it: there is "
            "nothing to bound. (Providers that the files leave out wholly cannot be seen here.)",
            table=pl.DataFrame(),
            numbers={"danger": 0.0, "lost": 0},
        )
    psi = np.zeros((a.n, 3))
    ends = np.zeros(3)
    stay = np.zeros(2)
    rows: list[dict[str, object]] = []
    for c in found:
        b = lee_bounds(np.where(c.S, c.y, 0.0), c.S, c.D, c.w)
        ends += c.share * np.array([b.low, b.high, b.plain])
        stay += c.share * np.array(b.seen)
        for j, one in enumerate((b.psi_low, b.psi_high, b.psi_plain)):
            psi[c.rows, j] += c.share * one
        rows.append(
            {
                "cohort": int(a.years[c.cohort]),
                "year": int(a.years[c.year]),
                "joiners_seen": b.seen[0],
                "comparison_seen": b.seen[1],
                "trimmed": b.trimmed,
                "low": b.low,
                "high": b.high,
            }
        )
    low, high, plain = ends.tolist()
    se_low, se_high = (standard_error(a, psi[:, j]) for j in (0, 1))
    c = either_end(low, high, se_low, se_high, trial.study.inference.level)
    # The answer may be given covariates, which the bounds are not: they carry over as shifts.
    bottom, top = at + low - plain, at + high - plain
    same = words(trial, bottom) == words(trial, at) == words(trial, top)
    text = (
        f"Of joiners {stay[0]:.1%} of the results after joining are there, of the comparison "
        f"{stay[1]:.1%}. If those that are missing on the one side and not on the other were its "
        f"best, or its worst, the effect would lie between {bottom:.2f} and {top:.2f} {unit} "
        f"instead of at {at:.2f}: "
    )
    text += "who left does not decide the answer." if same else "who left could decide the answer."
    return Finding(
        check=CHECK,
        title=TITLE,
        verdict=True if same else None,
        sentence=text,
        table=pl.DataFrame(rows),
        numbers={
            "danger": danger(trial, bottom, top),
            "lower_bound": bottom,
            "upper_bound": top,
            "interval_low": bottom - c * se_low,
            "interval_high": top + c * se_high,
            "std_error_low": se_low,
            "std_error_high": se_high,
            "joiners_seen": float(stay[0]),
            "comparison_seen": float(stay[1]),
            "lost": lost,
        },
    )
