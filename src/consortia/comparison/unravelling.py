"""Under which competition does a compact that rests on trust come apart?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import polars as pl

from consortia.compared import TippingAnswer
from consortia.comparison.asking import title_of
from consortia.comparison.runs import Setting, luck_of
from consortia.errors import DataInvalid, Problem
from consortia.scenario import Scenario, TippingAsked
from consortia.world.colleges.experiments import tipping

TABLE: Mapping[str, Any] = {
    "intensity": pl.Float64,
    "still_in": pl.Float64,
    "breaches": pl.Float64,
    "apart": pl.Float64,
    "year": pl.Float64,
}


def asked_or_due(setting: Setting, scenario: Scenario) -> TippingAsked | None:
    """What the scenario asks for; a look at the first compact that rests on trust where it asks for
    nothing."""
    if scenario.tipping is not None:
        return scenario.tipping
    for key, specs in setting.arms.items():
        if any(getattr(s, "enforcement", "contract") == "trust" for s in specs):
            return TippingAsked(mechanism=key)
    return None


def unravelling(
    setting: Setting, scenario: Scenario, asked: TippingAsked, progress: Callable[[str], None]
) -> TippingAnswer:
    """The compact under each intensity, enforced by trust alone, from the same openings.

    Raises DataInvalid where no mechanism of the scenario can rest on trust.
    """
    able = {
        key: spec
        for key, specs in setting.arms.items()
        for spec in specs
        if any(f.name == "enforcement" for f in fields(spec))
    }
    key = asked.mechanism or next(iter(able), "")
    if key not in able:
        raise DataInvalid(
            [
                Problem(
                    column="tipping.mechanism",
                    found=key,
                    problem="only a compact whose rules members could break can come apart",
                    remedy=f"Name one of: {', '.join(able)}"
                    if able
                    else "Compare a compact: no-poach or transfer-fee",
                )
            ]
        )
    progress("does it come apart as competition grows")
    spec = replace(able[key], enforcement="trust")
    intensities = sorted(set(asked.intensities))
    found = tipping(
        replace(setting.sector, years=asked.years),
        [luck_of(scenario.runs.seed, r) for r in range(asked.seeds)],
        spec,
        intensities,
        counterfactual=setting.counterfactual,
        table=setting.mechanisms,
    )
    apart = found.apart_in >= 0
    many = apart.sum(axis=1)
    year = np.where(apart, found.apart_in, 0).sum(axis=1) / np.maximum(many, 1)
    table = pl.DataFrame(
        {
            "intensity": found.intensity,
            "still_in": found.still_in.mean(axis=1),
            "breaches": found.breaches.mean(axis=1),
            "apart": apart.mean(axis=1),
            "year": [float(y) if n else None for y, n in zip(year, many, strict=True)],
        },
        schema=dict(TABLE),
    )
    return TippingAnswer(
        mechanism=key,
        table=table,
        point=found.point,
        seeds=asked.seeds,
        years=asked.years,
        sentence=_sentence(title_of((spec,), setting.mechanisms), table, found.point, asked),
    )


def _sentence(title: str, table: pl.DataFrame, point: float | None, asked: TippingAsked) -> str:
    lead = f"Kept by trust alone for {asked.years} years, {title} "
    low, high = table["intensity"][0], table["intensity"][-1]
    worst = 100 * float(table["apart"].max())  # pyright: ignore[reportArgumentType]
    if point is None:
        if worst == 0:
            return lead + (
                f"holds in every run, from {low:g} to {high:g} times the competition of today."
            )
        return lead + (
            f"comes apart in at most {worst:.0f} of 100 runs, and under no competition from "
            f"{low:g} to {high:g} times today's in half of them from there on."
        )
    if point == low:
        return lead + (
            f"comes apart in at least half of the runs whatever the competition, from {low:g} to "
            f"{high:g} times today's."
        )
    return lead + (
        f"comes apart in at least half of the runs from {point:g} times the competition of today "
        "on."
    )
