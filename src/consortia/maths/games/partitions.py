"""Partition functions: the worth of a coalition depends on what the others do.

``worth[(S, P)]`` is the worth of coalition S within the partition P of all players (Thrall & Lucas
1963); a partition is a sorted tuple of bit masks. From one come several games of coalitions:

* ``rest_apart`` (gamma; Chander & Tulkens 1997): when S forms, the others stand alone;
* ``rest_together`` (delta): when S forms, the others form one group against it;
* ``pessimistic`` and ``optimistic``: the worst and the best that the others can do to S.

Values: the externality-free value of de Clippel & Serrano (2008) is Shapley's of ``rest_apart``;
Myerson's (1977) is the one that every embedded coalition is charged for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import factorial

import numpy as np

from consortia.maths.games.coalitions import Floats, members
from consortia.maths.games.shapley import shapley

Partition = tuple[int, ...]
Worth = Mapping[tuple[int, Partition], float]
MOST = 9
"""Players up to which all partitions are looked at (21,147 of them)."""


def partitions(n: int) -> Iterator[Partition]:
    """Every partition of n players. Raises ValueError for more than MOST."""
    if n > MOST:
        raise ValueError(f"{n} players have too many partitions: at most {MOST}")

    def grow(i: int, blocks: list[int]) -> Iterator[Partition]:
        if i == n:
            yield tuple(sorted(blocks))
            return
        for k in range(len(blocks)):
            blocks[k] |= 1 << i
            yield from grow(i + 1, blocks)
            blocks[k] ^= 1 << i
        blocks.append(1 << i)
        yield from grow(i + 1, blocks)
        blocks.pop()

    return grow(0, [])


def from_payoffs(payoffs: Mapping[Partition, Floats]) -> dict[tuple[int, Partition], float]:
    """The partition function of what each player gets (n,) in each partition."""
    return {(S, P): float(pay[list(members(S))].sum()) for P, pay in payoffs.items() for S in P}


def apart(S: int, n: int) -> Partition:
    """S formed, everybody else alone."""
    rest = (1 << n) - 1 & ~S
    return tuple(sorted([S] * bool(S) + [1 << i for i in members(rest)]))


def together(S: int, n: int) -> Partition:
    """S formed, everybody else in one group."""
    return tuple(sorted(b for b in (S, (1 << n) - 1 & ~S) if b))


def rest_apart(worth: Worth, n: int) -> Floats:
    """The gamma game (2^n,). Raises KeyError where a partition it needs was not given."""
    return np.array([0.0] + [worth[S, apart(S, n)] for S in range(1, 1 << n)])


def rest_together(worth: Worth, n: int) -> Floats:
    """The delta game (2^n,). Raises KeyError where a partition it needs was not given."""
    return np.array([0.0] + [worth[S, together(S, n)] for S in range(1, 1 << n)])


def pessimistic(worth: Worth, n: int) -> Floats:
    """The least that each coalition gets, over the partitions given (2^n,)."""
    return _extreme(worth, n, least=True)


def optimistic(worth: Worth, n: int) -> Floats:
    """The most that each coalition gets, over the partitions given (2^n,)."""
    return _extreme(worth, n, least=False)


def externality_free(worth: Worth, n: int) -> Floats:
    """The externality-free value (n,) (de Clippel & Serrano 2008, section 3)."""
    return shapley(rest_apart(worth, n))


def myerson(worth: Worth, n: int) -> Floats:
    """Myerson's value (n,) (1977, theorem 1), over all embedded coalitions:

    ``sum_{(S,Q)} (-1)^(|Q|-1) (|Q|-1)! [1/n - sum_{T in Q, T != S, i not in T}
    1 / ((|Q|-1)(n-|T|))] w(S,Q)``. It can pay a player less than nothing for what others do.
    Raises ValueError for more than MOST players, KeyError where a partition was not given.
    """
    everyone = np.arange(n)
    out = np.zeros(n)
    for Q in partitions(n):
        q = len(Q)
        sign = (-1) ** (q - 1) * factorial(q - 1)
        # By block: 1 / ((q - 1)(n - |T|)) for each player outside it.
        outside = np.array(
            [((T >> everyone & 1) == 0) / max((q - 1) * (n - T.bit_count()), 1) for T in Q]
        )
        total = outside.sum(axis=0)
        for k, S in enumerate(Q):
            taken = total - outside[k] if q > 1 else 0.0
            out += sign * (1 / n - taken) * worth[S, Q]
    return out


def _extreme(worth: Worth, n: int, *, least: bool) -> Floats:
    out = np.full(1 << n, np.inf if least else -np.inf)
    out[0] = 0.0
    for (S, _), value in worth.items():
        out[S] = min(out[S], value) if least else max(out[S], value)
    if not np.isfinite(out).all():
        raise KeyError("some coalition is in no partition given")
    return out
