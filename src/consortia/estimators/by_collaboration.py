"""The effect in each collaboration, for group-time studies, with partial pooling.

A joiner's own effect is its change since the base year less what the comparison of its cell says
(regression of the comparison's changes on what the study adjusts for; without covariates and gaps
its mean), averaged over its years after joining. A collaboration's is the weighted mean of its
joiners' (each counted with the collaboration it joined first), so that the weighted mean over all
collaborations is the group-overall effect. How far chance carries a provider is read off the
comparison, whose effect is zero: squared residuals on 1 and 1/weight, cohort by cohort.
"""

# The paper's letters are upper case and not constants.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import optimize, stats

from consortia.errors import NotIdentified
from consortia.estimators.design import design
from consortia.maths import conley
from consortia.maths.inference import clusters_of, covariance
from consortia.maths.influence import Influence
from consortia.maths.shrinkage import discoveries, shrink
from consortia.panel import Arrays
from consortia.results import ByCollaboration
from consortia.specs import GroupTime
from consortia.structures import Belonging
from consortia.study import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RATE = 0.05
"""False-discovery rate at which a collaboration stands out."""
FEWEST = 3
"""Collaborations below which there is nothing to pool."""


def by_collaboration(
    arrays: Arrays, spec: GroupTime, study: Study, who: Belonging
) -> ByCollaboration:
    """Raises NotIdentified for fewer than three collaborations with a joiner to compare."""
    effect, variance, lead, cohorts = joiner_effects(arrays, spec, study)
    used = np.flatnonzero(np.isfinite(effect) & (who.first >= 0))
    code, joiners = np.unique(who.first[used], return_counts=True)
    if code.size < FEWEST:
        raise NotIdentified(f"fewer than {FEWEST} collaborations have joiners to compare")
    at = np.searchsorted(code, who.first[used])
    w = arrays.w[used]
    total = np.bincount(at, weights=w)
    estimate = np.bincount(at, weights=w * effect[used]) / total
    own = np.bincount(at, weights=w**2 * variance[used]) / total**2
    # The comparison's mean is the same for all of a cohort; its error is theirs together.
    shared = np.zeros((code.size, 0))
    for g, H in cohorts.items():
        mine = arrays.cohort[used] == g
        loading = np.zeros((code.size, H.shape[0]))
        np.add.at(loading, at[mine], w[mine, None] * lead[g][used[mine]])
        shared = np.column_stack([shared, loading / total[:, None]])
    K = _covariance(arrays, study, list(cohorts.values()))
    v = own + np.einsum("cp,pq,cq->c", shared, K, shared)
    if not (v > 0).all():
        raise NotIdentified("the comparison does not vary: chance cannot be told from effect")
    pooled = shrink(estimate, v)
    z = stats.norm.ppf(0.5 + study.inference.level / 2)
    p = 2 * stats.norm.sf(np.abs(estimate) / np.sqrt(v))
    q, stands = discoveries(p, RATE)
    names = np.array(who.names)[code]
    table = pl.DataFrame(
        {
            "collaboration": names.astype(np.str_),
            "name": np.array(who.titles)[code].astype(np.str_),
            "joiners": joiners.astype(np.int64),
            "estimate": estimate,
            "std_error": np.sqrt(v),
            "shrunk": pooled.theta,
            "shrunk_low": pooled.theta - z * pooled.se,
            "shrunk_high": pooled.theta + z * pooled.se,
            "p_value": p,
            "q_value": q,
            "stands_out": np.where(stands, np.where(estimate > 0, "better", "worse"), ""),
        }
    ).sort(["shrunk", "collaboration"], descending=[True, False])
    better, worse = (int((table["stands_out"] == k).sum()) for k in ("better", "worse"))
    spread = float(np.sqrt(pooled.tau2))
    reliability = float(np.median(pooled.tau2 / (pooled.tau2 + v)))
    several = int((np.diff(who.incidence[used].indptr) > 1).sum())
    notes = [
        f"{used.size:,} joiners in {code.size:,} collaborations; "
        f"standard errors are those of chance alone: {_dependence(arrays, study)}",
    ]
    if several:
        notes.append(f"{several:,} joiners of more than one count with the one they joined first")
    return ByCollaboration(
        table=table,
        mean=pooled.mean,
        mean_std_error=pooled.mean_se,
        spread=spread,
        q=pooled.q,
        dof=pooled.dof,
        p_value=pooled.p,
        reliability=reliability,
        false_discovery=RATE,
        better=better,
        worse=worse,
        sentence=_sentence(study, int(code.size), spread, pooled.p, better, worse, reliability),
        notes=tuple(notes),
    )


