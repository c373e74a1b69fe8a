"""Who is still seen after joining, cohort by cohort and year by year, beside the comparison."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from consortia.errors import NotIdentified
from consortia.panel import Bools, Floats, Ints
from consortia.results import Trial
from consortia.sensitivity.changes import later_joiners_compared
from consortia.specs import RawGap, anticipation_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """One cohort in one year since joining: ``rows`` (r,) of providers seen in the base year that
    should be seen; ``D`` (r,) joiners; ``S`` (r,) seen; ``y`` (r,) change since the base year, NaN
    where not seen; ``w`` (r,); ``share`` of the cell among all."""

    cohort: int
    year: int
    base: int
    rows: Ints
    D: Bools
    S: Bools
    y: Floats
    w: Floats
    share: float


def set_aside(trial: Trial) -> Bools:
    """Cells (n, T) with a result that the answer leaves out on purpose: a held arm has changed, or
    joining touches them already. They are not missing."""
    a, study = trial.arrays, trial.study
    exposure = study.exposure
    if exposure.partial == "missing":
        exposure = replace(exposure, partial="unexposed")
    try:
        # The raw difference holds nothing and looks at no year before joining.
        raw = trial.cross(study.with_(method=RawGap(), hold=(), exposure=exposure))
    except NotIdentified:
        return np.zeros(a.Y.shape, dtype=np.bool_)
    place = {p: i for i, p in enumerate(raw.provider.tolist())}
    at = np.array([place.get(p, -1) for p in a.provider.tolist()])
    out = np.zeros(a.Y.shape, dtype=np.bool_)
    known = at >= 0
    out[known] = np.isfinite(raw.Y[at[known]]) & ~np.isfinite(a.Y[known])
    return out


def cells(trial: Trial) -> tuple[Later, ...]:
    """All cells with somebody seen on both sides; shares by joiners, alike over years."""
    a = trial.arrays
    aside = set_aside(trial)
    anticipation = anticipation_of(trial.study.method)
    later = later_joiners_compared(trial.study)
    found: list[tuple[float, Later]] = []
    for g in range(1, a.T):
        early = np.flatnonzero(a.years + anticipation < a.years[g])
        mine = a.cohort == g
        if not early.size or not mine.any():
            continue
        base = int(early[-1])
        at_base = np.isfinite(a.Y[:, base]) & (a.w > 0)
        of_cohort: list[Later] = []
        for t in range(g, a.T):
            compared = a.cohort == a.T
            if later:
                ahead = a.cohort < a.T
                start = np.full(a.n, np.inf)
                start[ahead] = a.years[a.cohort[ahead]] - anticipation
                compared |= (a.cohort > g) & (start > a.years[t])
            rows = np.flatnonzero(at_base & (mine | compared) & ~aside[:, t])
            D = mine[rows]
            # Strata without both sides are in no answer.
            both = np.intersect1d(a.stratum[rows[D]], a.stratum[rows[~D]])
            keep = np.isin(a.stratum[rows], both)
            rows, D = rows[keep], D[keep]
            y = a.Y[rows, t] - a.Y[rows, base]
            S = np.isfinite(y)
            if (S & D).any() and (S & ~D).any():
                of_cohort.append(
                    Later(
                        cohort=g, year=t, base=base, rows=rows, D=D, S=S, y=y, w=a.w[rows],
                        share=0.0,
                    )
                )  # fmt: skip
        size = float(a.w[mine & at_base].sum())
        found += [(size / len(of_cohort), c) for c in of_cohort]
    total = sum(size for size, _ in found)
    return tuple(
        Later(
            cohort=c.cohort, year=c.year, base=c.base, rows=c.rows, D=c.D, S=c.S, y=c.y, w=c.w,
            share=size / total,
        )
        for size, c in found
    )  # fmt: skip
