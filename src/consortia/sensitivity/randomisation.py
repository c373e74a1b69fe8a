"""Would chance alone give such an answer? Dates of joining dealt out anew, whole paths at a time.

Under the sharp hypothesis that joining changes nothing, results would have been the same whoever
had joined when. Adoption paths (never single years) are exchanged between providers, or between
whole collaborations, and the studentised headline is computed again: Fisher's test with a statistic
that keeps its size for the mean effect too (Wu & Ding 2021; Zhao & Ding 2021).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from consortia.errors import DataInvalid, NotIdentified, Problem
from consortia.maths.permutation import (
    Reference,
    Shuffle,
    by_block,
    by_provider,
    reference,
)
from consortia.panel import Arrays
from consortia.results import Finding, Trial
from consortia.sensitivity.strata import codes_of
from consortia.specs import Neighbours, Randomisation

Ints = NDArray[np.int64]
TITLE = "Dates of joining dealt out by lot"
_SCHEMA = {
    "result": pl.String, "estimate": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "p_value": pl.Float64,
}  # fmt: skip


def run(trial: Trial, spec: Randomisation, rng: np.random.Generator) -> Finding:
    """Verdict True: so large a difference would hardly come about by lot (p below ``size``); False:
    it would, though the interval says otherwise; None: neither says that there is a difference, or
    the two disagree the other way round, or nothing can be exchanged.

    Raises DataInvalid for a column that does not exist, or collaborations asked of a status.
    """
    within = codes_of(trial.facts, spec.within, "checks.randomisation.within")
    if spec.move == "collaboration" and trial.belonging is None:
        raise DataInvalid(
            [
                Problem(
                    file="study",
                    column="checks.randomisation.move",
                    found=spec.move,
                    problem=f"{trial.study.arm_label} is a status: it has no collaborations",
                    remedy="Use move = 'provider'",
                )
            ]
        )
    arrays, study = trial.arrays, trial.study
    if isinstance(study.method, Neighbours):
        return _untold("the places of the others decide what a provider is exposed to")
    if arrays.groupings:
        return _untold("the model reads the collaborations themselves, which cannot be dealt out")
    sums = trial.path_sums(arrays, study)
    row = trial.estimate.row()
    if sums is not None:
        setting = _setting(trial, spec, sums.path, sums.group, sums.rows, within, rng)
        if setting.count < 2:
            return _untold("there is nobody to exchange dates with")
        found = reference(sums, setting.shuffle, spec.draws, rng)
        # Where a cell is too thin the sums and the fit can differ: then fit.
        if abs(found.seen[0] - row["estimate"]) > 1e-6 * max(float(row["std_error"]), 1e-12):
            sums = None
        else:
            low, high = found.interval(study.inference.level)
            return _finding(trial, spec, setting, found, (low, high), refits=False)
    paths = arrays.stratum * (arrays.T + 1) + arrays.cohort
    present, path = np.unique(paths, return_inverse=True)
    rows = np.arange(arrays.n)
    group = present // (arrays.T + 1)
    setting = _setting(trial, spec, path.reshape(-1), group, rows, within, rng)
    if setting.count < 2:
        return _untold("there is nobody to exchange dates with")
    found = _refitted(trial, spec, setting, rng)
    if found is None:
        return _untold("the method could not be fitted to enough of the assignments")
    return _finding(trial, spec, setting, found, None, refits=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """``count`` distinct assignments; ``moving`` collaborations of ``blocks``, None by provider."""

    shuffle: Shuffle
    count: float
    moving: int | None
    blocks: int


def _setting(
    trial: Trial,
    spec: Randomisation,
    path: Ints,
    group: Ints,
    rows: Ints,
    within: Ints,
    rng: np.random.Generator,
) -> _Setting:
    arrays = trial.arrays
    # Members from before the first year have no date to be dealt out, and stay as they are.
    movable = arrays.cohort[rows] > 0
    if spec.move == "provider":
        shuffle = by_provider(path, group, within[rows], movable)
        return _Setting(shuffle=shuffle, count=shuffle.count(path), moving=None, blocks=0)
    assert trial.belonging is not None
    first = np.where(arrays.joiners, trial.belonging.first, -1)[rows]
    shuffle, moving = by_block(path, group, within[rows], movable, first, rng)
    return _Setting(
        shuffle=shuffle,
        count=shuffle.count(path),
        moving=moving,
        blocks=int(np.unique(first[first >= 0]).size),
    )


def _refitted(
    trial: Trial, spec: Randomisation, setting: _Setting, rng: np.random.Generator
) -> Reference | None:
    """The reference distribution by fitting the method to every permuted panel."""
    arrays, shuffle = trial.arrays, setting.shuffle
    label = np.arange(arrays.n) + arrays.n
    if shuffle.block is not None:
        label[shuffle.holder] = shuffle.block
    code = np.unique(label, return_inverse=True)[1].reshape(-1)
    incidence = sparse.csr_array((np.ones(arrays.n), (np.arange(arrays.n), code)))
    alike = replace(
        arrays, incidence=incidence, truth=None,
        cluster_name="provider" if shuffle.block is None else "collaboration",
    )  # fmt: skip

    def fitted(changed: Arrays) -> tuple[float, float] | None:
        try:
            row = trial.refit(changed, trial.study).row()
        except NotIdentified:
            return None
        if row["estimate"] is None or row["std_error"] is None:
            return None
        return float(row["estimate"]), float(row["std_error"]) ** 2

    own = fitted(alike)
    if own is None:
        return None
    made = [fitted(_dealt(alike, shuffle, rng)) for _ in range(spec.refits)]
    drawn = np.array([pair for pair in made if pair is not None])
    if drawn.shape[0] < spec.refits / 2:
        return None
    return Reference(
        theta=drawn[:, :1],
        square=drawn[:, 1:, None],
        seen=np.array(own[:1]),
        seen_square=np.array([[own[1]]]),
        exact=False,
    )


def _dealt(arrays: Arrays, shuffle: Shuffle, rng: np.random.Generator) -> Arrays:
    """The arrays after providers have taken one another's record of joining."""
    source = np.arange(arrays.n)
    for pool in shuffle.pools:
        order = rng.permutation(pool.members.shape[0])
        source[pool.members[order].ravel()] = pool.members.ravel()
    return replace(
        arrays,
        cohort=arrays.cohort[source],
        D=arrays.D[source],
        on=None if arrays.on is None else arrays.on[source],
        dose=None if arrays.dose is None else arrays.dose[source],
        moves=None if arrays.moves is None else arrays.moves[source],
    )