def joiner_effects(
    arrays: Arrays, spec: GroupTime, study: Study
) -> tuple[Floats, Floats, dict[int, Floats], dict[int, Floats]]:
    """Each joiner's own effect (n,) and chance variance (n,), NaN where it has none; by cohort its
    regressors ``lead[g]`` (n, p), and the comparison's influence (p, n) on their coefficients."""
    n, T = arrays.n, arrays.T
    plan = design(
        arrays.years, np.flatnonzero(np.bincount(arrays.cohort, minlength=T + 1)), spec,
        study.comparison,
    )  # fmt: skip
    effect, variance = np.full(n, np.nan), np.full(n, np.nan)
    lead: dict[int, Floats] = {}
    influence: dict[int, Floats] = {}
    for g in sorted({c.g for c in plan.cells}):
        cells = [c for c in plan.cells if c.g == g and c.t >= g and not c.reference]
        if not cells:
            continue
        base = cells[0].base
        X = _regressors(arrays, g, base)
        left = np.full((n, len(cells)), np.nan)
        H = np.zeros((X.shape[1], n))
        for j, cell in enumerate(cells):
            change = arrays.Y[:, cell.t] - arrays.Y[:, base]
            ok = np.isfinite(change) & np.isfinite(X).all(axis=1) & (arrays.w > 0)
            rest = np.flatnonzero(ok & cell.compares(arrays.cohort))
            mine = np.flatnonzero(ok & (arrays.cohort == g))
            if rest.size == 0 or mine.size == 0:
                continue
            x, weight = X[rest], arrays.w[rest]
            gram = np.linalg.pinv((x * weight[:, None]).T @ x, hermitian=True)
            beta = gram @ ((x * weight[:, None]).T @ change[rest])
            left[rest, j] = change[rest] - x @ beta
            left[mine, j] = change[mine] - X[mine] @ beta
            # A stratum without comparison has no counterfactual.
            like = np.isin(arrays.stratum[mine], arrays.stratum[rest])
            left[mine[~like], j] = np.nan
            H[:, rest] += (gram @ (x * (weight * left[rest, j])[:, None]).T) / len(cells)
        seen = np.isfinite(left)
        own = np.where(seen.any(axis=1), np.where(seen, left, 0.0).sum(axis=1), np.nan)
        own = own / np.maximum(seen.sum(axis=1), 1)
        mine = np.flatnonzero((arrays.cohort == g) & np.isfinite(own))
        rest = np.flatnonzero((arrays.cohort != g) & np.isfinite(own))
        if mine.size == 0 or rest.size <= X.shape[1] + 1:
            continue
        effect[mine] = own[mine]
        variance[mine] = _chance(own[rest], arrays.w[rest], arrays.w[mine], X.shape[1])
        lead[g], influence[g] = np.where(np.isfinite(X), X, 0.0), H
    return effect, variance, lead, influence


def _regressors(arrays: Arrays, g: int, base: int) -> Floats:
    """Intercept, strata that the cohort's joiners are in (first left out), X, Z of the base."""
    present = np.flatnonzero(np.bincount(arrays.stratum))[1:]
    return np.column_stack(
        [
            np.ones(arrays.n),
            *((arrays.stratum == s).astype(np.float64) for s in present),
            arrays.X,
            arrays.Z[:, base],
        ]
    )


def _chance(e: Floats, w: Floats, at: Floats, p: int) -> Floats:
    """Variance at weights ``at`` from residuals ``e`` (r,) with weights ``w``: ``a + b / w``, both
    at least zero, by least squares weighted with w squared (a small provider's square varies
    most)."""
    square = e**2 * e.size / (e.size - p)
    if np.ptp(w) <= 1e-9 * w.max():
        return np.full(at.size, float(square.mean()))
    columns = np.column_stack([np.ones(w.size), w.mean() / w])
    root = w / w.mean()
    (a, b), _ = optimize.nnls(columns * root[:, None], square * root)
    return a + b * w.mean() / at


def _covariance(arrays: Arrays, study: Study, H: list[Floats]) -> Floats:
    """Covariance of what the comparison says, its providers depending on one another as in the
    answer: near ones, or those that share a cluster."""
    if not H:
        return np.zeros((0, 0))
    influence = Influence(psi=np.vstack(H).T)
    km = study.inference.spatial_km
    if km is not None and arrays.points is not None:
        return conley.covariance(influence, arrays.points, 1000.0 * km, "askey")[0]
    return covariance(influence, clusters_of(arrays.incidence, influence.touched()))[0]


def _dependence(arrays: Arrays, study: Study) -> str:
    """What the standard errors take to be dependent, in words."""
    rule = study.inference
    if rule.spatial_km is not None and arrays.points is not None:
        other = f"those within {rule.spatial_km:g} km of one another may move together"
    elif rule.cluster != "provider":
        what = rule.cluster.replace("_", " ")
        other = f"those that share a {what} may move together"
    else:
        return "all providers are taken as independent of one another"
    return (
        f"among the comparison {other}, as in the answer; joiners are taken as independent of one "
        "another, so that what strikes all members of a collaboration counts as its effect"
    )


def _sentence(
    study: Study, count: int, spread: float, p: float, better: int, worse: int, share: float
) -> str:
    unit = study.outcomes[study.outcome].unit
    differ = (
        f"differ by more than chance (p {'below 0.001' if p < 0.001 else f'= {p:.3f}'}; standard "
        f"deviation of their true effects {spread:.2f} {unit})"
        if p < 0.05
        else f"do not differ by more than chance would make them (p = {p:.3f})"
    )
    if better or worse:
        stand = (
            f"{better:,} do better than not joining and {worse:,} worse, beyond what luck among so "
            "many would give"
        )
    else:
        stand = "none stands out from luck among so many, for better or worse"
    return (
        f"The effects of {count:,} collaborations {differ}; {stand}. For the typical one, "
        f"{share:.0%} of what its own estimate shows is not chance."
    )
