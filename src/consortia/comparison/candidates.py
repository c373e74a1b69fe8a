"""Who should form a group: candidates from where learners go, ranked by what they would gain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from consortia.compared import CandidateAnswer
from consortia.comparison import sentences
from consortia.comparison.runs import NONE, Draws, Floats, Setting, Specs, among, luck_of
from consortia.maths.communities import greedy_modularity, modularity
from consortia.maths.stopping import paired
from consortia.scenario import Scenario
from consortia.world.colleges.running import opening

Progress = Callable[[str], None]


def candidates(
    setting: Setting, scenario: Scenario, key: str, progress: Progress
) -> CandidateAnswer:
    """Groups of colleges that share learners, each with the mechanism and everybody else without.

    Two colleges are close when learners of one zone go to both. All groups are run under the same
    seeds.
    """
    asked = scenario.candidates
    assert asked is not None
    region = setting.sector.region
    progress("who shares learners with whom")
    close = closeness(setting, scenario.runs.seed)
    label = greedy_modularity(close, asked.size)
    groups = [np.flatnonzero(label == g) for g in range(int(label.max()) + 1)]
    groups = [g for g in groups if g.size > 1]
    arms: dict[str, Specs] = {NONE: ()}
    for g, rows in enumerate(groups):
        arms[f"group {g}"] = among(setting.arms[key], region.college[rows].tolist())
    draws = Draws(
        setting=replace(setting, arms=arms), root=scenario.runs.seed, workers=scenario.runs.workers
    )
    draws.reach(arms, asked.seeds, lambda k: progress(f"candidate groups: luck {k}"))
    base = draws.of(NONE, "worth")
    found: list[dict[str, Any]] = []
    for g, rows in enumerate(groups):
        change = draws.of(f"group {g}", "worth") - base
        ours = paired(change[:, rows].sum(axis=1), scenario.runs.level)
        rest = paired(np.delete(change, rows, axis=1).sum(axis=1), scenario.runs.level)
        found.append(
            {
                "colleges": ", ".join(region.college[rows].tolist()),
                "members": int(rows.size),
                "km": float(region.between[np.ix_(rows, rows)].max()),
                "gain": float(ours.estimate),
                "low": float(ours.low),
                "high": float(ours.high),
                "gain_each": float(ours.estimate) / rows.size,
                "others": float(rest.estimate),
            }
        )
    schema = {
        "colleges": pl.String, "members": pl.Int64, "km": pl.Float64, "gain": pl.Float64,
        "low": pl.Float64, "high": pl.Float64, "gain_each": pl.Float64, "others": pl.Float64,
    }  # fmt: skip
    table = pl.DataFrame(found, schema=schema).sort("gain_each", descending=True)
    sure = table.filter(pl.col("low") > 0)
    said = f"Of {table.height} groups that share learners, {sure.height} would clearly gain" + (
        f"; the first gains {sentences.money(sure['gain_each'][0])} a year for each member."
        if sure.height
        else "."
    )
    return CandidateAnswer(
        mechanism=key,
        table=table,
        modularity=modularity(close, label),
        seeds=asked.seeds,
        sentence=said,
    )


def closeness(setting: Setting, root: int) -> Floats:
    """(n, n) pairs of learners of one zone that go to both colleges, per learner of the zone."""
    region = setting.sector.region
    flows = np.asarray(opening(setting.sector, luck_of(root, 0)).state["flows"], dtype=np.float64)
    S = np.zeros((region.cohort.size, region.n))
    np.add.at(S, (np.arange(region.cohort.size)[:, None], region.near), flows)
    total = np.maximum(S.sum(axis=1, keepdims=True), 1.0)
    W = (S / total).T @ S
    W = (W + W.T) / 2
    np.fill_diagonal(W, 0.0)
    return W