def _finding(
    trial: Trial,
    spec: Randomisation,
    setting: _Setting,
    found: Reference,
    interval: tuple[float, float] | None,
    *,
    refits: bool,
) -> Finding:
    row = trial.estimate.row()
    unit = trial.study.outcomes[trial.study.outcome].unit
    p, own = found.p_value(), float(row["p_value"])
    drawn = found.theta[:, 0]
    drawn = drawn[np.isfinite(drawn)]
    middle = np.quantile(drawn, [0.025, 0.975])
    told, believed = p < spec.size, own < spec.size
    verdict = True if told and believed else False if believed else None
    parts = [c.replace("_", " ") for c in spec.within]
    where = f" within each {' and '.join(parts)}" if parts else ""
    how = (
        f"in all {drawn.size:,} ways there are"
        if found.exact
        else f"{drawn.size:,} times" + (", fitting the method again each time" if refits else "")
    )
    whom = (
        "between providers"
        if setting.moving is None
        else f"between whole collaborations and equal groups of others ({setting.moving:,} of "
        f"{setting.blocks:,} can move)"
    )
    sentence = (
        f"When the dates of joining are dealt out by lot {whom}{where}, {how}, a difference at "
        f"least as clear as {row['estimate']:.2f} {unit} comes about in {_share(p)} of cases "
        f"(p = {_p(p)}): "
    )
    if verdict:
        sentence += "chance alone would hardly do it."
    elif verdict is False:
        sentence += "chance alone could do it, whatever the interval says."
    elif told:
        sentence += "chance alone would hardly do it, though the interval leaves it open."
    else:
        sentence += "chance alone could do it, as the interval says too."
    low, high = interval if interval is not None else (None, None)
    if low is not None and high is not None and np.isfinite(low) and np.isfinite(high):
        sentence += (
            f" An effect that is the same for all lies between {low:.2f} and {high:.2f} by this "
            "test."
        )
    bounds = [None if x is None or not np.isfinite(x) else float(x) for x in (low, high)]
    return Finding(
        check="randomisation",
        title=TITLE,
        verdict=verdict,
        sentence=sentence,
        table=pl.DataFrame(
            [
                ("as it was", float(row["estimate"]), bounds[0], bounds[1], p),
                ("by lot", float(drawn.mean()), float(middle[0]), float(middle[1]), None),
            ],
            schema=_SCHEMA,
            orient="row",
        ),
        numbers={
            "p_value": p,
            "draws": int(drawn.size),
            "exact": int(found.exact),
            "assignments": setting.count if np.isfinite(setting.count) else None,
            "low": bounds[0],
            "high": bounds[1],
            "p_value_of_interval": own,
            # An answer that claims nothing cannot be overturned by chance.
            "danger": min(1.0, p / spec.size) if believed else None,
        },
    )


def _untold(why: str) -> Finding:
    return Finding(
        check="randomisation",
        title=TITLE,
        verdict=None,
        sentence=f"The dates of joining cannot be dealt out anew: {why}.",
        table=pl.DataFrame(schema=_SCHEMA),
        numbers={"p_value": None},
    )


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1g}"


def _share(p: float) -> str:
    return f"{100 * p:.2g} %"
