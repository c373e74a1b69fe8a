"""Several outcomes asked at once: would the clearest of them be as clear by chance?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from consortia.errors import DataInvalid, NotIdentified, Problem, did_you_mean
from consortia.maths.inference import clusters_of, covariance
from consortia.maths.influence import Influence
from consortia.maths.multiplier import gaussian_draws
from consortia.maths.stepdown import romano_wolf
from consortia.panel import Arrays
from consortia.results import Finding, Trial
from consortia.specs import Multiplicity
from consortia.study import listed

Floats = NDArray[np.float64]
TITLE = "Several outcomes asked at once"
_SCHEMA = {
    "outcome": pl.String, "estimate": pl.Float64, "std_error": pl.Float64, "p_value": pl.Float64,
    "p_adjusted": pl.Float64, "why": pl.String,
}  # fmt: skip


def run(trial: Trial, spec: Multiplicity, rng: np.random.Generator) -> Finding:
    """Verdict True: the difference stays clear (adjusted p below ``size``); False: it was clear
    alone and is not among so many; None: it was not clear alone, or there is one outcome only.

    Raises DataInvalid for outcomes that the study does not define.
    """
    study = trial.study
    problems = [
        Problem(
            file="study",
            column="checks.multiplicity.outcomes",
            found=name,
            problem="outcome is not defined under [outcomes]",
            remedy=did_you_mean(name, list(study.outcomes)),
        )
        for name in spec.outcomes
        if name not in study.outcomes
    ]
    if problems:
        raise DataInvalid(problems)
    names = list(dict.fromkeys((study.outcome, *(spec.outcomes or study.outcomes))))
    if len(names) < 2 or trial.trace is None:
        return _untold("the study names one outcome only")
    rows: list[tuple[str, float | None, float | None, float | None, str]] = []
    parts: list[tuple[Arrays, Floats]] = []
    told: list[int] = []
    for name in names:
        asked = study.with_(outcome=name)
        label = asked.outcome_label
        try:
            if name == study.outcome:
                arrays, estimate, psi = trial.arrays, trial.estimate, trial.influence()
            else:
                arrays = trial.cross(asked)
                estimate = trial.refit(arrays, asked)
                psi = trial.trace(arrays, asked)[1]
        except NotIdentified as error:
            rows.append((label, None, None, None, error.because))
            continue
        if psi is None:
            return _untold("the method has no influence functions, by which outcomes hang together")
        row = estimate.row()
        if row["std_error"] is None or row["estimate"] is None:
            rows.append((label, row["estimate"], None, None, str(row["caution"])))
            continue
        told.append(len(rows))
        parts.append((arrays, psi))
        rows.append((label, row["estimate"], row["std_error"], row["p_value"], ""))
    if len(told) < 2:
        return _untold("only one of the outcomes can be told")
    R = correlation(parts)
    draws = gaussian_draws(R, spec.draws, rng)
    if trial.estimate.dof > 0:
        # The tails of Student's t, as in the p-values that are adjusted.
        dof = trial.estimate.dof
        draws /= np.sqrt(rng.chisquare(dof, spec.draws) / dof)[:, None]
    t = np.array([float(rows[i][1] or 0.0) / float(rows[i][2] or np.nan) for i in told])
    adjusted = dict(zip(told, romano_wolf(t, draws).tolist(), strict=True))
    table = pl.DataFrame(
        [(r[0], r[1], r[2], r[3], adjusted.get(i), r[4]) for i, r in enumerate(rows)],
        schema=_SCHEMA,
        orient="row",
    )
    if 0 not in adjusted:
        return _untold("the outcome in question has no standard error")
    own, joint = float(rows[0][3] or 1.0), adjusted[0]
    verdict = None if own >= spec.size else joint < spec.size
    clear = [rows[i][0] for i in told if adjusted[i] < spec.size]
    reading = {
        True: "it stays clear among them",
        False: "it is no longer clear among so many",
        None: "it was not clear alone either",
    }[verdict]
    sentence = (
        f"{len(told)} outcomes were asked. For {rows[0][0]} p = {_p(own)} alone and {_p(joint)} "
        f"when the chance of even one false alarm among all of them is held: {reading}. "
        + (f"Clear among all: {listed(clear)}." if clear else "None is clear among all.")
    )
    return Finding(
        check="multiplicity",
        title=TITLE,
        verdict=verdict,
        sentence=sentence,
        table=table,
        numbers={
            "outcomes": len(told),
            "p_value": own,
            "p_adjusted": joint,
            "clear": len(clear),
            "draws": spec.draws,
            "danger": min(1.0, joint / spec.size) if own < spec.size else None,
        },
    )


def correlation(parts: Sequence[tuple[Arrays, Floats]]) -> Floats:
    """Correlation (K, K) of K estimates whose influence (n_k,) is on their own providers, with the
    clusters of the arrays; clusters of two arrays are the same where they share providers."""
    everybody = np.unique(np.concatenate([a.provider for a, _ in parts]))
    psi = np.zeros((everybody.size, len(parts)))
    known = sparse.csr_array((everybody.size, 0))
    for k, (arrays, own) in enumerate(parts):
        at = np.searchsorted(everybody, arrays.provider)
        psi[at, k] = own
        known = _joined(known, arrays.incidence, at)
    clusters = clusters_of(known, np.asarray(psi.any(axis=1)))
    V, _ = covariance(Influence(psi=psi), clusters)
    scale = np.sqrt(np.diag(V))
    return V / np.outer(scale, scale)


def _joined(
    known: sparse.csr_array, incidence: sparse.csr_array, at: NDArray[np.int64]
) -> sparse.csr_array:
    """``known`` (N, C) with the memberships (n, D) of those, at rows ``at`` (n,), not yet in it."""
    n, D = incidence.shape
    spread = sparse.csr_array((np.ones(n), (at, np.arange(n))), shape=(known.shape[0], n))
    mine = sparse.csr_array(spread @ incidence)
    C = known.shape[1]
    column = C + np.arange(D)
    if C:
        common = sparse.csr_array(mine.T @ known)
        # The known cluster with most providers in common is the same one.
        for d in np.flatnonzero(np.diff(common.indptr)).tolist():
            part = slice(common.indptr[d], common.indptr[d + 1])
            column[d] = common.indices[part][np.argmax(common.data[part])]
    new = np.diff(known.indptr) == 0
    entries = sparse.coo_array(mine)
    keep = new[entries.row]
    there = sparse.coo_array(known)
    return sparse.csr_array(
        (
            np.ones(there.nnz + int(keep.sum())),
            (
                np.concatenate([there.row, entries.row[keep]]),
                np.concatenate([there.col, column[entries.col[keep]]]),
            ),
        ),
        shape=(known.shape[0], C + D),
    )


def _untold(why: str) -> Finding:
    return Finding(
        check="multiplicity",
        title=TITLE,
        verdict=None,
        sentence=f"There is nothing to adjust for: {why}.",
        table=pl.DataFrame(schema=_SCHEMA),
        numbers={"outcomes": None},
    )


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "below 0.001"
