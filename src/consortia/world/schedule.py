"""What happens in the sector, in which order: the loop as a table.

A step is a plain function ``run(spec, year, U, *reads) -> writes`` of arrays. ``U`` (rows, draws) are
uniform numbers from the step's own stream (``Streams.at("world", step, year)``), one row per provider
(or area), so that a step cannot see what another drew and one more provider moves nobody's row.
The runner hands over what a step says it reads, and takes what it says it writes, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import spatial, special

from consortia.streams import Streams
from consortia.world.sector import SchoolSector

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
State = dict[str, NDArray[Any]]

NEVER = 10**6
"""Year of something that does not happen."""
NONE = -1
"""Number of the collaboration of a provider that is in none."""
SUBJECTS = ("english", "mathematics", "science")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the schedule; ``by`` says who has a row of U, ``draws`` how many columns."""

    name: str
    run: Callable[..., tuple[NDArray[Any], ...]]
    when: Literal["start", "year"]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    does: str
    by: Literal["provider", "area", "sector"] = "provider"
    draws: int = 0


def normal(U: Floats) -> Floats:
    """Standard normal numbers, one from each uniform number in [0, 1)."""
    return special.ndtri(U + 2.0**-54)


def deprived(disadvantage: Floats) -> Floats:
    """Disadvantage in standard deviations, from the percentage of disadvantaged pupils."""
    return (disadvantage - 22.0) / 14.0


def spread_of_noise(spec: SchoolSector, pupils: Floats | float) -> Any:
    """Standard deviation of a year's noise in a school of this size."""
    return np.sqrt(spec.results.pupil_sd**2 / pupils + spec.results.shock**2)


# --- once, at the start ------------------------------------------------------------------------


def areas(spec: SchoolSector, year: int, U: Floats) -> tuple[NDArray[Any], ...]:
    east = 100_000 + 450_000 * U[:, 0]
    north = 100_000 + 450_000 * U[:, 1]
    return east, north, 0.5 * normal(U[:, 2]), U[:, 3]


def places(
    spec: SchoolSector, year: int, U: Floats, east: Floats, north: Floats, urban: Floats
) -> tuple[NDArray[Any], ...]:
    area = (U[:, 0] * spec.areas).astype(np.int64)
    spread = np.where(U[:, 1] < urban[area], 4_000.0, 15_000.0)
    return (
        area,
        np.round(east[area] + spread * normal(U[:, 2])),
        np.round(north[area] + spread * normal(U[:, 3])),
    )


def neighbours(
    spec: SchoolSector, year: int, U: Floats, easting: Floats, northing: Floats
) -> tuple[NDArray[Any], ...]:
    """Rivals (n, most), filled up with n; and their number."""
    n = easting.size
    here = np.column_stack([easting, northing])
    k = min(spec.competition.most + 1, n)
    _, near = spatial.KDTree(here).query(here, k=k, distance_upper_bound=spec.competition.radius)
    near = np.asarray(near, dtype=np.int64).reshape(n, k)
    # A school is not its own rival; where several share a place, it need not come first.
    own = near == np.arange(n)[:, None]
    own[~own.any(axis=1), -1] = True
    rival = near[~own].reshape(n, k - 1)
    return rival, (rival < n).sum(axis=1).astype(np.float64)


def intake(
    spec: SchoolSector, year: int, U: Floats, area: Ints, area_disadvantage: Floats
) -> tuple[NDArray[Any], ...]:
    r = spec.results
    size = np.clip(r.pupils * np.exp(r.pupils_spread * normal(U[:, 0])), 12.0, 6 * r.pupils)
    share = 100 * special.ndtr(-0.9 + 0.6 * (area_disadvantage[area] + 0.85 * normal(U[:, 1])))
    return size, np.round(share, 1)


def people(spec: SchoolSector, year: int, U: Floats) -> tuple[NDArray[Any], ...]:
    return normal(U[:, 0]), 1 + spec.trust.spread * normal(U[:, 1])


def sounding(spec: SchoolSector, year: int, U: Floats) -> tuple[NDArray[Any], ...]:
    # One round at most, and the round says nothing about the school: then what a dip decides is
    # decided once, and nobody's base year is selected on having been a good one.
    turn = np.floor(U[:, 0] / max(spec.selection.sounded, 1e-12))
    within = turn < len(spec.simulated)
    return (np.where(within, spec.simulated.start + np.minimum(turn, NEVER), NEVER).astype(np.int64),)


