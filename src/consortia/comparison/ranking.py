"""Would another mechanism come first if what nobody knows were otherwise?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from consortia.compared import RankingAnswer
from consortia.comparison.runs import NONE, Draws, Floats, Setting, Specs
from consortia.maths.stopping import paired
from consortia.scenario import Scenario
from consortia.world.colleges.parameters import UNKNOWN, described

Progress = Callable[[str], None]


def ranking(setting: Setting, scenario: Scenario, progress: Progress) -> RankingAnswer:
    """The order of mechanisms by the members' gain at each end of each parameter's range.

    All under the same seeds, so that two ends differ by the parameter alone. Raises DataInvalid
    for a parameter that does not exist.
    """
    asked = scenario.sensitivity
    assert asked is not None
    numbers = setting.sector.parameters
    known = {p.name: p for p in described()}
    names = asked.parameters or UNKNOWN
    for name in names:
        numbers.get(name)  # refuses a name that does not exist, with the nearest
    rows: list[dict[str, Any]] = []
    keys = list(setting.arms)
    arms: dict[str, Specs] = {NONE: (), **setting.arms}
    level = scenario.runs.level

    def gains(at: Setting) -> Floats:
        draws = Draws(setting=at, root=scenario.runs.seed, workers=scenario.runs.workers)
        draws.reach(arms, asked.seeds, lambda k: None)
        base = draws.of(NONE, "worth")[:, at.rows].sum(axis=1)
        return np.stack([draws.of(k, "worth")[:, at.rows].sum(axis=1) - base for k in keys], axis=1)

    def record(parameter: str, value: float | None, end: str, gain: Floats) -> None:
        found = paired(gain, level)
        rank = (-found.estimate).argsort().argsort() + 1
        for m, key in enumerate(keys):
            rows.append(
                {"parameter": parameter, "value": value, "end": end, "mechanism": key,
                 "gain": float(found.estimate[m]), "low": float(found.low[m]),
                 "high": float(found.high[m]), "rank": int(rank[m])}
            )  # fmt: skip

    progress("the ranking as it is")
    middle = gains(setting)
    record("", None, "as it is", middle)
    lawful = _lawful(setting)
    first = int(np.argmax(np.where(lawful, middle.mean(axis=0), -np.inf)))
    turns: list[str] = []
    for name in names:
        p = known[name]
        for end, value in (("low", p.low), ("high", p.high)):
            progress(f"the ranking with {name} {end}")
            at = replace(
                setting,
                sector=replace(setting.sector, parameters=numbers.with_values({name: value})),
            )
            gain = gains(at)
            record(name, float(value), end, gain)
            # Ahead of the first by more than its paired interval, mechanism against mechanism.
            ahead = paired(gain - gain[:, [first]], level).low
            if (ahead[lawful] > 0).any() and name not in turns:
                turns.append(name)
    said = (
        f"{keys[first]} comes first among the lawful mechanisms at both ends of what was tried "
        f"({', '.join(names)})."
        if not turns
        else f"{keys[first]} comes first as the numbers stand; another mechanism does at an end of "
        f"{', '.join(turns)}. Until those are known, the order is not."
    )
    return RankingAnswer(
        table=pl.DataFrame(rows),
        first=keys[first],
        turns=tuple(turns),
        seeds=asked.seeds,
        sentence=said,
    )


def _lawful(setting: Setting) -> Any:
    rows = setting.mechanisms
    found = np.array(
        [
            not any(rows[type(s)].legal.counterfactual_only for s in specs)
            for specs in setting.arms.values()
        ]
    )
    return found if found.any() else np.ones(found.size, dtype=bool)
