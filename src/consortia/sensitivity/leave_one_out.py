"""The answer again without each collaboration, cohort of joiners or group of providers.

All are ranked at once by their influence: leaving out the set u moves the estimate by about
``-sum_{i in u} psi_i`` (Belsley, Kuh & Welsch 1980, ch. 2). The ``refits`` that move it most are
then left out in earnest, so that the largest shifts are exact.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from consortia.errors import DataInvalid, NotIdentified, Problem, did_you_mean
from consortia.results import Finding, Trial
from consortia.specs import LeaveOneOut

_SCHEMA = {
    "left_out": pl.String, "providers": pl.Int64, "estimate": pl.Float64, "low": pl.Float64,
    "high": pl.Float64, "shift": pl.Float64, "exact": pl.Boolean, "why": pl.String,
}  # fmt: skip


def run(trial: Trial, spec: LeaveOneOut, rng: np.random.Generator) -> Finding:
    """Verdict True: no single one moves the answer by more than half a standard error; False: one
    moves it by more than a whole one, or nothing can be said without it; None: in between, or there
    are not two to leave out.

    Raises DataInvalid when the column does not exist.
    """
    words = spec.over.replace("_", " ")
    title = f"Without each {words}"
    names, member = units(trial, spec.over)
    row = trial.estimate.row()
    full, scale = float(row["estimate"]), float(row["std_error"])
    unit = trial.study.outcomes[trial.study.outcome].unit
    psi = trial.influence()
    if psi is None:
        return Finding(
            check="leave-one-out",
            title=title,
            verdict=None,
            sentence="The method has no influence functions, by which to tell whom to leave out.",
            table=pl.DataFrame(schema=_SCHEMA),
            numbers={"units": 0},
        )
    touched = np.flatnonzero(np.asarray(member.T @ (psi != 0).astype(np.float64)) > 0)
    if touched.size < 2:
        return Finding(
            check="leave-one-out",
            title=title,
            verdict=None,
            sentence=f"The answer rests on fewer than two of them ({words}): none can be left out.",
            table=pl.DataFrame(schema=_SCHEMA),
            numbers={"units": int(touched.size)},
        )
    step = -np.asarray(member.T @ psi)[touched]
    ranked = touched[np.lexsort((touched, -np.abs(step)))]
    shift = dict(zip(touched.tolist(), step.tolist(), strict=True))
    quick = trial.study
    rows: list[dict[str, object]] = []
    sizes = np.asarray(member.sum(axis=0)).reshape(-1).astype(int)
    for rank, u in enumerate(ranked.tolist()):
        made: dict[str, object] = {
            "left_out": names[u],
            "providers": int(sizes[u]),
            "estimate": full + shift[u],
            "low": None,
            "high": None,
            "shift": shift[u],
            "exact": False,
            "why": "",
        }
        if rank < spec.refits:
            out = np.asarray(member[:, [u]].toarray()).reshape(-1) > 0
            made["exact"] = True
            try:
                found = trial.refit(_without(trial, out), quick).row()
                if found["estimate"] is None:
                    raise NotIdentified(str(found["caution"]))
                made |= {k: float(found[k]) for k in ("estimate", "low", "high")}
                made["shift"] = float(found["estimate"]) - full
            except NotIdentified as error:
                made |= {"estimate": None, "shift": None, "why": error.because}
        rows.append(made)
    lost = [r for r in rows if r["estimate"] is None]
    exact = [r for r in rows if r["exact"] and r["estimate"] is not None]
    exact.sort(key=lambda r: (-abs(float(str(r["shift"]))), str(r["left_out"])))
    rows = [*lost, *exact, *(r for r in rows if not r["exact"])]
    if lost:
        sentence = (
            f"Without {lost[0]['left_out']} nothing can be said, because {lost[0]['why']}: the "
            "answer rests on it."
        )
        verdict: bool | None = False
    else:
        worst = exact[0]
        moved = abs(float(str(worst["shift"])))
        verdict = True if moved <= 0.5 * scale else (False if moved > scale else None)
        reading = {
            True: "the answer does not hang on any one of them",
            False: "the answer hangs on it",
            None: "the answer leans on it a little",
        }[verdict]
        sentence = (
            f"Of {touched.size:,} left out one at a time, {worst['left_out']} "
            f"({_count(int(str(worst['providers'])))}) matters most: without it the effect is "
            f"{worst['estimate']:.2f} {unit} ({worst['low']:.2f} to {worst['high']:.2f}) instead "
            f"of {full:.2f}, so that {reading}."
        )
    numbers: dict[str, float | int | None] = {
        "units": int(touched.size),
        "refits": min(spec.refits, int(touched.size)),
    }
    if lost and not exact:
        numbers["danger"] = 1.0
    if exact:
        numbers["largest_shift"] = float(str(exact[0]["shift"]))
        numbers["lowest_estimate"] = min(float(str(r["estimate"])) for r in exact)
        # One: without it the effect is gone or has the other sign; zero: it only grows.
        left = min(float(str(r["estimate"])) / full for r in exact) if full else 0.0
        numbers["danger"] = 1.0 if lost else float(np.clip(1 - left, 0.0, 1.0))
        numbers["highest_estimate"] = max(float(str(r["estimate"])) for r in exact)
    return Finding(
        check="leave-one-out",
        title=title,
        verdict=verdict,
        sentence=sentence,
        table=pl.DataFrame(rows, schema=_SCHEMA),
        numbers=numbers,
    )


def units(trial: Trial, over: str) -> tuple[list[str], sparse.csr_array]:
    """Names (U,) and membership (n, U) of what is left out one at a time.

    Of a collaboration all its joiners, whoever joined first; those that were members before the
    first year take no part. Raises DataInvalid for a column that is not there.
    """
    arrays = trial.arrays
    if over == "collaboration":
        if trial.belonging is None:
            raise DataInvalid(
                [
                    Problem(
                        file="study",
                        column="checks.leave-one-out.over",
                        found=over,
                        problem=f"{trial.study.arm_label} is a status: it has no collaborations",
                        remedy="Use 'cohort' or a column of the providers file",
                    )
                ]
            )
        # Later members of the collaboration serve as comparison and are not its joiners yet.
        keep = sparse.diags_array(arrays.joiners.astype(np.float64))
        return (
            [
                f"collaboration {name}" if name == title else title
                for name, title in zip(trial.belonging.names, trial.belonging.titles, strict=True)
            ],
            sparse.csr_array(keep @ trial.belonging.incidence),
        )
    if over == "cohort":
        rows = np.flatnonzero(arrays.joiners)
        names = [f"the joiners of {year}" for year in arrays.years.tolist()]
        return names, _member(rows, arrays.cohort[rows], arrays.n, arrays.T)
    if over not in trial.facts.columns:
        raise DataInvalid(
            [
                Problem(
                    file="study",
                    column="checks.leave-one-out.over",
                    found=over,
                    problem="is neither 'collaboration', 'cohort' nor a column of the providers",
                    remedy=did_you_mean(over, ["collaboration", "cohort", *trial.facts.columns]),
                )
            ]
        )
    text = trial.facts[over].cast(pl.String)
    known = np.flatnonzero(text.is_not_null().to_numpy())
    code = text.rank("dense").fill_null(0).to_numpy().astype(np.int64)[known] - 1
    values = text.drop_nulls().unique().sort().to_list()
    label = over.replace("_", " ")
    return [f"{label} {v}" for v in values], _member(known, code, arrays.n, len(values))


def _member(
    rows: NDArray[np.int64], code: NDArray[np.int64], n: int, count: int
) -> sparse.csr_array:
    return sparse.csr_array((np.ones(rows.size), (rows, code)), shape=(n, count))


def _without(trial: Trial, out: NDArray[np.bool_]):
    arrays = trial.arrays.take(~out)
    # Clusters without anybody in them would still be counted by name only.
    used = np.flatnonzero(np.asarray(arrays.incidence.sum(axis=0)).reshape(-1) > 0)
    return replace(arrays, incidence=sparse.csr_array(arrays.incidence[:, used]))


def _count(providers: int) -> str:
    return "one provider" if providers == 1 else f"{providers:,} providers"
