"""One study's arrays in, one table of effects with its uncertainty out."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats
from threadpoolctl import ThreadpoolController

from consortia.errors import NotIdentified
from consortia.estimators import METHODS
from consortia.estimators.spatial import with_spatial
from consortia.maths.inference import Inferred, infer
from consortia.panel import Arrays
from consortia.results import EFFECTS, Estimate, Fit
from consortia.specs import refusal
from consortia.study import Study

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def estimate(arrays: Arrays, study: Study, rng: np.random.Generator) -> Estimate:
    """Fit the study's method and put standard errors, intervals and bands beside it.

    The table has the columns of EFFECTS, and ``truth`` on a simulated panel. Raises NotIdentified.
    """
    return with_influence(arrays, study, rng, wanted=False)[0]


def with_influence(
    arrays: Arrays, study: Study, rng: np.random.Generator, wanted: bool = True
) -> tuple[Estimate, Floats | None]:
    """:func:`estimate`, and the influence (n,) of its headline, None where the method has none or
    it is not ``wanted``."""
    method = METHODS[type(study.method)]
    cannot = refusal(study.method, study.arms[study.arm], study.arm_label)
    if cannot:
        raise NotIdentified(cannot)
    # Many small factorisations: threads inside each cost several times what they save.
    with _blas().limit(limits=1, user_api="blas"):
        fit = method.fit(arrays, study.method, study, rng)
        if _alone(fit)[fit.headline]:
            raise NotIdentified(
                "the answer would rest on a single joiner, whose chance cannot be told from an "
                "effect; synthetic-did judges one joiner by how others would have fared"
            )
        truth = None
        if arrays.truth is not None:
            truth = method.truth(arrays, study.method, study, fit)
        psi = _on_headline(fit) if wanted else None
        made = with_uncertainty(fit, arrays, study, rng, truth)
    row = made.row()
    if row["estimate"] is not None and row["std_error"] is None:
        raise NotIdentified(
            f"nothing is left by which to judge chance: {study.outcome_label} does not vary among "
            "those compared, or they are too few"
        )
    return made, psi


def trace(arrays: Arrays, study: Study, rng: np.random.Generator) -> tuple[float, Floats | None]:
    """The headline and the influence (n,) on it, None where the method has none, without errors
    and bands. Raises NotIdentified."""
    with _blas().limit(limits=1, user_api="blas"):
        fit = METHODS[type(study.method)].fit(arrays, study.method, study, rng)
        return float(fit.theta[fit.headline]), _on_headline(fit)


def _on_headline(fit: Fit) -> Floats | None:
    if fit.influence is None:
        return None
    pick = np.zeros((1, len(fit.keys)))
    pick[0, fit.headline] = 1.0
    return fit.influence.combine(pick).dense()[:, 0]


def _alone(fit: Fit) -> Bools:
    """Effects (m,) that rest on one treated provider, whose influence on them is zero.

    Placebos and jackknives of synthetic-did, and models, say by other means how far one may stray.
    """
    if fit.influence is None or fit.method == "synthetic-did":
        return np.zeros(len(fit.keys), dtype=np.bool_)
    return np.asarray(fit.n_treated == 1)


def _most(fit: Fit) -> int:
    """As how many clusters an answer may count at most: its joiners, or what they amount to. A
    regression keeps the count of its convention (0 = no cap)."""
    if fit.pieces or fit.small_sample != "clusters":
        return fit.pieces
    return int(fit.n_treated[fit.headline])


@cache
def _blas() -> ThreadpoolController:
    """The loaded BLAS libraries; looking them up takes longer than a fit."""
    return ThreadpoolController()


def with_uncertainty(
    fit: Fit,
    arrays: Arrays,
    study: Study,
    rng: np.random.Generator,
    truth: np.ndarray | None = None,
) -> Estimate:
    """The Estimate of a Fit under the study's inference."""
    rule = study.inference
    names = [key.estimand for key in fit.keys]
    first = {name: code for code, name in enumerate(dict.fromkeys(names))}
    if fit.influence is None:
        found = _from_model(fit, rule.level)
    else:
        found = infer(
            fit.theta,
            fit.influence,
            arrays.incidence,
            family=np.array([first[name] for name in names], dtype=np.int64),
            small_sample=fit.small_sample if rule.small_sample == "auto" else rule.small_sample,
            dof_factor=fit.dof_factor,
            most=_most(fit),
            level=rule.level,
            multiplier=rule.multiplier,
            draws=rule.draws,
            rng=rng,
            cluster_name=arrays.cluster_name,
        )

    def numbers(x: np.ndarray) -> pl.Series:
        return pl.Series(values=np.asarray(x, dtype=np.float64), nan_to_null=True)

    columns: dict[str, object] = {
        "estimand": names,
        "arm": [study.arm] * len(names),
        "cohort": [key.cohort for key in fit.keys],
        "year": [key.year for key in fit.keys],
        "event_time": [key.event_time for key in fit.keys],
        "regime": [key.regime for key in fit.keys],
        "estimate": numbers(fit.theta),
        "std_error": numbers(found.se),
        "low": numbers(found.low),
        "high": numbers(found.high),
        "band_low": numbers(found.band_low),
        "band_high": numbers(found.band_high),
        "p_value": numbers(found.p),
        "n_treated": fit.n_treated,
        "n_control": fit.n_control,
        "caution": list(fit.cautions),
    }
    effects = pl.DataFrame(columns, schema=EFFECTS)
    if truth is not None:
        effects = effects.with_columns(truth=numbers(truth))
    notes = list(fit.notes)
    if 0 < found.n_clusters < 30 and rule.spatial_km is None:
        notes.append(
            f"only {found.n_clusters} clusters: standard errors rest on few independent pieces"
        )
    made = Estimate(
        method=fit.method,
        effects=effects,
        covariance=found.V,
        headline=fit.headline,
        n_clusters=found.n_clusters,
        convention=found.convention,
        critical=found.critical,
        dof=found.dof,
        flow=fit.flow,
        notes=tuple(notes),
    )
    if rule.spatial_km is not None and arrays.points is not None and fit.influence is not None:
        made = with_spatial(made, fit, arrays.points, rule.spatial_km, level=rule.level)
    return _without_lone(made, _alone(fit))


def _without_lone(made: Estimate, alone: Bools) -> Estimate:
    """No standard error beside an effect on one provider: chance in the comparison is not all."""
    if not alone.any():
        return made
    gone = pl.Series(alone)
    effects = made.effects.with_columns(
        pl.when(gone).then(None).otherwise(pl.col(name)).alias(name)
        for name in ("std_error", "low", "high", "band_low", "band_high", "p_value")
    )
    return replace(made, effects=effects)


def _from_model(fit: Fit, level: float) -> Inferred:
    """Intervals by Student's t from the covariance and degrees of freedom that a model states."""
    assert fit.covariance is not None
    assert fit.dof is not None
    se = np.sqrt(np.maximum(np.diag(fit.covariance), 0.0))
    critical = np.asarray(stats.t.ppf(0.5 + level / 2, fit.dof))
    known = np.where(se > 0, se, np.nan)
    nothing = np.full(se.size, np.nan)
    dof = float(fit.dof[fit.headline])
    return Inferred(
        V=fit.covariance, se=known, low=fit.theta - critical * known,
        high=fit.theta + critical * known, band_low=nothing, band_high=nothing,
        p=np.asarray(2 * stats.t.sf(np.abs(fit.theta) / known, fit.dof)),
        critical=float(critical[fit.headline]), dof=dof if np.isfinite(dof) else 0, n_clusters=0,
        convention=fit.convention,
    )  # fmt: skip
