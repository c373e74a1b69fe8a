"""Oster's delta and the effect adjusted for it, on the changes of joiners and comparison.

Exposure, controls and change pooled over cohorts, each taken from its cohort's (and stratum's)
mean, cohorts weighing by their share: then the formulas of maths/proportional_selection.py.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from consortia.errors import NotIdentified
from consortia.maths.proportional_selection import adjusted, delta_for, pair
from consortia.panel import Floats
from consortia.results import Finding, Trial
from consortia.sensitivity.changes import Change, changes
from consortia.sensitivity.columns import Named, named
from consortia.sensitivity.overturning import cannot, danger, words
from consortia.specs import Oster

CHECK, TITLE = "oster", "Selection on what is not seen"


def run(trial: Trial, spec: Oster, rng: np.random.Generator) -> Finding:
    """Verdict True: selection on the unseen would have to be as strong as on the seen, or stronger,
    or work the other way, to bring the effect to zero (delta at least 1 or below 0, and the
    adjusted effect keeps its sign); False: as strong as on the seen, it would change the answer's
    words; None: less would do but the words stay, there are no controls, or they explain nothing.

    Raises DataInvalid for a control that is not there.
    """
    asked = spec.controls or trial.study.covariates
    if not asked:
        return cannot(
            CHECK,
            TITLE,
            "Selection on what is not seen cannot be likened to selection on what is: the study "
            "has no covariates, and the check names no controls.",
        )
    controls = named(trial, asked, "checks.oster.controls")
    try:
        cohorts = changes(trial)
    except NotIdentified as error:
        return cannot(CHECK, TITLE, f"Nothing can be said: {error.because}.")
    try:
        both = pair(products(cohorts, controls))
    except ValueError as error:
        return cannot(CHECK, TITLE, f"Nothing can be said: {error}.")
    rmax = min(1.0, spec.rmax * both.r2_1)
    unit = trial.study.outcomes[trial.study.outcome].unit
    at = float(trial.estimate.row()["estimate"])
    numbers: dict[str, float | int | None] = {
        "without_controls": both.beta0, "with_controls": both.beta1, "r2_without": both.r2_0,
        "r2_with": both.r2_1, "rmax": rmax, "controls": len(controls),
    }  # fmt: skip
    if not rmax > both.r2_1 or both.r2_1 - both.r2_0 < 1e-6:
        return cannot(
            CHECK,
            TITLE,
            "The controls explain nothing of how results changed, so that nothing can be likened "
            "to them.",
            **{k: v for k, v in numbers.items() if v is not None},
        )
    roots = adjusted(both, rmax)
    delta = delta_for(both, rmax)
    beta = float(roots[0]) if roots.size else None
    # The shift carries over, from what the answer itself holds of the controls.
    held = tuple(c for c in controls if c.held)
    from_ = pair(products(cohorts, held)).beta1 if held else both.beta0
    moved = None if beta is None else at + (beta - from_)
    holds = beta is not None and beta * both.beta1 > 0 and (delta >= 1 or delta < 0)
    turned = moved is None or words(trial, moved) != words(trial, at)
    fitted = f"{both.beta0:.2f} {unit} without the controls, {both.beta1:.2f} with them"
    text = f"The change of joiners beside the comparison is {fitted}. "
    if delta < 0:
        text += (
            "To bring it to zero, selection on what is not seen would have to work against that on "
            f"the controls (delta {delta:.2f})"
        )
    else:
        text += (
            "To bring it to zero, selection on what is not seen would have to be "
            f"{delta:.2g} times as strong as that on the controls"
        )
    text += f", had everything together explained {rmax:.1%} instead of {both.r2_1:.1%}. "
    if beta is not None:
        text += f"As strong as that on the controls, it would leave {beta:.2f}."
    return Finding(
        check=CHECK,
        title=TITLE,
        verdict=False if turned else (True if holds else None),
        sentence=text,
        table=_table(both.beta1, both.r2_1, roots, rmax),
        numbers={
            "danger": danger(trial, moved) if moved is not None else 1.0,
            "delta": delta if np.isfinite(delta) else None,
            "adjusted": beta,
            **numbers,
        },
    )


def products(cohorts: tuple[Change, ...], controls: tuple[Named, ...]) -> Floats:
    """Cross-products (p + 2, p + 2) of exposure, controls and change within cohort and stratum.

    A control by levels may have more columns in one cohort than in another: it is then one block
    per cohort, as the regression with an interaction of cohort and control would have it.
    """
    blocks = [np.column_stack([b.of(c) for b in controls]) for c in cohorts]
    same = len({b.shape[1] for b in blocks}) == 1
    width = blocks[0].shape[1] if same else sum(b.shape[1] for b in blocks)
    A = np.zeros((width + 2, width + 2))
    start = 1
    for c, block in zip(cohorts, blocks, strict=True):
        V = np.column_stack([c.D.astype(np.float64), block, c.y])
        for s in np.unique(c.stratum).tolist():
            here = c.stratum == s
            V[here] -= np.average(V[here], axis=0, weights=c.w[here])
        product = c.share / c.w.sum() * (V.T @ (c.w[:, None] * V))
        k = block.shape[1]
        at = np.r_[0, start : start + k, width + 1]
        A[np.ix_(at, at)] += product
        start += 0 if same else k
    return A


def _table(with_controls: float, r2: float, roots: Floats, rmax: float) -> pl.DataFrame:
    rows = [{"delta": 0.0, "rmax": r2, "estimate": with_controls}]
    rows += [{"delta": 1.0, "rmax": rmax, "estimate": float(x)} for x in roots]
    schema = {"delta": pl.Float64, "rmax": pl.Float64, "estimate": pl.Float64}
    return pl.DataFrame(rows, schema=schema)
