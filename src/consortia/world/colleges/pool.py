"""Trainees placed among the members that paid for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Words = NDArray[np.uint64]


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