def first_academies(
    spec: SchoolSector, year: int, U: Floats, leadership: Floats
) -> tuple[NDArray[Any], ...]:
    a = spec.autonomy
    chance = special.expit(special.logit(a.at_start) + a.leadership * leadership)
    since = np.where(U[:, 0] < chance, spec.simulated.start - 1, NEVER)
    return since.astype(np.int64), np.zeros(since.size, dtype=np.int64)


def opening(spec: SchoolSector, year: int, U: Floats, area: Ints) -> tuple[NDArray[Any], ...]:
    """Nobody has joined anything, last year's noise is unknown, the path starts at zero."""
    n = area.size
    none = np.full(n, NONE)
    return (
        np.full(n, NEVER),
        np.zeros(n, dtype=np.int64),
        none,
        none.copy(),
        np.full((n, len(SUBJECTS)), NONE),
        np.zeros(n),
        np.zeros(1),
    )


# --- every year --------------------------------------------------------------------------------


def path(spec: SchoolSector, year: int, U: Floats, common: Floats) -> tuple[NDArray[Any], ...]:
    return (common + spec.results.path_drift + spec.results.path_sd * normal(U[:, 0]),)


def join(
    spec: SchoolSector,
    year: int,
    U: Floats,
    turn: Ints,
    noise: Floats,
    leadership: Floats,
    disadvantage: Floats,
    area: Ints,
    joined: Ints,
    joined_in: Ints,
    trust: Ints,
    academy: Ints,
    academy_in: Ints,
) -> tuple[NDArray[Any], ...]:
    """Columns of U: accept, which trust, with autonomy on the day, Sept or mid-year, which month."""
    s = spec.selection
    dip = noise / spread_of_noise(spec, spec.results.pupils)
    chance = special.expit(
        s.level
        - s.leadership * leadership
        - s.dip * dip
        + s.disadvantage * deprived(disadvantage)
    )
    joins = (turn == year) & (U[:, 0] < chance)
    month = np.where(U[:, 3] < s.mid_year, 1 + (U[:, 4] * 3).astype(np.int64), 0)
    with_autonomy = joins & (academy == NEVER) & (U[:, 2] >= s.associate)
    return (
        np.where(joins, year, joined),
        np.where(joins, month, joined_in),
        np.where(joins, _which_trust(spec, area, U[:, 1]), trust),
        np.where(with_autonomy, year, academy),
        np.where(with_autonomy, month, academy_in),
    )


def _which_trust(spec: SchoolSector, area: Ints, u: Floats) -> Ints:
    """One of the area's trusts, or with one chance in eight one of those that work everywhere."""
    local = spec.trusts_per_area
    at = np.minimum((u * 8 / 7 * local).astype(np.int64), local - 1)
    wide = spec.areas * local + ((u - 7 / 8) * 8 * local).astype(np.int64)
    return np.where(u < 7 / 8, area * local + at, wide)


def convert(
    spec: SchoolSector,
    year: int,
    U: Floats,
    leadership: Floats,
    trust: Ints,
    academy: Ints,
) -> tuple[NDArray[Any], ...]:
    # Not on last year's noise: those who convert leave the comparison of schools without autonomy.
    a = spec.autonomy
    chance = special.expit(special.logit(a.alone) + a.leadership * leadership)
    return (np.where((academy == NEVER) & (trust == NONE) & (U[:, 0] < chance), year, academy),)


def move(
    spec: SchoolSector, year: int, U: Floats, area: Ints, joined: Ints, trust: Ints
) -> tuple[NDArray[Any], ...]:
    moves = (joined < year - 1) & (U[:, 0] < spec.selection.moves)
    return (np.where(moves, _which_trust(spec, area, U[:, 1]), trust),)


def federate(
    spec: SchoolSector, year: int, U: Floats, size: Floats, area: Ints, federation: Ints
) -> tuple[NDArray[Any], ...]:
    o = spec.others
    chance = np.minimum(o.federation_join * spec.results.pupils / size, 1.0)
    joins = (federation == NONE) & (U[:, 0] < chance)
    stays = (federation != NONE) & (U[:, 0] >= o.federation_leave)
    new = area * 5 + (U[:, 1] * 5).astype(np.int64)
    return (np.where(joins, new, np.where(stays, federation, NONE)),)


