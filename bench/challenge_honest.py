"""Honest bounds (Rambachan & Roth): five intervals of the effect in the first year after joining.

Every row starts from effects by event time and their covariance, and ends with the ends of the
intervals. Sizes name the years before and after the base year; BC is the published example of
Benzarti & Carloni (4 + 4), read from the data beside the project where they are there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).resolve().parents[2] / "shared" / "data" / "golden"
BOUNDS = {"honest-relative": (0.0, 0.5, 1.0, 1.5, 2.0), "honest-smooth": (0.0, 0.05, 0.1, 0.2, 0.3)}
TITLES = {
    "honest-relative": "Honest bounds, relative magnitudes: five values of Mbar, conditional least "
    "favourable test",
    "honest-smooth": "Honest bounds, smooth drifts: five values of M, shortest fixed-length "
    "interval",
}
SIZES = ("BC", "4+4", "7+8")
Study = tuple[np.ndarray, np.ndarray, int]


def study(size: str) -> Study | None:
    """Effects (K,), covariance (K, K) and the number of years before; None where not there."""
    if size == "BC":
        if not GOLDEN.is_dir():
            return None
        import polars as pl

        beta = pl.read_csv(GOLDEN / "BCdata_EventStudy_beta.csv.gz")["beta"].to_numpy()
        return beta, pl.read_csv(GOLDEN / "BCdata_EventStudy_sigma.csv.gz").to_numpy(), 4
    Q, P = map(int, size.split("+"))
    rng = np.random.default_rng(1)
    times = np.arange(-Q - 1, P)
    since = times - times[0] + 1.0
    whole = 0.02**2 * (np.eye(times.size) + np.minimum.outer(since, since) / 8)
    less = np.delete(np.eye(times.size) - (times == -1), Q, axis=0)
    V = less @ whole @ less.T
    return rng.multivariate_normal(np.r_[np.zeros(Q), np.full(P, 0.2)], V), V, Q


def consortia(given: Study, task: str) -> Callable[[], Any]:
    from consortia.maths.honest import flci, hybrid
    from consortia.maths.honest.sets import EventStudy, first_differences, second_differences

    beta, V, Q = given
    times = np.delete(np.arange(beta.size + 1) - Q, Q)
    bounds, target = np.array(BOUNDS[task]), np.eye(beta.size - Q)[0]

    def work() -> Any:
        made = EventStudy(beta=beta, V=V, times=times, reference=0)
        if task == "honest-relative":
            return hybrid.interval(hybrid.relative(made, first_differences(made), target, bounds))
        return flci.interval(flci.path(made, second_differences(made), target), bounds)

    return work


def statspai(given: Study, task: str) -> Callable[[], Any]:
    import statspai

    beta, V, Q = given
    method = "relative_magnitude" if task == "honest-relative" else "smoothness"
    return lambda: statspai.honest_did_from_moments(
        beta, V, num_pre_periods=Q, e=0, m_grid=list(BOUNDS[task]), method=method, breakdown=False
    )


def moderndid(given: Study, task: str) -> Callable[[], Any]:
    import moderndid

    beta, V, Q = given
    P = beta.size - Q
    one, bounds = np.eye(P)[:, [0]], np.array(BOUNDS[task])
    if task == "honest-relative":
        return lambda: moderndid.create_sensitivity_results_rm(
            beta, V, Q, P, m_bar_vec=bounds, l_vec=one
        )
    return lambda: moderndid.create_sensitivity_results_sm(
        beta, V, Q, P, method="FLCI", m_vec=bounds, l_vec=one
    )


def honestdid(given: Study, task: str) -> Callable[[], Any]:
    import honestdid

    beta, V, Q = given
    P = beta.size - Q
    one, bounds = np.eye(P)[:, [0]], np.array(BOUNDS[task])
    if task == "honest-relative":
        return lambda: honestdid.createSensitivityResults_relativeMagnitudes(
            beta, V, Q, P, Mbarvec=bounds, l_vec=one
        )
    return lambda: honestdid.createSensitivityResults(
        beta, V, Q, P, method="FLCI", Mvec=bounds, l_vec=one
    )


def diff_diff(given: Study, task: str) -> Callable[[], Any]:
    """It takes its own results only, so that one is made from the numbers; one bound a call."""
    from diff_diff import HonestDiD
    from diff_diff.results import MultiPeriodDiDResults, PeriodEffect

    beta, V, Q = given
    P, se = beta.size - Q, np.sqrt(np.diag(V))
    times = [*range(Q), *range(Q + 1, Q + 1 + P)]
    made = MultiPeriodDiDResults(
        period_effects={
            t: PeriodEffect(t, beta[k], se[k], beta[k] / se[k], 0.5, (0.0, 0.0))
            for k, t in enumerate(times)
        },
        avg_att=0.0, avg_se=1.0, avg_t_stat=0.0, avg_p_value=1.0, avg_conf_int=(0.0, 0.0),
        n_obs=1000, n_treated=100, n_control=100, pre_periods=times[:Q], post_periods=times[Q:],
        vcov=V, reference_period=Q, interaction_indices={t: k for k, t in enumerate(times)},
    )  # fmt: skip
    method = "relative_magnitude" if task == "honest-relative" else "smoothness"
    fit = HonestDiD(method=method, l_vec=np.eye(P)[0])
    return lambda: [fit.fit(made, M=m) for m in BOUNDS[task]]


def read(row: str, result: Any) -> list[tuple[float, float]]:
    """Low and high for each bound."""
    if row == "consortia":
        return [(float(a), float(b)) for a, b in zip(*result, strict=True)]
    if row == "StatsPAI":
        return list(zip(result["ci_lower"], result["ci_upper"], strict=True))
    if row == "moderndid":
        return list(zip(result["lb"].to_list(), result["ub"].to_list(), strict=True))
    if row == "honestdid":
        return [(float(a), float(b)) for a, b in zip(result["lb"], result["ub"], strict=True)]
    return [(float(r.ci_lb), float(r.ci_ub)) for r in result]


MAKE: dict[str, Callable[[Study, str], Callable[[], Any]]] = {
    "consortia": consortia,
    "StatsPAI": statspai,
    "diff-diff": diff_diff,
    "moderndid": moderndid,
    "honestdid": honestdid,
}
PACKAGES = {r: r for r in ("StatsPAI", "diff-diff", "moderndid", "honestdid")}
TASKS = tuple(TITLES)
ROWS = tuple(MAKE)
WARM_UP = "2+2"
NOTES = {
    "honest-relative": "StatsPAI, moderndid and honestdid invert the test on a grid of 1,000 "
    "values, whose step is the difference to be expected, and simulate the first stage; consortia "
    "finds the ends. diff-diff does not do the same work: it takes the largest step before as "
    "known, and adds the plain standard error to the bounds that it implies, so that its intervals "
    "are shorter.",
    "honest-smooth": "The interval's length is a minimum; a longer one is a less exact minimum, a "
    "shorter one a simulated quantile.",
}


def prepare(row: str, task: str, size: str) -> Callable[[], Any] | None:
    """The work of one case; None where its data are not there."""
    given = study(size)
    return None if given is None else MAKE[row](given, task)
