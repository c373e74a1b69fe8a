"""Panels of another size: providers drawn from a panel, with their results or others' joining."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.panel import Panel
from consortia.streams import Streams

Ints = NDArray[np.int64]

APART = 5e6
"""Metres between the copies of a place, so that nobody is near a copy."""


def replica(panel: Panel, results_of: list[str], joins_as: list[str], copy: Ints) -> Panel:
    """A panel of m providers with the facts and results of ``results_of`` and the memberships and
    statuses of ``joins_as``; ``copy`` (m,) 0 for the first of a name. Copies have collaborations
    of their own, and places far from the first's."""
    names = [_named(p, c) for p, c in zip(results_of, copy.tolist(), strict=True)]
    facts = pl.DataFrame({"provider": results_of, "_as": names, "_copy": copy})
    joins = pl.DataFrame({"provider": joins_as, "_as": names, "_copy": copy})

    def take(frame: pl.DataFrame, who: pl.DataFrame) -> pl.DataFrame:
        joined = who.join(frame, on="provider", how="inner", maintain_order="left")
        return joined.with_columns(provider=pl.col("_as")).drop("_as")

    providers = take(panel.providers, facts)
    if "easting" in providers.columns and providers["easting"].dtype.is_numeric():
        providers = providers.with_columns(easting=pl.col("easting") + pl.col("_copy") * APART)
    memberships = take(panel.memberships, joins).with_columns(
        collaboration=pl.when(pl.col("_copy") > 0)
        .then(pl.format("{} (copy {})", "collaboration", pl.col("_copy") + 1))
        .otherwise(pl.col("collaboration"))
    )
    return Panel(
        outcomes=take(panel.outcomes, facts).drop("_copy").sort("provider", "year"),
        providers=providers.drop("_copy").sort("provider"),
        memberships=memberships.drop("_copy").select(panel.memberships.columns),
        statuses=take(panel.statuses, joins).drop("_copy").select(panel.statuses.columns),
        sources=panel.sources,
    )


def sample(n: int, m: int, streams: Streams) -> tuple[Ints, Ints]:
    """m of n providers: whole copies of all as often as they fit, the rest drawn without putting
    back. Index (m,) of the provider and number (m,) of the copy, 0 for the first."""
    times, rest = divmod(m, n)
    drawn = np.sort(streams.at("sample").rng().permutation(n)[:rest])
    index = np.concatenate([np.tile(np.arange(n), times), drawn]).astype(np.int64)
    copy = np.concatenate([np.repeat(np.arange(times), n), np.full(rest, times)])
    return index, copy.astype(np.int64)


def redrawn(strata: Sequence[Ints], m: int, streams: Streams) -> Ints:
    """(m,) whose joining each of m providers takes over: a random order within the cells of
    ``strata`` (codes (m,) each), so that every history of joining stays whole."""
    cell = np.zeros(m, dtype=np.int64)
    for codes in strata:
        cell = np.unique(cell * (int(codes.max()) + 1) + codes, return_inverse=True)[1]
    luck = streams.at("adoption").rng().random(m)
    to = np.empty(m, dtype=np.int64)
    to[np.lexsort((np.arange(m), cell))] = np.lexsort((luck, cell))
    return to


def _named(provider: str, copy: int) -> str:
    return provider if not copy else f"{provider} (copy {copy + 1})"


def until(panel: Panel, first: int, last: int) -> Panel:
    """The panel with results from ``first`` to ``last``: later years cut off, or the last one's
    row repeated for every year that is missing at the end."""
    outcomes = panel.outcomes.filter(pl.col("year").is_between(first, last))
    have = outcomes["year"].max()
    assert isinstance(have, int)
    if have < last:
        ends = outcomes.filter(pl.col("year") == have)
        more = [
            ends.with_columns(year=pl.lit(y, dtype=pl.Int32)) for y in range(have + 1, last + 1)
        ]
        outcomes = pl.concat([outcomes, *more]).sort("provider", "year")
    return replace(panel, outcomes=outcomes)
