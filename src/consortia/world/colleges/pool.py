"""Matching inside a pool: deferred acceptance, greedy, and trainees placed in turn.

Sources: Gale & Shapley (1962), "College admissions and the stability of marriage"; Roth (1984), on
hospitals and residents.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Words = NDArray[np.uint64]


def deferred_acceptance(
    applicant_prefs: list[list[int]], post_prefs: list[list[int]], quotas: list[int]
) -> list[int]:
    """The applicant-optimal stable matching: the post of each applicant, -1 where none.

    Lists of acceptable partners, best first; who is not listed is not acceptable. A post keeps the
    ``quotas`` best of those that asked.
    """
    rank = [{a: r for r, a in enumerate(prefs)} for prefs in post_prefs]
    held: list[list[tuple[int, int]]] = [[] for _ in post_prefs]
    next_ = [0] * len(applicant_prefs)
    match = [-1] * len(applicant_prefs)
    free = list(range(len(applicant_prefs) - 1, -1, -1))
    while free:
        a = free.pop()
        while next_[a] < len(applicant_prefs[a]):
            post = applicant_prefs[a][next_[a]]
            next_[a] += 1
            place = rank[post].get(a)
            if place is None or quotas[post] <= 0:
                continue
            if len(held[post]) < quotas[post]:
                held[post].append((place, a))
                match[a] = post
                break
            worst = max(held[post])
            if place < worst[0]:
                held[post].remove(worst)
                held[post].append((place, a))
                match[a], match[worst[1]] = post, -1
                free.append(worst[1])
                break
    return match


def greedy(applicant_prefs: list[list[int]], quotas: list[int], turn: list[int]) -> list[int]:
    """Each in ``turn`` takes the best post that is still empty; -1 where none."""
    left = list(quotas)
    match = [-1] * len(applicant_prefs)
    for a in turn:
        for post in applicant_prefs[a]:
            if left[post] > 0:
                left[post] -= 1
                match[a] = post
                break
    return match


def placed_in_turn(subject: Ints, members: Bools, room: Ints, key: Words, rule: str) -> Ints:
    """(m,) member college for each trainee, -1 where no member has an empty post in the subject.

    ``room`` (n, G). "short": where most posts in the subject are empty; "equal": to the member that
    has had fewest so far. Ties go by key.
    """
    rows = np.flatnonzero(members)
    rows = rows[np.argsort(key[rows])]
    left = room[rows].copy()
    had = np.zeros(rows.size, dtype=np.int64)
    out = np.full(subject.size, -1, dtype=np.int64)
    for i, g in enumerate(subject.tolist()):
        empty = left[:, g] > 0
        if not empty.any():
            continue
        if rule == "short":
            at = int(left[:, g].argmax())
        else:
            at = int(np.where(empty, had, np.iinfo(np.int64).max).argmin())
        left[at, g] -= 1
        had[at] += 1
        out[i] = rows[at]
    return out
