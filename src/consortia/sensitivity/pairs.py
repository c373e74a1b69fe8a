"""Each joiner with the never-joiner (or not-yet-joiner) most like it before joining.

Likeness: distance in the covariates and the outcomes before joining, in units of their own spread
and correlation (Mahalanobis). Pairs are made nearest first, nobody is used twice, only within
strata.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from consortia.panel import Floats, Ints
from consortia.results import Trial
from consortia.sensitivity.changes import Change, filled, given
from consortia.sensitivity.columns import Named

NEAREST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """``joiner`` (m,) and ``other`` (m,) rows of the providers; ``difference`` (m,) of their
    changes since before joining; ``gap`` standardised mean differences before and after pairing, by
    what was paired on; ``alone`` joiners without a partner."""

    joiner: Ints
    other: Ints
    difference: Floats
    gap: tuple[tuple[str, float, float], ...]
    alone: int


def likeness(trial: Trial, c: Change, on: tuple[Named, ...]) -> tuple[Floats, list[str]]:
    """What a cohort is paired on (r, p): outcomes before joining, covariates, further columns."""
    a = trial.arrays
    columns = [c.before]
    names = [f"{trial.study.outcome_label} before joining"]
    for t in range(c.base - 1, -1, -1):
        y = a.Y[c.rows, t]
        # A year that many lack would pair them on its mean.
        if np.isfinite(y).mean() > 0.9:
            columns.append(filled(y))
            names.append(f"{trial.study.outcome_label}, {a.years[t]}")
    strata = int(np.unique(c.stratum).size)
    rest = given(a, c)[:, strata:]
    columns += [rest[:, j] for j in range(rest.shape[1])]
    names += [n.replace("_", " ") for n in (*a.X_names, *a.Z_names)]
    for b in on:
        block = b.of(c)
        columns += [block[:, j] for j in range(block.shape[1])]
        names += [b.label] * block.shape[1]
    return np.column_stack(columns), names


def whitened(X: Floats) -> Floats:
    """Columns turned so that distances are Mahalanobis; what does not vary drops out."""
    X = X - X.mean(axis=0)
    scale = X.std(axis=0)
    X = X[:, scale > 0] / scale[scale > 0]
    values, vectors = np.linalg.eigh(X.T @ X / X.shape[0])
    keep = values > 1e-10
    return np.asarray(X @ (vectors[:, keep] / np.sqrt(values[keep])))


def pair(trial: Trial, cohorts: tuple[Change, ...], on: tuple[Named, ...]) -> Pairs:
    """All pairs, cohort after cohort."""
    used: set[int] = set()
    mine: list[int] = []
    theirs: list[int] = []
    difference: list[float] = []
    gaps: dict[str, list[tuple[float, float, int]]] = {}
    alone = 0
    for c in cohorts:
        X, names = likeness(trial, c, on)
        Z = whitened(X)
        left: list[int] = []
        right: list[int] = []
        for s in np.unique(c.stratum).tolist():
            here = c.stratum == s
            joiners = np.flatnonzero(here & c.D)
            free = here & ~c.D & ~np.isin(c.rows, list(used))
            others = np.flatnonzero(free)
            a, b = _nearest(Z, joiners, others)
            left += a
            right += b
            alone += joiners.size - len(a)
        used.update(c.rows[right].tolist())
        mine += c.rows[left].tolist()
        theirs += c.rows[right].tolist()
        difference += (c.y[left] - c.y[right]).tolist()
        for j, name in enumerate(names):
            spread = float(np.sqrt((X[c.D, j].var() + X[~c.D, j].var()) / 2))
            if spread > 0 and left:
                before = float(X[c.D, j].mean() - X[~c.D, j].mean()) / spread
                after = float((X[left, j] - X[right, j]).mean()) / spread
                gaps.setdefault(name, []).append((before, after, len(left)))
    gap = tuple(
        (
            name,
            float(np.average([f[0] for f in found], weights=[f[2] for f in found])),
            float(np.average([f[1] for f in found], weights=[f[2] for f in found])),
        )
        for name, found in gaps.items()
    )
    return Pairs(
        joiner=np.array(mine, dtype=np.int64),
        other=np.array(theirs, dtype=np.int64),
        difference=np.array(difference),
        gap=gap,
        alone=alone,
    )


def _nearest(Z: Floats, joiners: Ints, others: Ints) -> tuple[list[int], list[int]]:
    """Nearest pairs first; those whose nearest are all taken look further in the next round."""
    left: list[int] = []
    right: list[int] = []
    waiting, free = joiners, others
    while waiting.size and free.size:
        k = min(NEAREST, free.size)
        distance, at = cKDTree(Z[free]).query(Z[waiting], k=k)
        distance = np.asarray(distance).reshape(waiting.size, k)
        at = np.asarray(at).reshape(waiting.size, k)
        order = np.argsort(distance, axis=None, kind="stable")
        matched = np.zeros(waiting.size, dtype=np.bool_)
        taken = np.zeros(free.size, dtype=np.bool_)
        for i, j in zip((order // k).tolist(), at.ravel()[order].tolist(), strict=True):
            if not matched[i] and not taken[j]:
                matched[i] = taken[j] = True
                left.append(int(waiting[i]))
                right.append(int(free[j]))
        waiting, free = waiting[~matched], free[~taken]
    return left, right
