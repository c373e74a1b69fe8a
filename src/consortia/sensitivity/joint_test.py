"""Many specifications under the same permutations of adoption paths.

A provider's whole record (its path under every way of counting) moves, among providers that take
part in the same specifications, so that every specification keeps its numbers of joiners. Draws are
made once and shared; each specification reads from them the providers that join under its own rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from consortia.maths.permutation import PathSums, Pool, Redrawn, Shuffle, commonest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A specification: its sums (one outcome), row among everybody (n,) and who may move (n,)."""

    sums: PathSums
    place: Ints
    movable: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Effects (J,) and errors (J,) as they were, and under B permutations (B, J)."""

    theta: Floats
    error: Floats
    drawn: Floats
    drawn_error: Floats


def joint(
    members: Sequence[Member],
    within: Ints,
    draws: int,
    rng: np.random.Generator,
) -> Curve:
    """Evaluate J specifications of N providers under shared permutations within ``within`` (N,)."""
    N = within.size
    rests = [commonest(m.sums.path, m.sums.group, m.movable) for m in members]
    key, slotted = _signature(members, rests, within, N)
    holder = np.flatnonzero(slotted)
    pools = _pools(key, holder, slotted)
    base = Shuffle(pools=pools, holder=holder, rest=np.zeros(0, dtype=np.int64), block=None)
    ready: list[tuple[Redrawn, Ints, Ints]] = []
    for m, rest in zip(members, rests, strict=True):
        row = np.full(N, -1)
        row[m.place] = np.arange(m.place.size)
        at = row[holder]
        mine = (at >= 0) & m.movable[at] & (m.sums.path[at] != rest[m.sums.path[at]])
        slots = np.flatnonzero(mine)
        slots = slots[np.argsort(m.sums.path[at[slots]], kind="stable")]
        who = np.flatnonzero(m.movable)
        shuffle = Shuffle(
            pools=(Pool(slots=np.zeros((0, 1), dtype=np.int64), members=who[:, None]),),
            holder=at[slots], rest=rest, block=None,
        )  # fmt: skip
        ready.append((Redrawn(_one(m.sums), shuffle), slots, row))
    J = len(members)
    theta, error = np.empty((draws + 1, J)), np.empty((draws + 1, J))
    step = max(1, (1 << 21) // max(1, holder.size))
    done = 0
    while done < draws + 1:
        many = min(step, draws + 1 - done)
        who = base.draw(many, rng)
        if done == 0:
            who[0] = holder
        for j, (made, slots, row) in enumerate(ready):
            value, square = made.at(row[who[:, slots]])
            theta[done : done + many, j] = value[:, 0]
            error[done : done + many, j] = np.sqrt(np.maximum(square[:, 0, 0], 0.0))
        done += many
    return Curve(theta=theta[0], error=error[0], drawn=theta[1:], drawn_error=error[1:])


def _one(sums: PathSums) -> PathSums:
    return replace(sums, values=np.ascontiguousarray(sums.values[:, :1]))


def _signature(
    members: Sequence[Member], rests: Sequence[Ints], within: Ints, N: int
) -> tuple[Ints, Bools]:
    """Code (N,) of where a provider takes part and in which group, and who holds a path of note."""
    slotted = np.zeros(N, dtype=np.bool_)
    code = np.unique(within, return_inverse=True)[1].reshape(-1)
    seen: set[tuple[int, int]] = set()
    for m, rest in zip(members, rests, strict=True):
        slotted[m.place[m.movable & (m.sums.path != rest[m.sums.path])]] = True
        # Specifications made from one crossing share these arrays: once is enough.
        part = np.full(N, -1)
        part[m.place] = np.where(m.movable, m.sums.group[m.sums.path], -2)
        mark = (hash(part.tobytes()), part.size)
        if mark in seen:
            continue
        seen.add(mark)
        both = np.column_stack([code, part])
        code = np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)
    return code, slotted


def _pools(key: Ints, holder: Ints, slotted: Bools) -> tuple[Pool, ...]:
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    place = np.full(key.size, -1)
    place[holder] = np.arange(holder.size)
    pools: list[Pool] = []
    for rows in np.split(order, cuts):
        mine = rows[slotted[rows]]
        if mine.size:
            members = np.concatenate([mine, rows[~slotted[rows]]])
            pools.append(Pool(slots=place[mine][:, None], members=members[:, None]))
    return tuple(pools)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """p-values of the curve as a whole (Simonsohn, Simmons & Nelson 2020, section "inference")."""

    median: float
    same_sign: float
    significant: float
    mean_z: float
    draws: int


def p_values(curve: Curve, scale: Floats, critical: float) -> Joint:
    """How often permutations give a curve as extreme as the one found, in each of four ways: its
    median (in units of ``scale`` (J,)), the share with the commoner sign, the share significant in
    one direction, and the mean of z. All two-sided: the direction is left to the draw."""
    own = _summary(curve.theta[None], curve.error[None], scale, critical)
    drawn = _summary(curve.drawn, curve.drawn_error, scale, critical)
    p = (1 + (drawn >= own - 1e-12).sum(axis=0)) / (1 + drawn.shape[0])
    return Joint(
        median=float(p[0]), same_sign=float(p[1]), significant=float(p[2]), mean_z=float(p[3]),
        draws=int(drawn.shape[0]),
    )  # fmt: skip


def _summary(theta: Floats, error: Floats, scale: Floats, critical: float) -> Floats:
    """(B, 4) of curves (B, J)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(error > 0, theta / error, 0.0)
    known = np.isfinite(theta)
    z = np.where(known, z, 0.0)
    count = np.maximum(known.sum(axis=1), 1)
    up, down = (np.where(known, side, False).sum(axis=1) for side in (theta > 0, theta < 0))
    high, low = (z >= critical).sum(axis=1), (z <= -critical).sum(axis=1)
    return np.column_stack(
        [
            np.abs(np.nan_to_num(np.nanmedian(np.where(known, theta, np.nan) / scale, axis=1))),
            np.maximum(up, down) / count,
            np.maximum(high, low) / count,
            np.abs(z.sum(axis=1) / count),
        ]
    )
