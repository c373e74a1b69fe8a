"""The synthetic panel of the bench: providers over years, joining in different years.

One row per provider and year, balanced, sorted by provider and year. About 35 % never join, the
rest join in one of five years. Outcomes have provider and year effects, serially correlated noise,
a trend that depends on a fixed covariate ``x`` (which also moves joining, so that the doubly robust
task has something to do) and an effect that grows with the years since joining.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FIRST_YEAR = 2010
JOIN_YEARS = (2013, 2014, 2015, 2016, 2017)
NEVER_SHARE = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class Staggered:
    """``Y`` (n, T), ``first`` (n,) year of joining or 0 = never, ``x`` (n,), ``years`` (T,)."""

    Y: NDArray[np.float64]
    first: NDArray[np.int64]
    x: NDArray[np.float64]
    years: NDArray[np.int64]


def staggered(n: int, T: int = 10, seed: int = 20) -> Staggered:
    """A panel of n providers and T years; the same n and seed give the same panel."""
    rng = np.random.default_rng([seed, n])
    years = np.arange(FIRST_YEAR, FIRST_YEAR + T)
    x = rng.standard_normal(n)
    # Joining is likelier, and earlier, where x is high: overlap stays good.
    score = 0.4 * x + rng.logistic(size=n)
    joins = score > np.quantile(score, NEVER_SHARE)
    order = np.clip(np.floor(5 * (1 - rng.random(n) ** (1 + 0.15 * np.tanh(x)))), 0, 4).astype(int)
    first = np.where(joins, np.array(JOIN_YEARS)[order], 0).astype(np.int64)

    noise = rng.standard_normal((n, T))
    for t in range(1, T):
        noise[:, t] = 0.5 * noise[:, t - 1] + np.sqrt(0.75) * noise[:, t]
    since = years[None, :] - first[:, None]
    exposed = (first[:, None] > 0) & (since >= 0)
    effect = np.where(exposed, 0.10 + 0.05 * since, 0.0)
    trend = 0.03 * np.arange(T)[None, :] * (1 + x[:, None])
    Y = 1.5 * rng.standard_normal(n)[:, None] + 0.2 * np.sin(np.arange(T)) + trend + effect + noise
    return Staggered(Y=Y, first=first, x=x, years=years)


def long_frame(panel: Staggered) -> pd.DataFrame:
    """What a peer starts from: unit, year, y, d, first_treat (0 = never), x; one row per cell."""
    n, T = panel.Y.shape
    year = np.tile(panel.years, n)
    first = np.repeat(panel.first, T)
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(1, n + 1), T),
            "year": year,
            "y": panel.Y.ravel(),
            "d": ((first > 0) & (year >= first)).astype(np.int64),
            "first_treat": first,
            "x": np.repeat(panel.x, T),
        }
    )


def spell_frames(panel: Staggered) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What consortia starts from: outcomes, providers (x) and membership spells with dates.

    A provider that is exposed from year g joined on 1 September of g - 1 (the academic year whose
    summer results are those of g).
    """
    n, T = panel.Y.shape
    unit = np.arange(1, n + 1)
    outcomes = pd.DataFrame(
        {
            "provider": np.repeat(unit, T),
            "year": np.tile(panel.years, n),
            "y": panel.Y.ravel(),
        }
    )
    providers = pd.DataFrame({"provider": unit, "x": panel.x})
    joined = np.flatnonzero(panel.first > 0)
    start = pd.to_datetime(pd.Series([f"{g - 1}-09-01" for g in range(FIRST_YEAR, FIRST_YEAR + T)]))
    memberships = pd.DataFrame(
        {
            "provider": unit[joined],
            "collaboration": "c" + pd.Series(joined // 10).astype(str),
            "kind": "partnership",
            "from": start.to_numpy()[panel.first[joined] - FIRST_YEAR],
        }
    )
    return outcomes, providers, memberships
