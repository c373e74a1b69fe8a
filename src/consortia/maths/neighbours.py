"""Direct and spill-over effects when joining touches those nearby (Butts 2021).

A provider is touched from the year in which it joins or somebody in a ring around it does. Effects
are differences from the last untouched year, less the same difference among providers that nothing
has touched yet (nor joined, nor near anyone who has): exposed non-members are no comparison, they
are a result. What a touched provider's effect is called depends on its state that year: member, or,
if not, the nearest ring in which others have joined.
"""

# The papers' letters are upper case and not constants.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from consortia.maths.influence import Bools, Floats, Ints

Kind = Literal[
    "direct", "direct-alone", "direct-beside", "spill-over", "spill-over-per-member", "area-total",
]  # fmt: skip
States = NDArray[np.int8]

OUT, CLEAN, MEMBER = -2, -1, 0
"""States of a provider in a year: not used, untouched, member; 1, 2, ... = nearest ring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Which effect: kind; ring (1 = nearest; 0 = all, or none); event time, None = overall."""

    kind: Kind
    ring: int = 0
    event_time: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """``theta`` (m,), NaN where there is nothing to average; ``psi`` (n, m).

    ``n_treated``, ``n_control`` (m,) providers averaged and providers compared with; ``lost`` (m,)
    provider-years left out because no untouched provider is seen then. ``unplaced``, ``early``
    (n,): place unknown; touched before there is an untouched year. ``clean`` providers ever
    untouched that serve as comparison.
    """

    rows: tuple[Row, ...]
    theta: Floats
    psi: Floats
    n_treated: Ints
    n_control: Ints
    lost: Ints
    unplaced: Bools
    early: Bools
    clean: int


def states(cohort: Ints, first: Ints, T: int) -> tuple[Ints, States]:
    """Year first touched (n,) in 0..T, and the state (n, T) of every provider and year.

    ``cohort`` (n,) and ``first`` (n, R) years in 0..T, T = never, nearest ring first; a row of
    ``first`` below zero (place unknown) is out throughout.
    """
    year = np.arange(T)
    touched = np.minimum(cohort, first.min(axis=1, initial=T))
    state = np.full((cohort.size, T), CLEAN, dtype=np.int8)
    for r in range(first.shape[1] - 1, -1, -1):
        state[year >= first[:, r, None]] = r + 1
    state[year >= cohort[:, None]] = MEMBER
    state[(first < 0).any(axis=1)] = OUT
    return touched, state


