"""What an evaluator would see of the sector: a Panel, with the truth kept aside.

The truth comes from two worlds under the same luck, with the mechanisms and without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from consortia.panel import Panel, Source
from consortia.specs import Arm, Exposure, GroupTime, Inference, Outcome
from consortia.streams import Streams
from consortia.study import Study
from consortia.world.colleges.history import History
from consortia.world.colleges.mechanisms import MECHANISMS, Mechanism, MechanismSpec
from consortia.world.colleges.region import CAUTION
from consortia.world.colleges.running import Start, opening, run
from consortia.world.colleges.sector import CollegeSector
from consortia.world.colleges.setting import world

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SEEN = ("achievement", "learners", "vacancy_rate", "surplus", "newcomers")
"""Columns of outcomes; the study is of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """``panel`` with ``panel.truth`` for members; ``spill_over`` (provider, year, effect) on
    colleges outside, who are taken for untouched; ``study`` asks what joining the first mechanism
    did."""

    panel: Panel
    spill_over: pl.DataFrame
    study: Study


def twin(
    sector: CollegeSector,
    streams: Streams,
    mechanisms: Sequence[MechanismSpec],
    *,
    start: Start | None = None,
    counterfactual: bool = False,
    table: Mapping[type, Mechanism] = MECHANISMS,
) -> tuple[History, History]:
    """The years with the mechanisms, and without, under the same luck."""
    start = opening(sector, streams) if start is None else start
    with_ = run(
        sector, streams, mechanisms, start=start, counterfactual=counterfactual, table=table
    )
    return with_, run(sector, streams, start=start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Colleges join one after the other, each asked once, in a year that says nothing about it; the
    chance of accepting is logistic in leadership, which no table shows: ``level`` at the mean,
    ``leadership`` less for each standard deviation of it."""

    asked: float = 0.1
    level: float = 0.0
    leadership: float = 1.0


def joining(selection: Selection, sector: CollegeSector, streams: Streams, first: int) -> Ints:
    """(n,) year index from which each college would be a member; ``sector.years`` = never."""
    w = world(sector, streams)
    draw, key = w.once("joining"), sector.region.key
    turn = first + np.floor(draw.uniform(key, 1) / selection.asked).astype(np.int64)
    chance = special.expit(selection.level - selection.leadership * w.leadership)
    return np.where(draw.uniform(key, 2) < chance, np.minimum(turn, sector.years), sector.years)


def evaluator_panel(
    sector: CollegeSector,
    streams: Streams,
    mechanisms: Sequence[MechanismSpec],
    *,
    selection: Selection | None = None,
    start: Start | None = None,
    counterfactual: bool = False,
    table: Mapping[type, Mechanism] = MECHANISMS,
) -> Handed:
    """The tables of these years. A mechanism that begins in year index ``first`` is joined on
    1 September before that year's results; begin at 1 or later to leave a year from before. With
    ``selection`` those listed join when they are asked and accept.

    Raises what ``run`` raises, and ValueError without a mechanism.
    """
    if not mechanisms:
        raise ValueError("an evaluator needs a mechanism to evaluate")
    start = opening(sector, streams) if start is None else start
    since = [
        None if selection is None else joining(selection, sector, streams, spec.first)
        for spec in mechanisms
    ]
    with_ = run(
        sector,
        streams,
        mechanisms,
        start=start,
        counterfactual=counterfactual,
        table=table,
        since=since,
    )
    without = run(sector, streams, start=start)
    region, T = sector.region, with_.years.size
    names = pl.Series("provider", region.college.tolist(), dtype=pl.String)
    row = np.repeat(np.arange(region.n), T)
    long = pl.DataFrame(
        {
            "provider": names.gather(row),
            "year": np.tile(with_.years, region.n).astype(np.int32),
        }
    )
    effect = (with_.by_college["achievement"] - without.by_college["achievement"]).ravel()
    exposed = np.zeros((region.n, T), dtype=np.bool_)
    for joined in with_.joined.values():
        # Whoever has been a member is: what joining began does not end with leaving.
        exposed |= np.logical_or.accumulate(joined, axis=1)
    inside = exposed.ravel()
    panel = Panel(
        outcomes=long.with_columns(
            pl.Series(name, with_.by_college[name].ravel().astype(np.float64)) for name in SEEN
        ),
        providers=pl.DataFrame(
            {
                "provider": names,
                "type": region.kind.tolist(),
                "easting": region.easting,
                "northing": region.northing,
                "size": region.learners.astype(np.float64),
            }
        ).sort("provider"),
        memberships=_memberships(with_, names),
        statuses=_statuses(with_, names),
        truth=long.with_columns(pl.Series("effect", np.where(inside, effect, 0.0))).sort(
            "provider", "year"
        ),
        sources=(
            Source(
                role="simulated",
                name=f"sector of colleges, seed {streams.root}. {CAUTION}",
                rows=long.height,
                digest=_digest(with_),
            ),
        ),
    )
    outside = long.with_columns(pl.Series("effect", effect)).filter(pl.Series(~inside))
    kind = with_.legal[0][0]
    return Handed(
        panel=panel,
        spill_over=outside.sort("provider", "year"),
        study=Study(
            question=f"Did joining ({kind}) raise achievement?",
            outcome="achievement",
            arm="mechanism",
            outcomes={"achievement": Outcome(unit="points", sd=10.0)},
            arms={"mechanism": Arm(kinds=(kind,), label=kind)},
            hold=(),
            comparison="not-yet",
            exposure=Exposure(leavers="censor"),
            method=GroupTime(aggregate="simple"),
            checks=(),
            inference=Inference(draws=0),
        ),
    )


def _digest(history: History) -> str:
    import hashlib

    made = hashlib.sha256()
    for name in SEEN:
        made.update(np.ascontiguousarray(history.by_college[name], dtype=np.float64).tobytes())
    return made.hexdigest()


def _spells(held: Bools) -> tuple[Ints, Ints, Ints]:
    """Row, first and last index (T - 1 while it lasts) of every run of True in (n, T)."""
    edge = np.zeros((held.shape[0], 1), dtype=np.int8)
    step = np.diff(np.hstack([edge, held.astype(np.int8), edge]), axis=1)
    row, first = np.nonzero(step == 1)
    _, after = np.nonzero(step == -1)
    return row, first, after - 1


def _september(year: Ints) -> pl.Series:
    """1 September before the summer of these results."""
    return pl.select(pl.date(pl.lit(pl.Series(year - 1).cast(pl.Int32)), 9, 1)).to_series()


def _memberships(history: History, names: pl.Series) -> pl.DataFrame:
    parts = []
    last = history.years.size - 1
    for label, joined in history.joined.items():
        row, first, end = _spells(joined)
        to = _september(history.years[end] + 1).dt.offset_by("-1d")
        parts.append(
            pl.DataFrame(
                {
                    "provider": names.gather(row),
                    "collaboration": pl.repeat(label, row.size, eager=True, dtype=pl.String),
                    "kind": pl.repeat(label, row.size, eager=True, dtype=pl.String),
                    "from": _september(history.years[first]),
                    "to": pl.DataFrame({"to": to, "open": end == last}).select(
                        pl.when(~pl.col("open")).then(pl.col("to"))
                    )["to"],
                    "weight": np.ones(row.size),
                    "first_seen": pl.repeat(None, row.size, eager=True, dtype=pl.Date),
                    "last_seen": pl.repeat(None, row.size, eager=True, dtype=pl.Date),
                }
            )
        )
    return pl.concat(parts).sort("provider", "from", "kind")


def _statuses(history: History, names: pl.Series) -> pl.DataFrame:
    """Years in which the authority stepped in."""
    row, first, end = _spells(history.by_college["intervention"] > 0)
    return pl.DataFrame(
        {
            "provider": names.gather(row),
            "status": pl.repeat("intervention", row.size, eager=True, dtype=pl.String),
            "since": _september(history.years[first]),
            "until": _september(history.years[end] + 1).dt.offset_by("-1d"),
        }
    ).sort("provider", "since")
