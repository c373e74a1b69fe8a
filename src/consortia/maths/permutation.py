"""Permutations of adoption paths without refitting: paths are few, so that sums by path suffice.

An estimator whose headline and influence depend on the data only through sums over the providers of
a path is evaluated under a new assignment of paths by gathering the rows of those that move: one
pass over the providers that take a path other than the commonest, whose sums are what is left of
the total. Nothing of size draws x providers is held.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consortia.maths.influence import Floats, Ints

Bools = NDArray[np.bool_]
_ROOM = 1 << 19
"""Numbers gathered at once (4 MB): draws are taken some at a time so that they stay in cache."""

Rule = Callable[[Floats, Floats], tuple[Floats, Floats, Floats]]
"""(values (B, P, K, R), counts (B, P, S)) -> theta (B, K), c (B, P, R), d (B, K, P, S)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSums:
    """A headline of K outcomes that n providers enter through sums by path, P paths.

    Provider i on path p has influence ``c_p . values_ik + d_kp . counts_i`` on the headline of
    outcome k; ``rule`` finds theta, c and d from the sums by path. ``values`` (n, K, R), ``counts``
    (n, S), ``path`` (n,) as observed, ``group`` (P,): paths may be exchanged between providers
    whose paths have the same group (what is held fixed). ``rows`` (n,) are the providers among
    those of the arrays, the others take no part.
    """

    values: Floats
    counts: Floats
    path: Ints
    group: Ints
    rows: Ints
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Blocks that may take one another's paths: ``slots`` (A, s) positions of the A patterns,
    ``members`` (N, s) providers of the N >= A blocks, the first A being those observed."""

    slots: Ints
    members: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Shuffle:
    """Which assignments are possible: ``m`` slots, whose observed holders are ``holder`` (m,).

    ``block`` (m,) codes what is moved as one, None where every provider moves on its own. Slots of
    one pool are filled by the members of that pool, all ways alike likely; a member without a slot
    is on path ``rest`` (P,) of its own path.
    """

    pools: tuple[Pool, ...]
    holder: Ints
    rest: Ints
    block: Ints | None

    @property
    def m(self) -> int:
        return int(self.holder.size)

    def draw(self, draws: int, rng: np.random.Generator) -> Ints:
        """(draws, m) provider that takes each slot."""
        out = np.empty((draws, self.m), dtype=np.int64)
        for pool in self.pools:
            N, A = pool.members.shape[0], pool.slots.shape[0]
            if A == 0:
                continue
            each: Ints = np.arange(N, dtype=np.int64)
            order = rng.permuted(np.broadcast_to(each, (draws, N)), axis=1)[:, :A]
            out[:, pool.slots.ravel()] = pool.members[order].reshape(draws, -1)
        return out

    def count(self, path: Ints) -> float:
        """Distinct assignments of the paths (n,), infinite beyond 1e15."""
        total = 0.0
        for pool in self.pools:
            codes = _patterns(pool, path)
            total += math.lgamma(codes.size + 1)
            total -= sum(math.lgamma(k + 1) for k in np.bincount(codes).tolist())
        return round(math.exp(total)) if total < math.log(1e15) else math.inf

    def every(self, path: Ints) -> Iterator[Ints]:
        """All distinct assignments (m,) of the paths (n,), the observed one among them."""
        each = [list(_arrangements(_patterns(pool, path))) for pool in self.pools]
        for combination in itertools.product(*each):
            out = np.empty(self.m, dtype=np.int64)
            for pool, takes in zip(self.pools, combination, strict=True):
                codes = _patterns(pool, path)
                A = pool.slots.shape[0]
                for code in np.unique(codes[:A]).tolist():
                    mine = np.flatnonzero(codes[:A] == code)
                    # Members beyond the slots stay without one: they hold what all of them hold.
                    holders = np.flatnonzero(np.asarray(takes) == code)[: mine.size]
                    out[pool.slots[mine].ravel()] = pool.members[holders].ravel()
            yield out


def _patterns(pool: Pool, path: Ints) -> Ints:
    """Code (N,) of the pattern of paths that each block of the pool was observed with."""
    rows = path[pool.members]
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _arrangements(codes: Ints) -> Iterator[tuple[int, ...]]:
    """Distinct orders of a multiset, in lexicographic order."""
    a = np.sort(codes).tolist()
    while True:
        yield tuple(a)
        i = len(a) - 2
        while i >= 0 and a[i] >= a[i + 1]:
            i -= 1
        if i < 0:
            return
        j = len(a) - 1
        while a[j] <= a[i]:
            j -= 1
        a[i], a[j] = a[j], a[i]
        a[i + 1 :] = a[:i:-1]


def by_provider(path: Ints, group: Ints, within: Ints, movable: Bools) -> Shuffle:
    """Providers (n,) take one another's path if they share ``within`` (n,) and the path's group.

    In every group the commonest path needs no slots: who is left holds it.
    """
    rest = commonest(path, group, movable)
    key = _dense(np.column_stack([group[path], within]))
    slotted = movable & (path != rest[path])
    holder = np.flatnonzero(slotted)
    # By path, so that the slots of a path are one stretch.
    holder = holder[np.argsort(path[holder], kind="stable")]
    pools: list[Pool] = []
    by_key = _split(key, np.flatnonzero(movable))
    slots = _split(key[holder], np.arange(holder.size))
    for code, at in slots.items():
        mine = holder[at]
        others = by_key[code]
        others = others[~slotted[others]]
        pools.append(Pool(slots=at[:, None], members=np.concatenate([mine, others])[:, None]))
    return Shuffle(pools=tuple(pools), holder=holder, rest=rest, block=None)


def by_block(
    path: Ints,
    group: Ints,
    within: Ints,
    movable: Bools,
    block: Ints,
    rng: np.random.Generator,
) -> tuple[Shuffle, int]:
    """Whole blocks move: ``block`` (n,) code of the block of a provider, -1 = in none.

    A block keeps its pattern of paths and may take that of any block of the same make (the same
    numbers of providers by ``within`` and group). Providers of no block are put into blocks of the
    makes there are, at random and once, in proportion to how common the makes are; those over stay
    as they are. Returns the shuffle and how many observed blocks it can move.
    """
    rest = commonest(path, group, movable)
    key = _dense(np.column_stack([group[path], within]))
    inside = np.flatnonzero(movable & (block >= 0))
    order = inside[np.lexsort((path[inside], key[inside], block[inside]))]
    makes: dict[tuple[int, ...], list[Ints]] = {}
    for rows in _split(block[order], order).values():
        makes.setdefault(tuple(key[rows].tolist()), []).append(rows)
    free = {
        code: rng.permutation(rows).tolist()
        for code, rows in _split(
            key, np.flatnonzero(movable & (block < 0) & (path == rest[path]))
        ).items()
    }
    need: dict[int, int] = {}
    for make, blocks in makes.items():
        for code in make:
            need[code] = need.get(code, 0) + len(blocks)
    share = {code: len(free.get(code, [])) / count for code, count in need.items()}
    pools: list[Pool] = []
    holders: list[Ints] = []
    codes: list[Ints] = []
    start = made = moving = 0
    for make, blocks in makes.items():
        spare = math.floor(min(share[code] for code in make) * len(blocks))
        more = [np.array([free[code].pop() for code in make]) for _ in range(spare)]
        # A make without a second block stays where it is, and is still one piece of evidence.
        members = np.array([*blocks, *more], dtype=np.int64)
        moving += len(blocks) if members.shape[0] > 1 else 0
        at = start + np.arange(members.size).reshape(members.shape)
        start += members.size
        pools.append(Pool(slots=at, members=members))
        holders.append(members.ravel())
        each: Ints = np.arange(made, made + members.shape[0], dtype=np.int64)
        codes.append(np.repeat(each, members.shape[1]))
        made += members.shape[0]
    if not pools:
        nothing = np.zeros(0, dtype=np.int64)
        return Shuffle(pools=(), holder=nothing, rest=rest, block=nothing), 0
    holder, code = np.concatenate(holders), np.concatenate(codes)
    by_path = np.argsort(path[holder], kind="stable")
    place = np.empty_like(by_path)
    place[by_path] = np.arange(by_path.size)
    pools = [Pool(slots=place[p.slots], members=p.members) for p in pools]
    made_of = Shuffle(pools=tuple(pools), holder=holder[by_path], rest=rest, block=code[by_path])
    return made_of, moving


def commonest(path: Ints, group: Ints, movable: Bools) -> Ints:
    """For every path (P,) the path of its group that most movable providers are on."""
    size = np.bincount(path[movable], minlength=group.size)
    out = np.arange(group.size)
    for g in np.unique(group).tolist():
        mine = np.flatnonzero(group == g)
        out[mine] = mine[np.argmax(size[mine])]
    return out


def _dense(columns: Ints) -> Ints:
    return np.unique(columns, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _split(code: Ints, rows: Ints) -> dict[int, Ints]:
    """``rows`` by their code; ``code`` is by provider, or by row where it is as long."""
    of = code if code.size == rows.size else code[rows]
    order = np.argsort(of, kind="stable")
    cuts = np.flatnonzero(np.diff(of[order])) + 1
    return {int(of[part[0]]): rows[part] for part in np.split(order, cuts) if part.size}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """What does not change from draw to draw."""

    Z: Floats
    K: int
    R: int
    rest: Ints
    own: Ints
    starts: list[tuple[int, int, int]]
    fixed: Floats
    pool: Floats
    square_fixed: Floats
    square_pool: Floats
    blocks: tuple[Ints, Ints] | None


def _ready(sums: PathSums, shuffle: Shuffle) -> _Ready:
    n, K, R = sums.values.shape
    Z = np.concatenate([sums.values.reshape(n, K * R), sums.counts], axis=1)
    P = sums.group.size
    own = sums.path[shuffle.holder]
    movable = np.zeros(n, dtype=np.bool_)
    for pool in shuffle.pools:
        movable[pool.members.ravel()] = True
    rest = shuffle.rest
    # Members without a slot hold the commonest path; a block of them has slots of its own.
    where = np.where(movable, rest[sums.path], sums.path)
    q = Z.shape[1]
    fixed, pool = np.zeros((P, q)), np.zeros((P, q))
    square_fixed, square_pool = np.zeros((P, q, q)), np.zeros((P, q, q))
    for p in range(P):
        for mask, total, square in (
            (~movable, fixed, square_fixed), (movable, pool, square_pool),
        ):  # fmt: skip
            rows = Z[np.flatnonzero(mask & (where == p))]
            total[p] = rows.sum(axis=0)
            square[p] = rows.T @ rows
    cuts = np.flatnonzero(np.diff(own)) + 1
    edges = [0, *cuts.tolist(), own.size]
    starts = [(int(own[a]), a, b) for a, b in itertools.pairwise(edges) if b > a]
    blocks = None
    if shuffle.block is not None and shuffle.block.size:
        order = np.argsort(shuffle.block, kind="stable")
        first = np.flatnonzero(np.diff(shuffle.block[order], prepend=-1))
        blocks = order, first
    return _Ready(
        Z=Z, K=K, R=R, rest=rest, own=own, starts=starts, fixed=fixed, pool=pool,
        square_fixed=square_fixed, square_pool=square_pool, blocks=blocks,
    )  # fmt: skip


class Redrawn:
    """A PathSums made ready for a Shuffle; ``at(who)`` evaluates assignments (B, m)."""

    def __init__(self, sums: PathSums, shuffle: Shuffle) -> None:
        self._sums = sums
        self._ready = _ready(sums, shuffle)

    @property
    def at_once(self) -> int:
        """How many draws are best evaluated together."""
        return max(1, _ROOM // max(1, self._ready.own.size * self._ready.Z.shape[1]))

    def at(self, who: Ints) -> tuple[Floats, Floats]:
        """theta (B, K) and the sums of squares and products of influence (B, K, K), by block.

        Blocks are those of the shuffle; whoever is in none counts alone.
        """
        step = self.at_once
        parts = [self._some(who[a : a + step]) for a in range(0, who.shape[0], step)]
        return (
            np.concatenate([p[0] for p in parts]),
            np.concatenate([p[1] for p in parts]),
        )

    def _some(self, who: Ints) -> tuple[Floats, Floats]:
        r, rule = self._ready, self._sums.rule
        B, m = who.shape
        P, q = r.fixed.shape
        K, R = r.K, r.R
        S = q - K * R
        got = r.Z.take(who.ravel(), axis=0).reshape(B, m, q)
        total = np.repeat((r.fixed + r.pool)[None], B, axis=0)
        for p, a, b in r.starts:
            if p == r.rest[p]:
                continue
            part = np.ones(b - a) @ got[:, a:b]
            total[:, p] += part
            total[:, r.rest[p]] -= part
        theta, c, d = rule(total[:, :, : K * R].reshape(B, P, K, R), total[:, :, K * R :])
        A = np.zeros((B, P, K, q))
        for k in range(K):
            A[:, :, k, k * R : (k + 1) * R] = c
        A[:, :, :, K * R :] = d.transpose(0, 2, 1, 3).reshape(B, P, K, S)
        gram = np.einsum("bpkq,pqr,bplr->bkl", A, r.square_fixed + r.square_pool, A, optimize=True)
        psi = np.empty((B, m, K)) if r.blocks is not None else None
        for p, a, b in r.starts:
            here = got[:, a:b]
            left = here @ A[:, r.rest[p]].transpose(0, 2, 1)
            gram -= left.transpose(0, 2, 1) @ left
            own = left if p == r.rest[p] else here @ A[:, p].transpose(0, 2, 1)
            if psi is None:
                gram += own.transpose(0, 2, 1) @ own
            else:
                psi[:, a:b] = own
        if psi is not None and r.blocks is not None:
            order, first = r.blocks
            whole = np.add.reduceat(psi[:, order], first, axis=1)
            gram += whole.transpose(0, 2, 1) @ whole
        return theta, gram


def observed(sums: PathSums) -> tuple[Floats, Floats]:
    """theta (K,) and influence (n, K) of the assignment as it was."""
    _, K, R = sums.values.shape
    P, S = sums.group.size, sums.counts.shape[1]
    values, counts = np.zeros((1, P, K, R)), np.zeros((1, P, S))
    np.add.at(values[0], sums.path, sums.values)
    np.add.at(counts[0], sums.path, sums.counts)
    theta, c, d = sums.rule(values, counts)
    psi = np.einsum("ikr,ir->ik", sums.values, c[0][sums.path])
    psi += np.einsum("is,iks->ik", sums.counts, d[0].transpose(1, 0, 2)[sums.path])
    return theta[0], psi


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Draws of the headline (B, K) and of its squared error (B, K, K), the observed ones beside
    them; ``exact``: every assignment once, the observed one included."""

    theta: Floats
    square: Floats
    seen: Floats
    seen_square: Floats
    exact: bool

    def p_value(self, tau: float = 0.0) -> float:
        """Two-sided, studentised, of the effect being ``tau`` for everyone exposed; outcome 0 is
        the result and outcome 1, where there is one, exposure as it was."""
        return float(self.p_values(np.array([tau]))[0])

    def p_values(self, tau: Floats) -> Floats:
        """As p_value, for many ``tau`` (q,)."""
        out = np.empty(tau.size)
        for j, value in enumerate(tau.tolist()):
            drawn = _ratio(self.theta, self.square, value)
            own = _ratio(self.seen[None], self.seen_square[None], value)[0]
            # Rounding must not turn a tie, such as the observed assignment itself, into less.
            count = int((drawn >= own * (1 - 1e-9)).sum())
            out[j] = count / drawn.size if self.exact else (1 + count) / (1 + drawn.size)
        return out

    def interval(self, level: float) -> tuple[float, float]:
        """All constant effects that are not rejected at 1 - level; infinite where none is."""
        centre = float(self.seen[0])
        scale = math.sqrt(max(float(self.seen_square[0, 0]), 1e-300))
        low, high = (self._edge(centre, side * scale, 1 - level) for side in (-1.0, 1.0))
        return low, high

    def _edge(self, centre: float, step: float, size: float) -> float:
        """Outermost end of the accepted effects on one side, to a thousandth of ``step``."""
        reach = np.linspace(0, 8, 65)
        accepted = self.p_values(centre + step * reach) > size
        if accepted[-1]:
            return math.copysign(math.inf, step)
        last = int(np.flatnonzero(accepted)[-1]) if accepted.any() else 0
        a, b = float(reach[last]), float(reach[last + 1])
        while b - a > 1e-3:
            middle = (a + b) / 2
            if self.p_value(centre + step * middle) > size:
                a = middle
            else:
                b = middle
        return centre + step * (a + b) / 2


