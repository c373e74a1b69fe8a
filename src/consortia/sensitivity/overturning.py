"""How near another answer comes to overturning the answer: the ``danger`` of a finding, 0 to 1.

The answer's words depend on the estimate by fixed thresholds (verdict.py). Moving the estimate
towards another one, with its precision kept, the words change somewhere or nowhere: ``danger`` is 1
where they change on the way or at the end, and otherwise the share of the way to the change that is
covered. A move that never changes them, however far, has danger 0.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from consortia.results import Finding, Trial
from consortia.sensitivity.thresholds import DEFAULT_WORTHWHILE_SD, chance_above, in_words

FAR = 50.0
"""Moves this many times as long as the one at hand are the end of the world."""


def worthwhile(trial: Trial) -> float:
    """The smallest worthwhile effect, in the outcome's unit."""
    stated = trial.study.outcomes[trial.study.outcome].worthwhile
    return stated if stated is not None else DEFAULT_WORTHWHILE_SD * trial.sd


def words(trial: Trial, estimate: float, se: float | None = None) -> str:
    """The answer in words had the estimate been another one; ``se`` None keeps its precision."""
    error = float(trial.estimate.row()["std_error"]) if se is None else se
    dof = trial.estimate.dof
    return in_words(
        chance_above(0.0, estimate, error, dof),
        chance_above(worthwhile(trial), estimate, error, dof),
    )


def danger(trial: Trial, *others: float | None) -> float:
    """The largest danger among other estimates in the outcome's unit; None counts for nothing."""
    return max((_danger(trial, x) for x in others if x is not None), default=0.0)


def _danger(trial: Trial, other: float) -> float:
    at = float(trial.estimate.row()["estimate"])
    move = other - at
    if not math.isfinite(move):
        return 1.0
    said = words(trial, at)
    if words(trial, other) != said:
        return 1.0
    if abs(move) < 1e-12 * max(1.0, abs(at)):
        return 0.0
    steps = np.geomspace(1.0, FAR, 400)
    for near, far in zip(steps[:-1].tolist(), steps[1:].tolist(), strict=True):
        if words(trial, at + far * move) != said:
            for _ in range(40):
                middle = (near + far) / 2
                if words(trial, at + middle * move) != said:
                    far = middle
                else:
                    near = middle
            return 1.0 / far
    return 0.0


def cannot(check: str, title: str, sentence: str, **numbers: float | None) -> Finding:
    """A finding that says why nothing can be said."""
    return Finding(
        check=check, title=title, verdict=None, sentence=sentence, table=pl.DataFrame(),
        numbers={**numbers},
    )  # fmt: skip
