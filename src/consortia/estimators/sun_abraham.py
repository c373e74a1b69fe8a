"""The interaction-weighted event study of Sun & Abraham (2021): one regression with an effect
for each cohort and year, averaged with the cohorts' shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from consortia.errors import NotIdentified
from consortia.estimators.aggregation import Summary, summarise
from consortia.estimators.design import Cell
from consortia.estimators.flow import early, flow
from consortia.estimators.known import on_known_effects
from consortia.estimators.two_way import dof_factors
from consortia.maths import absorption
from consortia.maths.influence import Influence
from consortia.maths.paths import Moments, moments, path_codes
from consortia.panel import Arrays, FlowStep
from consortia.results import Fit
from consortia.specs import SunAbraham
from consortia.study import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """K cells: ``att`` (K,), influence of each, ``treated`` (K,) and ``control`` (K,) providers;
    ``share`` (T + 1,) weight of each cohort's joiners; what the degrees of freedom of the
    regression count; ``compared`` (n,) who takes part."""

    att: Floats
    influence: Influence
    treated: Ints
    control: Ints
    share: Floats
    cells: int
    columns: int
    providers: int
    periods: int
    parts: int
    compared: Bools


def fit(arrays: Arrays, spec: SunAbraham, study: Study, rng: np.random.Generator) -> Fit:
    """Effects by cohort and year from one saturated regression, with their averages; the shares of
    cohorts count as fixed. Raises NotIdentified. Takes no randomness."""
    plan, reference, last = _plan(arrays)
    found = _estimate(arrays, plan, reference, last)
    summary = summarise(plan, found.att, found.share, arrays.years)
    K = len(plan)
    head = summary.headline(spec.aggregate)
    if not np.isfinite(summary.theta[head]):
        raise NotIdentified("no joiner is seen before and after joining, with a comparison")
    n_treated, n_control = _counts(plan, found, summary)
    return Fit(
        method="sun-abraham",
        keys=(*(c.key(arrays.years) for c in plan), *summary.keys),
        theta=np.concatenate([found.att, summary.theta]),
        influence=found.influence.combine(np.vstack([np.eye(K), summary.L])),
        n_treated=n_treated,
        n_control=n_control,
        cautions=_cautions(plan, found, summary, n_treated, spec),
        headline=K + head,
        small_sample="regression",
        dof_factor=dof_factors(
            found.cells, found.columns, found.providers, found.periods, found.parts
        )[0],
        flow=_flow(arrays, found, study),
        notes=_notes(arrays, reference),
    )


def truth(arrays: Arrays, spec: SunAbraham, study: Study, fit: Fit) -> Floats:
    """The same regression on outcomes that are the known effect where exposed and 0 elsewhere."""

    def again(known: Arrays) -> Floats:
        plan, reference, last = _plan(known)
        found = _estimate(known, plan, reference, last)
        summary = summarise(plan, found.att, found.share, known.years)
        return np.concatenate([found.att, summary.theta])

    return on_known_effects(arrays, fit, again)


def _plan(arrays: Arrays) -> tuple[tuple[Cell, ...], int, int]:
    """Cells; the reference cohort (T = never, else the last); the first year that is not used."""
    T = arrays.T
    seen = (arrays.W > 0).any(axis=1)
    present = np.unique(arrays.cohort[seen])
    joining = present[(present > 0) & (present < T)]
    if joining.size == 0:
        raise NotIdentified("nobody joins within the years studied")
    reference, last = (T, T) if (present == T).any() else (int(joining[-1]), int(joining[-1]))
    cells = tuple(
        Cell(g=g, t=t, base=g - 1, after=reference)
        for g in joining.tolist()
        if g != reference
        for t in range(last)
    )
    if not cells:
        raise NotIdentified("everybody joins in the same year")
    return cells, reference, last


def _estimate(arrays: Arrays, plan: tuple[Cell, ...], reference: int, last: int) -> _Found:
    Y, W, w = arrays.Y[:, :last], arrays.W[:, :last], arrays.w
    inside = np.isin(arrays.cohort, [c.g for c in plan]) | (arrays.cohort == reference)
    whole = (
        arrays.Z.shape[2] == 0
        and bool(np.isfinite(Y[inside]).all())
        and all(np.array_equal(W[inside, t], w[inside]) for t in range(last))
        and bool((w[inside] > 0).all())
    )
    if whole:
        return _by_moments(arrays, plan, reference, last, inside)
    return _by_regression(arrays, plan, reference, last, inside)


def _by_moments(
    arrays: Arrays, plan: tuple[Cell, ...], reference: int, last: int, inside: Bools
) -> _Found:
    """Without gaps the coefficients are differences in differences of cohort means."""
    w, K = arrays.w, len(plan)
    weight = None if (w[inside] == w[inside][0]).all() else w
    path, cohort, stratum = path_codes(arrays.cohort, arrays.stratum, arrays.T)
    skip = np.flatnonzero(~np.isin(cohort, [*(c.g for c in plan), reference]))
    Y = np.ascontiguousarray(arrays.Y[:, :last])
    M = moments(Y, weight, path, cohort.size, skip)
    against = {int(stratum[p]): p for p in np.flatnonzero(cohort == reference).tolist()}
    mine = [p for p in range(cohort.size) if stratum[p] in against and p not in skip]
    joined = [p for p in mine if cohort[p] != reference]
    B = np.zeros((cohort.size, K, last + 1))
    att = np.full(K, np.nan)
    treated, control = np.zeros(K, dtype=np.int64), np.zeros(K, dtype=np.int64)
    for k, cell in enumerate(plan):
        here = [p for p in joined if cohort[p] == cell.g]
        if not here:
            continue
        total = float(M.weight[here].sum())
        treated[k] = int(M.size[here].sum())
        control[k] = int(M.size[[against[int(stratum[p])] for p in here]].sum())
        att[k] = 0.0
        if cell.reference:
            continue
        for p in here:
            c = against[int(stratum[p])]
            gap = _lift(B, M, k, cell, p, c, float(M.weight[p]) / total)
            att[k] += float(M.weight[p]) / total * gap
    used = np.zeros(cohort.size, dtype=np.bool_)
    used[joined] = True
    used[[against[int(stratum[p])] for p in joined]] = True
    share: Floats = np.bincount(cohort[joined], M.weight[joined], arrays.T + 1).astype(np.float64)
    n = int(M.size[used].sum())
    parts = len({int(stratum[p]) for p in joined})
    influence = Influence(
        Z=Y, path=path, B=B, centre=M.mean, scale=weight, moments=M.cross,
        order=(M.order, M.starts),
    )  # fmt: skip
    return _Found(
        att=att, influence=influence, treated=treated, control=control, share=share,
        cells=n * last, columns=len(joined) * (last - 1), providers=n, periods=parts * last,
        parts=parts, compared=used[path],
    )  # fmt: skip


def _lift(B: Floats, M: Moments, k: int, cell: Cell, p: int, c: int, by: float) -> float:
    """Put the influence of one stratum's difference in differences in B; return the difference."""
    for unit, sign in ((p, 1.0), (c, -1.0)):
        B[unit, k, cell.t] += sign * by / M.weight[unit]
        B[unit, k, cell.base] -= sign * by / M.weight[unit]
    change = M.mean[:, cell.t] - M.mean[:, cell.base]
    return float(change[p] - change[c])


