"""What happens once: where schools lie, whom they teach, who leads them, who is asked and when.

Steps: ``step(spec, year, U, *reads) -> writes``, U (rows, draws) being uniform numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import spatial, special

from consortia.world.sector import SchoolSector

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEVER = 10**6
"""Year of something that does not happen."""
NONE = -1
"""Number of the collaboration of a provider that is in none."""
SUBJECTS = ("english", "mathematics", "science")


def normal(U: Floats) -> Floats:
    """Standard normal numbers, one from each uniform number in [0, 1)."""
    return special.ndtri(np.maximum(U, 2.0**-54))  # 0 is one of the numbers, 1 is not


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
    return (
        np.where(within, spec.simulated.start + np.minimum(turn, NEVER), NEVER).astype(np.int64),
    )


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
