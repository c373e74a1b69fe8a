"""Influence functions, dense or factored.

Convention: ``theta_hat - theta = sum_i psi_i + small``, so the variance is ``psi' psi`` when
providers are independent, with no power of n anywhere else.

An estimator on a panel without missing cells and without covariates has an influence function that
is linear in a provider's outcomes with coefficients that depend on its path (cohort, stratum) only:
``psi_i = B[path_i] @ z_i``. Keeping (Z, path, B) instead of psi costs n x k numbers, whatever the
number of effects, and gives the variance from one k x k cross-product per path. With ``centre`` the
z_i are ``scale_i * (Z_i - centre[path_i], 1)``, so that Z may be the outcome matrix itself, neither
copied nor centred beforehand, and nothing is lost to cancellation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def sort_by_path(path: Ints, n_paths: int) -> tuple[Ints, Ints]:
    """Stable order (n,) of providers by path, and where each path starts (n_paths + 1,)."""
    # NumPy sorts 16-bit integers by radix, ten times faster than 64-bit ones by comparison.
    keys = path.astype(np.int16) if n_paths < 2**15 else path
    order = np.argsort(keys, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(path, minlength=n_paths))])
    return order, starts.astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some providers ``rows`` (r,) with their own columns: ``psi = Z @ B.T``.

    Z is (r, k), B (m, k).
    """

    rows: Ints
    Z: Floats
    B: Floats


