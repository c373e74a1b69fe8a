"""The same question of an outcome that joining cannot touch."""

from __future__ import annotations

import numpy as np

from consortia.results import Finding, Trial
from consortia.sensitivity.controls import known, should_be_zero
from consortia.sensitivity.overturning import cannot
from consortia.specs import PlaceboOutcome
from consortia.study import Study, capital

CHECK = "placebo-outcome"


def run(trial: Trial, spec: PlaceboOutcome, rng: np.random.Generator) -> Finding:
    """See :func:`should_be_zero`. Raises DataInvalid when the study does not define the outcome."""
    study = trial.study
    known(spec.outcome, list(study.outcomes), "checks.placebo-outcome.outcome", "outcome")
    # An outcome cannot be held equal in its own question.
    rest = tuple(c for c in study.covariates if c != spec.outcome)
    other = study.with_(outcome=spec.outcome, covariates=rest)
    title = f"An outcome that joining cannot touch: {other.outcome_label}"
    if spec.outcome == study.outcome:
        return cannot(CHECK, title, "The placebo outcome is the outcome in question.")
    outcome = other.outcomes[spec.outcome]
    return should_be_zero(
        trial,
        other,
        check=CHECK,
        title=title,
        subject=capital(other.outcome_label),
        size=spec.size,
        sd=outcome.sd if outcome.sd is not None else spread(trial, other),
        unit=outcome.unit,
    )


def spread(trial: Trial, other: Study) -> float:
    """Standard deviation of the other outcome between never-joiners in its first year."""
    arrays = trial.cross(other)
    rest = arrays.cohort == arrays.T
    rest = rest if rest.any() else np.ones(arrays.n, dtype=np.bool_)
    Y = arrays.Y[rest]
    first = int(np.argmax(np.isfinite(Y).sum(axis=0) > 1))
    y, w = Y[:, first], arrays.w[rest]
    ok = np.isfinite(y)
    mean = np.average(y[ok], weights=w[ok])
    return float(np.sqrt(np.average((y[ok] - mean) ** 2, weights=w[ok])))
