"""One evaluation of the model: largest term in closed form, dense Schur complement for the rest.

Relative to s2, ``V = W^-1 + Z1 O1 Z1' + Z2 O2 Z2'`` with ``O = L L'``. With ``V1 = W^-1 + Z1 O1
Z1'`` everything of the form ``[Z X y]'V1^-1[Z X y]`` follows level by level from ``(I + N_j
O1)^-1`` (block by block where Z1 holds several terms: ``joint``); the Woodbury identity then adds
the rest through ``S = I + L2'C22 L2``. Nothing is divided by L, so components at zero need no
special case."""

# The paper's letters are capitals.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import blas, lapack

from consortia.maths.influence import Floats, Ints
from consortia.maths.mixed import joint
from consortia.maths.mixed.cross import Cross, diagonal, own
from consortia.maths.mixed.statistics import Table

_CHUNK = 4_000_000
"""Numbers of a dense slab (levels of the eliminated term x other effects) held at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """Products with the inverse of the relative covariance V at one point.

    ``logdet`` is log|V| + log|W|; ``A`` (p + 1, p + 1) = [X y]'V^-1[X y]; ``H`` (q, p + 1) =
    Z'V^-1[X y]. ``B``, ``U`` (q1, Q2), ``C`` (Q2, Q2) are Z'V1^-1Z by blocks, B as (levels, c1,
    c1) of the one eliminated term or as a sparse matrix (q1, q1) of several;
    ``K`` (Q2, Q2) = L2 S^-1 L2'; ``Si`` (Q2, Q2) = S^-1."""

    cross: Cross
    L: list[Floats]
    logdet: float
    A: Floats
    H: Floats
    B: Floats | sparse.csr_array
    U: Table
    C: Floats
    K: Floats
    Si: Floats

    def times(self, g: Floats) -> Floats:
        """``Z'V^-1Z g`` (q, r) for g (q, r)."""
        q1 = self.cross.q1
        g1, g2 = g[:q1], g[q1:]
        t = np.asarray(self.U.T @ g1) + self.C @ g2
        Kt = self.K @ t
        if isinstance(self.B, np.ndarray):
            n, c, _ = self.B.shape
            own = (self.B @ g1.reshape(n, c, g.shape[1])).reshape(q1, g.shape[1])
        else:
            own = np.asarray(self.B @ g1)
        return np.concatenate([own + np.asarray(self.U @ (g2 - Kt)), t - self.C @ Kt])

    def trace(self, term: int) -> Floats:
        """Sum (c, c) over levels of the diagonal blocks of Z_k'V^-1Z_k."""
        cross = self.cross
        c = cross.terms[term].width
        if not isinstance(self.B, np.ndarray) and term in cross.eliminated:
            s = cross.span(term)
            total = float(self.B.diagonal()[s].sum())
            return np.array([[total - _inner(self.K, self.U[s], self.U[s])]])
        if isinstance(self.B, np.ndarray) and term in cross.eliminated:
            out = self.B.sum(axis=0)
            if self.K.size:
                for a in range(c):
                    Ua = self.U[a::c]
                    for b in range(a + 1):
                        out[a, b] -= _inner(self.K, Ua, self.U[b::c])
                        out[b, a] = out[a, b]
            return out
        at = _places(cross, term)
        quick = self._quick(term, at)
        if quick is not None:
            return quick
        X = self._half(np.sort(at.ravel()))
        out = np.empty((c, c))
        for a in range(c):
            for b in range(a + 1):
                out[a, b] = self.C[at[:, a], at[:, b]].sum() - np.vdot(X[:, a::c], X[:, b::c])
                out[b, a] = out[a, b]
        return out

    def _quick(self, term: int, at: Ints) -> Floats | None:
        """The trace from S^-1 alone, L^-T (I - S^-1) L^-1, where that costs no digits."""
        L = self.L[term]
        size = np.abs(np.diag(L))
        weight = size.min() ** 2 * np.diag(self.C)[at].mean(axis=0).min()
        if size.min() <= 1e-3 * np.abs(L).max() or weight < 1e-2:
            return None
        c = L.shape[0]
        total = np.array([[self.Si[at[:, a], at[:, b]].sum() for b in range(c)] for a in range(c)])
        inverse = np.linalg.inv(L)
        return inverse.T @ (at.shape[0] * np.eye(c) - total) @ inverse

    def _half(self, columns: Ints) -> Floats:
        """X (Q2, r) with X'X = C K C for the named columns of C."""
        R, _ = lapack.dpotrf(self._S(), lower=0)
        right = scale(self.cross, self.L, self.C[:, columns], transpose=True)
        return blas.dtrsm(1.0, R, right, trans_a=1)

    def _S(self) -> Floats:
        return schur(self.cross, self.L, self.C)

    def blocks(self, term: int) -> Floats:
        """Diagonal blocks (levels, c, c) of Z_k'V^-1Z_k."""
        cross = self.cross
        c, q = cross.terms[term].width, cross.levels[term]
        if term not in cross.eliminated:
            at = _places(cross, term)
            out = np.empty((q, c, c))
            CK = self.C[at.ravel()] @ self.K
            CK = CK.reshape(q, c, -1)
            for a in range(c):
                for b in range(c):
                    inner = np.einsum("jm,jm->j", CK[:, a], self.C[at[:, b]])
                    out[:, a, b] = self.C[at[:, a], at[:, b]] - inner
            return out
        if isinstance(self.B, np.ndarray):
            out = self.B.copy()
        else:
            out = self.B.diagonal()[cross.span(term)].reshape(-1, 1, 1)
        if not self.K.size:
            return out
        U = self.U[cross.span(term)]
        if not isinstance(U, np.ndarray):
            rows = [sparse.csr_array(U[a::c]) for a in range(c)]
            for a in range(c):
                for b in range(a + 1):
                    out[:, a, b] -= _meet(rows[a], self.K, rows[b])
                    out[:, b, a] = out[:, a, b]
            return out
        step = max(1, _CHUNK // max(1, c * self.K.shape[0]))
        for start in range(0, q, step):
            stop = min(start + step, q)
            part = U[start * c : stop * c]
            UK = (part @ self.K).reshape(stop - start, c, self.K.shape[0])
            out[start:stop] -= UK @ part.reshape(stop - start, c, -1).transpose(0, 2, 1)
        return out

    def full(self, term: int) -> Floats:
        """``Z_k'V^-1Z_k`` (levels c, levels c)."""
        cross = self.cross
        if term in cross.eliminated:
            s = cross.span(term)
            U = self.U[s]
            U = U if isinstance(U, np.ndarray) else U.toarray()
            out = -(U @ self.K @ U.T)
            if not isinstance(self.B, np.ndarray):
                return out + self.B[s, s].toarray()
            n, c, _ = self.B.shape
            at: Ints = np.arange(n, dtype=np.int64) * c
            for a in range(c):
                for b in range(c):
                    out[at + a, at + b] += self.B[:, a, b]
            return out
        at = _places(cross, term).ravel()
        return self.C[np.ix_(at, at)] - self.C[at] @ self.K @ self.C[at].T


def _places(cross: Cross, term: int) -> Ints:
    """Places (levels, c) of a term's effects among those that are not eliminated."""
    c = cross.terms[term].width
    start = cross.offset[term] - cross.q1
    return start + np.arange(cross.levels[term] * c).reshape(-1, c)


def _inner(K: Floats, Ua: Table, Ub: Table) -> float:
    """``tr(Ua K Ub')``."""
    product = Ua.T @ Ub
    if isinstance(product, np.ndarray):
        return float(np.vdot(K, product))
    coo = sparse.coo_array(product)
    row, col = coo.coords
    return float(np.dot(K[row, col], coo.data))


def _meet(A: sparse.csr_array, K: Floats, B: sparse.csr_array) -> Floats:
    """``a_j' K b_j`` for every row j of two sparse matrices: only the cells of K that they meet."""
    na, nb = np.diff(A.indptr).astype(np.int64), np.diff(B.indptr).astype(np.int64)
    out = np.zeros(na.size)
    ends = np.cumsum(na * nb)
    start = 0
    while start < na.size:
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _CHUNK, side="right")))
        row = np.repeat(np.arange(start, stop), (na * nb)[start:stop])
        within = np.arange(row.size) - (np.concatenate([[0], ends])[row] - before)
        left = A.indptr[row] + within // np.maximum(nb[row], 1)
        right = B.indptr[row] + within % np.maximum(nb[row], 1)
        value = A.data[left] * K[A.indices[left], B.indices[right]] * B.data[right]
        out[start:stop] = np.bincount(row - start, weights=value, minlength=stop - start)
        start = stop
    return out