def _by_regression(
    arrays: Arrays, plan: tuple[Cell, ...], reference: int, last: int, inside: Bools
) -> _Found:
    """In general: the saturated regression itself, within each stratum, effects averaged over
    strata with the weight of the joiners in the cell."""
    n, K, q = arrays.n, len(plan), arrays.Z.shape[2]
    psi = np.zeros((n, K))
    att, total = np.zeros(K), np.zeros(K)
    treated, control = np.zeros(K, dtype=np.int64), np.zeros(K, dtype=np.int64)
    share = np.zeros(arrays.T + 1)
    compared = np.zeros(n, dtype=np.bool_)
    tally = np.zeros(5, dtype=np.int64)
    for s in np.unique(arrays.stratum[inside]).tolist():
        rows = np.flatnonzero(inside & (arrays.stratum == s))
        cohort = arrays.cohort[rows]
        Y, Z = arrays.Y[rows, :last], arrays.Z[rows, :last]
        W = np.where(np.isfinite(Z).all(axis=2), arrays.W[rows, :last], 0.0)
        weight = np.array([W[cohort == c.g, c.t].sum() for c in plan])
        base = np.array([W[cohort == c.g, c.base].sum() for c in plan])
        asked = np.array(
            [k for k, c in enumerate(plan) if weight[k] > 0 and base[k] > 0 and not c.reference],
            dtype=np.int64,
        )
        if asked.size == 0 or not (cohort == reference).any():
            continue
        # A cohort never seen in its base year has nothing to measure its effects from.
        W[np.isin(cohort, [c.g for k, c in enumerate(plan) if base[k] <= 0])] = 0.0
        lookup = np.full((arrays.T + 1, last), -1, dtype=np.int64)
        for j, k in enumerate(asked.tolist()):
            lookup[plan[k].g, plan[k].t] = q + j
        p = q + asked.size
        middle = np.empty(0)
        if q:
            middle = np.nanmean(np.where(W[:, :, None] > 0, Z, np.nan), axis=(0, 1))

        columns = partial(_columns, cohort=cohort, Z=Z, lookup=lookup, p=p, q=q, middle=middle)
        found = absorption.absorb(Y, W, columns, p)
        keep, _ = absorption.independent(found.A, found.raw)
        kept = np.array(keep, dtype=np.int64)
        inverse = np.linalg.inv(found.A[np.ix_(kept, kept)])
        beta = inverse @ found.b[kept]
        score = absorption.scores(Y, W, columns, p, found, kept, beta)
        beta = beta + inverse @ score.sum(axis=0)
        effects = np.flatnonzero(kept >= q)
        cells = asked[kept[effects] - q]
        att[cells] += weight[cells] * beta[effects]
        total[cells] += weight[cells]
        psi[np.ix_(rows, cells)] += (score @ inverse[:, effects]) * weight[cells]
        several = (W > 0).sum(axis=1) > 1
        compared[rows[several]] = True
        ours = (cohort == reference) & several
        for k in cells.tolist():
            treated[k] += int(((W[:, plan[k].t] > 0) & (cohort == plan[k].g) & several).sum())
            control[k] += int(ours.sum())
        for g in {plan[k].g for k in cells.tolist()}:
            share[g] += float(arrays.w[rows[(cohort == g) & several]].sum())
        tally += [found.cells, kept.size, found.providers, found.periods, found.parts]
    identified = total > 0
    att = np.where(identified, att / np.where(identified, total, 1.0), np.nan)
    psi /= np.where(identified, total, 1.0)
    for k, c in enumerate(plan):
        if c.reference and share[c.g] > 0:
            same = [j for j, d in enumerate(plan) if d.g == c.g]
            att[k], treated[k], control[k] = 0.0, treated[same].max(), control[same].max()
    N, columns_used, providers, periods, parts = (int(x) for x in tally)
    return _Found(
        att=att, influence=Influence(psi=psi), treated=treated, control=control, share=share,
        cells=N, columns=columns_used, providers=providers, periods=periods, parts=parts,
        compared=compared,
    )  # fmt: skip