def link(
    spec: SchoolSector, year: int, U: Floats, size: Floats, area: Ints, networks: Ints
) -> tuple[NDArray[Any], ...]:
    o = spec.others
    chance = np.minimum(o.network_join * size / spec.results.pupils, 1.0)[:, None]
    joins = (networks == NONE) & (chance > U)
    stays = (networks != NONE) & (o.network_leave <= U)
    own = area[:, None] * len(SUBJECTS) + np.arange(len(SUBJECTS))
    return (np.where(joins, own, np.where(stays, networks, NONE)),)


def compete(
    spec: SchoolSector, year: int, U: Floats, rival: Ints, rivals: Floats, academy: Ints, joined: Ints
) -> tuple[NDArray[Any], ...]:
    """Competition felt, and the share of rivals that are in a trust."""
    free = np.append(academy <= year, False)[rival].sum(axis=1)
    member = np.append(joined <= year, False)[rival].sum(axis=1)
    return rivals + spec.competition.autonomous * free, member / np.maximum(rivals, 1.0)


def enrol(spec: SchoolSector, year: int, U: Floats, size: Floats) -> tuple[NDArray[Any], ...]:
    return (np.maximum(np.round(size * np.exp(0.06 * normal(U[:, 0]))), 5.0),)


def luck(spec: SchoolSector, year: int, U: Floats, pupils: Floats) -> tuple[NDArray[Any], ...]:
    return (spread_of_noise(spec, pupils) * normal(U[:, 0]),)


def benefit(
    spec: SchoolSector, year: int, U: Floats, joined: Ints, response: Floats
) -> tuple[NDArray[Any], ...]:
    """The truth: points gained by being in a trust, for every provider."""
    t = spec.trust
    since = np.clip(year - joined, 0, t.full_after)
    return (np.where(joined <= year, (t.first + t.growth * since) * response, 0.0),)


def results(
    spec: SchoolSector,
    year: int,
    U: Floats,
    common: Floats,
    leadership: Floats,
    disadvantage: Floats,
    competition: Floats,
    academy: Ints,
    trust: Ints,
    federation: Ints,
    networks: Ints,
    in_trusts: Floats,
    noise: Floats,
    effect: Floats,
) -> tuple[NDArray[Any], ...]:
    r, o = spec.results, spec.others
    poor = deprived(disadvantage)
    score = (
        r.level
        + common
        + r.leadership * leadership
        + (r.disadvantage + r.trend * (year - spec.first)) * poor
        + spec.competition.effect * competition
        + spec.autonomy.effect * (academy <= year)
        + o.federation_effect * (federation != NONE)
        + o.network_effect * (networks != NONE).sum(axis=1)
        + spec.trust.spill_over * np.where(trust == NONE, in_trusts, 0.0)
        + noise
        + effect
    )
    return (np.where(U[:, 0] < r.missing, np.nan, score),)


# --- the table ---------------------------------------------------------------------------------

