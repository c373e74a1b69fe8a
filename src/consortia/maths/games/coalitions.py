"""Coalitions as bit masks: sizes, members, sums, and the shape of a game."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
MOST = 20
"""Players up to which all coalitions are held at once (a million worths)."""


def checked(v: Floats) -> int:
    """Number of players of a game ``v`` (2^n,). Raises ValueError when it is none: a length that is
    not a power of two, numbers that are not finite, an empty coalition that is worth something."""
    n = int(v.size).bit_length() - 1
    if v.ndim != 1 or v.size != 1 << n or n < 1:
        raise ValueError(f"a game has 2^n worths, not {v.shape}")
    if n > MOST:
        raise ValueError(f"{n} players are more than {MOST}: sample coalitions instead")
    if not np.isfinite(v).all():
        raise ValueError("every coalition needs a finite worth")
    if v[0] != 0:
        raise ValueError("the empty coalition is worth nothing")
    return n


@cache
def sizes(n: int) -> Ints:
    """Members of each coalition (2^n,); read only."""
    out = np.zeros(1 << n, dtype=np.int64)
    for i in range(n):
        out[1 << i : 1 << (i + 1)] = out[: 1 << i] + 1
    out.flags.writeable = False
    return out


@cache
def incidence(n: int) -> Floats:
    """Who is in which coalition (2^n, n), ones and zeros; read only."""
    out = ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1).astype(np.float64)
    out.flags.writeable = False
    return out


def sums(x: Floats) -> Floats:
    """x(S) of every coalition (2^n,) for payments x (n,)."""
    out = np.zeros(1 << x.size)
    for i, xi in enumerate(x.tolist()):
        out[1 << i : 1 << (i + 1)] = out[: 1 << i] + xi
    return out


def members(mask: int) -> tuple[int, ...]:
    """Players of a coalition, in order."""
    return tuple(i for i in range(int(mask).bit_length()) if mask >> i & 1)


def mask_of(players: tuple[int, ...] | list[int]) -> int:
    """The coalition of these players."""
    return sum(1 << i for i in set(players))


def is_superadditive(v: Floats, tolerance: float = 1e-9) -> bool:
    """Whether any two disjoint coalitions are worth at least as much together as apart.

    Looks at all 3^n pairs: for up to 14 players. Raises ValueError beyond.
    """
    n = checked(v)
    if n > 14:
        raise ValueError("superadditivity looks at 3^n pairs: at most 14 players")
    room = tolerance * max(1.0, float(np.abs(v).max()))
    for whole in range(1, 1 << n):
        # Subsets of a coalition, grown member by member.
        subsets = np.zeros(1, dtype=np.int64)
        for i in members(whole):
            subsets = np.concatenate([subsets, subsets | (1 << i)])
        if (v[subsets] + v[whole ^ subsets] > v[whole] + room).any():
            return False
    return True


def is_convex(v: Floats, tolerance: float = 1e-9) -> bool:
    """Whether joining is worth more the more have joined (Shapley 1971): for all i, j and S without
    them, v(S+i+j) - v(S+j) >= v(S+i) - v(S). Costs n^2 2^n."""
    n = checked(v)
    room = tolerance * max(1.0, float(np.abs(v).max()))
    masks = np.arange(1 << n)
    for i in range(n):
        for j in range(i):
            S = masks[(masks & (1 << i | 1 << j)) == 0]
            if (v[S | 1 << i] + v[S | 1 << j] > v[S | 1 << i | 1 << j] + v[S] + room).any():
                return False
    return True
