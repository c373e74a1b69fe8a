"""Named peers, each doing the same work as consortia, from a long data frame to its own tables.

``PEERS[library][task](frame)`` does the work and returns what ``READ[library]`` turns into
``{name: (estimate, standard error)}`` afterwards, outside the time taken. Peers are called as their
documentation tells a user who wants speed from the public interface: progress bars off, universal
base, never-joiners as comparison, Rademacher draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

Table = dict[str, tuple[float, float]]
DRAWS = 999

WHY_NOT = {
    (
        "diff-diff",
        "two-way",
    ): "its two-way estimator takes one common date of joining, not staggered ones",
    ("differences", "two-way"): "no two-way estimator",
    ("csdid", "two-way"): "no two-way estimator",
    ("pyfixest", "group-time"): "no Callaway-Sant'Anna estimator",
    ("pyfixest", "group-time-draws"): "no Callaway-Sant'Anna estimator",
    ("pyfixest", "doubly-robust"): "no Callaway-Sant'Anna estimator",
}
for _task in ("group-time", "group-time-draws", "doubly-robust"):
    WHY_NOT["pyfixest lean", _task] = WHY_NOT["pyfixest", _task]

CONVENTIONS = {
    ("pyfixest", "two-way"): "G/(G-1) * (N-1)/(N-K), nested provider effects not counted (fixest)",
    (
        "pyfixest lean",
        "two-way",
    ): "G/(G-1) * (N-1)/(N-K), nested provider effects not counted (fixest)",
    ("StatsPAI", "two-way"): "G/(G-1) * (N-1)/(N-K), nested provider effects not counted (reghdfe)",
}
for _name in ("diff-diff", "StatsPAI", "differences", "csdid"):
    for _task in ("group-time", "doubly-robust"):
        CONVENTIONS[_name, _task] = "analytic influence function, no correction (as R did)"
    CONVENTIONS[_name, "group-time-draws"] = "scaled interquartile range of the draws (as R did)"
CONVENTIONS["diff-diff", "group-time-draws"] = "standard deviation of the draws, divisor B-1"


# --- two-way -------------------------------------------------------------------------------------


def pyfixest_two_way(frame: pd.DataFrame, **options: Any) -> Any:
    import pyfixest

    fit = pyfixest.feols("y ~ d | unit + year", data=frame, vcov={"CRV1": "unit"}, **options)
    return fit.tidy()


def pyfixest_lean(frame: pd.DataFrame) -> Any:
    return pyfixest_two_way(frame, lean=True, store_data=False, copy_data=False)


def statspai_two_way(frame: pd.DataFrame) -> Any:
    import statspai

    fit = statspai.hdfe_ols("y ~ d | unit + year", frame, cluster="unit")
    return fit.params, fit.std_errors


# --- group-time ----------------------------------------------------------------------------------


def diff_diff(frame: pd.DataFrame, *, draws: int = 0, x: list[str] | None = None) -> Any:
    from diff_diff import CallawaySantAnna

    model = CallawaySantAnna(
        control_group="never_treated",
        base_period="universal",
        estimation_method="dr" if x else "reg",
        n_bootstrap=draws,
        bootstrap_weights="rademacher",
        seed=1,
    )
    fit = model.fit(frame, "y", "unit", "year", "first_treat", covariates=x)
    return fit, fit.aggregate("event_study")


def statspai(frame: pd.DataFrame, *, draws: int = 0, x: list[str] | None = None) -> Any:
    import statspai

    more: dict[str, Any] = {"bstrap": True, "biters": draws, "cband": True} if draws else {}
    fit = statspai.callaway_santanna(
        frame, y="y", g="first_treat", t="year", i="unit", x=x, estimator="dr" if x else "reg",
        control_group="nevertreated", base_period="universal", random_state=1, **more,
    )  # fmt: skip
    seed = {"random_state": 1}
    return (
        fit,
        statspai.aggte(fit, type="dynamic", **seed),
        statspai.aggte(fit, type="simple", **seed),
    )


def csdid(frame: pd.DataFrame, *, draws: int = 0, x: list[str] | None = None) -> Any:
    from csdid.att_gt import ATTgt

    formula = f"y ~ {' + '.join(x)}" if x else None
    model = ATTgt(
        yname="y", tname="year", idname="unit", gname="first_treat", data=frame, xformla=formula,
        control_group="nevertreated", cband=bool(draws), biters=draws or 1000,
    )  # fmt: skip
    fit = model.fit(est_method="dr" if x else "reg", base_period="universal", bstrap=bool(draws))
    tables = [dict(fit.results)]
    for kind in ("dynamic", "simple"):
        # aggte writes into the object it is called on: keep what each call found.
        tables.append(dict(fit.aggte(kind, bstrap=bool(draws), cband=bool(draws)).atte))
    return tables


def differences(frame: pd.DataFrame, *, draws: int = 0, x: list[str] | None = None) -> Any:
    from differences import ATTgt

    # Its layout: a two-level index, and a missing cohort for those that never join.
    indexed = frame.set_index(["unit", "year"])
    indexed["cohort"] = indexed["first_treat"].where(indexed["first_treat"] > 0).astype(float)
    model = ATTgt(indexed, "cohort", base_period="universal")
    formula = f"y ~ {' + '.join(x)}" if x else "y"
    fit = model.fit(
        formula, est_method="dr" if x else "reg", boot_iterations=draws, random_state=1,
        progress_bar=False,
    )  # fmt: skip
    more: dict[str, Any] = {"boot_iterations": draws, "random_state": 1} if draws else {}
    return fit.to_pandas(), model.aggregate("event", **more), model.aggregate("simple", **more)


def _three(work: Callable[..., Any]) -> dict[str, Callable[[pd.DataFrame], Any]]:
    return {
        "group-time": work,
        "group-time-draws": lambda frame: work(frame, draws=DRAWS),
        "doubly-robust": lambda frame: work(frame, x=["x"]),
    }


PEERS: dict[str, dict[str, Callable[[pd.DataFrame], Any]]] = {
    "pyfixest": {"two-way": pyfixest_two_way},
    "pyfixest lean": {"two-way": pyfixest_lean},
    "StatsPAI": {"two-way": statspai_two_way, **_three(statspai)},
    "diff-diff": _three(diff_diff),
    "csdid": _three(csdid),
    "differences": _three(differences),
}
PACKAGES = {name: name.split()[0] for name in PEERS}
"""Row of the bench -> distribution whose version is named."""


# --- reading what came out -----------------------------------------------------------------------


def _keep(table: Table, name: str, estimate: Any, error: Any) -> None:
    # A reference year is zero by construction and has no error: not a result.
    if error is not None and math.isfinite(float(error)) and float(error) > 0:
        table[name] = (float(estimate), float(error))


def read_pyfixest(result: Any) -> Table:
    return {"two-way": (float(result["Estimate"]["d"]), float(result["Std. Error"]["d"]))}


def read_statspai(result: Any) -> Table:
    if len(result) == 2:
        return {"two-way": (float(result[0]["d"]), float(result[1]["d"]))}
    fit, dynamic, simple = result
    table: Table = {}
    for r in fit.detail.itertuples():
        _keep(table, f"att({int(r.group)},{int(r.time)})", r.att, r.se)
    for r in dynamic.detail.itertuples():
        _keep(table, f"event({int(r.relative_time)})", r.att, r.se)
    _keep(table, "simple", simple.estimate, simple.se)
    critical = dynamic.model_info.get("crit_val_uniform")
    if critical is not None:
        table["critical"] = (float(critical), math.nan)
    return table


def read_diff_diff(result: Any) -> Table:
    fit, event = result
    table: Table = {}
    for (g, t), cell in fit.group_time_effects.items():
        _keep(table, f"att({int(g)},{int(t)})", cell["effect"], cell["se"])
    for e, att, se in zip(event.event_time, event.att, event.se, strict=True):
        _keep(table, f"event({int(e)})", att, se)
    _keep(table, "simple", fit.overall_att, fit.overall_se)
    if event.cband_crit_value is not None:
        table["critical"] = (float(event.cband_crit_value), math.nan)
    return table


def read_csdid(result: Any) -> Table:
    import numpy as np

    cells, dynamic, simple = result
    table: Table = {}
    for g, t, att, se in zip(cells["group"], cells["year"], cells["att"], cells["se"], strict=True):
        _keep(table, f"att({int(g)},{int(t)})", att, se)
    errors = np.ravel(dynamic["se_egt"])
    for e, att, se in zip(dynamic["egt"], dynamic["att_egt"], errors, strict=True):
        _keep(table, f"event({int(e)})", att, se)
    _keep(table, "simple", simple["overall_att"], np.ravel(simple["overall_se"])[0])
    # 1.96 is what it carries where no band was asked for.
    critical = dynamic.get("crit_val_egt")
    if critical is not None and float(critical) > 1.97:
        table["critical"] = (float(critical), math.nan)
    return table


def read_differences(result: Any) -> Table:
    cells, event, simple = result
    table: Table = {}

    def columns(frame: pd.DataFrame) -> tuple[Any, Any]:
        att = next(c for c in frame.columns if c[-1] == "ATT")
        return att, next(c for c in frame.columns if c[-1] == "std_error")

    att, se = columns(cells)
    for (g, _, t), row in cells.iterrows():  # pyright: ignore[reportGeneralTypeIssues]
        _keep(table, f"att({int(g)},{int(t)})", row[att], row[se])
    att, se = columns(event)
    for e, row in event.iterrows():
        _keep(table, f"event({int(e)})", row[att], row[se])  # pyright: ignore[reportArgumentType]
    att, se = columns(simple)
    _keep(table, "simple", simple[att].iloc[0], simple[se].iloc[0])
    return table


READ: dict[str, Callable[[Any], Table]] = {
    "pyfixest": read_pyfixest,
    "pyfixest lean": read_pyfixest,
    "StatsPAI": read_statspai,
    "diff-diff": read_diff_diff,
    "csdid": read_csdid,
    "differences": read_differences,
}