@dataclass(frozen=True, kw_only=True)
class Influence:
    """Influence of n providers on m effects.

    Either ``psi`` (n, m); or ``Z`` (n, k) with ``path`` (n,) in 0..P-1 and ``B`` (P, m, k); or
    these with ``centre`` (P, k) and ``B`` (P, m, k + 1), where ``scale`` (n,) is 1 if None and
    ``moments`` (P, k + 1, k + 1) may carry ``sum z z'`` by path if it is known already. ``order``
    may carry the result of :func:`sort_by_path`. Rows of Z whose path has B = 0 are never read.
    Or ``parts``, no provider in two of them, out of ``n_providers``.

    Raises ValueError for an incomplete set.
    """

    psi: Floats | None = None
    Z: Floats | None = None
    path: Ints | None = None
    B: Floats | None = None
    centre: Floats | None = None
    scale: Floats | None = None
    moments: Floats | None = None
    order: tuple[Ints, Ints] | None = None
    parts: tuple[Part, ...] | None = None
    n_providers: int = 0

    def __post_init__(self) -> None:
        factored = self.Z is not None and self.path is not None and self.B is not None
        if (self.psi is not None) + factored + bool(self.parts) != 1:
            raise ValueError("give either psi, or all of Z, path and B, or parts")
        if self.Z is not None and self.B is not None:
            wide = self.Z.shape[1] + (self.centre is not None)
            if self.B.shape[2] != wide:
                raise ValueError(f"B has {self.B.shape[2]} columns where z has {wide}")

    @property
    def n(self) -> int:
        if self.parts:
            return self.n_providers
        return int((self.psi if self.psi is not None else self._Z).shape[0])

    @property
    def m(self) -> int:
        if self.psi is not None:
            return int(self.psi.shape[1])
        return int(self._of(0).shape[0])

    @property
    def _Z(self) -> Floats:
        assert self.Z is not None
        return self.Z

    @property
    def _path(self) -> Ints:
        assert self.path is not None
        return self.path

    def _of(self, p: int) -> Floats:
        """The matrix (m, k) of path or part p."""
        if self.parts:
            return self.parts[p].B
        assert self.B is not None
        return self.B[p]

    @property
    def _paths(self) -> int:
        if self.parts:
            return len(self.parts)
        return 1 if self.B is None else int(self.B.shape[0])

    @cached_property
    def _by_path(self) -> tuple[Ints, Ints]:
        return self.order or sort_by_path(self._path, self._paths)

    @cached_property
    def active(self) -> Bools:
        """Paths or parts (P,) that have any influence; a dense psi is one path."""
        if self.psi is not None:
            return np.ones(1, dtype=np.bool_)
        return np.array([bool(self._of(p).any()) for p in range(self._paths)], dtype=np.bool_)

    def blocks(self, most: int = 1 << 62) -> Iterator[tuple[int, Ints | slice, Floats]]:
        """(path, rows, z) over active paths, at most ``most`` rows at a time; z is (rows, k)."""
        for p in np.flatnonzero(self.active).tolist():
            size = self.n
            if self.parts:
                size = self.parts[p].rows.size
            elif self.psi is None:
                size = int(self._by_path[1][p + 1] - self._by_path[1][p])
            for start in range(0, size, most):
                cut = slice(start, min(start + most, size))
                if self.parts:
                    yield p, self.parts[p].rows[cut], self.parts[p].Z[cut]
                elif self.psi is not None:
                    yield p, cut, self.psi[cut]
                else:
                    order, starts = self._by_path
                    rows = order[int(starts[p]) + cut.start : int(starts[p]) + cut.stop]
                    yield p, rows, self._z(p, rows)

    def _z(self, p: int, rows: Ints) -> Floats:
        if self.centre is None:
            return self._Z[rows]
        k = self._Z.shape[1]
        z = np.empty((rows.size, k + 1))
        np.subtract(self._Z[rows], self.centre[p], out=z[:, :k])
        z[:, k] = 1.0
        if self.scale is not None:
            z *= self.scale[rows, None]
        return z

    def onto(self, p: int, values: Floats) -> Floats:
        """Sums of z on path p, (..., k), turned into sums of psi, (..., m)."""
        return values if self.psi is not None else values @ self._of(p).T

    def dense(self) -> Floats:
        """psi (n, m)."""
        if self.psi is not None:
            return self.psi
        out = np.zeros((self.n, self.m))
        for p, rows, z in self.blocks():
            out[rows] = self.onto(p, z)
        return out

    def combine(self, L: Floats) -> Influence:
        """Influence of ``L @ theta``; L is (q, m)."""
        if self.psi is not None:
            return Influence(psi=self.psi @ L.T)
        if self.parts:
            parts = tuple(Part(rows=x.rows, Z=x.Z, B=L @ x.B) for x in self.parts)
            return replace(self, parts=parts)
        assert self.B is not None
        return replace(self, B=np.einsum("qm,pmk->pqk", L, self.B))

    def gram(self) -> Floats:
        """sum_i psi_i psi_i' (m, m)."""
        if self.psi is not None:
            return self.psi.T @ self.psi
        total = np.zeros((self.m, self.m))
        if self.moments is not None:
            for p in np.flatnonzero(self.active).tolist():
                total += self._of(p) @ self.moments[p] @ self._of(p).T
            return total
        for p, _, z in self.blocks():
            total += self._of(p) @ (z.T @ z) @ self._of(p).T
        return total

    def sums(self, label: Ints, n_labels: int) -> Floats:
        """psi summed by label (n_labels, m); label is (n,) in 0..n_labels-1."""
        out = np.zeros((n_labels, self.m))
        for p, rows, z in self.blocks():
            here = label[rows]
            pick = sparse.csr_array(
                (np.ones(here.size), (here, np.arange(here.size))), shape=(n_labels, here.size)
            )
            out += self.onto(p, np.asarray(pick @ z))
        return out

    def touched(self) -> Bools:
        """Providers (n,) with any influence: those that the answer rests on."""
        if self.psi is not None:
            return np.asarray(self.psi.any(axis=1), dtype=np.bool_)
        if self.parts:
            out = np.zeros(self.n, dtype=np.bool_)
            for p in np.flatnonzero(self.active).tolist():
                part = self.parts[p]
                out[part.rows] = part.Z[:, part.B.any(axis=0)].any(axis=1)
            return out
        return self.active[self._path]
