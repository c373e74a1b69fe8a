"""Synthetic difference-in-differences (Arkhangelsky et al. 2021) for few joiners, cohort by
cohort."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from consortia.errors import NotIdentified
from consortia.estimators.aggregation import Summary, summarise
from consortia.estimators.design import Cell
from consortia.estimators.flow import early, flow
from consortia.maths.influence import Influence
from consortia.maths.synthetic import Weighting, gaps, placebo_effects, weighting
from consortia.panel import Arrays, FlowStep
from consortia.results import EffectKey, Fit
from consortia.specs import SyntheticDid
from consortia.study import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Joiners of one cohort in one stratum, and those they are compared with (rows of the arrays);
    ``weight`` is the joiners' summed weight."""

    g: int
    stratum: int
    joiners: Ints
    others: Ints
    weight: float
    found: Weighting
    effect: Floats
    """(T,) joiners less their synthetic self, less the weighted mean of that before joining."""


_MANY = 10


def fit(arrays: Arrays, spec: SyntheticDid, study: Study, rng: np.random.Generator) -> Fit:
    """Effects by cohort and year with their averages. Raises NotIdentified.

    ``rng`` orders comparison providers when they stand in for several joiners.
    """
    whole = _whole(arrays)
    blocks = _blocks(arrays, spec, whole)
    cells, att, share = _cells(arrays, blocks)
    summary = summarise(cells, att, share, arrays.years)
    K = len(cells)
    L = np.vstack([np.eye(K), summary.L])
    theta = np.concatenate([att, summary.theta])
    jackknife = spec.variance == "jackknife" or (
        spec.variance == "auto" and all(b.joiners.size >= _MANY for b in blocks)
    )
    if jackknife:
        psi, told = _jackknife(arrays, blocks, cells, summary), "leaving one provider out at a time"
    else:
        psi, told = _placebo(arrays, spec, blocks, cells, L, rng)
    keys, theta, psi, before = _with_fit_before(arrays, blocks, summary, cells, theta, psi)
    n_treated, n_control = _counts(arrays, blocks, cells, summary)
    head = K + summary.headline(spec.aggregate)
    return Fit(
        method="synthetic-did",
        keys=keys,
        theta=theta,
        influence=Influence(psi=psi),
        n_treated=np.concatenate([n_treated, before[0]]),
        n_control=np.concatenate([n_control, before[1]]),
        cautions=(*_cautions(blocks, cells, summary, n_treated, spec, jackknife), *before[2]),
        headline=head,
        small_sample="none",
        flow=_flow(arrays, blocks, whole, study),
        notes=_notes(arrays, blocks, spec, told, jackknife),
    )


def truth(arrays: Arrays, spec: SyntheticDid, study: Study, fit: Fit) -> Floats:
    """Mean known effect of the joiners by cohort and year, averaged as the estimates are."""
    if arrays.truth is None:
        return np.full(fit.theta.size, np.nan)
    blocks = _blocks(arrays, spec, _whole(arrays))
    known = tuple(
        replace(b, effect=np.average(arrays.truth[b.joiners], axis=0, weights=arrays.w[b.joiners]))
        for b in blocks
    )
    cells, att, share = _cells(arrays, known)
    out = np.concatenate([att, summarise(cells, att, share, arrays.years).theta])
    return np.concatenate([out, np.zeros(fit.theta.size - out.size)])


def weights_of(arrays: Arrays, spec: SyntheticDid) -> tuple[Block, ...]:
    """The blocks with their weights of providers (``found.omega`` on ``others``) and of years
    (``found.lam`` on the years before ``g``)."""
    return _blocks(arrays, spec, _whole(arrays))


def _whole(arrays: Arrays) -> Bools:
    """Providers seen in every year."""
    return np.isfinite(arrays.Y).all(axis=1) & (arrays.w > 0)