def _counts(plan: tuple[Cell, ...], found: _Found, summary: Summary) -> tuple[Ints, Ints]:
    """Providers by row: the largest count of each cohort's cells, summed over cohorts."""
    of = np.array([c.g for c in plan])
    identified = np.isfinite(found.att)
    treated, control = list(found.treated), list(found.control)
    for row in summary.asked:
        mine = row & identified
        treated.append(sum(int(found.treated[mine & (of == g)].max()) for g in np.unique(of[mine])))
        control.append(int(found.control[mine].max()) if mine.any() else 0)
    return np.array(treated, dtype=np.int64), np.array(control, dtype=np.int64)


def _cautions(
    plan: tuple[Cell, ...], found: _Found, summary: Summary, n_treated: Ints, spec: SunAbraham
) -> tuple[str, ...]:
    identified = np.isfinite(found.att)
    reference = np.array([c.reference for c in plan])
    out: list[str] = []
    for i, asked in enumerate([*np.eye(len(plan), dtype=np.bool_), *summary.asked]):
        if not (asked & identified).any():
            out.append("not identified, because no joiner is seen then and in its base year")
        elif reference[asked].all():
            out.append("reference year")
        else:
            missing = int((asked & ~identified).sum())
            parts = [f"{missing} cells not identified and left out"] if missing else []
            if n_treated[i] < spec.few:
                parts.append(f"fewer than {spec.few} treated")
            out.append("; ".join(parts))
    return tuple(out)


def _flow(arrays: Arrays, found: _Found, study: Study) -> tuple[FlowStep, ...]:
    return flow(
        arrays,
        (
            early(arrays),
            ("not compared", ~found.compared, "seen once, or nobody like it"),
        ),
        f"joiners of {study.arm_label} and the reference cohort",
    )


def _notes(arrays: Arrays, reference: int) -> tuple[str, ...]:
    notes = ["shares of cohorts count as fixed in the standard errors"]
    if reference < arrays.T:
        notes.append(
            f"everybody joins: those of {arrays.years[reference]} are the reference, and years "
            "from then on are not used"
        )
    if arrays.X_names:
        notes.append(f"{', '.join(arrays.X_names)}: fixed, so absorbed by the provider effects")
    return tuple(notes)


def _columns(
    start: int, stop: int, *, cohort: Ints, Z: Floats, lookup: Ints, p: int, q: int, middle: Floats
) -> Floats:
    """Regressors of some providers (k, T, p): covariates, then one column for each cell."""
    at = lookup[cohort[start:stop]]
    out = np.zeros((*at.shape, p))
    out[:, :, :q] = Z[start:stop] - middle
    i, t = np.nonzero(at >= 0)
    out[i, t, at[i, t]] = 1.0
    return out
