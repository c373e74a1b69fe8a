"""Questions that take several runs: which switch does what, and when does a compact come apart."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consortia.streams import Streams
from consortia.world.colleges.history import History
from consortia.world.colleges.mechanisms import MECHANISMS, Mechanism, MechanismSpec
from consortia.world.colleges.running import Start, opening, run
from consortia.world.colleges.sector import CollegeSector

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounting:
    """Vacancies before mechanisms: means a year over the sector.

    ``spells`` posts that were empty at some time; ``from_inside`` the share of filled ones that
    were filled by somebody who left another empty; ``chain`` = 1 / (1 - from_inside) how many posts
    one vacancy from outside the chain empties in the end (White 1970).
    """

    posts: float
    exits: float
    entries: float
    moves: float
    spells: float
    vacancies: float
    exit_rate: float
    move_rate: float
    vacancy_rate: float
    from_inside: float
    chain: float
    sentence: str


def accounting(history: History) -> Accounting:
    """Where vacancies come from: exits and new posts make them, entries end them, moves pass them
    on."""
    s = history.sector
    posts, exits = float(s["posts_total"].mean()), float(s["exits_total"].mean())
    entries, moves = float(s["entries"].mean()), float(s["moves"].mean())
    inside = moves / max(moves + entries, 1e-12)
    spells = float(history.by_college["spells"].sum(axis=0).mean())
    vacancies = float(history.by_college["vacancies"].sum(axis=0).mean())
    chain = 1 / (1 - inside) if inside < 1 else float("inf")
    return Accounting(
        posts=posts,
        exits=exits,
        entries=entries,
        moves=moves,
        spells=spells,
        vacancies=vacancies,
        exit_rate=history.mean("exit_rate"),
        move_rate=history.mean("move_rate"),
        vacancy_rate=history.mean("sector_vacancy_rate"),
        from_inside=inside,
        chain=chain,
        sentence=(
            f"Of {posts:,.0f} teaching posts, {exits:,.0f} fall empty in a year because somebody "
            f"leaves the sector, and {entries:,.0f} are filled from outside; {moves:,.0f} teachers "
            "move from one college to another, which fills one post and empties another. Each "
            f"vacancy that begins outside empties {chain:.2f} posts before it is filled."
        ),
    )


def factorial(
    sector: CollegeSector,
    streams: Streams,
    mechanisms: Sequence[MechanismSpec],
    *,
    counterfactual: bool = False,
    table: Mapping[type, Mechanism] = MECHANISMS,
) -> Mapping[tuple[bool, bool, bool], History]:
    """(competition, autonomy, collaboration) -> the years under them, all under the same luck.

    The burn-in is that of the sector as it is: a switch is turned in the first year that counts.
    """
    start = opening(sector, streams)
    out = {}
    for c, a, m in itertools.product((False, True), repeat=3):
        here = replace(
            sector,
            competition=sector.competition if c else 0.0,
            autonomy=sector.autonomy if a else 0.0,
        )
        out[c, a, m] = run(
            here,
            streams,
            mechanisms if m else (),
            start=start,
            counterfactual=counterfactual,
            table=table,
        )
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Tipping:
    """How a compact that rests on trust fares as competition grows.

    ``intensity`` (k,); ``still_in`` (k, S) share of those invited that are members in the last
    year; ``breaches`` (k, S) share of member-years in which the rule was broken; ``apart_in`` (k,
    S) year index from which fewer than two are left, -1 never. ``point`` is the lowest intensity
    from which on it comes apart in at least half of the runs; None where there is no such.
    """

    intensity: Floats
    still_in: Floats
    breaches: Floats
    apart_in: Ints
    point: float | None
    sentence: str


def tipping(
    sector: CollegeSector,
    streams: Sequence[Streams],
    spec: Any,
    intensities: Sequence[float],
    *,
    counterfactual: bool = False,
    table: Mapping[type, Mechanism] = MECHANISMS,
) -> Tipping:
    """Run the mechanism under each intensity of competition (1 = as it is), once per stream.

    Raises ValueError for a mechanism whose rules do not rest on trust, and what ``run`` raises.
    """
    if getattr(spec, "enforcement", "contract") != "trust":
        raise ValueError("only a compact that rests on trust can come apart: enforcement = 'trust'")
    many = len(spec.members)
    if many < 2:
        raise ValueError("a compact has two members at least")
    shape = (len(intensities), len(streams))
    still, breaches = np.zeros(shape), np.zeros(shape)
    apart = np.full(shape, -1, dtype=np.int64)
    for s, stream in enumerate(streams):
        start: Start = opening(sector, stream)
        for k, intensity in enumerate(intensities):
            here = replace(sector, competition=intensity)
            history = run(
                here, stream, [spec], start=start, counterfactual=counterfactual, table=table
            )
            (joined,), (broke,) = history.joined.values(), history.broke.values()
            inside = joined.sum(axis=0)
            still[k, s] = inside[-1] / many
            breaches[k, s] = broke.sum() / max(int(joined.sum()), 1)
            few = np.flatnonzero((inside < 2) & (np.arange(inside.size) >= spec.first))
            apart[k, s] = few[0] if few.size else -1
    half = (apart >= 0).mean(axis=1) >= 0.5
    order = np.argsort(intensities)
    ahead = np.flip(np.logical_and.accumulate(np.flip(half[order])))
    point = float(np.asarray(intensities)[order][ahead][0]) if ahead.any() else None
    return Tipping(
        intensity=np.asarray(intensities, dtype=np.float64),
        still_in=still,
        breaches=breaches,
        apart_in=apart,
        point=point,
        sentence=(
            f"The compact comes apart in at least half of {len(streams)} runs from a competition "
            f"of {point:g} times today's on."
            if point is not None
            else "Under no intensity tried does the compact come apart in at least half of "
            f"{len(streams)} runs."
        ),
    )
