"""Joiners' change since before joining beside that of their comparison, one cohort at a time.

The plain comparison behind every answer that follows providers over time: for cohort g the change
from a base before joining to the mean of the years since, of its joiners and of those that had not
joined, given covariates; cohorts averaged by their joiners. Checks that need residuals, pairs or
other base years take it from here; without covariates and gaps it is the group-time effect by
cohort itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consortia.errors import NotIdentified
from consortia.maths.confounding import on_the_treated
from consortia.maths.inference import clusters_of, covariance
from consortia.maths.influence import Influence
from consortia.panel import Arrays, Bools, Floats, Ints
from consortia.results import Trial
from consortia.specs import (
    GroupTime,
    Imputation,
    LocalProjection,
    Neighbours,
    RegimeDid,
    Switchers,
    SyntheticDid,
    anticipation_of,
)
from consortia.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One cohort: ``rows`` (r,) into the providers, ``D`` (r,) whether it joins, ``y`` (r,) change,
    ``w`` (r,) weights, ``stratum`` (r,) code, ``share`` of the cohort in the average.

    ``base`` column of the base year; ``before`` (r,) mean of the base, less the comparison's;
    ``since`` (r,) mean of the years since joining, likewise; ``years`` how many of them.
    """

    cohort: int
    base: int
    rows: Ints
    D: Bools
    y: Floats
    w: Floats
    stratum: Ints
    before: Floats
    since: Floats
    years: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """The average over cohorts: ``theta``, ``psi`` (n,) its influence; ``sigma2``, ``nu2`` means
    over cohorts of residual variance and of the squared representer; ``psi_sigma2`` (n,); ``fair``
    the two without what chance columns would do; ``effects`` (G,) by cohort."""

    theta: float
    psi: Floats
    sigma2: float
    nu2: float
    psi_sigma2: Floats
    fair: tuple[float, float]
    effects: Floats


def later_joiners_compared(study: Study) -> bool:
    """Whether those that join later serve as comparison until they do."""
    if isinstance(study.method, Imputation | Switchers | LocalProjection):
        return True
    if isinstance(study.method, GroupTime | RegimeDid | Neighbours):
        return study.comparison == "not-yet"
    return False


def changes(
    trial: Trial, *, base: int = 1, touched: bool = True, arrays: Arrays | None = None
) -> tuple[Change, ...]:
    """Every cohort of joiners that can be compared.

    ``base``: the base is the mean of up to that many years up to the base year. ``touched``: only
    providers that the answer rests on, where its method tells. Raises NotIdentified where no cohort
    can be compared.
    """
    a = trial.arrays if arrays is None else arrays
    anticipation = anticipation_of(trial.study.method)
    inside = np.ones(a.n, dtype=np.bool_)
    if touched and arrays is None:
        psi = trial.influence()
        if psi is not None:
            inside = psi != 0
    later = later_joiners_compared(trial.study)
    found: list[Change] = []
    for g in range(1, a.T):
        mine = (a.cohort == g) & inside
        early = np.flatnonzero(a.years + anticipation < a.years[g])
        if mine.any() and early.size:
            made = _cohort(a, g, early, base, mine, inside, later, anticipation)
            if made is not None:
                found.append(made)
    if not found:
        raise NotIdentified("no joiner is seen both before and after joining beside a comparison")
    by_cell = _by_cell(trial.study)
    weight = np.array([c.w[c.D].sum() * (c.years if by_cell else 1) for c in found])
    return tuple(
        _with_share(c, float(s)) for c, s in zip(found, weight / weight.sum(), strict=True)
    )


def _by_cell(study: Study) -> bool:
    """Whether the answer counts a joiner once for every year since joining."""
    method = study.method
    if isinstance(method, GroupTime | RegimeDid | Imputation | SyntheticDid):
        return method.aggregate == "simple"
    return False


def _with_share(c: Change, share: float) -> Change:
    return Change(
        cohort=c.cohort, base=c.base, rows=c.rows, D=c.D, y=c.y, w=c.w, stratum=c.stratum,
        before=c.before, since=c.since, years=c.years, share=share,
    )  # fmt: skip


