"""Named peers of bench/methods.py: from a long data frame to the peer's own result, and how that is
read as ``{name: (estimate, standard error)}`` afterwards, outside the time taken.

``PEERS[task][row]`` is (package, frame, work, read): ``frame(panel)`` is made before the clock
starts. Names are those of methods_panel.read_ours; event times count from 0 in the year of joining.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from methods_panel import PLACEBOS, RINGS, place_frame
from peers import Table
from staggered import FIRST_YEAR, Staggered, long_frame

Work = Callable[[pd.DataFrame], Any]
Peer = tuple[str, Callable[[Staggered], pd.DataFrame], Work, Callable[[Any], Table]]

LAST = 6
FIRST = -5


def _overall(result: Any) -> Table:
    return {"simple": (float(result.overall_att), float(result.overall_se))}


def _statspai(result: Any) -> Table:
    return {"simple": (float(result.estimate), float(result.se))}


# --- imputation ----------------------------------------------------------------------------------

_FIRST = {"time": "year", "first_treat": "first_treat"}
_NAMES = {"outcome": "y", "unit": "unit", **_FIRST}
_SHORT = {"y": "y", "group": "unit", **_FIRST}


def diff_diff_imputation(frame: pd.DataFrame) -> Any:
    import diff_diff

    return diff_diff.ImputationDiD().fit(frame, **_NAMES, aggregate="event_study")


def diff_diff_imputation_overall(frame: pd.DataFrame) -> Any:
    import diff_diff

    return diff_diff.ImputationDiD().fit(frame, **_NAMES)


def diff_diff_gardner(frame: pd.DataFrame) -> Any:
    import diff_diff

    return diff_diff.TwoStageDiD().fit(frame, **_NAMES)


def _diff_diff_events(result: Any) -> Table:
    events = {
        f"event({int(h)})": (float(v["effect"]), float(v["se"]))
        for h, v in result.event_study_effects.items()
        if v["se"]
    }
    return {**_overall(result), **events}


def statspai_imputation(frame: pd.DataFrame) -> Any:
    import statspai

    return statspai.did_imputation(frame, **_SHORT, horizon=list(range(LAST + 1)))


def statspai_imputation_overall(frame: pd.DataFrame) -> Any:
    import statspai

    return statspai.did_imputation(frame, **_SHORT)


def statspai_gardner(frame: pd.DataFrame) -> Any:
    import statspai

    return statspai.gardner_did(frame, **_SHORT)


def pyfixest_did2s(frame: pd.DataFrame) -> Any:
    import pyfixest

    return pyfixest.did2s(
        frame, yname="y", first_stage="~0|unit+year", second_stage="~d", treatment="d",
        cluster="unit",
    ).tidy()  # fmt: skip


def _did2s(result: Any) -> Table:
    return {"simple": (float(result["Estimate"].iloc[0]), float(result["Std. Error"].iloc[0]))}


# --- Sun & Abraham -------------------------------------------------------------------------------


def diff_diff_sun_abraham(frame: pd.DataFrame) -> Any:
    import diff_diff

    return diff_diff.SunAbraham().fit(frame, **_NAMES)


def statspai_sun_abraham(frame: pd.DataFrame) -> Any:
    import statspai

    return statspai.sun_abraham(frame, y="y", g="first_treat", t="year", i="unit")


def _statspai_events(result: Any) -> Table:
    events = result.model_info["event_study"]
    return {
        f"event({int(r['relative_time'])})": (float(r["att"]), float(r["se"]))
        for _, r in events.iterrows()
        if r["se"]
    }


def pyfixest_saturated(frame: pd.DataFrame) -> Any:
    import pyfixest

    fit = pyfixest.event_study(
        frame, yname="y", idname="unit", tname="year", gname="first_treat", estimator="saturated"
    )
    return fit.aggregate()


def _saturated(result: Any) -> Table:
    return {
        f"event({int(h)})": (float(r["Estimate"]), float(r["Std. Error"]))
        for h, r in result.iterrows()
    }


# --- local projections ---------------------------------------------------------------------------


def diff_diff_lpdid(frame: pd.DataFrame) -> Any:
    import diff_diff

    spec = diff_diff.LPDiD(pre_window=-FIRST, post_window=LAST)
    return spec.fit(frame, outcome="y", unit="unit", time="year", treatment="d", only_event=True)


def _diff_diff_lpdid(result: Any) -> Table:
    rows = result.event_study.dropna(subset=["se"])
    return {
        f"event({int(r['horizon'])})": (float(r["coefficient"]), float(r["se"]))
        for _, r in rows.iterrows()
    }


def statspai_lpdid(frame: pd.DataFrame) -> Any:
    import statspai

    return statspai.lp_did(
        frame, y="y", unit="unit", time="year", treatment="d", horizons=(FIRST, LAST)
    )


def pyfixest_lpdid(frame: pd.DataFrame) -> Any:
    import pyfixest

    return pyfixest.lpdid(
        frame, yname="y", idname="unit", tname="year", gname="first_treat", pre_window=-FIRST,
        post_window=LAST, att=False, vcov={"CRV1": "unit"},
    ).tidy()  # fmt: skip


def _pyfixest_lpdid(result: Any) -> Table:
    return {
        f"event({name.split('::')[1]})": (float(r["Estimate"]), float(r["Std. Error"]))
        for name, r in result.iterrows()
    }


# --- switchers -----------------------------------------------------------------------------------


def diff_diff_switchers(frame: pd.DataFrame) -> Any:
    import diff_diff

    spec = diff_diff.ChaisemartinDHaultfoeuille(placebo=False, twfe_diagnostic=False)
    return spec.fit(frame, outcome="y", unit="unit", time="year", treatment="d", L_max=3)


def _diff_diff_switchers(result: Any) -> Table:
    return {
        f"event({int(h) - 1})": (float(v["effect"]), float(v["se"]))
        for h, v in result.event_study_effects.items()
    }


def statspai_switchers(frame: pd.DataFrame) -> Any:
    """Its horizons count from 0, so that ``dynamic=2`` asks for three effects."""
    import statspai

    return statspai.did_multiplegt_dyn(
        frame, y="y", group="unit", time="year", treatment="d", dynamic=2, n_boot=0,
        se_method="analytic",
    )  # fmt: skip


def moderndid_switchers(frame: pd.DataFrame) -> Any:
    import moderndid

    return moderndid.did_multiplegt(
        frame, yname="y", tname="year", idname="unit", dname="d", effects=3
    )


def _moderndid_switchers(result: Any) -> Table:
    e = result.effects
    each = zip(e.horizons, e.estimates, e.std_errors, strict=True)
    found = {f"event({int(h) - 1})": (float(b), float(s)) for h, b, s in each}
    return {**found, "per-exposed-year": (float(result.ate.estimate), float(result.ate.std_error))}


# --- synthetic difference-in-differences ---------------------------------------------------------


def _block(panel: Staggered) -> pd.DataFrame:
    frame = long_frame(panel)
    frame["ever"] = (frame["first_treat"] > 0).astype(int)
    return frame.rename(columns={"unit": "provider", "year": "season"})


def diff_diff_synthetic(variance: str) -> Work:
    def work(frame: pd.DataFrame) -> Any:
        import diff_diff

        spec = diff_diff.SyntheticDiD(variance_method=variance, n_bootstrap=PLACEBOS, seed=1)
        return spec.fit(
            frame, outcome="y", treatment="ever", unit="provider", time="season",
            post_periods=list(range(2015, FIRST_YEAR + 10)),
        )  # fmt: skip

    return work


def _diff_diff_synthetic(result: Any) -> Table:
    return {"simple": (float(result.att), float(result.se))}


def statspai_synthetic(variance: str) -> Work:
    def work(frame: pd.DataFrame) -> Any:
        import statspai

        joined = frame.loc[frame["ever"] == 1, "provider"].unique().tolist()
        return statspai.sdid(
            frame, y="y", unit="provider", time="season", treat_unit=joined, treat_time=2015,
            se_method=variance, n_reps=PLACEBOS, seed=1,
        )  # fmt: skip

    return work


# --- neighbours ----------------------------------------------------------------------------------


def _placed(panel: Staggered) -> pd.DataFrame:
    places = place_frame(panel).rename(columns={"provider": "unit"})
    return long_frame(panel).merge(places, on="unit")


def diff_diff_spillover(frame: pd.DataFrame) -> Any:
    import diff_diff

    spec = diff_diff.SpilloverDiD(
        rings=[0.0, *(1000.0 * r for r in RINGS)], cluster="unit",
        conley_coords=("easting", "northing"), conley_metric="euclidean",
    )  # fmt: skip
    return spec.fit(frame, outcome="y", unit="unit", time="year", first_treat="first_treat")


def _spillover(result: Any) -> Table:
    return {"its own": (float(result.att), float(result.se))}


PEERS: dict[str, dict[str, Peer]] = {
    "imputation": {
        "diff-diff": ("diff-diff", long_frame, diff_diff_imputation, _diff_diff_events),
        "diff-diff, overall only": (
            "diff-diff", long_frame, diff_diff_imputation_overall, _overall,
        ),
        "diff-diff two-stage, overall only": (
            "diff-diff", long_frame, diff_diff_gardner, _overall,
        ),
        "StatsPAI": (
            "StatsPAI", long_frame, statspai_imputation,
            lambda r: {**_statspai(r), **_statspai_events(r)},
        ),
        "StatsPAI, overall only": (
            "StatsPAI", long_frame, statspai_imputation_overall, _statspai,
        ),
        "StatsPAI two-stage, overall only": ("StatsPAI", long_frame, statspai_gardner, _statspai),
        "pyfixest did2s, overall only": ("pyfixest", long_frame, pyfixest_did2s, _did2s),
    },
    "sun-abraham": {
        "diff-diff": ("diff-diff", long_frame, diff_diff_sun_abraham, lambda r: {
            **_overall(r),
            **{f"event({int(h)})": (float(v["effect"]), float(v["se"]))
               for h, v in r.event_study_effects.items()},
        }),
        "StatsPAI": ("StatsPAI", long_frame, statspai_sun_abraham, _statspai_events),
        "pyfixest saturated": ("pyfixest", long_frame, pyfixest_saturated, _saturated),
    },
    "local-projection": {
        "diff-diff": ("diff-diff", long_frame, diff_diff_lpdid, _diff_diff_lpdid),
        "StatsPAI": ("StatsPAI", long_frame, statspai_lpdid, _statspai_events),
        "pyfixest": ("pyfixest", long_frame, pyfixest_lpdid, _pyfixest_lpdid),
    },
    "switchers": {
        "diff-diff": ("diff-diff", long_frame, diff_diff_switchers, _diff_diff_switchers),
        "StatsPAI": ("StatsPAI", long_frame, statspai_switchers, _statspai_events),
        "moderndid": ("moderndid", long_frame, moderndid_switchers, _moderndid_switchers),
    },
    **{
        f"synthetic-{v}": {
            "diff-diff": ("diff-diff", _block, diff_diff_synthetic(v), _diff_diff_synthetic),
            "StatsPAI": ("StatsPAI", _block, statspai_synthetic(v), _statspai),
        }
        for v in ("jackknife", "placebo")
    },
    "regime-did": {},
    "neighbours": {
        "diff-diff, another estimator": (
            "diff-diff", _placed, diff_diff_spillover, _spillover,
        ),
    },
}  # fmt: skip