def _ratio(theta: Floats, square: Floats, tau: float) -> Floats:
    """Squared studentised statistic (B,) of the outcome less ``tau`` times exposure."""
    if theta.shape[1] == 1:
        top, under = theta[:, 0], square[:, 0, 0]
    else:
        top = theta[:, 0] - tau * theta[:, 1]
        under = square[:, 0, 0] - 2 * tau * square[:, 0, 1] + tau * tau * square[:, 1, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = top * top / np.maximum(under, 0.0)
    # An assignment under which nothing can be estimated is no evidence against chance.
    return np.where(np.isfinite(found) | (top == 0), np.nan_to_num(found), np.inf)


def reference(sums: PathSums, shuffle: Shuffle, draws: int, rng: np.random.Generator) -> Reference:
    """The distribution of the headline over assignments: all of them if no more than ``draws``,
    else ``draws`` at random."""
    made = Redrawn(sums, shuffle)
    seen, seen_square = made.at(shuffle.holder[None, :])
    exact = shuffle.count(sums.path) <= draws
    if exact:
        theta, square = made.at(np.array(list(shuffle.every(sums.path)), dtype=np.int64))
    else:
        step = made.at_once
        parts = [made.at(shuffle.draw(min(step, draws - a), rng)) for a in range(0, draws, step)]
        theta = np.concatenate([p[0] for p in parts])
        square = np.concatenate([p[1] for p in parts])
    return Reference(
        theta=theta, square=square, seen=seen[0], seen_square=seen_square[0], exact=exact
    )
