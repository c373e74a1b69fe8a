"""Joint pre-trend test and what it could have noticed.

Wald statistic of the event-study effects before the reference year, W = t' V^- t with k = rank V,
referred to F(k, dof) as W / k when the estimate's intervals use t(dof) and to chi2(k) otherwise.
Power against a linear drift of s a year: the effects before are s (e - reference), so W is
non-central with lambda = s^2 d' V^- d (Roth 2022, "Pretest with caution", section II).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import optimize, special, stats

from consortia.results import Finding, Trial
from consortia.specs import Imputation, PreTrend, SyntheticDid, anticipation_of


def run(trial: Trial, spec: PreTrend, rng: np.random.Generator) -> Finding:
    """Verdict True: no drift found and a drift that explains the answer would have been found at
    least half of the time; False: drift found; None: the test could not tell."""
    rows = trial.estimate.effects.with_row_index("at").filter(
        pl.col("estimand").is_in(["dynamic", "direct-dynamic"])
    )
    anticipation = anticipation_of(trial.study.method)
    reference = -1 - anticipation
    before = rows.filter(
        (pl.col("event_time") < reference)
        & pl.col("std_error").is_not_null()
        # The standard error of a single joiner does not hold its own chance: nothing to test.
        & (pl.col("n_treated") > 1)
    ).sort("event_time")
    after = rows.filter((pl.col("event_time") >= 0) & pl.col("estimate").is_not_null())
    table = before.select("event_time", "estimate", "std_error", "low", "high", "n_treated")
    if before.height == 0:
        why = (
            "the method gives no effects by year since joining"
            if rows.height == 0
            else "the method fits the years before joining, and gives no effects for them"
            if isinstance(trial.study.method, Imputation | SyntheticDid)
            else "fewer than two joiners are observed before the year that serves as their base"
        )
        return Finding(
            check="pre-trend",
            title="Before joining",
            verdict=None,
            sentence=f"Whether joiners were on the same path before cannot be tested: {why}.",
            table=table,
            numbers={"k": 0},
        )
    at = before["at"].to_numpy()
    theta = before["estimate"].to_numpy()
    V = trial.estimate.covariance[np.ix_(at, at)]
    d = before["event_time"].to_numpy() - float(reference)
    wald, lam, k = quadratic_forms(theta, d, V)
    dof = trial.estimate.dof
    p = _tail(wald, k, dof)
    noticed = drift_noticed(lam, k, dof, spec.size, spec.power)
    # Mean distance of the years after joining from the reference year, weighed by joiners.
    weight = after["n_treated"].to_numpy().astype(float)
    distance = (
        float(np.average(after["event_time"].to_numpy() - reference, weights=weight))
        if after.height and weight.sum() > 0
        else float("nan")
    )
    headline = float(trial.estimate.row()["estimate"])
    explaining = headline / distance
    power = power_against(explaining, lam, k, dof, spec.size)
    unit = trial.study.outcomes[trial.study.outcome].unit
    drifted = p < spec.size
    verdict = False if drifted else (True if power >= 0.5 else None)
    found = (
        f"Before joining, joiners were already drifting away from the comparison (p = {_p(p)})"
        if drifted
        else f"Before joining, no drift between joiners and comparison was found (p = {_p(p)})"
    )
    sentence = (
        f"{found}. The test would notice a drift of {noticed:.2g} {unit} a year in "
        f"{spec.power:.0%} of cases; a drift of {abs(explaining):.2g} a year, enough to explain "
        f"the whole answer, in {power:.0%}."
    )
    if verdict is None:
        sentence += " So the test is too weak to reassure."
    return Finding(
        check="pre-trend",
        title="Before joining",
        verdict=verdict,
        sentence=sentence,
        table=table,
        numbers={
            "wald": wald,
            "k": k,
            "dof": dof or None,
            "p_value": p,
            "noticed_drift": noticed,
            "explaining_drift": explaining,
            "power_against_explaining": power,
            "size": spec.size,
            "power": spec.power,
        },
    )


def quadratic_forms(theta: np.ndarray, d: np.ndarray, V: np.ndarray) -> tuple[float, float, int]:
    """(t' V^- t, d' V^- d, rank V); directions without variance are left out."""
    scale = np.sqrt(np.clip(np.diag(V), 1e-300, None))
    R = V / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(R)
    keep = values > 1e-10 * values.max()
    root = vectors[:, keep] / np.sqrt(values[keep])
    z = root.T @ (theta / scale)
    u = root.T @ (d / scale)
    return float(z @ z), float(u @ u), int(keep.sum())


def _tail(wald: float, k: int, dof: float) -> float:
    return float(stats.f.sf(wald / k, k, dof) if dof > 0 else stats.chi2.sf(wald, k))


def power_against(slope: float, lam: float, k: int, dof: float, size: float) -> float:
    """Probability that the joint test rejects at ``size`` when the drift is ``slope`` a year."""
    nc = slope * slope * lam
    if dof > 0:
        # special.ncfdtr, because stats.ncf.sf is wrong at nc = 0.
        return float(1 - special.ncfdtr(k, dof, nc, stats.f.isf(size, k, dof)))
    return float(stats.ncx2.sf(stats.chi2.isf(size, k), k, nc))


def drift_noticed(lam: float, k: int, dof: float, size: float, power: float) -> float:
    """The drift a year that the joint test notices with probability ``power``."""
    high = 1.0 / np.sqrt(lam)
    while power_against(high, lam, k, dof, size) < power:
        high *= 2
    return float(
        optimize.brentq(lambda s: power_against(s, lam, k, dof, size) - power, 0.0, high, rtol=1e-8)
    )


def _p(p: float) -> str:
    return "below 0.001" if p < 0.001 else f"{p:.3f}"
