"""One evaluation of the model where too many effects remain for a dense Schur complement.

``M = I + L'Z'WZ L`` is factorised sparse: by qdldl (LDL', Apache-2.0, an optional extra) with one
symbolic analysis for all evaluations, or else by SuperLU of SciPy, some ten times slower. The
traces of the gradient, which would need the inverse on the pattern of the factor, are central
differences of log|M| instead; all else is exact. Kenward-Roger takes the dense path once, at the
optimum (``degrees``).

Where the factor fills up, dense linear algebra is faster for all its idle multiplications: the
operations of the first factorisation decide (``slower``)."""

# The paper's letters are capitals.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

from consortia.maths.influence import Floats, Ints
from consortia.maths.mixed.cross import Cross, diagonal

DENSE_TO = 8_000
"""Number of effects beside the eliminated terms up to which the dense path can be had."""
_BY_NUMBER = 15.0
"""Time of one operation of qdldl in those of the dense path (measured: 12 to 20)."""
_SUPERLU = 10.0
"""The same of SuperLU in those of qdldl."""
_STEP = 5e-4
"""Relative step of the differences: error of order its square."""


@dataclass(slots=True)
class _Factor:
    """A factorisation that is made again when another point is asked for."""

    N: sparse.csc_array
    holds: Floats | None = None
    solve: Callable[[Floats], Floats] | None = None
    logdet: float = 0.0
    operations: float = 0.0
    scratch: dict[str, Any] = field(default_factory=dict[str, Any])

    def at(self, cross: Cross, L: list[Floats]) -> tuple[Callable[[Floats], Floats], float]:
        """Solver and log-determinant of M at the relative factors L."""
        now = np.concatenate([f.ravel() for f in L])
        if self.holds is None or self.solve is None or not np.array_equal(now, self.holds):
            M = self._matrix(cross, L)
            qdldl = _qdldl()
            if qdldl is None:
                self._superlu(M)
            else:
                self._qdldl(qdldl, M)
            self.holds = now
        assert self.solve is not None
        return self.solve, self.logdet

    def _matrix(self, cross: Cross, L: list[Floats]) -> sparse.csc_array:
        if all(f.shape[0] == 1 for f in L):
            l = diagonal(cross, L)
            M = self.N.copy()
            M.data *= l[M.indices]
            M.data *= np.repeat(l, np.diff(M.indptr))
        else:
            Lam = block_diagonal(cross, L)
            M = sparse.csc_array(Lam.T @ self.N @ Lam)
        M = sparse.csc_array(M + sparse.eye_array(M.shape[0], format="csc"))
        M.sort_indices()
        return M

    def _qdldl(self, qdldl: Any, M: sparse.csc_array) -> None:
        pattern = (M.nnz, M.indptr, M.indices)
        before = self.scratch.get("pattern")
        same = (
            before is not None
            and before[0] == pattern[0]
            and np.array_equal(before[1], pattern[1])
            and np.array_equal(before[2], pattern[2])
        )
        if same:
            self.scratch["solver"].update(sparse.csc_matrix(M))
        else:
            self.scratch["solver"] = qdldl.Solver(sparse.csc_matrix(M))
            self.scratch["pattern"] = pattern
        low, D, _ = self.scratch["solver"].factors()
        D = np.asarray(D)
        self.operations = _operations(np.asarray(low.indptr))
        if not (D > 0).all():
            raise np.linalg.LinAlgError("the covariance is not positive definite")
        self.logdet = float(np.log(D).sum())
        self.solve = self.scratch["solver"].solve

    def _superlu(self, M: sparse.csc_array) -> None:
        lu = linalg.splu(
            M, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )
        pivots = lu.U.diagonal()
        if not (pivots > 0).all():
            raise np.linalg.LinAlgError("the covariance is not positive definite")
        self.logdet = float(np.log(pivots).sum())
        self.operations = _SUPERLU * _operations(np.asarray(lu.L.indptr, dtype=np.int64))
        self.solve = lu.solve


def _operations(indptr: Ints) -> float:
    """Multiplications of a factorisation, from the sizes of the columns of the factor."""
    return float((np.diff(indptr).astype(np.float64) ** 2).sum())


