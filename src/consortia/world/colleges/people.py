"""Staff with a persistent identity, as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """m people; an id is a 64-bit hash of when and where somebody first appeared, never reused.

    ``zone`` where they live, ``college`` row of the employer, ``subject`` (index into SUBJECTS),
    ``service`` full years in the sector, ``tenure`` full years in the college, ``bond`` last year
    in which they are bound to stay (below zero: none).
    """

    id: Words
    zone: Ints
    college: Ints
    subject: Ints
    service: Ints
    tenure: Ints
    bond: Ints

    @property
    def size(self) -> int:
        return int(self.id.size)

    def take(self, which: Bools | Ints) -> People:
        rows = np.flatnonzero(which) if which.dtype == np.bool_ else which
        return People(**{f.name: getattr(self, f.name).take(rows) for f in fields(self)})

    def and_then(self, others: People) -> People:
        """These, then the others; neither is sorted."""
        if others.size == 0:
            return self
        return People(
            **{
                f.name: np.concatenate([getattr(self, f.name), getattr(others, f.name)])
                for f in fields(self)
            }
        )

    def heads(self, colleges: int, subjects: int) -> Ints:
        """(n, G) staff by college and subject."""
        cell = self.college * subjects + self.subject
        return np.bincount(cell, minlength=colleges * subjects).reshape(colleges, subjects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainees:
    """People who will be able to teach in year ``ready``.

    ``term`` is the mechanism that pays for them; ``pledged`` says whether they are placed among its
    members, with a bond of ``bond`` years, or look for a post like anybody else.
    """

    id: Words
    zone: Ints
    subject: Ints
    ready: Ints
    term: Ints
    pledged: Bools
    bond: Ints

    @property
    def size(self) -> int:
        return int(self.id.size)

    def take(self, which: Bools | Ints) -> Trainees:
        return Trainees(**{f.name: getattr(self, f.name)[which] for f in fields(self)})

    def and_then(self, others: Trainees) -> Trainees:
        if others.size == 0:
            return self
        return Trainees(
            **{
                f.name: np.concatenate([getattr(self, f.name), getattr(others, f.name)])
                for f in fields(self)
            }
        )


def nobody() -> Trainees:
    none = np.zeros(0, dtype=np.int64)
    return Trainees(
        id=none.astype(np.uint64),
        zone=none,
        subject=none,
        ready=none,
        term=none,
        pledged=none.astype(np.bool_),
        bond=none,
    )


def accepted(cell: Ints, priority: NDArray[np.float64], room: Ints) -> Bools:
    """(m,) who of those that want a cell gets in: the first ``room[cell]`` by priority, which
    lies between 0 and 1.

    Every cell decides among its own, so that a queue elsewhere changes nothing here.
    """
    # Whole part the cell, fraction the priority: one sort does for both.
    order = np.argsort(cell + priority)
    sorted_cell = cell[order]
    first = np.flatnonzero(np.r_[True, sorted_cell[1:] != sorted_cell[:-1]])
    length = np.diff(np.r_[first, cell.size])
    rank = np.arange(cell.size) - np.repeat(first, length)
    out = np.zeros(cell.size, dtype=np.bool_)
    out[order] = rank < room[sorted_cell]
    return out
