"""Effects of one arm among providers that hold the same other arms and keep them: did joining help,
apart from what came with it?

ATT_k(g, t, r) as in de Chaisemartin & D'Haultfœuille (2023, "Two-way fixed effects and
differences-in-differences estimators with several treatments"), in the group-time form of Callaway
& Sant'Anna (2021).
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from consortia.errors import NotIdentified
from consortia.estimators import by_cells, group_time
from consortia.estimators.aggregation import Summary
from consortia.estimators.cells import CellFits
from consortia.estimators.design import Cell, Design, design
from consortia.estimators.known import on_known_effects
from consortia.estimators.regime_rows import summarise
from consortia.maths.influence import Influence
from consortia.panel import Arrays, FlowStep
from consortia.results import Fit
from consortia.specs import RegimeDid
from consortia.study import Study, listed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


_BY_REGIME = re.compile(r"^none of the .* stays so |that holds the same ")
"""Reasons for which a cell is not identified that lie in the regime and not in the data."""


def fit(arrays: Arrays, spec: RegimeDid, study: Study, rng: np.random.Generator) -> Fit:
    """All ATT(g, t, r), their averages over regimes, effects by regime and contrasts of regimes.

    Raises NotIdentified when no effect after joining can be estimated, or when it would rest on a
    single joiner. Takes no randomness.
    """
    plan = cells_of(arrays, spec, study)
    group_time.refuse(arrays, plan, study)
    found, summary, influence = _estimate(arrays, plan, spec)
    found = replace(found, because=_because(arrays, plan, found))
    headline = summary.headline(spec.aggregate)
    if not np.isfinite(summary.theta[headline]):
        post = [k for k, c in enumerate(plan.cells) if c.t >= c.g]
        reasons = dict.fromkeys(found.because[k] for k in post if found.because[k])
        regimes_alone = all(_BY_REGIME.search(why) for why in reasons)
        told = _why_none(arrays, plan) if regimes_alone else ""
        raise NotIdentified(told or "; ".join(list(reasons)[:4]) or "no year after joining is seen")
    years = arrays.years
    single = len({c.regime for c in plan.cells}) < 2
    keys = tuple(
        c.key(years)
        if single
        else replace(c.key(years), estimand="att(g,t,r)", regime=arrays.regime_names[c.regime])
        for c in plan.cells
    )
    by_cell, by_row = found.counts(), found.counts(summary.asked)
    n_treated = np.concatenate([by_cell[0], by_row[0]])
    n_control = np.concatenate([by_cell[1], by_row[1]])
    joiners = int(n_treated[len(plan.cells) + headline])
    if joiners < 2:
        raise NotIdentified(
            "the answer would rest on a single joiner, whose chance cannot be told from an effect"
        )
    return Fit(
        method="regime-did",
        keys=keys + summary.keys,
        theta=np.concatenate([found.att, summary.theta]),
        influence=influence,
        n_treated=n_treated,
        n_control=n_control,
        cautions=group_time.cautions(plan, found, summary, n_treated, n_control, spec.few),
        headline=len(plan.cells) + headline,
        small_sample="clusters",
        pieces=_pieces(arrays.w, found, summary.L[headline]),
        flow=(
            *_censored(arrays, plan),
            *group_time.left_out(arrays, plan, influence, study),
        ),
        notes=_notes(arrays, spec, found, plan, by_cell[0]),
    )


def truth(arrays: Arrays, spec: RegimeDid, study: Study, fit: Fit) -> Floats:
    """The same estimator on outcomes that are the known effect where exposed and 0 elsewhere."""

    def again(known: Arrays) -> Floats:
        found, summary, _ = _estimate(known, cells_of(arrays, spec, study), spec)
        return np.concatenate([found.att, summary.theta])

    return on_known_effects(arrays, fit, again)


def cells_of(arrays: Arrays, spec: RegimeDid, study: Study) -> Design:
    """The group-time cells, one for each regime that its joiners hold in the base year."""
    plain = design(
        arrays.years, group_time.present(arrays.cohort, arrays.T), spec, study.comparison
    )
    regime = regimes(arrays)
    held: dict[tuple[int, int], list[int]] = {}
    cells: list[Cell] = []
    for cell in plain.cells:
        where = (cell.g, cell.base)
        if where not in held:
            held[where] = np.unique(regime[arrays.cohort == cell.g, cell.base]).tolist()
        cells.extend(replace(cell, regime=r) for r in held[where])
    return Design(cells=tuple(cells), without_base=plain.without_base)


def regimes(arrays: Arrays) -> Ints:
    """(n, T) codes; all zero when nothing is held."""
    if arrays.regime is None:
        return np.zeros((arrays.n, arrays.T), dtype=np.int64)
    return arrays.regime


def _estimate(arrays: Arrays, plan: Design, spec: RegimeDid) -> tuple[CellFits, Summary, Influence]:
    """Cells, their summaries and the influence of both.

    A cell that turns out not to be identified has share 0, so that groups are set beforehand.
    """
    K = len(plan.cells)
    if spec.weights == "cells":
        group = np.arange(K)
    else:
        places: dict[tuple[int, int], int] = {}
        group = np.array([places.setdefault((c.g, c.regime), len(places)) for c in plan.cells])
    found, columns = by_cells.fit_cells(
        arrays.Y,
        arrays.w,
        arrays.cohort,
        np.zeros(arrays.n, dtype=np.int64),
        arrays.X,
        arrays.Z,
        plan.cells,
        spec.adjust,
        regime=regimes(arrays),
        groups=tuple((int(g),) for g in group),
    )
    G = int(group.max()) + 1 if K else 0
    share = np.zeros(G)
    counts: Bools = np.isfinite(found.att)
    if spec.weights == "joiners":
        counts &= ~np.array([c.reference for c in plan.cells], dtype=np.bool_)
    used = np.unpackbits(found.treated, axis=1, count=arrays.n).astype(np.bool_)
    for c, members in columns.groups.items():
        rows = columns.rows[c]
        for j, q in enumerate(members.tolist()):
            ks = np.flatnonzero((group == q) & counts)
            weight = np.where(used[ks][:, rows].any(axis=0), arrays.w[rows], 0.0)
            columns.psi[c][:, columns.which[c].size + j] = weight
            share[q] += weight.sum()
    if spec.weights == "cells":
        # Reference cells have no column of their own, and no say in anything but "dynamic".
        for k, cell in enumerate(plan.cells):
            if cell.reference and counts[k]:
                share[k] = float(arrays.w[used[k]].sum())
    found = replace(found, share=share)
    summary = summarise(plan.cells, found.att, group, share, arrays.years, arrays.regime_names)
    return found, summary, columns.join(summary, K)


def _because(arrays: Arrays, plan: Design, found: CellFits) -> tuple[str, ...]:
    """Why a cell is not identified, where the reason is the regime and not the data."""
    regime, names = regimes(arrays), arrays.regime_names
    if len(names) < 2 and arrays.regime is None:
        return found.because
    seen = np.isfinite(arrays.Y)
    out = list(found.because)
    stays: dict[int, Bools] = {}
    for k, cell in enumerate(plan.cells):
        if not out[k] or not out[k].startswith("no "):
            continue
        b, t = cell.base, cell.t
        if b not in stays:
            stays[b] = by_cells.stays(regime, b)
        here = seen[:, b] & seen[:, t] & (regime[:, b] == cell.regime)
        keeps = stays[b][:, t] & stays[b][:, cell.g]
        mine = here & (arrays.cohort == cell.g)
        theirs = here & cell.compares(arrays.cohort)
        span = f"from {arrays.years[min(b, t)]} to {arrays.years[max(cell.g, t)]}"
        what = f"joiners of {arrays.years[cell.g]} {names[cell.regime]}"
        if mine.any() and not (mine & keeps).any():
            out[k] = f"none of the {int(mine.sum()):,} {what} stays so {span}"
        elif mine.any() and not (theirs & keeps).any():
            out[k] = f"{what} have nobody to compare with that holds the same {span}"
    return tuple(out)


def _why_none(arrays: Arrays, plan: Design) -> str:
    """Why no cell after joining is identified, in a sentence; empty if the regime is not why."""
    regime = regimes(arrays)
    seen = np.isfinite(arrays.Y)
    joins = keeps = 0
    for g, b in {c.g: c.base for c in plan.cells if c.t >= c.g}.items():
        here = (arrays.cohort == g) & seen[:, b] & seen[:, g:].any(axis=1)
        joins += int(here.sum())
        keeps += int((here & by_cells.stays(regime, b)[:, g]).sum())
    if not joins or arrays.regime is None:
        return ""
    labels = listed([h.label for h in arrays.hold], "or") or "another arm"
    if keeps:
        return (
            f"{keeps:,} of {joins:,} joiners kept {labels} as it was when they joined, and nobody "
            "outside holds the same all along"
        )
    return (
        f"{labels} changed, by the year of joining, for every one of the {joins:,} joiners: what "
        "one did and what the other did is a single number in these data"
    )


def _pieces(w: Floats, found: CellFits, L: Floats) -> int:
    """How many equal joiners would carry as much as those that a row ``L`` (K,) rests on: the
    square of their summed weights over the sum of squares (Kish 1965)."""
    a = np.zeros(w.size)
    for k in np.flatnonzero(L).tolist():
        used = np.where(np.unpackbits(found.treated[k], count=w.size), w, 0.0)
        a += L[k] / used.sum() * used
    return max(2, int(a.sum() ** 2 / (a @ a) + 1e-9))


def _censored(arrays: Arrays, plan: Design) -> tuple[FlowStep, ...]:
    """Provider-years lost because another arm changed, among joiners and among the rest."""
    if arrays.regime is None or not plan.cells:
        return ()
    joins = np.isin(arrays.cohort, [c.g for c in plan.cells])
    base_of = {c.g: c.base for c in plan.cells if c.t >= c.g}
    lost = np.zeros((arrays.n, arrays.T), dtype=np.bool_)
    for g, b in base_of.items():
        rows = np.flatnonzero(arrays.cohort == g)
        kept = by_cells.stays(arrays.regime[rows], b)
        lost[rows] = ~(kept & kept[:, g, None]) & np.isfinite(arrays.Y[rows])
    labels = " or ".join(h.label for h in arrays.hold) or "another arm"
    after = np.arange(arrays.T)[None, :] >= arrays.cohort[:, None]
    gone = joins & lost.any(axis=1) & ~(np.isfinite(arrays.Y) & after & ~lost).any(axis=1)
    steps = [
        FlowStep(
            step=f"joiners whose {labels} changes",
            providers=0,
            provider_years=int(lost.sum()),
            why="left out from the year of the change on, or altogether if it changes on joining: "
            f"{int(gone.sum()):,} joiners have no year after joining left",
            kind="cells",
        )
    ]
    changes = (arrays.cohort == arrays.T) & (arrays.regime != arrays.regime[:, :1]).any(axis=1)
    if changes.any():
        steps.append(
            FlowStep(
                step=f"comparison providers whose {labels} changes",
                providers=0,
                provider_years=0,
                why=f"{int(changes.sum()):,} never-joiners serve only over years in which it stays "
                "as it is",
                kind="cells",
            )
        )
    return tuple(steps)


def _notes(
    arrays: Arrays, spec: RegimeDid, found: CellFits, plan: Design, counts: Ints
) -> tuple[str, ...]:
    notes = list(group_time.notes(arrays, spec.anticipation, found, plan))
    if arrays.regime is not None:
        weights = (
            "by the joiners compared in each"
            if spec.weights == "cells"
            else "by the joiners of each cohort and regime"
        )
        notes.append(f"cohorts, years and regimes are averaged {weights}")
        alone = [
            k
            for k, c in enumerate(plan.cells)
            if c.t >= c.g and np.isfinite(found.att[k]) and counts[k] == 1
        ]
        if alone:
            notes.append(
                f"{len(alone)} of the effects by cohort, year and regime rest on a single joiner, "
                "whose chance cannot be told from an effect, and have no standard error"
            )
    return tuple(notes)