def _blocks(arrays: Arrays, spec: SyntheticDid, whole: Bools) -> tuple[Block, ...]:
    T, cohort = arrays.T, arrays.cohort
    if not (whole & (cohort > 0) & (cohort < T)).any():
        raise NotIdentified(
            "no joiner is seen in every year, with a year before joining, as synthetic "
            "difference-in-differences needs"
        )
    out: list[Block] = []
    for s in np.unique(arrays.stratum).tolist():
        mine = whole & (arrays.stratum == s)
        others = np.flatnonzero(mine & (cohort == T))
        if others.size < 2:
            continue
        C = arrays.Y[others]
        for g in np.unique(cohort[mine & (cohort > 0) & (cohort < T)]).tolist():
            joiners = np.flatnonzero(mine & (cohort == g))
            w = arrays.w[joiners]
            mean = np.average(arrays.Y[joiners], axis=0, weights=w)
            found = weighting(C, mean, g, joiners.size, exact=spec.weights == "exact")
            out.append(
                Block(
                    g=g, stratum=s, joiners=joiners, others=others, weight=float(w.sum()),
                    found=found, effect=_effect(mean, C, found),
                )
            )  # fmt: skip
    if not out:
        raise NotIdentified("fewer than two providers that never joined are seen in every year")
    return tuple(out)


def _effect(mean: Floats, C: Floats, found: Weighting) -> Floats:
    return gaps(mean, found.lam) - found.omega @ gaps(C, found.lam)


def _cells(arrays: Arrays, blocks: tuple[Block, ...]) -> tuple[tuple[Cell, ...], Floats, Floats]:
    """ATT(g, t) after joining, strata averaged with the joiners' weights."""
    T = arrays.T
    cells: list[Cell] = []
    att: list[float] = []
    share = np.zeros(T + 1)
    for g in sorted({b.g for b in blocks}):
        mine = [b for b in blocks if b.g == g]
        share[g] = sum(b.weight for b in mine)
        mean = np.average([b.effect for b in mine], axis=0, weights=[b.weight for b in mine])
        for t in range(g, T):
            cells.append(Cell(g=g, t=t, base=g - 1, after=T))
            att.append(float(mean[t]))
    return tuple(cells), np.array(att), share


def _by_cell(blocks: tuple[Block, ...], cells: tuple[Cell, ...], effects: list[Floats]) -> Floats:
    """Effects (..., T) of each block averaged into cells (..., K)."""
    out = np.zeros((*effects[0].shape[:-1], len(cells)))
    total = {g: sum(b.weight for b in blocks if b.g == g) for g in {b.g for b in blocks}}
    for b, e in zip(blocks, effects, strict=True):
        for k, c in enumerate(cells):
            if c.g == b.g:
                out[..., k] += e[..., c.t] * (b.weight / total[b.g])
    return out


def _placebo(
    arrays: Arrays,
    spec: SyntheticDid,
    blocks: tuple[Block, ...],
    cells: tuple[Cell, ...],
    L: Floats,
    rng: np.random.Generator,
) -> tuple[Floats, str]:
    """Algorithm 4: comparison providers take the joiners' places and years of joining; the
    spread of what is then "found" is that of the answer. Regularisation stays that of the
    answer."""
    strata = sorted({b.stratum for b in blocks})
    pools = {s: next(b.others for b in blocks if b.stratum == s) for s in strata}
    needed = {s: sum(b.joiners.size for b in blocks if b.stratum == s) for s in strata}
    for s in strata:
        if pools[s].size <= needed[s]:
            raise NotIdentified(
                f"{needed[s]:,} joiners and {pools[s].size:,} never joined: too few for placebos, "
                'which need more never joined than joiners; variance = "jackknife" may do'
            )
    once = sum(needed.values()) == 1
    draws = min(spec.placebos, min(p.size for p in pools.values())) if once else spec.placebos
    exact = spec.weights == "exact"
    order = {s: rng.permutation(pools[s].size) for s in strata}
    if once and draws == pools[strata[0]].size:
        order[strata[0]] = np.arange(draws)
    at = dict.fromkeys(strata, 0)
    taken = {s: np.zeros((draws, needed[s]), dtype=np.int64) for s in strata}
    for d in range(draws):
        for s in strata:
            # Through the whole pool before anybody stands in a second time.
            if at[s] + needed[s] > pools[s].size:
                order[s], at[s] = rng.permutation(pools[s].size), 0
            taken[s][d] = order[s][at[s] : at[s] + needed[s]]
            at[s] += needed[s]
    used = dict.fromkeys(strata, 0)
    effects: list[Floats] = []
    for b in blocks:
        here, first = taken[b.stratum], used[b.stratum]
        used[b.stratum] = first + b.joiners.size
        effects.append(
            placebo_effects(
                arrays.Y[b.others], here[:, first : used[b.stratum]], here, arrays.w[b.joiners],
                b.found, exact=exact,
            )
        )  # fmt: skip
    values = _by_cell(blocks, cells, effects)
    found = values @ L.T
    spread = (found - found.mean(axis=0)) / np.sqrt(draws)
    psi = np.zeros((arrays.n, L.shape[0]))
    if once:
        psi[pools[strata[0]][order[strata[0]][:draws]]] = spread
        told = f"{draws} providers that never joined, each in the joiner's place once"
    else:
        # The draws belong to nobody in particular: any rows with their cross-product carry them.
        _, size, right = np.linalg.svd(spread, full_matrices=False)
        room = np.concatenate([*(pools[s] for s in strata), *(b.joiners for b in blocks)])
        kept = min(size.size, room.size)
        psi[room[:kept]] = (size[:, None] * right)[:kept]
        told = f"{draws} placebo groups of providers that never joined"
    return psi, told


