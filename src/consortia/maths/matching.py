"""Who goes where: deferred acceptance with quotas, a greedy rule, and the check that a match holds.

Gale & Shapley (1962); with quotas and short lists as hospitals and residents (Roth 1984). The
result of deferred acceptance is the same in whatever order applicants propose, has no blocking
pair, and is the best stable match for every applicant at once. Ties are broken beforehand, by
lottery (:func:`by_lottery`), since a rule for ties belongs to the market and not to the algorithm.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """``post`` (n,) of each applicant, -1 for none; ``choice`` (n,): which choice on their list it
    was (0 the first), -1 for none; ``filled`` (m,) places taken; ``proposals`` made in all."""

    post: Ints
    choice: Ints
    filled: Ints
    proposals: int


def deferred_acceptance(applicant_prefs: Ints, post_prefs: Floats, quotas: Ints) -> Matching:
    """The applicant-optimal stable match.

    ``applicant_prefs`` (n, L): post of the k-th choice, -1 pads; ``post_prefs`` (m, n): the rank
    that a post gives to an applicant, lower is better, NaN not acceptable; ``quotas`` (m,).
    Raises ValueError for shapes that do not fit, unknown posts, a post listed twice, quotas below
    zero, or equal ranks of two applicants who list the same post.
    """
    n = applicant_prefs.shape[0]
    if post_prefs.ndim != 2 or post_prefs.shape[1] != n:
        raise ValueError(f"post_prefs is (posts, {n}), not {post_prefs.shape}")
    return on_lists(applicant_prefs, ranks_on_lists(applicant_prefs, post_prefs), quotas)


def ranks_on_lists(applicant_prefs: Ints, post_prefs: Floats) -> Floats:
    """``post_prefs`` (m, n) read along the lists: (n, L), NaN where a list has ended."""
    n = applicant_prefs.shape[0]
    if applicant_prefs.size and applicant_prefs.max() >= post_prefs.shape[0]:
        raise ValueError("a list names a post that does not exist")
    read = post_prefs[np.maximum(applicant_prefs, 0), np.arange(n)[:, None]].astype(np.float64)
    return np.where(applicant_prefs >= 0, read, np.nan)


def on_lists(applicant_prefs: Ints, ranks: Floats, quotas: Ints) -> Matching:
    """As :func:`deferred_acceptance`, with ranks (n, L) of listed pairs alone, as a large market
    has them: ``ranks[i, k]`` is the rank that post ``applicant_prefs[i, k]`` gives to i."""
    n, _, m = _checked(applicant_prefs, ranks, quotas)
    lists, rank = _compact(applicant_prefs, ranks)
    room: list[int] = quotas.tolist()
    held: list[list[tuple[float, int]]] = [[] for _ in range(m)]
    at = [0] * n
    proposals = 0
    for first in range(n):
        i = first
        while True:
            k = at[i]
            mine = lists[i]
            if k >= len(mine):
                break
            j = mine[k]
            at[i] = k + 1
            proposals += 1
            if not room[j]:
                continue
            # Worst of those held on top: the largest rank, as the smallest of its negatives.
            entry = (-rank[i][k], i)
            if len(held[j]) < room[j]:
                heapq.heappush(held[j], entry)
                break
            out = heapq.heappushpop(held[j], entry)
            i = out[1]
    return _matching(n, m, applicant_prefs, held, proposals)


def greedy(applicant_prefs: Ints, ranks: Floats, quotas: Ints) -> Matching:
    """First come, first served: pairs in the order of the posts' ranks (n, L), each taken when
    both are still free. Stable only when ranks agree between posts; shown beside the other."""
    n, L, m = _checked(applicant_prefs, ranks, quotas)
    flat = np.where(applicant_prefs >= 0, ranks, np.nan).ravel()
    order = np.argsort(flat, kind="stable")
    order = order[: int(np.isfinite(flat).sum())]
    room: list[int] = quotas.tolist()
    held: list[list[tuple[float, int]]] = [[] for _ in range(m)]
    free = [True] * n
    posts: list[int] = applicant_prefs.ravel()[order].tolist()
    for i, j in zip((order // max(L, 1)).tolist(), posts, strict=True):
        if free[i] and room[j] > len(held[j]):
            held[j].append((0.0, i))
            free[i] = False
    return _matching(n, m, applicant_prefs, held, int(order.size))


def by_lottery(ranks: Floats, rng: np.random.Generator) -> Floats:
    """Ranks (n, L) or (m, n) without ties: equal ranks are put in an order drawn by lot.

    One lottery for all posts: where two applicants tie twice, the same one wins. The result holds
    whole numbers from 0; NaN stays.
    """
    flat = ranks.ravel()
    per_row = rng.permutation(ranks.shape[0])
    ticket = np.repeat(per_row, ranks.shape[1])
    order = np.lexsort((ticket, flat))
    out = np.empty(flat.size)
    out[order] = np.arange(flat.size)
    return np.where(np.isfinite(flat), out, np.nan).reshape(ranks.shape)


def blocking_pairs(
    applicant_prefs: Ints, ranks: Floats, quotas: Ints, post: Ints
) -> list[tuple[int, int]]:
    """Pairs (applicant, post) who would both rather have each other than what they have.

    ``post`` (n,) is the match to judge, -1 for none. Empty exactly when it is stable.
    Raises ValueError when it overfills a post or matches a pair that is not acceptable.
    """
    _, L, m = _checked(applicant_prefs, ranks, quotas)
    acceptable = (applicant_prefs >= 0) & np.isfinite(ranks)
    here = acceptable & (applicant_prefs == post[:, None]) & (post[:, None] >= 0)
    if (here.sum(axis=1) != (post >= 0)).any():
        raise ValueError("the match holds a pair that is not acceptable to both")
    filled = np.bincount(post[post >= 0], minlength=m)
    if (filled > quotas).any():
        raise ValueError("the match overfills a post")
    mine = np.where(post >= 0, here.argmax(axis=1), L)
    worst = np.full(m, -np.inf)
    taken = post >= 0
    np.maximum.at(worst, post[taken], ranks[here])
    better = acceptable & (np.arange(L) < mine[:, None])
    at = np.maximum(applicant_prefs, 0)
    wanted = (filled[at] < quotas[at]) | ((quotas[at] > 0) & (ranks < worst[at]))
    return [(int(i), int(applicant_prefs[i, k])) for i, k in zip(*np.nonzero(better & wanted),
                                                                 strict=True)]  # fmt: skip


def _checked(applicant_prefs: Ints, ranks: Floats, quotas: Ints) -> tuple[int, int, int]:
    if applicant_prefs.ndim != 2 or applicant_prefs.shape != ranks.shape:
        raise ValueError(f"lists {applicant_prefs.shape} and ranks {ranks.shape} must agree")
    n, L = applicant_prefs.shape
    m = int(quotas.size)
    if applicant_prefs.size and applicant_prefs.max() >= m:
        raise ValueError("a list names a post that does not exist")
    if (quotas < 0).any():
        raise ValueError("quotas are zero or more")
    listed = np.sort(applicant_prefs, axis=1)
    if ((listed[:, 1:] == listed[:, :-1]) & (listed[:, 1:] >= 0)).any():
        raise ValueError("a list names a post twice")
    ok = (applicant_prefs >= 0) & np.isfinite(ranks)
    posts, values = applicant_prefs[ok], ranks[ok]
    order = np.lexsort((values, posts))
    posts, values = posts[order], values[order]
    if ((posts[1:] == posts[:-1]) & (values[1:] == values[:-1])).any():
        raise ValueError("a post ranks two applicants alike: break ties first (by_lottery)")
    return n, L, m


def _compact(applicant_prefs: Ints, ranks: Floats) -> tuple[list[list[int]], list[list[float]]]:
    """Lists without pads and without posts that would not have the applicant."""
    ok = (applicant_prefs >= 0) & np.isfinite(ranks)
    ends = np.cumsum(ok.sum(axis=1)).tolist()
    posts, values = applicant_prefs[ok].tolist(), ranks[ok].tolist()
    starts = [0, *ends[:-1]]
    return (
        [posts[a:b] for a, b in zip(starts, ends, strict=True)],
        [values[a:b] for a, b in zip(starts, ends, strict=True)],
    )


def _matching(
    n: int, m: int, applicant_prefs: Ints, held: list[list[tuple[float, int]]], proposals: int
) -> Matching:
    post = np.full(n, -1, dtype=np.int64)
    for j, who in enumerate(held):
        for _, i in who:
            post[i] = j
    here = (applicant_prefs == post[:, None]) & (post[:, None] >= 0)
    choice = np.where(post >= 0, here.argmax(axis=1) if here.shape[1] else 0, -1)
    return Matching(
        post=post,
        choice=choice.astype(np.int64),
        filled=np.array([len(who) for who in held], dtype=np.int64),
        proposals=proposals,
    )
