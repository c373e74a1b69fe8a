"""Randomisation inference and the wild bootstrap beside named peers.

Tasks of challenge.py. Peers and consortia take the same panel (staggered.py) and the same number of
draws. What a peer permutes differs and is named: pyfixest and StatsPAI deal out rows of the
exposure column, which does not keep the size of the test; consortia deals out whole adoption paths
and studentises.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import numpy as np  # noqa: E402
from staggered import Staggered, long_frame, staggered  # noqa: E402

DRAWS = 999
CLUSTERS = 50

Work = Callable[[], float]


def _panel(n: int) -> tuple[Staggered, Any]:
    panel = staggered(n)
    frame = long_frame(panel)
    frame["area"] = (frame["unit"] - 1) % CLUSTERS
    frame["d"] = frame["d"].astype(float)
    return panel, frame


# --- consortia -----------------------------------------------------------------------------------


def _arrays(panel: Staggered) -> Any:
    from scipy import sparse

    from consortia.panel import Arrays

    n, T = panel.Y.shape
    cohort = np.where(panel.first > 0, panel.first - panel.years[0], T).astype(np.int64)
    return Arrays(
        provider=np.arange(n).astype(np.str_), years=panel.years, Y=panel.Y, W=np.ones((n, T)),
        w=np.ones(n), cohort=cohort, D=np.arange(T) >= cohort[:, None], X=np.empty((n, 0)),
        Z=np.empty((n, T, 0)), X_names=(), Z_names=(), hold=(), alongside=(),
        stratum=np.zeros(n, dtype=np.int64), stratum_names=("all",),
        incidence=sparse.csr_array(sparse.identity(n, format="csr")), cluster_name="provider",
        flow=(), cautions=(),
    )  # fmt: skip


def _study(method: Any) -> Any:
    from consortia.specs import Arm, Outcome
    from consortia.study import Study

    return Study(
        question="?", outcome="y", arm="a", outcomes={"y": Outcome()},
        arms={"a": Arm(kinds=("a",))}, method=method,
    )  # fmt: skip


def consortia_ri(n: int, draws: int, method: str = "two-way", interval: bool = False) -> Work:
    from consortia.estimators.permuted import path_sums
    from consortia.maths.permutation import by_provider, reference
    from consortia.specs import GroupTime, TwoWay
    from consortia.streams import Streams

    arrays = _arrays(_panel(n)[0])
    study = _study(TwoWay() if method == "two-way" else GroupTime())

    def work() -> float:
        sums = path_sums(arrays, study)
        assert sums is not None
        everyone = np.ones(n, dtype=np.bool_)
        shuffle = by_provider(sums.path, sums.group, np.zeros(n, dtype=np.int64), everyone)
        if interval:
            found = reference(sums, shuffle, draws, Streams(1).rng())
            found.interval(0.95)
        else:
            alone = replace(sums, values=np.ascontiguousarray(sums.values[:, :1]))
            found = reference(alone, shuffle, draws, Streams(1).rng())
        return found.p_value()

    return work


def consortia_wild(n: int, draws: int, interval: bool = False) -> Work:
    from consortia.maths.wild import Scores, bootstrap, of_regression
    from consortia.maths.within import within
    from consortia.streams import Streams

    arrays = _arrays(_panel(n)[0])
    label = np.arange(n) % CLUSTERS

    def work() -> float:
        fit = within(arrays.Y, arrays.W, arrays.D[:, :, None].astype(np.float64))
        assert fit is not None
        made = of_regression(fit, label, CLUSTERS)
        scores = Scores(**made, multiplier=None, cluster=None, restricted=True)
        found = bootstrap(scores, "rademacher", draws, Streams(1).rng())
        if interval:
            found.interval(0.95)
        return found.p_value()

    return work


# --- peers ---------------------------------------------------------------------------------------


def pyfixest_ri(n: int, draws: int) -> Work:
    import pyfixest

    frame = _panel(n)[1]

    def work() -> float:
        fit = pyfixest.feols("y ~ d | unit+year", data=frame)
        found = fit.ritest(resampvar="d", reps=draws, type="randomization-c", rng=_rng())
        return float(found.iloc[2])

    return work


def statspai_ri(n: int, draws: int) -> Work:
    import statspai

    frame = _panel(n)[1]

    def work() -> float:
        found = statspai.ri_test(
            frame, y="y", treat="d", stat="ols", absorb=["unit", "year"], n_perms=draws, seed=1
        )
        return float(next(v for k, v in found.items() if k.startswith("p")))

    return work


def wildboottest_wild(n: int, draws: int) -> Work:
    """Partialled out by hand first, as it takes no fixed effects."""
    import statsmodels.api as sm
    from wildboottest.wildboottest import wildboottest

    panel, frame = _panel(n)

    def work() -> float:
        y, d = (_demeaned(a) for a in (panel.Y, frame["d"].to_numpy().reshape(panel.Y.shape)))
        model = sm.OLS(y.ravel(), d.ravel()[:, None])
        model.exog_names[:] = ["d"]
        found = wildboottest(
            model, param="d", cluster=frame["area"].to_numpy(), B=draws, seed=1, show=False
        )
        return float(found["p-value"].iloc[0])

    return work


def statspai_wild(n: int, draws: int) -> Work:
    import pandas as pd
    import statspai

    panel, frame = _panel(n)

    def work() -> float:
        y, d = (_demeaned(a) for a in (panel.Y, frame["d"].to_numpy().reshape(panel.Y.shape)))
        flat = pd.DataFrame({"y": y.ravel(), "d": d.ravel(), "area": frame["area"].to_numpy()})
        found = statspai.wild_cluster_bootstrap(
            flat, y="y", x=["d"], cluster="area", test_var="d", n_boot=draws, seed=1
        )
        return float(next(v for k, v in found.items() if k.startswith("p")))

    return work


def diff_diff_wild(n: int, draws: int) -> Work:
    from diff_diff.utils import wild_bootstrap_se

    panel, frame = _panel(n)

    def work() -> float:
        y, d = (_demeaned(a) for a in (panel.Y, frame["d"].to_numpy().reshape(panel.Y.shape)))
        x = d.ravel()[:, None]
        b = float((x[:, 0] @ y.ravel()) / (x[:, 0] @ x[:, 0]))
        found = wild_bootstrap_se(
            x, y.ravel(), y.ravel() - x[:, 0] * b, frame["area"].to_numpy(), 0, n_bootstrap=draws,
            weight_type="rademacher", seed=1,
        )  # fmt: skip
        return float(found.p_value)

    return work


def _demeaned(a: np.ndarray) -> np.ndarray:
    return a - a.mean(axis=1, keepdims=True) - a.mean(axis=0) + a.mean()


def _rng() -> np.random.Generator:
    return np.random.default_rng(1)


# --- running -------------------------------------------------------------------------------------

TASKS: dict[str, dict[str, Callable[[int, int], Work]]] = {
    "randomisation": {
        "consortia": consortia_ri,
        "consortia with interval": lambda n, b: consortia_ri(n, b, interval=True),
        "consortia group-time": lambda n, b: consortia_ri(n, b, "group-time"),
        "pyfixest": pyfixest_ri,
        "StatsPAI": statspai_ri,
    },
    "wild": {
        "consortia": consortia_wild,
        "consortia with interval": lambda n, b: consortia_wild(n, b, interval=True),
        "wildboottest": wildboottest_wild,
        "StatsPAI": statspai_wild,
        "diff-diff": diff_diff_wild,
    },
}

# What challenge.py asks of a module of tasks.
SIZES = ("1000", "20000")
ROWS = tuple(dict.fromkeys(row for makers in TASKS.values() for row in makers))
WARM_UP = "200"
PACKAGES = {r: r for r in ("pyfixest", "StatsPAI", "wildboottest", "diff-diff")}
TITLES = {
    "randomisation": f"Randomisation inference, two-way, {DRAWS} draws",
    "wild": f"Wild cluster bootstrap, two-way, {CLUSTERS} clusters, {DRAWS} draws",
}
NOTES = {
    "randomisation": "Sizes are providers, ten years each. Peers deal out rows of the exposure "
    "column, which does not keep the size of the test; consortia deals out whole adoption paths "
    "and studentises. The difference is of p-values.",
    "wild": "Provider and year effects are taken out first, in the time taken, for peers that know "
    "none. Rademacher weights, null imposed. The difference is of p-values and includes that of "
    "the draws.",
}


def prepare(row: str, task: str, size: str) -> Work | None:
    """The work of one case; None where the row has no such task."""
    make = TASKS[task].get(row)
    return None if make is None else make(int(size), 99 if size == WARM_UP else DRAWS)


def read(row: str, result: float) -> list[tuple[float]]:
    return [(result,)]
