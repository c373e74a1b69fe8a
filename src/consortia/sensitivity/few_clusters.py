"""How many independent pieces the answer rests on, and what few of them do to its error."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import stats

from consortia.maths.cr2 import BiasReduced, cr2
from consortia.maths.inference import clusters_of
from consortia.results import Finding, Trial
from consortia.sensitivity.regression import regression
from consortia.specs import FewClusters, TwoWay

TITLE = "How many independent pieces the answer rests on"
_SCHEMA = {
    "error": pl.String, "std_error": pl.Float64, "dof": pl.Float64, "low": pl.Float64,
    "high": pl.Float64, "p_value": pl.Float64,
}  # fmt: skip


def run(trial: Trial, spec: FewClusters, rng: np.random.Generator) -> Finding:
    """Verdict True: the effective number of clusters is at least ``enough`` and the small-sample
    error does not change what is said; False: it takes the difference away; None: too few clusters
    to trust the usual error, and no better one to put in its place, or nothing was claimed."""
    arrays, study = trial.arrays, trial.study
    row = trial.estimate.row()
    fit = regression(arrays) if isinstance(study.method, TwoWay) else None
    psi = trial.influence()
    if fit is None and psi is None:
        return _untold("the method has no scores by which to weigh clusters")
    touched = (fit.x != 0).any(axis=1) if fit is not None else np.asarray(psi) != 0
    clusters = clusters_of(arrays.incidence, touched)
    held = np.asarray(clusters.incidence.T @ (arrays.joiners & touched).astype(np.float64)).reshape(
        -1
    )
    joined = int((held > 0).sum())
    better: BiasReduced | None = None
    if fit is not None and clusters.label is not None:
        present, label = np.unique(clusters.label, return_inverse=True)
        better = cr2(fit, label.reshape(-1), present.size)
        effective = better.effective
    else:
        weight = psi if psi is not None else np.zeros(arrays.n)
        sums = np.asarray(clusters.incidence.T @ weight).reshape(-1) ** 2
        effective = float(sums.sum() ** 2 / (sums * sums).sum()) if sums.any() else float("nan")
    own, believed = float(row["p_value"]), float(row["p_value"]) < spec.size
    enough = effective >= spec.enough
    level = study.inference.level
    rows = [
        (
            "as in the answer", float(row["std_error"]), float(trial.estimate.dof) or None,
            float(row["low"]), float(row["high"]), own,
        )
    ]  # fmt: skip
    unit = study.outcomes[study.outcome].unit
    name = arrays.cluster_name.replace("_", " ")
    sentence = (
        f"The answer rests on {clusters.count:,} clusters by {name}, {joined:,} of them with "
        f"joiners, which carry as much as {effective:,.1f} equal ones"
    )
    numbers: dict[str, float | int | None] = {
        "clusters": clusters.count,
        "clusters_with_joiners": joined,
        "effective_clusters": effective,
    }
    if better is not None:
        # At the least one degree of freedom: an interval by less would say nothing at all.
        t = stats.t(max(better.dof, 1.0))
        reach = float(t.ppf(0.5 + level / 2)) * better.std_error
        estimate = float(row["estimate"])
        p = float(2 * t.sf(abs(estimate) / better.std_error))
        low, high = estimate - reach, estimate + reach
        rows.append(("CR2, Satterthwaite", better.std_error, better.dof, low, high, p))
        numbers |= {"std_error": better.std_error, "dof": better.dof, "p_value": p, "low": low,
                    "high": high}  # fmt: skip
        verdict = None if not believed else (p < spec.size if enough or p >= spec.size else None)
        sentence += (
            f"; with the error of Bell & McCaffrey and {better.dof:,.1f} degrees of freedom the "
            f"effect lies between {low:.2f} and {high:.2f} {unit} instead of {row['low']:.2f} and "
            f"{row['high']:.2f}"
        )
        numbers["danger"] = min(1.0, p / spec.size) if believed else None
    else:
        verdict = True if believed and enough else None
        numbers["danger"] = (
            min(1.0, spec.enough / effective / 2) if believed and effective else None
        )
        if fit is not None:
            sentence += "; clusters overlap, for which no exact small-sample error is known"
    reading = {
        True: "the usual error can be trusted",
        False: "with so few the difference cannot be told from chance",
        None: "there is no difference to doubt"
        if not believed
        else "too few for the usual error to be trusted without the wild bootstrap",
    }[verdict]
    return Finding(
        check="few-clusters",
        title=TITLE,
        verdict=verdict,
        sentence=f"{sentence}: {reading}.",
        table=pl.DataFrame(rows, schema=_SCHEMA, orient="row"),
        numbers=numbers,
    )


def _untold(why: str) -> Finding:
    return Finding(
        check="few-clusters",
        title=TITLE,
        verdict=None,
        sentence=f"How many pieces the answer rests on cannot be counted: {why}.",
        table=pl.DataFrame(schema=_SCHEMA),
        numbers={"clusters": None},
    )