def scale(cross: Cross, L: list[Floats], M: Floats, *, transpose: bool) -> Floats:
    """``L2 M`` or ``L2'M`` for M (Q2, r), L2 block-diagonal over levels."""
    if all(L[k].shape[0] == 1 for k in cross.order):
        return M * _diagonal(cross, L)[:, None]
    out = np.empty_like(M)
    for k in cross.order:
        c = L[k].shape[0]
        s = cross.span(k)
        part = slice(s.start - cross.q1, s.stop - cross.q1)
        f = L[k].T if transpose else L[k]
        block = M[part].reshape(-1, c, M.shape[1])
        out[part] = (f @ block).reshape(-1, M.shape[1])
    return out


def _diagonal(cross: Cross, L: list[Floats]) -> Floats:
    return np.concatenate([np.full(cross.levels[k], L[k][0, 0]) for k in cross.order])


def schur(cross: Cross, L: list[Floats], C: Floats) -> Floats:
    """``S = I + L2'C L2`` (Q2, Q2)."""
    if all(L[k].shape[0] == 1 for k in cross.order):
        d = _diagonal(cross, L)
        S = C * d
        S *= d[:, None]
    else:
        S = scale(cross, L, scale(cross, L, C, transpose=True).T, transpose=True)
    S.flat[:: S.shape[0] + 1] += 1.0
    return S


