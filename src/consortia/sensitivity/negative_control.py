"""The same question of an arm that cannot matter for this outcome."""

from __future__ import annotations

import numpy as np

from consortia.results import Finding, Trial
from consortia.sensitivity.controls import known, should_be_zero
from consortia.sensitivity.overturning import cannot
from consortia.specs import NegativeControl
from consortia.study import label_of

CHECK = "negative-control"


def run(trial: Trial, spec: NegativeControl, rng: np.random.Generator) -> Finding:
    """See :func:`should_be_zero`. Raises DataInvalid when the study does not define the arm.

    Other arms are held and counted as in the study, the arm in question being left out of neither:
    it is no longer in question, and would be held only if the study says so.
    """
    study = trial.study
    known(spec.arm, list(study.arms), "checks.negative-control.arm", "arm")
    label = label_of(study.arms[spec.arm], spec.arm)
    title = f"Joining what cannot matter: {label}"
    if spec.arm == study.arm:
        return cannot(CHECK, title, "The negative control is the arm in question.")
    other = study.with_(
        arm=spec.arm,
        hold=tuple(h for h in study.hold if h != spec.arm),
        alongside=tuple(h for h in study.alongside if h != spec.arm),
    )
    outcome = study.outcomes[study.outcome]
    return should_be_zero(
        trial,
        other,
        check=CHECK,
        title=title,
        subject=f"Joining {label}, which should not matter for {study.outcome_label}",
        size=spec.size,
        sd=trial.sd,
        unit=outcome.unit,
    )