def _jackknife(
    arrays: Arrays, blocks: tuple[Block, ...], cells: tuple[Cell, ...], summary: Summary
) -> Floats:
    """Algorithm 3, weights fixed: psi_i is what the answer loses without provider i, scaled so that
    psi' psi is the jackknife variance. Shares of cohorts move by their derivative."""
    if any(b.joiners.size < 2 for b in blocks):
        raise NotIdentified(
            'a cohort has one joiner, so that none can be left out: variance = "placebo"'
        )
    n, K = arrays.n, len(cells)
    by_cell = np.zeros((n, K))
    weight = np.zeros(n)
    cohort = np.zeros(n, dtype=np.int64)
    used = np.zeros(n, dtype=np.bool_)
    total = {g: sum(b.weight for b in blocks if b.g == g) for g in {b.g for b in blocks}}
    for b in blocks:
        # The cells of a cohort follow one another, from its first year on.
        first = next(k for k, c in enumerate(cells) if c.g == b.g)
        mine = slice(first, first + arrays.T - b.g)
        for rows, w, sign in (
            (b.joiners, arrays.w[b.joiners] / b.weight, 1.0),
            (b.others, b.found.omega, -1.0),
        ):
            z = gaps(arrays.Y[rows], b.found.lam)[:, b.g :]
            pull = (w / (1 - w))[:, None] * (z - w @ z)
            by_cell[rows, mine] += pull * (sign * b.weight / total[b.g])
            used[rows] = True
        weight[b.joiners] = arrays.w[b.joiners]
        cohort[b.joiners] = b.g
    N = int(used.sum())
    rows = by_cell @ summary.L.T + weight[:, None] * summary.H.T[cohort]
    return np.sqrt((N - 1) / N) * np.concatenate([by_cell, rows], axis=1)


def _with_fit_before(
    arrays: Arrays,
    blocks: tuple[Block, ...],
    summary: Summary,
    cells: tuple[Cell, ...],
    theta: Floats,
    psi: Floats,
) -> tuple[tuple[EffectKey, ...], Floats, Floats, tuple[Ints, Ints, tuple[str, ...]]]:
    """Rows for the years before joining: how closely the synthetic self was fitted, without
    test."""
    years = arrays.years
    keys = [c.key(years) for c in cells]
    keys += summary.keys
    sums: dict[int, list[tuple[float, float, Block]]] = {}
    for b in blocks:
        for t in range(b.g):
            e = int(years[t] - years[b.g])
            sums.setdefault(e, []).append((b.weight, float(b.effect[t]), b))
    values: list[float] = []
    counts = np.zeros((2, len(sums)), dtype=np.int64)
    for j, e in enumerate(sorted(sums)):
        parts = sums[e]
        keys.append(EffectKey(estimand="fit-before", event_time=e))
        values.append(float(np.average([v for _, v, _ in parts], weights=[w for w, _, _ in parts])))
        counts[0, j] = sum(b.joiners.size for _, _, b in parts)
        counts[1, j] = sum(o.size for o in {b.stratum: b.others for _, _, b in parts}.values())
    blank = np.zeros((psi.shape[0], len(values)))
    told = ("closeness of fit, not an effect; no test",) * len(values)
    return (
        tuple(keys),
        np.concatenate([theta, np.array(values)]),
        np.concatenate([psi, blank], axis=1),
        (counts[0], counts[1], told),
    )


