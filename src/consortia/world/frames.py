"""From the arrays of a sector to the tables of a Panel."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.panel import Panel, Source
from consortia.streams import Streams
from consortia.world.schedule import State
from consortia.world.sector import SchoolSector
from consortia.world.setting import NEVER, NONE, SUBJECTS

Ints = NDArray[np.int64]

# Day on which something begins whose first full year of results is y, by the state's month code:
# 1 September before that school year, or in the course of the year before (month, years before y).
_BEGINS = ((9, 1), (12, 2), (1, 1), (4, 1))

MEMBERSHIPS = {
    "provider": pl.String,
    "collaboration": pl.String,
    "kind": pl.String,
    "from": pl.Date,
    "to": pl.Date,
    "weight": pl.Float64,
    "first_seen": pl.Date,
    "last_seen": pl.Date,
}


def panel(spec: SchoolSector, streams: Streams, state: State, history: dict[int, State]) -> Panel:
    """The tables; frames as panel.Panel describes them, sorted by provider and year."""
    n, years = spec.providers, np.array(spec.years)
    # Provider 7 is S0007 in a sector of any size.
    names = pl.Series("provider", [f"S{i:04d}" for i in range(1, n + 1)], dtype=pl.String)
    row = np.repeat(np.arange(n), years.size)
    kept = {
        name: np.stack([history[y][name] for y in years.tolist()], axis=1).ravel()
        for name in ("score", "pupils", "effect")
    }
    long = pl.DataFrame({"provider": names.gather(row), "year": np.tile(years, n).astype(np.int32)})
    outcomes = long.with_columns(
        pl.Series("score", kept["score"]).fill_nan(None), pl.Series("pupils", kept["pupils"])
    )
    digits = len(str(spec.areas))
    authority = [f"authority {a:0{digits}d}" for a in range(1, spec.areas + 1)]
    providers = pl.DataFrame(
        {
            "provider": names,
            "local_authority": pl.Series(authority).gather(state["area"]),
            "easting": state["easting"],
            "northing": state["northing"],
            "disadvantage": state["disadvantage"],
            "rivals": state["rivals"],
        }
    )
    academy = np.flatnonzero(state["academy"] < NEVER)
    statuses = pl.DataFrame(
        {
            "provider": names.gather(academy),
            "status": pl.repeat("academy", academy.size, eager=True, dtype=pl.String),
            "since": begins(state["academy"][academy], state["academy_in"][academy]),
            "until": pl.repeat(None, academy.size, eager=True, dtype=pl.Date),
        }
    )
    truth = long.with_columns(pl.Series("effect", kept["effect"]))
    return Panel(
        outcomes=outcomes,
        providers=providers,
        memberships=_memberships(spec, names, state, history),
        statuses=statuses,
        truth=truth,
        sources=(
            Source(
                role="simulated",
                name=f"embedded sector, seed {streams.root}",
                rows=outcomes.height,
                digest=spec.digest(streams),
            ),
        ),
    )


def begins(year: Ints, code: Ints) -> pl.Series:
    """Dates from first full years of results and month codes."""
    month = np.array([m for m, _ in _BEGINS])[code]
    back = np.array([b for _, b in _BEGINS])[code]
    return _dates(year - back, month, 1)


def _dates(year: Ints, month: Ints | int, day: int) -> pl.Series:
    months = (year - 1970) * 12 + (np.asarray(month) - 1)
    days = months.astype("datetime64[M]").astype("datetime64[D]") + np.timedelta64(day - 1, "D")
    return pl.Series(days).cast(pl.Date)


def spells(held: Ints, first: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Runs of one number in ``held`` (n, T), T years from ``first``: provider row, number, first
    year, first year after (NEVER while it lasts)."""
    n, T = held.shape
    edge = np.full((n, 1), NONE, dtype=held.dtype)
    wide = np.hstack([edge, held, edge])
    change = wide[:, 1:] != wide[:, :-1]
    i, t = np.nonzero(change[:, :T] & (held != NONE))
    j, u = np.nonzero(change[:, 1:] & (held != NONE))
    # Both list the runs of a provider in time order, so the k-th start belongs to the k-th end.
    assert np.array_equal(i, j)
    end = np.where(u + 1 < T, first + u + 1, NEVER)
    return i, held[i, t], first + t, end


def _memberships(
    spec: SchoolSector, names: pl.Series, state: State, history: dict[int, State]
) -> pl.DataFrame:
    start = spec.simulated.start
    parts = [
        _kind(
            names,
            np.stack([h["trust"] for h in history.values()], axis=1),
            start,
            "trust",
            [f"trust T{k:03d}" for k in range(1, (spec.areas + 1) * spec.trusts_per_area + 1)],
            state["joined_in"],
            state["joined"],
        ),
        _kind(
            names,
            np.stack([h["federation"] for h in history.values()], axis=1),
            start,
            "federation",
            [f"federation F{k:03d}" for k in range(1, spec.areas * 5 + 1)],
        ),
    ]
    for s in range(len(SUBJECTS)):
        parts.append(
            _kind(
                names,
                np.stack([h["networks"][:, s] for h in history.values()], axis=1),
                start,
                "subject network",
                [
                    f"{subject} network N{area:03d}"
                    for area in range(1, spec.areas + 1)
                    for subject in SUBJECTS
                ],
            )
        )
    return pl.concat(parts).sort("provider", "from", "kind", "collaboration")


def _kind(
    names: pl.Series,
    held: Ints,
    first: int,
    kind: str,
    labels: list[str],
    month: Ints | None = None,
    joined: Ints | None = None,
) -> pl.DataFrame:
    row, number, start, end = spells(held, first)
    code = np.zeros(row.size, dtype=np.int64)
    if month is not None and joined is not None:
        # Only the first spell begins on the day of joining; a move takes place on 1 September.
        code = np.where(start == joined[row], month[row], 0)
    ended = end < NEVER
    to = _dates(np.where(ended, end - 1, 2000), 8, 31)
    size = row.size
    return pl.DataFrame(
        {
            "provider": names.gather(row),
            "collaboration": pl.Series(labels, dtype=pl.String).gather(number),
            "kind": pl.repeat(kind, size, eager=True, dtype=pl.String),
            "from": begins(start, code),
            "to": to.set(pl.Series(~ended), None),
            "weight": np.ones(size),
            "first_seen": pl.repeat(None, size, eager=True, dtype=pl.Date),
            "last_seen": pl.repeat(None, size, eager=True, dtype=pl.Date),
        },
        schema=MEMBERSHIPS,
    )
