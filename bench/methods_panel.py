"""Panels and consortia's side of bench/methods.py: from data frames, and from arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from peers import Table
from staggered import Staggered, spell_frames, staggered

PLACEBOS = 200
FEW = 12
"""Joiners in the panel of synthetic DiD."""
RINGS = (2.0, 5.0)


def panel_of(task: str, n: int) -> Staggered:
    """The panel of bench/staggered.py; for synthetic DiD those of it who never join, and the first
    FEW of those who join in 2015."""
    whole = staggered(n)
    if not task.startswith("synthetic"):
        return whole
    keep = np.sort(
        np.r_[np.flatnonzero(whole.first == 0), np.flatnonzero(whole.first == 2015)[:FEW]]
    )
    return Staggered(Y=whole.Y[keep], first=whole.first[keep], x=whole.x[keep], years=whole.years)


def status_frame(panel: Staggered) -> pd.DataFrame:
    """Half of the providers become academies, at a date of their own in the years of the panel or
    before; alike for joiners and others, so that all four regimes hold many."""
    n = panel.first.size
    rng = np.random.default_rng([3, n])
    unit = np.flatnonzero(rng.random(n) < 0.5) + 1
    year = rng.choice(np.array([2005, 2005, 2012, 2014, 2016]), unit.size)
    return pd.DataFrame(
        {
            "provider": unit,
            "status": "academy",
            "since": pd.to_datetime(pd.Series(year).astype(str) + "-09-01"),
        }
    )


def place_frame(panel: Staggered) -> pd.DataFrame:
    """Places in clumps, so that some providers have no member within the outer ring: metres."""
    n = panel.first.size
    rng = np.random.default_rng([4, n])
    side = 1000.0 * np.sqrt(n * 60.0)
    east, north = rng.uniform(0, side, (2, n))
    return pd.DataFrame({"provider": np.arange(1, n + 1), "easting": east, "northing": north})


def study_of(task: str) -> Any:
    """Standard errors follow the convention that most peers of the task print."""
    from consortia.specs import (
        Arm,
        Imputation,
        Inference,
        LocalProjection,
        Neighbours,
        Outcome,
        RegimeDid,
        SunAbraham,
        Switchers,
        SyntheticDid,
    )
    from consortia.study import Study

    methods = {
        "imputation": Imputation(aggregate="simple"),
        "sun-abraham": SunAbraham(aggregate="simple"),
        "local-projection": LocalProjection(),
        "switchers": Switchers(horizons=3),
        "synthetic-jackknife": SyntheticDid(variance="jackknife"),
        "synthetic-placebo": SyntheticDid(variance="placebo", placebos=PLACEBOS),
        "regime-did": RegimeDid(),
        "neighbours": Neighbours(rings=RINGS),
    }
    arms = {"partnership": Arm(kinds=("partnership",))}
    if task == "regime-did":
        arms["academy"] = Arm(status="academy")
    plain = task in ("imputation", "switchers", "regime-did")
    return Study(
        question="Does joining help?",
        outcome="y",
        arm="partnership",
        outcomes={"y": Outcome(unit="points")},
        arms=arms,
        hold=("academy",) if task == "regime-did" else (),
        comparison="not-yet" if task in ("local-projection", "switchers") else "never",
        method=methods[task],
        inference=Inference(draws=0, small_sample="none" if plain else "auto"),
    )


def reader(panel: Staggered, task: str) -> Callable[[], Any]:
    """Frames to arrays: what is read, checked and crossed."""
    from consortia.sources import panel_from_frames

    study = study_of(task)
    outcomes, _, memberships = spell_frames(panel)
    more: dict[str, pd.DataFrame] = {}
    if task == "regime-did":
        more["statuses"] = status_frame(panel)
    if task == "neighbours":
        more["places"] = place_frame(panel)
    return lambda: panel_from_frames(outcomes, memberships=memberships, **more).arrays(study)


def from_frames(panel: Staggered, task: str) -> Callable[[], Any]:
    from consortia.estimators.estimate import estimate
    from consortia.streams import Streams

    study, read = study_of(task), reader(panel, task)
    return lambda: estimate(read(), study, Streams(1).at("bench").rng())


def from_arrays(panel: Staggered, task: str) -> Callable[[], Any]:
    from consortia.estimators.estimate import estimate
    from consortia.streams import Streams

    study, arrays = study_of(task), reader(panel, task)()
    return lambda: estimate(arrays, study, Streams(1).at("bench").rng())


def read_ours(result: Any) -> Table:
    """Overall effects and those by year since joining, by the names that peers.read uses."""
    table: Table = {}
    for row in result.effects.iter_rows(named=True):
        if row["estimate"] is None or not row["std_error"]:
            continue
        what = row["estimand"]
        if what == "dynamic":
            what = f"event({row['event_time']})"
        elif any(row[k] is not None for k in ("event_time", "cohort", "year", "regime")):
            continue
        table[what] = (row["estimate"], row["std_error"])
    return table
