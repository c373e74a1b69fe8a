"""Would a group hold? Internal and external stability, side payments, patience.

``pay`` (2^n, n) holds what every player gets, member or not, when exactly the coalition of the row
has formed and everybody else stands alone.

d'Aspremont, Jacquemin, Gabszewicz & Weymark (1983), "On the stability of collusive price
leadership"; potential internal stability as in Carraro, Eyckmans & Finus (2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from consortia.maths.games.coalitions import Bools, Floats, Ints, incidence, members, sizes

_ROOM = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability:
    """By coalition (2^n,): nobody in it would rather leave (``internal``), nobody outside would
    rather join (``external``), the members together could pay everybody what leaving would bring
    (``potential``). The empty coalition and single players are stable inside by definition."""

    internal: Bools
    external: Bools
    potential: Bools

    @property
    def stable(self) -> Bools:
        return self.internal & self.external

    def sizes_of(self, which: Bools) -> tuple[int, ...]:
        """Sizes of two and more at which a coalition of this kind exists."""
        n = int(which.size).bit_length() - 1
        found = {int(s) for s in sizes(n)[which]}
        return tuple(sorted(s for s in found if s >= 2))


def stability(pay: Floats) -> Stability:
    """Stability of every coalition. Ties count as staying in (internal) and out (external).

    Raises ValueError when pay is not (2^n, n).
    """
    n = _players(pay)
    masks = np.arange(1 << n)
    room = _ROOM * max(1.0, float(np.abs(pay).max()))
    inside = ((masks[:, None] >> np.arange(n)) & 1).astype(bool)
    left = np.stack([pay[masks & ~(1 << i), i] for i in range(n)], axis=1)
    joined = np.stack([pay[masks | (1 << i), i] for i in range(n)], axis=1)
    # A coalition of one is nobody joining: its member has nothing to leave.
    several = sizes(n) >= 2
    stays: Bools = ~several[:, None] | ~inside | (left <= pay + room)
    internal = np.asarray(stays.all(axis=1))
    # Nobody can join nobody: the empty coalition and single players stand for "apart".
    start = sizes(n) == 0
    keeps_out: Bools = start[:, None] | inside | (joined <= pay + room)
    external = np.asarray(keeps_out.all(axis=1))
    claims = np.where(inside, left, 0.0).sum(axis=1)
    worth = np.where(inside, pay, 0.0).sum(axis=1)
    return Stability(
        internal=internal, external=external, potential=(worth >= claims - room) | ~several
    )


def stable_sizes(member: Floats, outsider: Floats, tolerance: float = 1e-9) -> tuple[int, ...]:
    """Stable sizes k >= 2 of a group of equals.

    ``member[k]`` and ``outsider[k]`` (n + 1,): what one gets when k have joined; member[0] and
    outsider[n] are not read. Stable inside: member[k] >= outsider[k-1]; outside: outsider[k] >=
    member[k+1]. A tie keeps one where one is.
    """
    n = member.size - 1
    used = np.concatenate([member[1:], outsider[:-1]])
    room = tolerance * max(1.0, float(np.abs(used).max()))
    return tuple(
        k
        for k in range(2, n + 1)
        if member[k] >= outsider[k - 1] - room and (k == n or outsider[k] >= member[k + 1] - room)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SidePayments:
    """``payment`` (n,): what each receives (pays, below zero), sums to zero; ``moved``: money that
    changes hands; ``after`` (n,): what each gains with it."""

    payment: Floats
    moved: float
    after: Floats


def side_payments(gain: Floats, least: float = 0.0) -> SidePayments | None:
    """The smallest side payments after which every member gains at least ``least``.

    ``gain`` (n,): each member's change against the outside option, without payments. Those above
    pay in proportion to what they have above. None when there is not enough to share.
    """
    above = np.maximum(gain - least, 0.0)
    short = np.maximum(least - gain, 0.0)
    need, have = float(short.sum()), float(above.sum())
    if need > have * (1 + 1e-12) + 1e-300:
        return None
    payment = short - (above * (need / have) if need > 0 else 0.0)
    return SidePayments(payment=payment, moved=need, after=gain + payment)


def coalition_proof_payments(v: Floats, got: Floats, charge: float = 0.0) -> SidePayments | None:
    """The smallest side payments after which no coalition could do better by leaving.

    ``got`` (n,): what each gets with everybody in, v (2^n,) what coalitions could get alone; a
    coalition that leaves is charged ``charge`` (the least core's epsilon makes it possible).
    Linear programme over all coalitions, for up to 14 players; None when there are none.
    """
    n = got.size
    if n > 14:
        raise ValueError("at most 14 players")
    rows = incidence(n)[1:-1]
    # Variables: received r >= 0 and paid p >= 0; got + r - p.
    A = np.column_stack([-rows, rows])
    found = optimize.linprog(
        np.ones(2 * n),
        A_ub=A,
        b_ub=rows @ got - (v[1:-1] - charge) + 1e-9 * max(1.0, float(np.abs(v).max())),
        A_eq=np.concatenate([np.ones(n), -np.ones(n)])[None],
        b_eq=[0.0],
        bounds=(0, None),
        method="highs",
    )
    if found.status == 2:
        return None
    if found.status != 0:
        raise ArithmeticError(f"linear programme: {found.message}")
    solved: Floats = np.asarray(found.x, dtype=np.float64)
    payment: Floats = solved[:n] - solved[n:]
    return SidePayments(
        payment=payment, moved=float(np.maximum(payment, 0).sum()), after=got + payment
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The smallest discount factor at which keeping one's word pays for everybody.

    ``each`` (n,) without transfers between members, ``alone`` the largest of them; ``together``
    with transfers, where only the sums count. 1 means that no patience is enough.
    """

    each: Floats
    alone: float
    together: float


def patience(
    tempted: Floats, keeps: Floats, detection: float = 1.0, trust: float = 1.0
) -> Patience:
    """Break-even discount factors of a promise that nothing but the future enforces.

    ``tempted`` (n,): one year's gain from breaking it; ``keeps`` (n,): what keeping it is worth a
    year against its end; ``detection``: chance that a breach is seen; ``trust``: chance that the
    others keep theirs. Levin (2003), MacLeod & Malcomson (1989): sum of temptations <=
    delta / (1 - delta) x detection x trust x sum of what keeping is worth; without transfers it
    must hold for each. Raises ValueError for chances outside 0 to 1.
    """
    if not (0 <= detection <= 1 and 0 <= trust <= 1):
        raise ValueError("detection and trust are chances from 0 to 1")
    worth = detection * trust * keeps
    each = np.array([_delta(float(g), float(s)) for g, s in zip(tempted, worth, strict=True)])
    return Patience(
        each=each,
        alone=float(each.max()),
        together=_delta(float(tempted.sum()), float(worth.sum())),
    )


def _delta(tempted: float, worth: float) -> float:
    """delta with tempted = delta / (1 - delta) worth."""
    if tempted <= 0:
        return 0.0
    return 1.0 if worth <= 0 else tempted / (tempted + worth)


def free_riding(pay: Floats, coalition: int) -> Floats:
    """What each member would gain by leaving while the others stay (n,); zero for outsiders."""
    n = _players(pay)
    out = np.zeros(n)
    for i in members(coalition):
        out[i] = pay[coalition & ~(1 << i), i] - pay[coalition, i]
    return out


def by_size(pay: Floats) -> tuple[Floats, Floats]:
    """Mean pay of members and of outsiders (n + 1,) by size of the coalition; NaN where none."""
    n = _players(pay)
    inside = incidence(n).astype(bool)
    size: Ints = sizes(n)
    member, outsider = np.full(n + 1, np.nan), np.full(n + 1, np.nan)
    for k in range(n + 1):
        here = size == k
        if k > 0:
            member[k] = pay[here][inside[here]].mean()
        if k < n:
            outsider[k] = pay[here][~inside[here]].mean()
    return member, outsider


def _players(pay: Floats) -> int:
    n = pay.shape[-1]
    if pay.shape != (1 << n, n):
        raise ValueError(f"pay is (2^n, n), not {pay.shape}")
    return n
