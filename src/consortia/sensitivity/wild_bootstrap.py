"""Wild cluster bootstrap-t of the answer: no trust in many clusters, or in normal tails.

For two-way the null is imposed and the bootstrap is exactly that of the regression; for methods
with influence functions scores are multiplied and centred again by path (maths/wild.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from consortia.maths.inference import Clusters, clusters_of, signatures
from consortia.maths.permutation import Reference
from consortia.maths.wild import (
    Points,
    Scores,
    bootstrap,
    of_influence,
    of_regression,
    overlapping,
)
from consortia.panel import Arrays
from consortia.results import Finding, Trial
from consortia.sensitivity.regression import regression
from consortia.specs import TwoWay, WildBootstrap

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
TITLE = "Uncertainty without leaning on many clusters"
WEBB_BELOW = 12
"""Clusters below which two signs make too few different draws (Webb 2023)."""
_SCHEMA = {
    "kind": pl.String, "multipliers": pl.String, "draws": pl.Int64, "p_value": pl.Float64,
    "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    kind: str
    points: Points
    draws: int
    exact: bool
    p: float
    low: float
    high: float


def run(trial: Trial, spec: WildBootstrap, rng: np.random.Generator) -> Finding:
    """Verdict True: bootstrap and interval say alike that there is a difference; False: the
    interval excludes zero and the bootstrap does not; None: there is no difference to doubt, or the
    bootstraps by cluster and by provider disagree."""
    arrays, study = trial.arrays, trial.study
    psi = trial.influence()
    fit = regression(arrays) if isinstance(study.method, TwoWay) else None
    if psi is None and fit is None:
        return _untold("the method has no scores to multiply")
    touched = (fit.x != 0).any(axis=1) if fit is not None else np.asarray(psi) != 0
    clusters = clusters_of(arrays.incidence, touched)
    joined = _clusters_with_joiners(arrays, clusters, touched)
    if clusters.count < 2:
        return _untold("everybody is in one cluster")
    row = trial.estimate.row()
    points: Points = (
        ("webb" if clusters.count < WEBB_BELOW else "rademacher")
        if spec.multiplier == "auto"
        else spec.multiplier
    )
    sub = spec.subcluster == "yes" or (spec.subcluster == "auto" and joined < spec.few)
    level = study.inference.level
    kinds = ["cluster", *(["provider"] if sub and not clusters.own else [])]
    found: list[_Result] = []
    for kind in kinds:
        scores = _scores(trial, fit, psi, clusters, kind)
        drawn = bootstrap(scores, points, spec.draws, rng)
        if scores.restricted:
            p, (low, high) = drawn.p_value(), drawn.interval(level)
        else:
            p, low, high = _unrestricted(drawn, float(row["estimate"]), level)
        found.append(
            _Result(
                kind=kind, points=points, draws=drawn.theta.shape[0], exact=drawn.exact, p=p,
                low=low, high=high,
            )
        )  # fmt: skip
    return _finding(trial, spec, found, clusters, joined, fit is not None)


def _clusters_with_joiners(arrays: Arrays, clusters: Clusters, touched: NDArray[np.bool_]) -> int:
    rows = arrays.joiners & touched
    held = np.asarray(clusters.incidence.T @ rows.astype(np.float64)).reshape(-1)
    return int((held > 0).sum())


def _scores(trial: Trial, fit: object, psi: Floats | None, clusters: Clusters, kind: str) -> Scores:
    arrays = trial.arrays
    n = arrays.n
    multiplier: sparse.csr_array | None = None
    by_cluster: sparse.csr_array | None = None
    if kind == "provider":
        atom, atoms = np.arange(n), n
        by_cluster = overlapping(clusters.incidence)
    elif clusters.label is not None:
        present, atom = np.unique(clusters.label, return_inverse=True)
        atom, atoms = atom.reshape(-1), present.size
    else:
        atom, first = signatures(clusters.incidence)
        atoms = first.size
        multiplier = by_cluster = overlapping(sparse.csr_array(clusters.incidence[first]))
    model = regression(arrays) if fit is not None else None
    if model is not None:
        made = of_regression(model, atom, atoms)
    else:
        assert psi is not None
        key = arrays.stratum * (arrays.T + 1) + arrays.cohort
        path = np.unique(key, return_inverse=True)[1].reshape(-1)
        made = of_influence(psi, path, np.where(psi != 0, arrays.w, 0.0), atom, atoms)
    # Atoms without any score cost time and say nothing.
    live = (made["s"] != 0) | (made["h"] != 0) | made["r"].any(axis=1) | made["a"].any(axis=1)
    if not live.all():
        made = {k: v if k == "inverse" else v[live] for k, v in made.items()}
        multiplier = None if multiplier is None else sparse.csr_array(multiplier[live])
        by_cluster = None if by_cluster is None else sparse.csr_array(by_cluster[live])
    if multiplier is not None:
        used = np.unique(multiplier.indices)
        multiplier = sparse.csr_array(multiplier[:, used])
    return Scores(
        s=made["s"], h=made["h"], r=made["r"], a=made["a"], inverse=made["inverse"],
        multiplier=multiplier, cluster=by_cluster, restricted=model is not None,
    )  # fmt: skip


def _unrestricted(drawn: Reference, estimate: float, level: float) -> tuple[float, float, float]:
    """p-value and symmetric interval of the bootstrap-t whose draws do not impose the null."""
    se = float(np.sqrt(drawn.seen_square[0, 0]))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(drawn.theta[:, 0]) / np.sqrt(drawn.square[:, 0, 0])
    t = np.where(np.isfinite(t), t, np.inf)
    count = int((t >= abs(estimate) / se * (1 - 1e-9)).sum())
    p = count / t.size if drawn.exact else (1 + count) / (1 + t.size)
    reach = float(np.quantile(t, level, method="higher")) * se
    return p, estimate - reach, estimate + reach


def _finding(
    trial: Trial,
    spec: WildBootstrap,
    found: list[_Result],
    clusters: Clusters,
    joined: int,
    restricted: bool,
) -> Finding:
    row = trial.estimate.row()
    unit = trial.study.outcomes[trial.study.outcome].unit
    level = trial.study.inference.level
    own = float(row["p_value"])
    believed = own < spec.size
    told = [r.p < spec.size for r in found]
    verdict = None
    if believed and len(set(told)) == 1:
        verdict = told[0]
    main = found[-1]
    name = trial.arrays.cluster_name.replace("_", " ")
    how = f"{main.draws:,} {main.points.capitalize()} draws"
    if main.exact:
        how = f"all {main.draws:,} Rademacher draws"
    sentence = (
        f"The wild cluster bootstrap ({how}; {clusters.count:,} clusters by {name}, {joined:,} of "
        f"them with joiners) puts the effect between {main.low:.2f} and {main.high:.2f} {unit} "
        f"({level:.0%}) instead of {row['low']:.2f} and {row['high']:.2f}, p = {_p(main.p)}: "
    )
    if verdict:
        sentence += "the difference stands."
    elif verdict is False:
        sentence += "the usual interval promised too much."
    elif believed:
        sentence += (
            f"multipliers by cluster say otherwise (p = {_p(found[0].p)}), as happens where few "
            "clusters have joiners."
        )
    elif not any(told):
        sentence += "like the usual interval it does not tell the difference from chance."
    else:
        sentence += "the usual interval left it open."
    if not restricted:
        sentence += " Scores are resampled without imposing that there is no effect."

    def bounded(x: float) -> float | None:
        return float(x) if np.isfinite(x) else None

    return Finding(
        check="wild-bootstrap",
        title=TITLE,
        verdict=verdict,
        sentence=sentence,
        table=pl.DataFrame(
            [
                (
                    f"multipliers by {r.kind}", r.points, r.draws, r.p, bounded(r.low),
                    bounded(r.high),
                )
                for r in found
            ],
            schema=_SCHEMA,
            orient="row",
        ),
        numbers={
            "p_value": main.p,
            "low": bounded(main.low),
            "high": bounded(main.high),
            "draws": main.draws,
            "exact": int(main.exact),
            "clusters": clusters.count,
            "clusters_with_joiners": joined,
            "null_imposed": int(restricted),
            "p_value_of_interval": own,
            "danger": min(1.0, max(r.p for r in found) / spec.size) if believed else None,
        },
    )  # fmt: skip


def _untold(why: str) -> Finding:
    return Finding(
        check="wild-bootstrap",
        title=TITLE,
        verdict=None,
        sentence=f"The wild bootstrap cannot be used: {why}.",
        table=pl.DataFrame(schema=_SCHEMA),
        numbers={"p_value": None},
    )


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1g}"
