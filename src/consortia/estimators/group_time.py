"""Group-time effects of Callaway & Sant'Anna (2021): did joining help, when providers joined in
different years?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consortia.errors import NotIdentified
from consortia.estimators import by_cells, by_moments
from consortia.estimators.aggregation import Summary, summarise
from consortia.estimators.cells import CellFits
from consortia.estimators.design import Design, design
from consortia.estimators.flow import early, flow
from consortia.estimators.known import on_known_effects
from consortia.maths.influence import Influence
from consortia.panel import Arrays, FlowStep
from consortia.results import Fit
from consortia.specs import GroupTime
from consortia.study import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def fit(arrays: Arrays, spec: GroupTime, study: Study, rng: np.random.Generator) -> Fit:
    """All ATT(g, t) and their summaries in one Fit; the headline is the overall of spec.aggregate.

    Raises NotIdentified when no effect after joining can be estimated. Takes no randomness.
    """
    plan = design(arrays.years, present(arrays.cohort, arrays.T), spec, study.comparison)
    refuse(arrays, plan, study)
    found, summary, influence = _estimate(arrays, plan, spec)
    headline = summary.headline(spec.aggregate)
    if not np.isfinite(summary.theta[headline]):
        post = [k for k, c in enumerate(plan.cells) if c.t >= c.g]
        reasons = sorted({found.because[k] for k in post if found.because[k]})
        raise NotIdentified("; ".join(reasons) or "no year after joining is seen")
    K = len(plan.cells)
    by_cell, by_row = found.counts(), found.counts(summary.asked)
    n_treated = np.concatenate([by_cell[0], by_row[0]])
    n_control = np.concatenate([by_cell[1], by_row[1]])
    return Fit(
        method="group-time",
        keys=(*(c.key(arrays.years) for c in plan.cells), *summary.keys),
        theta=np.concatenate([found.att, summary.theta]),
        influence=influence,
        n_treated=n_treated,
        n_control=n_control,
        cautions=cautions(plan, found, summary, n_treated, n_control, spec.few),
        headline=K + headline,
        small_sample="clusters",
        flow=left_out(arrays, plan, influence, study),
        notes=notes(arrays, spec.anticipation, found, plan),
    )


def truth(arrays: Arrays, spec: GroupTime, study: Study, fit: Fit) -> Floats:
    """The same estimator on outcomes that are the known effect where exposed and 0 elsewhere."""

    def again(known: Arrays) -> Floats:
        plan = design(arrays.years, present(arrays.cohort, arrays.T), spec, study.comparison)
        found, summary, _ = _estimate(known, plan, spec)
        return np.concatenate([found.att, summary.theta])

    return on_known_effects(arrays, fit, again)


def present(cohort: Ints, T: int) -> Ints:
    return np.flatnonzero(np.bincount(cohort, minlength=T + 1))


def _estimate(arrays: Arrays, plan: Design, spec: GroupTime) -> tuple[CellFits, Summary, Influence]:
    Y, w, cohort = arrays.Y, arrays.w, arrays.cohort
    # A cohort without a base year joins too early to be anyone's comparison either.
    idle = np.array([0, *plan.without_base])
    plain = arrays.X.shape[1] == 0 and arrays.Z.shape[2] == 0
    if plain and _balanced(Y, cohort, idle):
        weight = None if (w == w[0]).all() else w
        found, B, path, of_cohort, M = by_moments.fit_cells(
            Y, weight, cohort, arrays.stratum, plan.cells, idle
        )
        summary = summarise(plan.cells, found.att, found.share, arrays.years)
        return found, summary, by_moments.influence(
            Y, weight, found, B, path, of_cohort, M, summary
        )  # fmt: skip
    found, columns = by_cells.fit_cells(
        Y, w, cohort, arrays.stratum, arrays.X, arrays.Z, plan.cells, spec.adjust
    )
    summary = summarise(plan.cells, found.att, found.share, arrays.years)
    return found, summary, columns.join(summary, len(plan.cells))


def _balanced(Y: Floats, cohort: Ints, out: Ints) -> bool:
    # One sum finds any NaN without a matrix of booleans; an infinite total is checked in full.
    if np.isfinite(Y.sum()):
        return True
    inside = ~np.isin(cohort, out)
    return bool(np.isfinite(Y[inside]).all())


def refuse(arrays: Arrays, plan: Design, study: Study) -> None:
    cohorts = present(arrays.cohort, arrays.T).tolist()
    joining = [g for g in cohorts if 0 < g < arrays.T]
    if not joining:
        raise NotIdentified(
            "every provider that ever joined had joined before the first year"
            if (arrays.cohort == 0).any()
            else "nobody joins within the years studied"
        )
    if not plan.cells:
        raise NotIdentified("no cohort has a year before joining to compare with")
    if study.comparison == "never" and arrays.T not in cohorts:
        raise NotIdentified(
            'every provider joins in the end; comparison = "not-yet" compares with later joiners'
        )


def cautions(
    plan: Design,
    found: CellFits,
    summary: Summary,
    n_treated: Ints,
    n_control: Ints,
    few: int,
) -> tuple[str, ...]:
    out: list[str] = []
    K = len(plan.cells)
    identified = np.isfinite(found.att)
    reference = np.array([c.reference for c in plan.cells])
    for i in range(n_treated.size):
        parts: list[str] = []
        if i < K:
            if found.because[i]:
                out.append(f"not identified, because {found.because[i]}")
                continue
            zero = bool(reference[i])
            if found.caution[i]:
                parts.append(found.caution[i])
        else:
            asked = summary.asked[i - K]
            if not np.isfinite(summary.theta[i - K]):
                reasons = sorted({found.because[k] for k in np.flatnonzero(asked)} - {""})
                why = "; ".join(reasons) or "there is no such year"
                out.append(f"not identified, because {why}")
                continue
            zero = bool(reference[asked].all())
            missing = int((asked & ~identified).sum())
            if missing:
                parts.append(f"{missing} of {int(asked.sum())} cells not identified and left out")
        if zero:
            parts.insert(0, "reference year")
        elif n_treated[i] < few:
            parts.append(f"fewer than {few} treated")
            if n_treated[i] == 1:
                parts.append("one treated provider: no standard error")
        if not zero and n_control[i] < few:
            parts.append(f"fewer than {few} to compare with")
        out.append("; ".join(parts))
    return tuple(out)


def left_out(
    arrays: Arrays, plan: Design, influence: Influence, study: Study
) -> tuple[FlowStep, ...]:
    used = influence.touched()
    joiner = arrays.cohort < arrays.T
    without = np.isin(arrays.cohort, np.array(plan.without_base, dtype=np.int64))
    return flow(
        arrays,
        (
            early(arrays),
            (
                "no year before joining",
                without & ~used,
                "no year of results early enough to serve as the base year",
            ),
            (
                "joined, but cannot be compared",
                joiner & ~used,
                "not seen in both a base year and another, or nobody like it to compare with",
            ),
            (
                "never joined, but cannot serve as comparison",
                ~used,
                "not seen in both a base year and another, or like no joiner",
            ),
        ),
        f"joiners of {study.arm_label} and those they are compared with",
    )


def notes(arrays: Arrays, anticipation: int, found: CellFits, plan: Design) -> tuple[str, ...]:
    out: list[str] = []
    if anticipation:
        span = "year" if anticipation == 1 else f"{anticipation} years"
        out.append(f"the {span} before joining may already be touched by it: the base lies before")
    if arrays.Z.shape[2]:
        out.append(f"{', '.join(arrays.Z_names)}: the value of the base year is used")
    if plan.without_base:
        when = ", ".join(str(int(arrays.years[g])) for g in plan.without_base)
        out.append(f"joiners of {when} have no base year and are not evaluated")
    missing = int((~np.isfinite(found.att)).sum())
    if missing:
        out.append(f"{missing} of {found.att.size} group-time effects are not identified")
    return tuple(out)
