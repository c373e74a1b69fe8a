"""The same effects with standard errors that let near providers depend on one another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from consortia.maths import conley
from consortia.maths.conley import Falloff
from consortia.results import Estimate, Fit

Floats = NDArray[np.float64]


def with_spatial(
    estimate: Estimate,
    fit: Fit,
    points: Floats,
    cutoff_km: float,
    *,
    kernel: Falloff = "askey",
    level: float = 0.95,
) -> Estimate:
    """The Estimate of a Fit with Conley's covariance in place of the clusters'.

    ``points`` (n, 2) or (n, 3) in metres by provider of the fit, NaN where not known (then near
    nobody). No small-sample factor, normal critical values, no uniform bands. An effect without a
    standard error keeps none. Raises ValueError for a cutoff that is not positive.
    """
    assert fit.influence is not None
    V, clipped = conley.covariance(fit.influence, points, 1000.0 * cutoff_km, kernel)
    se = conley.standard_errors(V)
    critical = float(stats.norm.ppf(0.5 + level / 2))
    with np.errstate(invalid="ignore"):
        p = 2 * stats.norm.sf(np.abs(fit.theta) / se)
    columns = {
        "std_error": se,
        "low": fit.theta - critical * se,
        "high": fit.theta + critical * se,
        "p_value": p,
    }
    effects = estimate.effects.with_columns(
        *(pl.Series(name, values).fill_nan(None) for name, values in columns.items()),
        pl.lit(None, dtype=pl.Float64).alias("band_low"),
        pl.lit(None, dtype=pl.Float64).alias("band_high"),
    )
    unknown = int((~np.isfinite(points).all(axis=1) & fit.influence.touched()).sum())
    words = [
        f"providers within {cutoff_km:g} km may depend on one another, the nearer the more "
        f"({kernel} kernel, Conley 1999)"
    ]
    if unknown:
        words.append(f"{unknown:,} providers whose place is not known count as near nobody")
    words.append("no small-sample factor, normal critical values")
    if clipped:
        words.append("negative eigenvalues of the covariance set to zero")
    return replace(
        estimate,
        effects=effects,
        covariance=V,
        n_clusters=int(fit.influence.touched().sum()),
        convention="; ".join(words),
        critical=critical,
        dof=0,
    )
