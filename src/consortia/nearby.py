"""From words to letters for places: who is near whom, and when those nearby joined.

Everybody in the panel counts as a neighbour, whether or not the study goes on to use them: a
provider left out for want of results still competes and still joins.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.arms import arm_years
from consortia.errors import NotIdentified, did_you_mean
from consortia.maths.places import Near, first_in_rings, geocentric, markets, near
from consortia.panel import Floats, Ints, Panel
from consortia.specs import Arm, Exposure

PLACES = (("easting", "northing"), ("latitude", "longitude"))
"""The two ways to say where a provider is; the first that is there counts."""


def placed(panel: Panel) -> bool:
    """Whether the panel has places at all."""
    return any(a in panel.providers.columns and b in panel.providers.columns for a, b in PLACES)


def everyone(panel: Panel) -> pl.DataFrame:
    """``provider`` and ``row`` of everybody with facts or results, sorted by provider."""
    names = pl.concat([panel.providers["provider"], panel.outcomes["provider"]]).unique().sort()
    return pl.DataFrame({"provider": names}).with_columns(
        row=pl.int_range(pl.len(), dtype=pl.Int64)
    )


def points_of(panel: Panel, index: pl.DataFrame) -> Floats:
    """Points (n, 2) or (n, 3) in metres by row of ``index`` (:func:`everyone`), NaN if unknown.

    Easting and northing where the providers have them, else latitude and longitude. Raises
    NotIdentified where they have neither.
    """
    facts = index.join(panel.providers, on="provider", how="left", maintain_order="left")
    for a, b in PLACES:
        if a in facts.columns and b in facts.columns:
            x = facts[a].cast(pl.Float64).to_numpy()
            y = facts[b].cast(pl.Float64).to_numpy()
            return np.stack([x, y], axis=1) if a == "easting" else geocentric(x, y)
    raise NotIdentified(
        "the places of the providers are not known: give easting and northing, or latitude and "
        "longitude"
    )


def pairs_of(panel: Panel, index: pl.DataFrame, reach_km: float, within: str = "") -> Near:
    """Pairs within ``reach_km``; with ``within`` only where that fact of the providers is the same
    (phase of schooling); a missing value is near nobody. Raises NotIdentified for an unknown
    fact."""
    group: Ints | None = None
    if within:
        if within not in panel.providers.columns:
            raise NotIdentified(
                f"the providers have no column {within!r}. "
                + did_you_mean(within, panel.providers.columns)
            )
        facts = index.join(panel.providers, on="provider", how="left", maintain_order="left")
        code = facts[within].cast(pl.String).rank("dense").cast(pl.Int64) - 1
        group = code.fill_null(-1).to_numpy().astype(np.int64)
    return near(points_of(panel, index), 1000.0 * reach_km, group)


def cohort_of(panel: Panel, index: pl.DataFrame, arm: Arm, rule: Exposure, years: Ints) -> Ints:
    """First exposed year (n,) as a place in ``years`` (T,), ascending; T = never in the window."""
    span = arm_years(arm, panel, index, years, rule).span
    return np.searchsorted(years, span.first, side="left").astype(np.int64)


def rings_of(
    panel: Panel,
    arm: Arm,
    rule: Exposure,
    provider: NDArray[np.str_],
    years: Ints,
    edges_km: tuple[float, ...],
    *,
    at_least: int = 1,
    within: str = "",
    earlier: Literal["count", "ignore"] = "count",
) -> Ints:
    """First year (len(provider), R), as a place in ``years``, in which ``at_least`` others in each
    ring around a provider had joined the arm; T = never, -1 = place not known.

    ``earlier``: those that had joined by the first year of the window expose their neighbours from
    that year on ("count"), or are part of the scenery ("ignore"), which takes what they do to their
    neighbours to be settled.
    """
    index = everyone(panel)
    pairs = pairs_of(panel, index, edges_km[-1], within)
    cohort = cohort_of(panel, index, arm, rule, years)
    if earlier == "ignore":
        cohort = np.where(cohort == 0, years.size, cohort)
    metres = tuple(1000.0 * e for e in edges_km)
    first = first_in_rings(pairs, metres, cohort, years.size, at_least)
    return first[_rows(index, provider)]


def markets_of(panel: Panel, provider: NDArray[np.str_], reach_km: float, within: str = "") -> Ints:
    """Local market (len(provider),) of each provider, to cluster by: maths.places.markets."""
    index = everyone(panel)
    return markets(pairs_of(panel, index, reach_km, within))[_rows(index, provider)]


def points_at(panel: Panel, provider: NDArray[np.str_]) -> Floats:
    """Points (len(provider), 2) or (.., 3) in metres of the named providers: :func:`points_of`."""
    index = everyone(panel)
    return points_of(panel, index)[_rows(index, provider)]


def _rows(index: pl.DataFrame, provider: NDArray[np.str_]) -> Ints:
    asked = pl.DataFrame({"provider": provider})
    row = asked.join(index, on="provider", how="left", maintain_order="left")["row"]
    return row.to_numpy()