SCHEDULE: tuple[Step, ...] = (
    Step(
        name="areas",
        run=areas,
        when="start",
        by="area",
        draws=4,
        reads=(),
        writes=("area_east", "area_north", "area_disadvantage", "area_urban"),
        does="local authorities lie somewhere; some are poorer, some more urban",
    ),
    Step(
        name="places",
        run=places,
        when="start",
        draws=4,
        reads=("area_east", "area_north", "area_urban"),
        writes=("area", "easting", "northing"),
        does="schools lie in towns or around them",
    ),
    Step(
        name="neighbours",
        run=neighbours,
        when="start",
        reads=("easting", "northing"),
        writes=("rival", "rivals"),
        does="rivals are the nearest schools within the radius",
    ),
    Step(
        name="intake",
        run=intake,
        when="start",
        draws=2,
        reads=("area", "area_disadvantage"),
        writes=("size", "disadvantage"),
        does="size of the year group, share of disadvantaged pupils",
    ),
    Step(
        name="people",
        run=people,
        when="start",
        draws=2,
        reads=(),
        writes=("leadership", "response"),
        does="leadership that no file shows; how much a trust would do for this school",
    ),
    Step(
        name="sounding",
        run=sounding,
        when="start",
        draws=1,
        reads=(),
        writes=("turn",),
        does="the one year in which trusts sound the school out",
    ),
    Step(
        name="first-academies",
        run=first_academies,
        when="start",
        draws=1,
        reads=("leadership",),
        writes=("academy", "academy_in"),
        does="some are academies already, well-led schools more often",
    ),
    Step(
        name="opening",
        run=opening,
        when="start",
        reads=("area",),
        writes=("joined", "joined_in", "trust", "federation", "networks", "noise", "common"),
        does="nobody has joined anything yet",
    ),
    Step(
        name="path",
        run=path,
        when="year",
        by="sector",
        draws=1,
        reads=("common",),
        writes=("common",),
        does="what all schools share this year",
    ),
    Step(
        name="join",
        run=join,
        when="year",
        draws=5,
        reads=(
            "turn", "noise", "leadership", "disadvantage", "area",
            "joined", "joined_in", "trust", "academy", "academy_in",
        ),
        writes=("joined", "joined_in", "trust", "academy", "academy_in"),
        does="schools sounded out accept: weak leadership, a dip last year, disadvantage; most "
        "become academies the same day",
    ),
    Step(
        name="convert",
        run=convert,
        when="year",
        draws=1,
        reads=("leadership", "trust", "academy"),
        writes=("academy",),
        does="some schools outside trusts become academies alone",
    ),
    Step(
        name="move",
        run=move,
        when="year",
        draws=2,
        reads=("area", "joined", "trust"),
        writes=("trust",),
        does="a few members move to another trust",
    ),
    Step(
        name="federate",
        run=federate,
        when="year",
        draws=2,
        reads=("size", "area", "federation"),
        writes=("federation",),
        does="small schools join and leave federations",
    ),
    Step(
        name="link",
        run=link,
        when="year",
        draws=len(SUBJECTS),
        reads=("size", "area", "networks"),
        writes=("networks",),
        does="schools join and leave subject networks, several at a time",
    ),
    Step(
        name="compete",
        run=compete,
        when="year",
        reads=("rival", "rivals", "academy", "joined"),
        writes=("competition", "in_trusts"),
        does="rivals press, academies among them more",
    ),
    Step(
        name="enrol",
        run=enrol,
        when="year",
        draws=1,
        reads=("size",),
        writes=("pupils",),
        does="pupils of this year's group",
    ),
    Step(
        name="luck",
        run=luck,
        when="year",
        draws=1,
        reads=("pupils",),
        writes=("noise",),
        does="noise of the year, larger in small schools, gone the year after",
    ),
    Step(
        name="benefit",
        run=benefit,
        when="year",
        reads=("joined", "response"),
        writes=("effect",),
        does="the truth: what being in a trust adds, growing with the years since joining",
    ),
    Step(
        name="results",
        run=results,
        when="year",
        draws=1,
        reads=(
            "common", "leadership", "disadvantage", "competition", "academy", "trust",
            "federation", "networks", "in_trusts", "noise", "effect",
        ),
        writes=("score",),
        does="all of it adds up to the summer's results; a few are not published",
    ),
)  # fmt: skip


def as_text() -> str:
    """The schedule as a table of plain text, one step a line."""
    head = ("when", "step", "draws", "reads", "writes", "what it does")
    rows = [
        (
            s.when,
            s.name,
            f"{s.draws} by {s.by}" if s.draws else "-",
            ", ".join(s.reads) or "-",
            ", ".join(s.writes),
            s.does,
        )
        for s in SCHEDULE
    ]
    wide = [max(len(r[c]) for r in (head, *rows)) for c in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(r, wide, strict=True)).rstrip()
        for r in (head, *rows)
    )


def draws(spec: SchoolSector, streams: Streams, step: Step, year: int) -> Floats:
    """The uniform numbers (rows, draws) of a step; ``year`` does not matter for one at the start."""
    rows = {"provider": spec.providers, "area": spec.areas, "sector": 1}[step.by]
    stream = streams.at("world", step.name)
    if step.when == "year":
        stream = stream.at(year)
    return stream.rng().random((rows, step.draws))


KEPT = ("joined", "trust", "federation", "networks", "pupils", "noise", "effect", "score")
"""What is kept of every year."""


def run(spec: SchoolSector, streams: Streams) -> tuple[State, dict[int, State]]:
    """The sector after its last year, and what is kept of each simulated year."""
    state: State = {}
    history: dict[int, State] = {}

    def take(step: Step, year: int) -> None:
        written = step.run(
            spec, year, draws(spec, streams, step, year), *(state[name] for name in step.reads)
        )
        state.update(zip(step.writes, written, strict=True))

    for step in SCHEDULE:
        if step.when == "start":
            take(step, spec.simulated.start)
    for year in spec.simulated:
        for step in SCHEDULE:
            if step.when == "year":
                take(step, year)
        history[year] = {name: state[name] for name in KEPT}
    return state, history