def _counts(
    arrays: Arrays, blocks: tuple[Block, ...], cells: tuple[Cell, ...], summary: Summary
) -> tuple[Ints, Ints]:
    asked = np.vstack([np.eye(len(cells), dtype=np.bool_), summary.asked])
    treated = np.zeros(asked.shape[0], dtype=np.int64)
    control = np.zeros(asked.shape[0], dtype=np.int64)
    of = np.array([c.g for c in cells])
    for r, row in enumerate(asked):
        mine = [b for b in blocks if b.g in set(of[row].tolist())]
        treated[r] = sum(b.joiners.size for b in mine)
        control[r] = sum(o.size for o in {b.stratum: b.others for b in mine}.values())
    return treated, control


def _cautions(
    blocks: tuple[Block, ...],
    cells: tuple[Cell, ...],
    summary: Summary,
    n_treated: Ints,
    spec: SyntheticDid,
    jackknife: bool,
) -> tuple[str, ...]:
    asked = np.vstack([np.eye(len(cells), dtype=np.bool_), summary.asked])
    of = np.array([c.g for c in cells])
    out: list[str] = []
    for r, row in enumerate(asked):
        mine = [b for b in blocks if b.g in set(of[row].tolist())]
        parts: list[str] = []
        if n_treated[r] < spec.few:
            parts.append(f"fewer than {spec.few} treated")
        # Number of equal weights that would be as concentrated.
        donors = min(1 / float(b.found.omega @ b.found.omega) for b in mine)
        if donors < spec.few:
            parts.append(f"weights on about {donors:.0f} donors")
        if any(b.g < 2 for b in mine):
            parts.append("one year before joining: equal weights, no synthetic self")
        out.append("; ".join(parts))
    return tuple(out)


def _flow(
    arrays: Arrays, blocks: tuple[Block, ...], whole: Bools, study: Study
) -> tuple[FlowStep, ...]:
    used = np.zeros(arrays.n, dtype=np.bool_)
    for b in blocks:
        used[b.joiners] = used[b.others] = True
    return flow(
        arrays,
        (
            early(arrays),
            ("not seen in every year", ~whole, "weights need every year of every provider"),
            (
                "nobody like it",
                ~used,
                "no joiner, or too few that never joined, hold the same arms",
            ),
        ),
        f"joiners of {study.arm_label} and their weighted comparison",
    )


def _notes(
    arrays: Arrays, blocks: tuple[Block, ...], spec: SyntheticDid, told: str, jackknife: bool
) -> tuple[str, ...]:
    notes = [f"standard error by {'jackknife' if jackknife else 'placebo'}: {told}"]
    if not jackknife:
        notes.append(
            "the placebo standard error takes joiners to be as noisy as those who never joined, "
            "one by one; clusters play no part in it"
        )
    if spec.weights == "frank-wolfe":
        notes.append("weights by Frank-Wolfe steps that stop short of the minimum, as published")
    for b in blocks[:6]:
        top = np.argsort(-b.found.omega, kind="stable")[:3]
        year = np.argsort(-b.found.lam, kind="stable")[:3]
        names = ", ".join(f"{arrays.provider[b.others[j]]} {b.found.omega[j]:.3f}" for j in top)
        years = ", ".join(
            f"{arrays.years[t]} {b.found.lam[t]:.3f}" for t in year if b.found.lam[t] > 1e-6
        )
        notes.append(f"joiners of {arrays.years[b.g]}: largest weights {names}; years {years}")
    if arrays.X_names or arrays.Z_names:
        notes.append("covariates play no part in synthetic difference-in-differences")
    return tuple(notes)
