"""Cohort moments: everything a balanced panel says about effects, from one pass over it.

Providers that share a path (cohort and stratum) compress to a weighted mean and one cross-product:
every linear estimator whose coefficients depend on the path alone has its estimate and its full
covariance from these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consortia.maths.influence import Floats, Ints, sort_by_path

_ROWS = 1 << 15
"""Providers gathered at once, so that the pass stays in cache and memory stays flat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """By path p of P: ``size`` (P,) providers, ``weight`` (P,) sum of w, ``mean`` (P, T) weighted
    mean of Y, ``cross`` (P, T + 1, T + 1) sum of ``z z'`` with ``z = w (Y - mean, 1)``; ``order``
    and ``starts`` as in sort_by_path. Skipped paths hold zeros."""

    size: Ints
    weight: Floats
    mean: Floats
    cross: Floats
    order: Ints
    starts: Ints


def moments(
    Y: Floats, w: Floats | None, path: Ints, n_paths: int, skip: Ints | None = None
) -> Moments:
    """Moments of Y (n, T), finite on every path not in ``skip``, with weights w (n,) (None = 1)."""
    T = Y.shape[1]
    order, starts = sort_by_path(path, n_paths)
    size = np.diff(starts)
    weight = np.zeros(n_paths)
    mean = np.zeros((n_paths, T))
    cross = np.zeros((n_paths, T + 1, T + 1))
    leave: set[int] = set() if skip is None else {int(p) for p in skip}
    for p in range(n_paths):
        if p in leave or size[p] == 0:
            continue
        pieces = [
            order[start : min(start + _ROWS, int(starts[p + 1]))]
            for start in range(int(starts[p]), int(starts[p + 1]), _ROWS)
        ]
        # Centre on the first provider: a cross-product about a far-off zero would lose digits.
        shift = Y[pieces[0][0]]
        total = np.zeros(T)
        first, second, square = np.zeros(T), np.zeros((T, T)), 0.0
        for rows in pieces:
            y = Y[rows]
            y -= shift
            if w is None:
                s = y.sum(axis=0)
                total += s
                first += s
                weight[p] += rows.size
                square += rows.size
            else:
                v = w[rows]
                total += v @ y
                y *= v[:, None]
                first += v @ y
                weight[p] += v.sum()
                square += float(v @ v)
            second += y.T @ y
        centre = total / weight[p]
        mean[p] = shift + centre
        # About the mean: sum w^2 (y - c)(y - c)' = S2 - c S1' - S1 c' + s2 c c'.
        cross[p, :T, :T] = (
            second
            - np.outer(centre, first)
            - np.outer(first, centre)
            + square * np.outer(centre, centre)
        )
        cross[p, :T, T] = cross[p, T, :T] = first - square * centre
        cross[p, T, T] = square
    return Moments(size=size, weight=weight, mean=mean, cross=cross, order=order, starts=starts)


def path_codes(cohort: Ints, stratum: Ints, T: int) -> tuple[Ints, Ints, Ints]:
    """Code (n,) of each (stratum, cohort) present, and the cohort (P,) and stratum (P,) of each."""
    key = stratum * (T + 1) + cohort
    present = np.flatnonzero(np.bincount(key))
    lookup = np.zeros(int(present[-1]) + 1 if present.size else 1, dtype=np.int64)
    lookup[present] = np.arange(present.size)
    return lookup[key], present % (T + 1), present // (T + 1)
