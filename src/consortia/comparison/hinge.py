"""Does the sign hang on how empty posts are covered, which nobody knows?

An empty post that an agency covers costs more than its teacher would; one that is not covered
costs no pay, and its learners pay in quality. So a mechanism that fills posts saves its members
money where most are covered, and costs them money where few are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from consortia.compared import HingeAnswer
from consortia.comparison.asking import title_of
from consortia.comparison.runs import NONE, Draws, Floats, Setting, Specs
from consortia.maths.stopping import paired
from consortia.scenario import Scenario
from consortia.world.colleges.parameters import described

PARAMETER = "money.cover_share"
Progress = Callable[[str], None]


def hinge(setting: Setting, scenario: Scenario, draws: Draws, progress: Progress) -> HingeAnswer:
    """Members' gain at both ends of the share covered, under the seeds of the comparison.

    ``draws``: those made as the share is assumed; no more of their seeds are used than at the ends.
    """
    numbers = setting.sector.parameters
    row = next(p for p in described() if p.name == PARAMETER)
    assumed = numbers.money.cover_share
    seeds = min(scenario.runs.hinge, len(draws.arms[NONE]))
    keys = list(setting.arms)
    arms: dict[str, Specs] = {NONE: (), **setting.arms}
    found: dict[float, Any] = {}
    for share in sorted({row.low, assumed, row.high}):
        here = draws
        if share != assumed:
            progress(f"as if agencies covered {100 * share:.0f} of 100 empty posts")
            sector = replace(
                setting.sector, parameters=numbers.with_values({PARAMETER: share}, wide=True)
            )
            here = Draws(
                setting=replace(setting, sector=sector),
                root=scenario.runs.seed,
                workers=scenario.runs.workers,
            )
        here.reach(arms, seeds, lambda k: None)
        found[share] = paired(_gains(here, keys, seeds), scenario.runs.level)
    shares = sorted(found)
    table = pl.DataFrame(
        [
            {
                "mechanism": key,
                "share": share,
                "gain": float(found[share].estimate[m]),
                "low": float(found[share].low[m]),
                "high": float(found[share].high[m]),
            }
            for m, key in enumerate(keys)
            for share in shares
        ]
    )
    turns: dict[str, float] = {}
    said: dict[str, str] = {}
    for m, key in enumerate(keys):
        first, last = found[shares[0]], found[shares[-1]]
        if first.high[m] < 0 < last.low[m] or last.high[m] < 0 < first.low[m]:
            at = break_even(shares, [float(found[s].estimate[m]) for s in shares])
            up = bool(first.estimate[m] < 0)
            turns[key] = at
            said[key] = _turn(title_of(setting.arms[key], setting.mechanisms), at, up, assumed)
    return HingeAnswer(
        table=table,
        turns=turns,
        assumed=assumed,
        seeds=seeds,
        sentences=said,
        sentence=" ".join(said.values()) if said else _stays(shares),
    )


def break_even(shares: list[float], gains: list[float]) -> float:
    """Where the line through these points crosses zero the first time.

    Raises ValueError where it does not.
    """
    for k in range(len(shares) - 1):
        a, b = gains[k], gains[k + 1]
        if a == 0:
            return shares[k]
        if a * b < 0 or b == 0:
            return shares[k] + (shares[k + 1] - shares[k]) * a / (a - b)
    raise ValueError("the gain does not change its sign")


def _gains(draws: Draws, keys: list[str], seeds: int) -> Floats:
    rows = draws.setting.rows
    base = draws.of(NONE, "worth", seeds)[:, rows].sum(axis=1)
    return np.stack([draws.of(k, "worth", seeds)[:, rows].sum(axis=1) - base for k in keys], axis=1)


def _turn(title: str, at: float, up: bool, assumed: float) -> str:
    gain, lose = ("more", "fewer") if up else ("fewer", "more")
    return (
        f"With {title} the members gain money if agencies cover {gain} than about {100 * at:.0f} "
        f"of 100 empty posts, and lose if {lose}: no source tells how many they do "
        f"({100 * assumed:.0f} assumed)."
    )


def _stays(shares: list[float]) -> str:
    return (
        "No mechanism clearly turns from a loss to a gain of its members, or back, between "
        f"{100 * shares[0]:.0f} and {100 * shares[-1]:.0f} of 100 empty posts covered by agencies."
    )
