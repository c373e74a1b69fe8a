"""Spatial covariance (Conley 1999) from influence functions: the nearer, the more dependent.

``V = sum_ij K(d_ij) psi_i psi_j'``. A provider's psi is already summed over its years, so that any
dependence over time, within a provider and between near ones, is allowed for.
"""

# The papers' letters are upper case and not constants.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from consortia.maths.influence import Bools, Floats, Influence, Ints

Falloff = Literal["uniform", "bartlett", "askey"]
_ROWS = 2048


def falloff(distance: Floats, cutoff: float, kernel: Falloff) -> Floats:
    """K(d): "uniform" 1, "bartlett" 1 - d / cutoff, "askey" (1 - d / cutoff)^2; 0 further away.

    Of the three only Askey's is positive definite in the plane and in space (Askey 1973; Gneiting
    2002), and so gives a covariance without negative eigenvalues whatever the places.
    """
    near = np.maximum(1 - distance / cutoff, 0.0)
    if kernel == "uniform":
        return (distance <= cutoff).astype(np.float64)
    return near if kernel == "bartlett" else near**2


def covariance(
    influence: Influence, points: Floats, cutoff: float, kernel: Falloff = "bartlett"
) -> tuple[Floats, bool]:
    """Covariance (m, m), and whether negative eigenvalues had to be set to zero.

    ``points`` (n, 2) or (n, 3) in metres (:mod:`consortia.maths.places`); a provider with a NaN
    there counts as far from all others. Providers at one place are added up first; then each block
    of places meets those within the cutoff, found by a KD-tree, so that memory stays flat.
    Raises ValueError unless the cutoff is positive and finite.
    """
    if not (np.isfinite(cutoff) and cutoff > 0):
        raise ValueError(f"the cutoff must be positive and finite, not {cutoff}")
    label, at = sites(points)
    known = np.isfinite(at).all(axis=1)
    U = influence.sums(label, at.shape[0])
    used = U.any(axis=1)
    V = U[~known].T @ U[~known]
    V += _spread(U[known & used], at[known & used], cutoff, kernel)
    V = (V + V.T) / 2
    values, vectors = np.linalg.eigh(V)
    if values.size == 0 or values[0] >= -1e-12 * max(values[-1], 0.0):
        return V, False
    return (vectors * np.maximum(values, 0.0)) @ vectors.T, True


def sites(points: Floats) -> tuple[Ints, Floats]:
    """Code (n,) of each provider's place and the places (S, d); each unknown place is its own."""
    known = np.isfinite(points).all(axis=1)
    at, code = np.unique(points[known], axis=0, return_inverse=True)
    label = np.empty(points.shape[0], dtype=np.int64)
    label[known] = code.reshape(-1)
    lone = int((~known).sum())
    label[~known] = at.shape[0] + np.arange(lone)
    return label, np.concatenate([at, np.full((lone, points.shape[1]), np.nan)])


def _spread(U: Floats, at: Floats, cutoff: float, kernel: Falloff) -> Floats:
    """``sum_ab K(d_ab) U_a U_b'`` over places."""
    m = U.shape[1]
    V = np.zeros((m, m))
    if U.shape[0] == 0:
        return V
    # Blocks of places that lie together meet few others.
    step = np.floor(at / cutoff)
    order = np.lexsort((*at.T[::-1], *step.T[::-1]))
    U, at = U[order], at[order]
    tree = cKDTree(at)
    for begin in range(0, at.shape[0], _ROWS):
        block = slice(begin, min(begin + _ROWS, at.shape[0]))
        pairs = cKDTree(at[block]).sparse_distance_matrix(
            tree, cutoff * (1 + 1e-9), output_type="ndarray"
        )
        i, j = pairs["i"].astype(np.int64), pairs["j"].astype(np.int64)
        d = np.sqrt(((at[block][i] - at[j]) ** 2).sum(axis=1))
        K = sparse.csr_array(
            (falloff(d, cutoff, kernel), (i, j)), shape=(block.stop - block.start, at.shape[0])
        )
        V += U[block].T @ np.asarray(K @ U)
    return V


def standard_errors(V: Floats) -> Floats:
    """Square roots (m,) of the diagonal, NaN where it is not positive."""
    variance = np.diag(V).copy()
    return np.sqrt(np.where(variance > 0, variance, np.nan))


def incidence_of(label: Ints) -> sparse.csr_array:
    """(n, C) of one label (n,) each, as :func:`consortia.maths.inference.infer` takes clusters; for
    markets from :func:`consortia.maths.places.markets`. A label below zero is no cluster."""
    _check_label(label)
    rows: Bools = label >= 0
    count = rows.astype(np.int64)
    return sparse.csr_array(
        (np.ones(int(count.sum())), label[rows], np.concatenate([[0], np.cumsum(count)])),
        shape=(label.size, int(label.max(initial=-1)) + 1),
    )


def _check_label(label: Ints) -> None:
    if label.ndim != 1:
        raise ValueError(f"label must be (n,), not {label.shape}")
