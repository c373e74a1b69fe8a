"""consortia and the NumPy bound on the same tasks.

``from frames`` starts where a user does: a data frame of outcomes, one of membership spells with
dates (and one of fixed facts where there is a covariate), and ends with the table of effects:
validation, exposure rule, crossing, estimate, table. ``from arrays`` starts from the letters
(``Panel.arrays``) and is what a check or a simulation pays for one more estimate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import bound
import numpy as np
import pandas as pd
from peers import DRAWS, Table
from staggered import Staggered, long_frame, spell_frames


def study_of(task: str, multiplier: str = "rademacher") -> Any:
    """The same question for each task: partnership, never-joiners as comparison, all else default.

    Draws are asked for as the peers make them, Rademacher weights for every provider; the rows
    "Gaussian" ask for those that need the covariance alone, and are never the ratio quoted.
    Group-time is asked for standard errors without a small-sample factor, as the peers compute
    them, so that agreement can be shown to the last digits; the factor itself costs nothing.
    """
    from consortia.specs import Arm, GroupTime, Inference, Outcome, TwoWay
    from consortia.study import Study

    return Study(
        question="Does joining help?",
        outcome="y",
        arm="partnership",
        outcomes={"y": Outcome(unit="points")},
        arms={"partnership": Arm(kinds=("partnership",))},
        comparison="never",
        covariates=("x",) if task == "doubly-robust" else (),
        method=TwoWay() if task == "two-way" else GroupTime(aggregate="simple"),
        inference=Inference(
            draws=DRAWS if task == "group-time-draws" else 0,
            small_sample="auto" if task == "two-way" else "none",
            multiplier=multiplier,
        ),
    )


def from_frames(panel: Staggered, task: str, multiplier: str = "rademacher") -> Callable[[], Any]:
    from consortia.estimators.estimate import estimate
    from consortia.sources import panel_from_frames
    from consortia.streams import Streams

    outcomes, providers, memberships = spell_frames(panel)
    study = study_of(task, multiplier)
    facts = {"providers": providers} if study.covariates else {}

    def work() -> Any:
        read = panel_from_frames(outcomes, memberships=memberships, **facts)
        return estimate(read.arrays(study), study, Streams(1).at("bench").rng())

    return work


def from_arrays(panel: Staggered, task: str, multiplier: str = "rademacher") -> Callable[[], Any]:
    from consortia.estimators.estimate import estimate
    from consortia.streams import Streams

    study = study_of(task, multiplier)
    arrays = letters(panel, study)

    def work() -> Any:
        return estimate(arrays, study, Streams(1).at("bench").rng())

    return work


def gaussian(start: Callable[..., Callable[[], Any]]) -> Callable[..., Callable[[], Any] | None]:
    """The same entry with Gaussian multipliers: for the task with draws only."""

    def prepare(panel: Staggered, task: str) -> Callable[[], Any] | None:
        return start(panel, task, "gaussian") if task == "group-time-draws" else None

    return prepare


def letters(panel: Staggered, study: Any) -> Any:
    """The Arrays of this panel, made directly: what ``Panel.arrays`` gives for it."""
    from scipy import sparse

    from consortia.panel import Arrays

    n, T = panel.Y.shape
    cohort = np.where(panel.first > 0, panel.first - panel.years[0], T).astype(np.int64)
    X = panel.x[:, None] if study.covariates else np.empty((n, 0))
    return Arrays(
        provider=np.arange(1, n + 1).astype(np.str_),
        years=panel.years,
        Y=panel.Y.copy(),
        W=np.ones((n, T)),
        w=np.ones(n),
        cohort=cohort,
        D=np.arange(T)[None, :] >= cohort[:, None],
        X=X,
        Z=np.empty((n, T, 0)),
        X_names=("x",) if study.covariates else (),
        Z_names=(),
        hold=(),
        alongside=(),
        stratum=np.zeros(n, dtype=np.int64),
        stratum_names=("all",),
        incidence=sparse.csr_array(sparse.identity(n, format="csr")),
        cluster_name="provider",
        flow=(),
        cautions=(),
    )


def read_ours(result: Any) -> Table:
    table: Table = {}
    ratios: list[float] = []
    names: dict[str, Callable[[Any], str]] = {
        "att(g,t)": lambda r: f"att({r['cohort']},{r['year']})",
        "dynamic": lambda r: f"event({r['event_time']})",
        "simple": lambda r: "simple",
        "two-way": lambda r: "two-way",
    }
    for row in result.effects.iter_rows(named=True):
        name = names.get(row["estimand"])
        if name is None or row["estimate"] is None or not row["std_error"]:
            continue
        table[name(row)] = (row["estimate"], row["std_error"])
        if row["estimand"] == "dynamic" and row["band_high"] is not None:
            ratios.append((row["band_high"] - row["band_low"]) / (2 * row["std_error"]))
    if ratios:
        table["critical"] = (ratios[0], math.nan)
    return table


def bound_from_arrays(panel: Staggered, task: str) -> Callable[[], Table]:
    years = panel.years
    if task == "two-way":
        since = years[None, :] >= panel.first[:, None]
        D = ((panel.first[:, None] > 0) & since).astype(float)
        return lambda: bound.two_way(panel.Y, D)
    if task == "group-time":
        return lambda: bound.group_time(panel.Y, panel.first, years)
    if task == "group-time-draws":
        rng = np.random.default_rng(1)
        return lambda: bound.group_time_draws(panel.Y, panel.first, years, rng, DRAWS)
    return lambda: bound.doubly_robust(panel.Y, panel.first, years, panel.x)


def bound_from_frame(panel: Staggered, task: str) -> Callable[[], Table]:
    """The bound with what any reader of a long frame must do: code two keys and scatter."""
    frame: pd.DataFrame = long_frame(panel)
    years = panel.years
    if task == "two-way":
        return lambda: bound.two_way(bound.matrix_of(frame, "y"), bound.matrix_of(frame, "d"))
    else:
        rng = np.random.default_rng(1)

        def work() -> Table:
            Y = bound.matrix_of(frame, "y")
            first = frame["first_treat"].to_numpy()[:: years.size]
            if task == "group-time":
                return bound.group_time(Y, first, years)
            if task == "group-time-draws":
                return bound.group_time_draws(Y, first, years, rng, DRAWS)
            return bound.doubly_robust(Y, first, years, frame["x"].to_numpy()[:: years.size])

        return work


OURS: dict[str, Callable[[Staggered, str], Callable[[], Any] | None]] = {
    "consortia, from arrays": from_arrays,
    "consortia, from frames": from_frames,
    "consortia Gaussian, from arrays": gaussian(from_arrays),
    "consortia Gaussian, from frames": gaussian(from_frames),
    "bound, from arrays": bound_from_arrays,
    "bound, from frame": bound_from_frame,
}
