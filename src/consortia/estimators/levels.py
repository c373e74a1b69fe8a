"""Does it work better where a fact is stronger: the study's method by level, and the difference.

Levels come from the first known year before joining, so that joining cannot move a provider from
one to another. Competition by itself, or with autonomy as the arm, is
the case in mind.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from consortia.errors import NotIdentified
from consortia.estimators import METHODS
from consortia.maths.influence import Influence
from consortia.panel import Arrays
from consortia.results import EffectKey, Fit
from consortia.study import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def levels_of(values: Floats, cohort: Ints, count: int = 3) -> tuple[Ints, Floats]:
    """Level (n,) in 0..count-1 of each provider by its first known value in ``values`` (n, T), and
    the cuts (count - 1,), quantiles of these over providers.

    -1 where nothing is known before joining (``cohort`` (n,) in 0..T). A value on a cut belongs
    below it. Raises NotIdentified where values are too alike for ``count`` levels.
    """
    known = np.isfinite(values)
    at = known.argmax(axis=1)
    usable = known.any(axis=1) & (at < cohort)
    first = values[np.arange(values.shape[0]), at]
    if not usable.any():
        raise NotIdentified("the fact to go by is not known for anybody before joining")
    cuts = np.quantile(first[usable], np.arange(1, count) / count)
    level = np.where(usable, np.searchsorted(cuts, first, side="left"), -1)
    if (np.bincount(level[usable], minlength=count) == 0).any():
        raise NotIdentified(f"the fact to go by is too alike among providers for {count} levels")
    return level.astype(np.int64), cuts


def by_level(
    arrays: Arrays, study: Study, level: Ints, rng: np.random.Generator, count: int = 3
) -> Fit:
    """The headline of the study's method among the providers of each level, compared within it, and
    highest less lowest: theta (count + 1,).

    ``level`` (n,) as in :func:`levels_of`. A level that cannot be answered is NaN with the reason.
    Raises NotIdentified where none can.
    """
    method = METHODS[type(study.method)]
    theta = np.full(count + 1, np.nan)
    psi = np.zeros((arrays.n, count + 1))
    treated, control = np.zeros(count + 1, dtype=np.int64), np.zeros(count + 1, dtype=np.int64)
    cautions = [""] * (count + 1)
    reasons: list[str] = []
    small, factor = "clusters", 1.0
    for k in range(count):
        rows = level == k
        try:
            fit = method.fit(_without_empty(arrays.take(rows)), study.method, study, rng)
        except NotIdentified as error:
            reasons.append(error.because)
            cautions[k] = f"not identified, because {error.because}"
            continue
        h = fit.headline
        pick = np.zeros((1, fit.theta.size))
        pick[0, h] = 1.0
        theta[k] = fit.theta[h]
        assert fit.influence is not None
        psi[rows, k] = fit.influence.combine(pick).dense()[:, 0]
        treated[k], control[k] = fit.n_treated[h], fit.n_control[h]
        cautions[k] = fit.cautions[h]
        small, factor = fit.small_sample, max(factor, fit.dof_factor)
    if not np.isfinite(theta).any():
        raise NotIdentified("; ".join(dict.fromkeys(reasons)))
    if np.isfinite(theta[0]) and np.isfinite(theta[count - 1]):
        theta[count] = theta[count - 1] - theta[0]
        psi[:, count] = psi[:, count - 1] - psi[:, 0]
        treated[count] = treated[0] + treated[count - 1]
        control[count] = control[0] + control[count - 1]
    else:
        cautions[count] = "not identified, because one of the two levels is not"
    names = [*(f"level-{k + 1}" for k in range(count)), "level-difference"]
    out = int((level < 0).sum())
    return Fit(
        method=f"{method.name} by level",
        keys=tuple(EffectKey(estimand=cast("Any", name)) for name in names),
        theta=theta,
        influence=Influence(psi=psi),
        n_treated=treated,
        n_control=control,
        cautions=tuple(cautions),
        headline=count,
        small_sample=cast("Any", small),
        dof_factor=factor,
        notes=(f"{out:,} providers of no known level left out",) if out else (),
    )


def _without_empty(arrays: Arrays) -> Arrays:
    """The arrays with the strata and clusters that are left numbered without gaps."""
    present, stratum = np.unique(arrays.stratum, return_inverse=True)
    columns, codes = np.unique(arrays.incidence.indices, return_inverse=True)
    return replace(
        arrays,
        stratum=stratum.astype(np.int64),
        stratum_names=tuple(arrays.stratum_names[s] for s in present.tolist()),
        incidence=sparse.csr_array(
            (arrays.incidence.data, codes, arrays.incidence.indptr), shape=(arrays.n, columns.size)
        ),
    )