def _cohort(
    a: Arrays,
    g: int,
    early: Ints,
    base: int,
    mine: Bools,
    inside: Bools,
    later: bool,
    anticipation: int,
) -> Change | None:
    at = int(early[-1])
    columns = early[-base:]
    never = a.cohort == a.T
    pick = inside & (mine | never | ((a.cohort > g) & later)) & np.isfinite(a.Y[:, at]) & (a.w > 0)
    rows = np.flatnonzero(pick)
    Y, D = a.Y[rows], np.asarray(mine[rows], dtype=np.bool_)
    # Whoever joins later is compared until joining touches it.
    starts = np.where(D | never[rows], np.inf, 0.0)
    soon = ~(D | never[rows])
    starts[soon] = a.years[a.cohort[rows[soon]]] - anticipation
    valid = np.isfinite(Y) & (a.years[None, :] < starts[:, None])
    if a.on is not None:
        valid &= ~D[:, None] | a.on[rows] | (np.arange(a.T) < g)
    stratum = a.stratum[rows]
    if a.regime is not None and int(a.stratum.max(initial=0)) == 0:
        same = a.regime[rows] == a.regime[rows, at][:, None]
        valid[:, at:] &= np.logical_and.accumulate(same[:, at:], axis=1)
        stratum = a.regime[rows, at]
    after = np.arange(a.T) >= g
    use = valid[:, after].any(axis=1)
    rows, Y, D, valid, stratum = rows[use], Y[use], D[use], valid[use], stratum[use]
    both = np.isin(stratum, np.intersect1d(stratum[D], stratum[~D]))
    rows, Y, D, valid, stratum = rows[both], Y[both], D[both], valid[both], stratum[both]
    if not D.any() or D.all():
        return None
    w = a.w[rows]
    # Years differ in level: each is taken from the comparison's own mean before years are averaged,
    # so that a missing year does not pass for a change.
    theirs = np.where(valid & ~D[:, None], w[:, None], 0.0)
    total = theirs.sum(axis=0)
    filled = np.where(valid, Y, 0.0)
    mean = (theirs * filled).sum(axis=0) / np.where(total > 0, total, 1.0)
    valid &= total > 0
    centred = np.where(valid, filled - mean, 0.0)
    since = _mean(centred[:, after], valid[:, after])
    before = _mean(centred[:, columns], valid[:, columns])
    good = np.isfinite(since) & np.isfinite(before)
    if not D[good].any() or D[good].all():
        return None
    return Change(
        cohort=g,
        base=at,
        rows=rows[good],
        D=D[good],
        y=(since - before)[good],
        w=w[good],
        stratum=stratum[good],
        before=before[good],
        since=since[good],
        years=int((valid[D][:, after]).any(axis=0).sum()),
        share=0.0,
    )


def _mean(x: Floats, valid: Bools) -> Floats:
    count = valid.sum(axis=1)
    return np.asarray(
        np.where(count > 0, np.where(valid, x, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)
    )


def given(a: Arrays, c: Change) -> Floats:
    """Covariates (r, p) of the study for one cohort: intercept, strata, fixed ones, and those by
    year at the base year (a missing one takes the mean)."""
    levels = np.unique(c.stratum)[1:]
    columns = [np.ones(c.rows.size)]
    columns += [(c.stratum == s).astype(np.float64) for s in levels.tolist()]
    columns += [filled(a.X[c.rows, j]) for j in range(a.X.shape[1])]
    columns += [filled(a.Z[c.rows, c.base, j]) for j in range(a.Z.shape[2])]
    return np.column_stack(columns)


def filled(x: Floats) -> Floats:
    """A column with its mean in place of what is missing."""
    known = np.isfinite(x)
    if known.all():
        return x
    return np.where(known, x, x[known].mean() if known.any() else 0.0)


def pool(
    n: int, cohorts: tuple[Change, ...], X: list[Floats], y: list[Floats] | None = None
) -> Pooled:
    """The average over cohorts given covariates X, one (r, p) each, intercept first."""
    psi, psi_sigma2 = np.zeros(n), np.zeros(n)
    sigma2 = nu2 = fair_sigma2 = fair_nu2 = 0.0
    effects: list[float] = []
    for k, c in enumerate(cohorts):
        one = on_the_treated(c.y if y is None else y[k], c.D, c.w, X[k])
        psi[c.rows] += c.share * one.psi
        psi_sigma2[c.rows] += c.share * one.psi_sigma2
        sigma2 += c.share * one.sigma2
        nu2 += c.share * one.nu2
        fair_sigma2 += c.share * one.sigma2 / one.spare
        fair_nu2 += c.share * one.nu2 * one.spare
        effects.append(one.theta)
    effect = np.array(effects)
    share = np.array([c.share for c in cohorts])
    theta = float(share @ effect)
    # Which cohort a joiner belongs to is itself by chance.
    for c, own in zip(cohorts, effects, strict=True):
        psi[c.rows[c.D]] += c.share * c.w[c.D] / c.w[c.D].sum() * (own - theta)
    return Pooled(
        theta=theta, psi=psi, sigma2=sigma2, nu2=nu2, psi_sigma2=psi_sigma2,
        fair=(fair_sigma2, fair_nu2), effects=effect,
    )  # fmt: skip


def standard_error(a: Arrays, psi: Floats) -> float:
    """Standard error under the study's clusters, with C / (C - 1)."""
    clusters = clusters_of(a.incidence, np.asarray(psi != 0, dtype=np.bool_))
    V, _ = covariance(Influence(psi=psi[:, None]), clusters)
    C = clusters.count
    return float(np.sqrt(max(V[0, 0], 0.0) * (C / (C - 1) if C > 1 else 1.0)))
