"""How unequal the chances of joining within like pairs would have to be: Rosenbaum's Gamma.

Each joiner is paired with the provider most like it before joining (pairs.py); Wilcoxon's signed
rank test of the differences of their changes, with Rosenbaum's bounds (maths/signed_rank.py).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from consortia.errors import NotIdentified
from consortia.maths.signed_rank import gamma_at, signed_rank, upper_p
from consortia.results import Finding, Trial
from consortia.sensitivity.changes import changes
from consortia.sensitivity.columns import named
from consortia.sensitivity.overturning import cannot, words
from consortia.sensitivity.pairs import pair
from consortia.specs import Rosenbaum

CHECK, TITLE = "rosenbaum", "Pairs that look alike"
GAMMAS = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0)
FEW = 6
"""Fewer pairs cannot reach the size of the test whatever they show."""


def run(trial: Trial, spec: Rosenbaum, rng: np.random.Generator) -> Finding:
    """Verdict True: the pairs show the answer's sign, and would with odds of joining twice as large
    within pairs; False: the answer says that joining helps or harms, but the pairs do not show it
    even with equal odds; None: in between, or the answer says neither.

    Raises DataInvalid for a column that is not there.
    """
    on = named(trial, spec.on, "checks.rosenbaum.on")
    try:
        cohorts = changes(trial)
    except NotIdentified as error:
        return cannot(CHECK, TITLE, f"No pairs can be made: {error.because}.")
    found = pair(trial, cohorts, on)
    m = int(found.difference.size)
    if m < FEW:
        return cannot(CHECK, TITLE, f"Only {m} pairs can be made: too few to say anything.")
    row = trial.estimate.row()
    sign = 1.0 if float(row["estimate"]) >= 0 else -1.0
    # Only an answer that has a sign can lose it.
    sure = words(trial, float(row["estimate"])) in ("probably helps", "probably harms")
    statistic = signed_rank(sign * found.difference)
    gamma = gamma_at(statistic, spec.size)
    unit = trial.study.outcomes[trial.study.outcome].unit
    mean = float(found.difference.mean())
    worst = max(found.gap, key=lambda g: abs(g[2]))
    rows = [
        {"gamma": g, "p_value": upper_p(statistic, g)}
        for g in sorted([*GAMMAS, gamma] if gamma > 1 else GAMMAS)
    ]
    direction = "more" if sign > 0 else "less"
    who = f"{m:,} joiners, each beside the one most like it before joining: their results moved "
    text = f"{who}{mean:+.2f} {unit} beside their partners'. "
    verdict: bool | None
    if gamma < 1:
        verdict = False if sure else None
        text += f"The pairs do not show that joiners gained {direction}" + (
            ", though the answer says so." if sure else "."
        )
    else:
        verdict = (True if gamma >= 2 else None) if sure else None
        text += (
            f"For something unseen to explain that joiners gained {direction}, it would have to "
            f"make the odds of joining {gamma:.2f} times as large for one of a pair as for the "
            "other."
        )
    text += _left_out(trial)
    return Finding(
        check=CHECK,
        title=TITLE,
        verdict=verdict,
        sentence=text,
        table=pl.DataFrame(rows, schema={"gamma": pl.Float64, "p_value": pl.Float64}),
        numbers={
            "danger": (float(np.clip(2 - gamma, 0, 1)) if gamma >= 1 else 1.0) if sure else 0.0,
            "gamma": gamma if gamma >= 1 else None,
            "pairs": m,
            "joiners_without_partner": found.alone,
            "mean_difference": mean,
            "median_difference": float(np.median(found.difference)),
            "largest_gap_after_pairing": abs(worst[2]),
            "largest_gap_before_pairing": max(abs(g[1]) for g in found.gap),
            "size": spec.size,
        },
    )


def _left_out(trial: Trial) -> str:
    """What the study allows for and pairs do not."""
    a, rule = trial.arrays, trial.study.inference
    seen = a.W[a.W > 0]
    out = ""
    if seen.size and bool((seen != seen[0]).any()):
        out += " Every pair counts alike: the study's weights do not enter."
    if a.cluster_name != "provider":
        name = a.cluster_name.replace("_", " ")
        out += (
            f" Pairs count as independent, though the study's clusters ({name}) say that they need "
            "not be: chance then has more room than this."
        )
    elif rule.spatial_km is not None:
        out += (
            f" Pairs count as independent, though the study allows for providers within "
            f"{rule.spatial_km:g} km of one another being alike: chance then has more room than "
            "this."
        )
    return out
