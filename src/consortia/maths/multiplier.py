"""The multiplier bootstrap of influence functions, and the critical values of uniform bands.

A draw is ``sum_c xi_c psi_c`` over clusters c with weights of mean 0 and variance 1. Gaussian
weights make it exactly N(0, V) given the data, whatever the number of providers; other weights
need one matrix product of the weights with the cluster sums.
"""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from consortia.maths.influence import Floats, Influence, Ints

Multiplier = Literal["gaussian", "rademacher", "mammen", "webb"]
Weights = NDArray[np.float32]
_BLOCK = 1 << 19
"""Weights held at once (2 MB): they are made, used and forgotten within the cache."""


def gaussian_draws(V: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """(draws, m) from N(0, V); V may be singular."""
    values, vectors = np.linalg.eigh(V)
    keep = values > 1e-14 * max(float(values[-1]), 0.0)
    root = vectors[:, keep] * np.sqrt(values[keep])
    return rng.standard_normal((draws, int(keep.sum()))) @ root.T


def multiplier_draws(
    influence: Influence,
    rows: Ints,
    label: Ints | None,
    n_labels: int,
    multiplier: Multiplier,
    draws: int,
    rng: np.random.Generator,
) -> Floats:
    """(draws, r) of the effects ``rows`` (r,), weights drawn by cluster.

    ``label`` (n,) in 0..n_labels-1, or None when every provider is its own cluster. Weights are
    held in single precision, so that a draw is good to about six digits.
    """
    if label is not None:
        influence = Influence(psi=influence.sums(label, n_labels)[:, rows])
        rows = np.arange(rows.size)
    out = np.zeros((draws, rows.size))
    blocks = influence.blocks(max(_BLOCK // draws, 1))
    for p, of_path in itertools.groupby(blocks, key=lambda block: block[0]):
        total = sum(
            (_weighted_sums(z, multiplier, draws, rng) for _, _, z in of_path),
            start=np.zeros(()),
        )
        out += influence.onto(p, total)[:, rows]
    return out


def _weighted_sums(
    z: Floats, multiplier: Multiplier, draws: int, rng: np.random.Generator
) -> Floats:
    """xi z (draws, k) for fresh weights xi (draws, rows of z)."""
    n = z.shape[0]
    narrow = z.astype(np.float32)
    if multiplier == "rademacher":
        # Bits b in {0, 1} stand for 2b - 1: the product is taken with the bits themselves.
        octets = rng.integers(0, 256, size=(draws, -(-n // 8)), dtype=np.uint8)
        bits = np.unpackbits(octets, axis=1, count=n)
        return 2.0 * (bits.astype(np.float32) @ narrow) - z.sum(axis=0)
    if multiplier == "mammen":
        # Two points, -(sqrt 5 - 1)/2 with probability (sqrt 5 + 1)/(2 sqrt 5) (Mammen 1993).
        root = float(np.sqrt(5.0))
        down, up, share = (1 - root) / 2, (1 + root) / 2, (root + 1) / (2 * root)
        high = (rng.random((draws, n), dtype=np.float32) >= share).astype(np.float32)
        return (up - down) * (high @ narrow) + down * z.sum(axis=0)
    if multiplier == "webb":
        # Six points (Webb 2023): plus and minus the roots of 1/2, 1 and 3/2.
        points = np.sqrt(np.array([0.5, 1.0, 1.5]))
        table = np.concatenate([-points, points]).astype(np.float32)
        xi = table[rng.integers(0, 6, size=(draws, n), dtype=np.uint8)]
        return (xi @ narrow).astype(np.float64)
    xi = rng.standard_normal((draws, n), dtype=np.float32)
    return (xi @ narrow).astype(np.float64)


def sup_t(draws: Floats, se: Floats, family: Ints, level: float) -> Floats:
    """Critical value (m,) of each effect's family: the ``level`` quantile of max_j |draw_j| / se_j.

    Studentised by the analytic standard error. Callaway & Sant'Anna's code divides by the scaled
    interquartile range of the draws instead; both estimate the same spread, and the analytic one
    carries no simulation error.
    """
    out = np.full(se.size, np.nan)
    ratio = np.abs(draws) / se
    for code in np.unique(family).tolist():
        here = np.flatnonzero(family == code)
        out[here] = np.quantile(ratio[:, here].max(axis=1), level)
    return out
