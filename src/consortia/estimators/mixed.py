"""The effect of being a member in a multilevel model, with random effects that may overlap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from consortia.estimators.multilevel import EXPOSED, PROVIDER_MEAN, Design, design
from consortia.estimators.two_way import truth as exposed_mean
from consortia.grouping import default_terms
from consortia.maths.mixed import reml
from consortia.maths.mixed.degrees import SmallSample, contrast, small_sample
from consortia.panel import Arrays
from consortia.results import EffectKey, Estimand, Fit
from consortia.specs import Mixed
from consortia.study import Study

Floats = NDArray[np.float64]
_DIFFER = 0.05


def fit(arrays: Arrays, spec: Mixed, study: Study, rng: np.random.Generator) -> Fit:
    """REML (or ML) of the outcome on exposure, held arms, covariates and years, with random effects
    of ``spec.terms``. With ``within_between`` three effects: within providers (the answer), between
    providers, and the difference, whose test asks whether joining goes with the random effects.

    Raises NotIdentified when exposure or two terms cannot be told apart. Takes no randomness.
    """
    made = design(
        arrays, study, spec.terms or default_terms(study), year=spec.year,
        member_weights=spec.member_weights, exposure=True, within_between=spec.within_between,
    )  # fmt: skip
    found = reml.fit(made.statistics, made.random, reml=spec.reml)
    keys, C = _contrasts(made, spec)
    small = small_sample(found)
    theta, V, dof, how = _uncertainty(found, small, C, spec)
    seen = arrays.W > 0
    exposed = (arrays.D & seen).any(axis=1)
    if spec.within_between:
        exposed &= (~arrays.D & seen).any(axis=1)
    notes = [_in_words(made, found), *made.cautions, *found.cautions]
    if PROVIDER_MEAN in made.statistics.fixed:
        p = 2 * float(stats.t.sf(abs(theta[2]) / np.sqrt(V[2, 2]), dof[2]))
        notes.append(
            "between providers membership goes with another difference than joining makes within "
            "them: joining is related to the provider effects, and only the effect within "
            "providers answers the question"
            if p < _DIFFER
            else "the effects within and between providers agree within their uncertainty"
        )
    return Fit(
        method="mixed", keys=keys, theta=theta, influence=None,
        n_treated=np.full(theta.size, int((exposed & seen.any(axis=1)).sum())),
        n_control=np.full(theta.size, int((~exposed & seen.any(axis=1)).sum())),
        cautions=("",) * theta.size, headline=0, small_sample="none", notes=tuple(notes),
        covariance=V, dof=dof, convention=how,
    )  # fmt: skip


def _contrasts(made: Design, spec: Mixed) -> tuple[tuple[EffectKey, ...], Floats]:
    """Effects and the rows (m, p) that pick them from the coefficients."""
    fixed = made.statistics.fixed
    one = np.zeros(len(fixed))
    one[fixed.index(EXPOSED)] = 1.0
    names: list[Estimand] = ["mixed"]
    rows = [one]
    if spec.within_between and PROVIDER_MEAN in fixed:
        beside = np.zeros(len(fixed))
        beside[fixed.index(PROVIDER_MEAN)] = 1.0
        names.extend(("mixed-between", "mixed-difference"))
        rows += [one + beside, beside]
    return tuple(EffectKey(estimand=n) for n in names), np.array(rows)


def _uncertainty(
    found: reml.Fit, small: SmallSample, C: Floats, spec: Mixed
) -> tuple[Floats, Floats, Floats, str]:
    """Effects, their covariance, degrees of freedom, and how they were found in words."""
    criterion = "REML" if spec.reml else "maximum likelihood"
    theta = C @ found.beta
    how = spec.dof
    if how == "kenward-roger" and small.Phi_A is None:
        how = "satterthwaite"
        criterion += "; too many random effects for Kenward-Roger"
    if how == "normal":
        return theta, C @ found.vcov @ C.T, np.full(theta.size, np.inf), (
            f"from the model ({criterion}), normal"
        )  # fmt: skip
    V = C @ (small.Phi_A if how == "kenward-roger" and small.Phi_A is not None else small.Phi) @ C.T
    dof = np.array([contrast(small, row, method=how).df for row in C])
    name = "Kenward-Roger" if how == "kenward-roger" else "Satterthwaite"
    return theta, V, dof, (
        f"from the model ({criterion}), {name} degrees of freedom: {dof[0]:,.1f}"
    )  # fmt: skip


def _in_words(made: Design, found: reml.Fit) -> str:
    parts = [
        f"{t.label} {np.sqrt(Sigma[0, 0]):.3g} ({len(t.levels):,})"
        for t, Sigma in zip(made.terms, found.Sigma, strict=True)
    ]
    what = "pupils" if made.pupils else "provider-years"
    return (
        f"standard deviations of the random effects (and how many): {', '.join(parts)}; residual "
        f"{np.sqrt(found.s2):.3g}; {made.rows:,} {what}"
    )


def truth(arrays: Arrays, spec: Mixed, study: Study, fit: Fit) -> Floats:
    """Weighted mean of the known effect over exposed cells, for the effect that answers; no value
    for differences between providers."""
    value = exposed_mean(arrays, spec, study, fit)  # pyright: ignore[reportArgumentType]
    return np.concatenate([value, np.full(len(fit.keys) - 1, np.nan)])
