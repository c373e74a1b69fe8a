"""What happens every year: joining, leaving, luck, results.

Steps: ``step(spec, year, U, *reads) -> writes``, U (rows, draws) being uniform numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from consortia.world.sector import SchoolSector
from consortia.world.setting import NEVER, NONE, SUBJECTS, normal

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def deprived(disadvantage: Floats) -> Floats:
    """Disadvantage in standard deviations, from the percentage of disadvantaged pupils."""
    return (disadvantage - 22.0) / 14.0


def spread_of_noise(spec: SchoolSector, pupils: Floats | float) -> Any:
    """Standard deviation of a year's noise in a school of this size."""
    return np.sqrt(spec.results.pupil_sd**2 / pupils + spec.results.shock**2)


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
    """Columns of U: accept, which trust, with autonomy on the day, mid-year, which month."""
    s = spec.selection
    dip = noise / spread_of_noise(spec, spec.results.pupils)
    chance = special.expit(
        s.level - s.leadership * leadership - s.dip * dip + s.disadvantage * deprived(disadvantage)
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
    spec: SchoolSector,
    year: int,
    U: Floats,
    rival: Ints,
    rivals: Floats,
    academy: Ints,
    joined: Ints,
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