def slower(cross: Cross, L: list[Floats]) -> bool:
    """Whether a search on the sparse path would take longer than on the dense one: a point of the
    search takes one factorisation, and two for each derivative."""
    rest = cross.q - cross.q1
    if rest > DENSE_TO:
        return False
    factor = _factor(cross)
    factor.at(cross, L)
    points = 1 + 2 * sum(f.shape[0] * (f.shape[0] + 1) // 2 for f in L)
    return _BY_NUMBER * points * factor.operations > float(rest) ** 3


@lru_cache(maxsize=1)
def _qdldl() -> Any:
    try:
        return importlib.import_module("qdldl")
    except ImportError:
        return None


def _factor(cross: Cross) -> _Factor:
    held = cross.store.get("factor")
    if not isinstance(held, _Factor):
        held = cross.store["factor"] = _Factor(N=normal(cross))
    return held


def normal(cross: Cross) -> sparse.csc_array:
    """``Z'WZ`` (q, q) with its diagonal stored."""
    N12 = sparse.csr_array(cross.N12)
    if cross.q1:
        N22 = sparse.csr_array(cross.N22)
        N21 = sparse.csr_array(N12.T)
        N = sparse.block_array([[cross.within(), N12], [N21, N22]], format="csc")
    else:
        N = sparse.csc_array(cross.N22)
    return sparse.csc_array(N)


def block_diagonal(cross: Cross, L: list[Floats]) -> sparse.csr_array:
    """L (q, q), block-diagonal over levels, with zeros stored so that the pattern never moves."""
    rows: list[Ints] = []
    cols: list[Ints] = []
    data: list[Floats] = []
    for k, f in enumerate(L):
        c = f.shape[0]
        at: Ints = cross.offset[k] + np.arange(cross.levels[k], dtype=np.int64) * c
        for a in range(c):
            for b in range(a + 1):
                rows.append(at + a)
                cols.append(at + b)
                data.append(np.full(at.size, f[a, b]))
    made = sparse.coo_array(
        (np.concatenate(data), (np.concatenate(rows), np.concatenate(cols))),
        shape=(cross.q, cross.q),
    )
    return sparse.csr_array(made.tocsr())


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """Products with the inverse of the relative covariance V at one point; see ``dense.Solved``."""

    cross: Cross
    L: list[Floats]
    logdet: float
    A: Floats
    H: Floats

    def times(self, g: Floats) -> Floats:
        """``Z'V^-1Z g`` (q, r) for g (q, r)."""
        factor = _factor(self.cross)
        Ng = np.asarray(factor.N @ g)
        return Ng - np.asarray(factor.N @ _inner(self.cross, self.L, Ng))

    def trace(self, term: int) -> Floats:
        """Sum (c, c) over levels of the diagonal blocks of Z_k'V^-1Z_k, by central differences."""
        cross, c = self.cross, self.cross.terms[term].width
        O = self.L[term] @ self.L[term].T
        n = cross.diagonal(term).mean(axis=0).diagonal()
        size = np.sqrt(np.maximum(np.diag(O), 1e-2 / np.maximum(n, 1e-300)))
        out = np.zeros((c, c))
        for a in range(c):
            for b in range(a + 1):
                h = _STEP * size[a] * size[b]
                if a != b and cross.terms[term].covariance == "diagonal":
                    continue
                E = np.zeros((c, c))
                E[a, b] = E[b, a] = h
                high, low = self._logdet(term, O + E), self._logdet(term, O - E)
                if np.isnan(low):
                    # On the boundary: second-order difference from one side.
                    further = self._logdet(term, O + 2 * E)
                    value = (4 * high - further - 3 * self.logdet) / (2 * h)
                else:
                    value = (high - low) / (2 * h)
                out[a, b] = out[b, a] = value if a == b else value / 2
        return out

    def _logdet(self, term: int, O: Floats) -> float:
        try:
            f: Floats = np.asarray(np.linalg.cholesky(O), dtype=np.float64)
        except np.linalg.LinAlgError:
            return np.nan
        L = [f if k == term else g for k, g in enumerate(self.L)]
        return _factor(self.cross).at(self.cross, L)[1]

    def blocks(self, term: int) -> Floats:
        """Diagonal blocks (levels, c, c) of Z_k'V^-1Z_k: one solution per effect."""
        cross = self.cross
        c, q = cross.terms[term].width, cross.levels[term]
        N = _factor(cross).N
        start = cross.offset[term]
        out = np.empty((q, c, c))
        for j in range(q):
            s = slice(start + j * c, start + (j + 1) * c)
            Nj = N[:, s].toarray()
            out[j] = Nj[s] - Nj.T @ _inner(cross, self.L, Nj)
        return out


def _inner(cross: Cross, L: list[Floats], g: Floats) -> Floats:
    """``L M^-1 L' g`` (q, r)."""
    run, _ = _factor(cross).at(cross, L)
    if all(f.shape[0] == 1 for f in L):
        l = diagonal(cross, L)[:, None]
        return l * _each(run, l * g)
    Lam = block_diagonal(cross, L)
    return np.asarray(Lam @ _each(run, np.asarray(Lam.T @ g)))


def _each(run: Callable[[Floats], Floats], g: Floats) -> Floats:
    return np.column_stack([run(np.ascontiguousarray(g[:, j])) for j in range(g.shape[1])])


def solve(cross: Cross, L: list[Floats]) -> Solved:
    """Evaluate the model at the relative factors L."""
    _, logdet = _factor(cross).at(cross, L)
    TR = _inner(cross, L, cross.R)
    A = cross.D - cross.R.T @ TR
    return Solved(
        cross=cross, L=L, logdet=logdet, A=(A + A.T) / 2,
        H=cross.R - np.asarray(_factor(cross).N @ TR),
    )  # fmt: skip