def solve(cross: Cross, L: list[Floats]) -> Solved:
    """Evaluate the model at the relative factors L. LinAlgError if S is not positive definite."""
    q1 = cross.q1
    R1, R2 = cross.R[:q1], cross.R[q1:]
    logdet, B, U, C, B1, OJR = _first(cross, L)
    A = cross.D - R1.T @ OJR
    if not C.size:
        return Solved(
            cross=cross, L=L, logdet=logdet, A=(A + A.T) / 2, H=B1, B=B, U=U, C=C, K=C, Si=C
        )
    Cx = R2 - np.asarray(cross.N12.T @ OJR)
    R, info = lapack.dpotrf(schur(cross, L, C), lower=0)
    if info != 0:
        raise np.linalg.LinAlgError("the covariance of the random effects is not positive definite")
    logdet += 2.0 * float(np.log(np.diag(R)).sum())
    Si, info = lapack.dpotri(R, lower=0)
    if info != 0:
        raise np.linalg.LinAlgError("the covariance of the random effects cannot be inverted")
    lower = np.tril_indices_from(Si, -1) if Si.shape[0] < 64 else None
    if lower is not None:
        Si[lower] = Si.T[lower]
    else:
        Si = np.triu(Si) + np.triu(Si, 1).T
    if all(L[k].shape[0] == 1 for k in cross.order):
        l = _diagonal(cross, L)
        K = Si * l
        K *= l[:, None]
    else:
        K = scale(cross, L, scale(cross, L, Si, transpose=False).T, transpose=False)
    KCx = K @ Cx
    A = A - Cx.T @ KCx
    H = np.concatenate([B1 - np.asarray(U @ KCx), Cx - C @ KCx])
    return Solved(cross=cross, L=L, logdet=logdet, A=(A + A.T) / 2, H=H, B=B, U=U, C=C, K=K, Si=Si)


def _first(
    cross: Cross, L: list[Floats]
) -> tuple[float, Floats | sparse.csr_array, Table, Floats, Floats, Floats]:
    """The eliminated terms: log|W V1|, B, U, C, Z1'V1^-1[X y] and O1 times that."""
    q1, p1 = cross.q1, cross.p + 1
    R1 = cross.R[:q1]
    if cross.together is not None:
        e = joint.eliminate(cross.together, diagonal(cross, L)[:q1])
        N12 = sparse.csr_array(cross.N12)
        C = np.asarray(cross.N22) - (N12.T @ (e.T @ N12)).toarray()
        U = sparse.csr_array(e.J @ N12)
        return e.logdet, e.B, U, C, np.asarray(e.J @ R1), np.asarray(e.T @ R1)
    n1, c1, _ = cross.N11.shape
    O1 = L[cross.first] @ L[cross.first].T if cross.first >= 0 else np.zeros((1, 1))
    if c1 == 1:
        d = 1.0 + O1[0, 0] * cross.N11
        J = 1.0 / d
        logdet = float(np.log(d).sum())
    else:
        d = np.eye(c1) + cross.N11 @ O1
        J = np.asarray(np.linalg.inv(d), dtype=np.float64)
        logdet = float(np.linalg.slogdet(d)[1].sum())
    OJ = O1 @ J
    B1 = (J @ R1.reshape(n1, c1, p1)).reshape(q1, p1)
    OJR = (OJ @ R1.reshape(n1, c1, p1)).reshape(q1, p1)
    U, C = _absorb(cross, J, OJ)
    return logdet, J @ cross.N11, U, C, B1, OJR


def _absorb(cross: Cross, J: Floats, OJ: Floats) -> tuple[Table, Floats]:
    """U = Z1'V1^-1Z2 and C = Z2'V1^-1Z2."""
    N12 = cross.N12
    N22 = np.asarray(cross.N22)
    n1, c1, _ = cross.N11.shape
    if not n1 or not N22.size:
        return N12, N22
    if c1 == 1:
        j, oj = J[:, 0, 0], OJ[:, 0, 0]
        if isinstance(N12, np.ndarray):
            half = N12 * np.sqrt(oj)[:, None]
            return N12 * j[:, None], N22 - half.T @ half
        U, half = N12.copy(), N12.copy()
        per = np.diff(N12.indptr)
        U.data *= np.repeat(j, per)
        half.data *= np.repeat(np.sqrt(oj), per)
        return U, N22 - (half.T @ half).toarray()
    if isinstance(N12, np.ndarray):
        cube = N12.reshape(n1, c1, -1)
        U = (J @ cube).reshape(N12.shape)
        return U, N22 - N12.T @ (OJ @ cube).reshape(N12.shape)
    return sparse.csr_array(own(J) @ N12), N22 - (N12.T @ (own(OJ) @ N12)).toarray()