def effects(
    Y: Floats,
    w: Floats,
    cohort: Ints,
    first: Ints,
    stratum: Ints | None = None,
    *,
    anticipation: int = 0,
    comparison: Literal["never", "not-yet"] = "not-yet",
) -> Effects:
    """All direct and spill-over effects with their influence functions.

    ``Y`` (n, T), NaN where not seen; ``w`` (n,) provider weights; ``cohort`` (n,), ``first`` (n, R)
    as in :func:`states`; ``stratum`` (n,) within which providers are compared; ``anticipation``
    years before being touched that count as touched; "never" compares with those never touched
    only.

    Rows: direct, among members; of these, alone (nobody joined in their rings) and beside others;
    spill-over by ring and over all rings, among non-members; spill-over-per-member (the sum over
    neighbours for each member-year) and area-total (direct plus that). Then direct and spill-over
    by event time, from joining for members and from first exposure for neighbours; event times
    before are placebos, of those whom nothing touched before.
    """
    n, T = int(Y.shape[0]), int(Y.shape[1])
    touched, state = states(cohort, first, T)
    out = state[:, 0] == OUT
    base = touched - 1 - anticipation
    early = ~out & (touched < T) & (base < 0)
    used = ~out & ~early
    strata = np.zeros(n, dtype=np.int64) if stratum is None else stratum
    gain, control = _against_clean(
        Y, w, touched, base, used, strata, anticipation=anticipation, never=comparison == "never"
    )
    # From here on cells in a row, (k,): touched providers with a result that year and in the base
    # year.
    possible = used & (touched < T) & np.isfinite(_at(Y, base))
    i, t = np.nonzero(possible[:, None] & np.isfinite(Y))
    rows, sums, overs = _rows(cohort, first, touched, state, i, t, anticipation)
    value, weight = gain[i, t], w[i]
    seen = np.isfinite(value)
    value = np.where(seen, value, 0.0)
    block_of = np.zeros(n, dtype=np.int64)
    for c, block in enumerate(control):
        block_of[block.rows] = c
    at = block_of[i] * T + t
    m = len(rows)
    theta, psi = np.full(m, np.nan), np.zeros((n, m))
    n_treated, lost = np.zeros(m, dtype=np.int64), np.zeros(m, dtype=np.int64)
    load = np.zeros((len(control), T, m))
    for q, (cells, below) in enumerate(zip(sums, overs, strict=True)):
        lost[q] = int((~seen[cells]).sum())
        x, d = cells[seen[cells]], below[seen[below]]
        total = float(weight[d].sum())
        if total <= 0 or x.size == 0:
            continue
        theta[q] = float(weight[x] @ value[x]) / total
        up = np.bincount(i[x], weights=weight[x] * value[x], minlength=n)
        down = np.bincount(i[d], weights=weight[d], minlength=n)
        n_treated[q] = np.count_nonzero(np.bincount(i[x], minlength=n))
        who = np.flatnonzero((up != 0) | (down != 0))
        psi[who, q] = (up[who] - theta[q] * down[who]) / total
        load[:, :, q] = np.bincount(
            at[x], weights=weight[x] / total, minlength=len(control) * T
        ).reshape(len(control), T)
    compared = np.zeros((n, m), dtype=np.bool_)
    for c, block in enumerate(control):
        psi[block.pool] -= block.scores @ load[c]
        asked = (load[c] > 0).astype(np.float32)
        compared[block.pool] |= block.member.astype(np.float32) @ asked > 0
    return Effects(
        rows=rows,
        theta=theta,
        psi=psi,
        n_treated=n_treated,
        n_control=compared.sum(axis=0).astype(np.int64),
        lost=lost,
        unplaced=out,
        early=early,
        clean=int(compared.any(axis=1).sum()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """Providers ``rows`` first touched in one year, of one stratum, against ``pool``; ``scores``,
    ``member`` (pool, T): the influence of each on the mean change of the untouched to each year,
    and whether it is part of it."""

    rows: Ints
    pool: Ints
    scores: Floats
    member: Bools


def _at(Y: Floats, t: Ints) -> Floats:
    return Y[np.arange(Y.shape[0]), np.clip(t, 0, Y.shape[1] - 1)]


def _against_clean(
    Y: Floats,
    w: Floats,
    touched: Ints,
    base: Ints,
    used: Bools,
    strata: Ints,
    *,
    anticipation: int,
    never: bool,
) -> tuple[Floats, list[_Comparison]]:
    """Change since the base year less that of the untouched (n, T), NaN where there is none."""
    n, T = int(Y.shape[0]), int(Y.shape[1])
    gain = np.full((n, T), np.nan)
    found: list[_Comparison] = []
    year = np.arange(T)
    for e, s in np.unique(np.stack([touched, strata])[:, used & (touched < T)], axis=1).T.tolist():
        b = e - 1 - anticipation
        rows = np.flatnonzero(used & (touched == e) & (strata == s))
        late = touched == T if never else touched > e
        pool = np.flatnonzero(used & late & (strata == s) & np.isfinite(Y[:, b]))
        change = Y[pool] - Y[pool, b][:, None]
        upto = np.maximum(year, b) + anticipation
        until = np.where(touched[pool] == T, 2 * T + anticipation, touched[pool])
        member = np.isfinite(change) & (until[:, None] > upto)
        weight = np.where(member, w[pool][:, None], 0.0)
        change = np.where(member, change, 0.0)
        total = weight.sum(axis=0)
        ok = total > 0
        mean = np.where(ok, (weight * change).sum(axis=0) / np.where(ok, total, 1.0), np.nan)
        gain[rows] = Y[rows] - Y[rows, b][:, None] - mean
        scores = np.where(member, weight * (change - mean) / np.where(ok, total, 1.0), 0.0)
        found.append(_Comparison(rows=rows, pool=pool, scores=scores, member=member))
    return gain, found


def _rows(
    cohort: Ints, first: Ints, touched: Ints, state: States, i: Ints, t: Ints, anticipation: int
) -> tuple[tuple[Row, ...], list[Ints], list[Ints]]:
    """Every row with the cells it sums over and those it divides by, as places in ``i``, ``t``."""
    T, R = state.shape[1], first.shape[1]
    after = t >= touched[i]
    before = t < touched[i] - 1 - anticipation
    # Before being touched, a provider stands for the state it will be in when it is.
    now = state[i, np.where(after, t, np.minimum(touched[i], T - 1))]
    member = after & (now == MEMBER)
    exposed = after & (now > MEMBER)
    nearby = t >= first.min(axis=1, initial=T)[i]
    found: list[tuple[Row, Ints, Ints]] = []

    def add(row: Row, cells: Bools, over: Bools | None = None) -> None:
        x = np.flatnonzero(cells)
        found.append((row, x, x if over is None else np.flatnonzero(over)))

    add(Row(kind="direct"), member)
    add(Row(kind="direct-alone"), member & ~nearby)
    add(Row(kind="direct-beside"), member & nearby)
    for r in range(1, R + 1):
        add(Row(kind="spill-over", ring=r), exposed & (now == r))
    add(Row(kind="spill-over"), exposed)
    add(Row(kind="spill-over-per-member"), exposed, member)
    add(Row(kind="area-total"), member | exposed, member)
    since = t - np.where(now == MEMBER, cohort[i], touched[i])
    key = np.where(after | before, now.astype(np.int64) * 4 * T + since + 2 * T, -1)
    order = np.argsort(key, kind="stable")
    codes, starts = np.unique(key[order], return_index=True)
    pieces = np.split(order, starts[1:]) if order.size else []
    for code, x in zip(codes.tolist(), pieces, strict=True):
        if code >= 0:
            ring, time = code // (4 * T), code % (4 * T) - 2 * T
            kind = "direct" if ring == MEMBER else "spill-over"
            found.append((Row(kind=kind, ring=ring, event_time=time), x, x))
    return tuple(f[0] for f in found), [f[1] for f in found], [f[2] for f in found]
