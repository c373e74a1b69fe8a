"""Small-sample inference for fixed effects: Kenward-Roger and Satterthwaite, from cross-products.

Kenward & Roger (1997, Biometrics 53) need, for V linear in the components (variances, covariances,
s2), the matrices ``P_i = -X'V^-1 V_i V^-1 X``, ``Q_ij = X'V^-1 V_i V^-1 V_j V^-1 X`` and the
traces ``tr(V^-1 V_i V^-1 V_j)``. With F = Z'V^-1Z and H = Z'V^-1X all of them are sums over F and
H: nothing of size n, and for the eliminated term nothing of size q1 squared either. ``W`` is the
inverse of the expected REML information, as there and in pbkrtest (Halekoh & Hojsgaard 2014, J.
Stat. Software 59(9))."""

# The paper's letters are capitals.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse as sp
from scipy import stats

from consortia.maths.influence import Floats
from consortia.maths.mixed import dense
from consortia.maths.mixed.cross import thicken
from consortia.maths.mixed.model import Component, basis, components
from consortia.maths.mixed.reml import Fit, Solved, project, unshifted
from consortia.maths.mixed.statistics import Table, thin
from consortia.maths.mixed.threads import one_thread

DENSE_TO = 6_000
"""Effects beside the eliminated terms up to which a fit on the sparse path is evaluated densely
for the traces: some ten matrices of that size (3 GB at the limit), and a minute or two."""
Method = Literal["kenward-roger", "satterthwaite"]
Information = Literal["expected", "average", "observed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallSample:
    """What small-sample inference needs, on the columns of X as given.

    ``beta`` (p,), ``Phi`` (p, p) its covariance with variances taken as known, ``Phi_A`` (p, p)
    the adjusted one of Kenward & Roger (None where too many effects remain), ``P`` (m, p, p) the
    derivatives of X'V^-1X in the components. ``expected`` (None likewise), ``average`` (m, m) are
    the information about the m components on the scale of the log-likelihood."""

    beta: Floats
    Phi: Floats
    Phi_A: Floats | None
    P: Floats
    expected: Floats | None
    average: Floats
    reml: bool

    def information(self, kind: Information) -> Floats:
        """Information (m, m). ValueError for expected or observed where too many effects remain."""
        if kind == "average":
            return self.average
        if self.expected is None:
            raise ValueError("too many effects: only the average information is available")
        # The average information is the mean of the other two.
        return self.expected if kind == "expected" else 2 * self.average - self.expected

    def covariance(self, kind: Information) -> Floats:
        """Covariance (m, m) of the estimated components."""
        return _invert(self.information(kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """A test of ``C beta = 0``: F statistic (with its scaling in it), degrees of freedom, p-value;
    for one row also the estimate and its standard error (else NaN)."""

    estimate: float
    std_error: float
    statistic: float
    df_top: int
    df: float
    p_value: float
    scaling: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Interval of one contrast by Student's t."""
        half = float(stats.t.ppf(0.5 + level / 2, self.df)) * self.std_error
        return self.estimate - half, self.estimate + half


def small_sample(fit: Fit) -> SmallSample:
    """The ingredients, from a fit. Without the Kenward-Roger ones where the fit is on the sparse
    path and more than DENSE_TO effects remain beside the eliminated terms."""
    with one_thread():
        return _small_sample(fit)


def _small_sample(fit: Fit) -> SmallSample:
    point, cross, s2 = fit.point, fit.cross, fit.s2
    p = cross.p
    found = components(fit.terms)
    m = len(found)
    A = point.solved.A[:p, :p]
    H = point.solved.H[:, :p]
    Phi = s2 * point.Phi
    # G_i = (I x E_i) H_k in its place, for every component of a term; the last is Omega H.
    G = np.zeros((m, cross.q, p))
    for i, c in enumerate(found[:-1]):
        s, width = cross.span(c.term), fit.terms[c.term].width
        G[i, s] = (basis(c, width) @ H[s].reshape(-1, width, p)).reshape(-1, p)
    for k, f in enumerate(point.solved.L):
        s, width = cross.span(k), fit.terms[k].width
        G[-1, s] = ((f @ f.T) @ H[s].reshape(-1, width, p)).reshape(-1, p)
    flat = G.transpose(1, 0, 2).reshape(cross.q, m * p)
    FG = point.solved.times(flat).reshape(cross.q, m, p).transpose(1, 0, 2)
    P = np.empty((m, p, p))
    for i in range(m - 1):
        P[i] = -H.T @ G[i] / s2**2
    HOH = H.T @ G[-1]
    P[-1] = -(A - HOH) / s2**2
    average = _average(fit, found)
    T = unshifted(fit)
    back = np.linalg.inv(T)
    P_given = np.einsum("xa,ixy,yb->iab", back, P, back, optimize=True)
    Phi_given = T @ Phi @ T.T
    solved = _densely(point.solved)
    if solved is None:
        return SmallSample(
            beta=fit.beta, Phi=Phi_given, Phi_A=None, P=P_given, expected=None, average=average,
            reml=fit.reml,
        )  # fmt: skip
    Q = np.einsum("iqx,jqy->ijxy", G, FG, optimize=True) / s2**3
    last = H - FG[-1]
    for i in range(m - 1):
        Q[i, -1] = G[i].T @ last / s2**3
        Q[-1, i] = Q[i, -1].T
    Q[-1, -1] = (A - 2 * HOH + G[-1].T @ FG[-1]) / s2**3
    traces = _traces(fit, found, solved)
    expected = traces / 2
    if fit.reml:
        PhiP = Phi @ P
        expected = (
            traces
            - 2 * np.einsum("xy,ijyx->ij", Phi, (Q + Q.transpose(0, 1, 3, 2)) / 2)
            + np.einsum("ixy,jyx->ij", PhiP, PhiP)
        ) / 2
    W = _invert(expected)
    U = np.einsum("ij,ijxy->xy", W, Q) - np.einsum("ij,ixz,zw,jwy->xy", W, P, Phi, P, optimize=True)
    Phi_A = Phi + 2 * Phi @ ((U + U.T) / 2) @ Phi
    return SmallSample(
        beta=fit.beta, Phi=Phi_given, Phi_A=T @ Phi_A @ T.T, P=P_given,
        expected=(expected + expected.T) / 2, average=average, reml=fit.reml,
    )  # fmt: skip


def _densely(solved: Solved) -> dense.Solved | None:
    """The point on the dense path, None where that is too large."""
    if isinstance(solved, dense.Solved):
        return solved
    if solved.cross.q - solved.cross.q1 > DENSE_TO:
        return None
    return dense.solve(thicken(solved.cross), solved.L)


def average_covariance(fit: Fit) -> Floats:
    """Covariance (m, m) of the components by the average information, without the rest."""
    with one_thread():
        return _invert(_average(fit, components(fit.terms)))


def _average(fit: Fit, found: tuple[Component, ...]) -> Floats:
    """Average information (m, m) of the components: ``y'P V_i P V_j P y / 2``."""
    point, cross, s2 = fit.point, fit.cross, fit.s2
    m, v = len(found), point.v
    g = np.zeros((cross.q, m))
    for i, c in enumerate(found[:-1]):
        s, width = cross.span(c.term), fit.terms[c.term].width
        g[s, i] = (v[s].reshape(-1, width) @ basis(c, width)).ravel()
    for k, f in enumerate(point.solved.L):
        s, width = cross.span(k), fit.terms[k].width
        g[s, -1] = (v[s].reshape(-1, width) @ (f @ f.T)).ravel()
    Fg = project(point, g)
    out = g.T @ Fg
    # W^-1 = V - Z Omega Z' turns the residual's own rows into those of the effects.
    Ov = g[:, -1].copy()
    out[:-1, -1] = out[-1, :-1] = g[:, :-1].T @ (v - Fg[:, -1])
    out[-1, -1] = point.yPy - 2 * float(v @ Ov) + float(Ov @ Fg[:, -1])
    return (out + out.T) / 4 / s2**3


def _traces(fit: Fit, found: tuple[Component, ...], solved: dense.Solved) -> Floats:
    """``tr(V^-1 V_i V^-1 V_j)`` (m, m)."""
    cross, s2, m = fit.cross, fit.s2, len(found)
    K = len(fit.terms)
    squares = _squares(solved)
    O = [f @ f.T for f in solved.L]
    single = [solved.trace(k) for k in range(K)]
    E = [basis(c, fit.terms[c.term].width) for c in found[:-1]]
    out = np.empty((m, m))
    for i, c in enumerate(found[:-1]):
        for j, d in enumerate(found[: i + 1]):
            out[i, j] = out[j, i] = np.einsum("ab,cd,abcd->", E[i], E[j], squares[c.term, d.term])
        with_all = sum(
            float(np.einsum("ab,cd,abcd->", E[i], O[k], squares[c.term, k])) for k in range(K)
        )
        out[i, -1] = out[-1, i] = float(np.vdot(single[c.term], E[i])) - with_all
    once = sum(float(np.vdot(single[k], O[k])) for k in range(K))
    twice = sum(
        float(np.einsum("ab,cd,abcd->", O[k], O[l], squares[k, l]))
        for k in range(K)
        for l in range(K)
    )
    out[-1, -1] = cross.n - 2 * once + twice
    return out / s2**2


def _squares(solved: dense.Solved) -> dict[tuple[int, int], Floats]:
    """By two terms, ``T[a,b,c,d] = sum_jm F[ja, mc] F[jb, md]`` with F = Z'V^-1Z."""
    cross, K = solved.cross, solved.K
    out: dict[tuple[int, int], Floats] = {}
    width = [t.width for t in cross.terms]
    inner = _inner(solved)
    for k in cross.eliminated:
        for m in cross.eliminated:
            out[k, m] = _own_squares(solved, inner, k, m)
    if cross.order:
        CK = solved.C @ K
        F = CK @ solved.C
        np.subtract(solved.C, F, out=F)
        # I - KC, in the place of CK.
        rest = np.negative(CK, out=CK).T
        rest.flat[:: rest.shape[0] + 1] += 1.0
        for k in cross.order:
            ck, at = width[k], _at(cross, k)
            for l in cross.order:
                cl = width[l]
                block = F[at, _at(cross, l)].reshape(cross.levels[k], ck, cross.levels[l], cl)
                out[k, l] = np.einsum("jamc,jbmd->abcd", block, block, optimize=True)
            for g in cross.eliminated:
                c = width[g]
                T = np.empty((c, c, ck, ck))
                mine = rest[:, at]
                for a in range(c):
                    for b in range(c):
                        left = np.asarray(inner[g, a, b] @ mine)
                        for e in range(ck):
                            for f in range(ck):
                                T[a, b, e, f] = np.vdot(left[:, e::ck], mine[:, f::ck])
                out[g, k] = T
                out[k, g] = T.transpose(2, 3, 0, 1)
    return out


def _inner(solved: dense.Solved) -> dict[tuple[int, int, int], Table]:
    """``U_a'U_b`` (Q2, Q2) for two columns of each eliminated term."""
    out: dict[tuple[int, int, int], Table] = {}
    for k in solved.cross.eliminated:
        c, U = solved.cross.terms[k].width, solved.U[solved.cross.span(k)]
        for a in range(c):
            for b in range(c):
                made = U[a::c].T @ U[b::c]
                out[k, a, b] = thin(sp.csr_array(made) if sp.issparse(made) else np.asarray(made))
    return out


def _own_squares(
    solved: dense.Solved, inner: dict[tuple[int, int, int], Table], k: int, m: int
) -> Floats:
    """The same for two eliminated terms: F = B - UKU', so that B and U'U are all it takes."""
    cross, K = solved.cross, solved.K
    if not isinstance(solved.B, np.ndarray):
        B = solved.B[cross.span(k), cross.span(m)]
        total = float(B.multiply(B).sum())
        if K.size:
            Uk, Um = solved.U[cross.span(k)], solved.U[cross.span(m)]
            mixed = sp.coo_array(Uk.T @ (B @ Um))
            row, col = mixed.coords
            total -= 2 * float(np.dot(K[row, col], mixed.data))
            total += float(np.vdot(_right(K, inner[k, 0, 0]), _right(K, inner[m, 0, 0]).T))
        return np.full((1, 1, 1, 1), total)
    B, c = solved.B, cross.terms[k].width
    T = np.einsum("jac,jbd->abcd", B, B, optimize=True)
    if not K.size:
        return T
    low = B - solved.blocks(k)
    mixed = np.einsum("jac,jbd->abcd", B, low, optimize=True)
    T -= mixed + mixed.transpose(1, 0, 3, 2)
    KW = {(a, b): _right(K, inner[k, a, b]) for a in range(c) for b in range(c)}
    for a in range(c):
        for b in range(c):
            for e in range(c):
                for f in range(c):
                    T[a, b, e, f] += float(np.vdot(KW[e, f], KW[b, a].T))
    return T


def _right(K: Floats, W: Table) -> Floats:
    """``K W`` for symmetric K."""
    return K @ W if isinstance(W, np.ndarray) else np.asarray(W.T @ K).T


def _at(cross: dense.Cross, term: int) -> slice:
    """Where the effects of a term stand among those that are not eliminated."""
    span = cross.span(term)
    return slice(span.start - cross.q1, span.stop - cross.q1)


def _invert(M: Floats) -> Floats:
    """Inverse after scaling; the pseudo-inverse where M is singular."""
    size = np.sqrt(np.abs(np.diag(M)))
    size = np.where(size > 0, size, 1.0)
    scaled = M / np.outer(size, size)
    values, vectors = np.linalg.eigh((scaled + scaled.T) / 2)
    keep = np.abs(values) > 1e-10 * np.abs(values).max(initial=0.0)
    inverse = (vectors[:, keep] / values[keep]) @ vectors[:, keep].T
    return inverse / np.outer(size, size)


def contrast(
    small: SmallSample,
    C: Floats,
    *,
    method: Method = "kenward-roger",
    information: Information | None = None,
) -> Tested:
    """F test of ``C beta = 0`` for C (l, p) or one contrast (p,).

    Kenward-Roger: adjusted covariance, degrees of freedom and scaling of the 1997 paper.
    Satterthwaite: for one row ``2 (c Phi c')^2 / var``, for several the moments of Fai & Cornelius
    (1996); ``information`` gives the covariance of the components (default: observed where
    available and positive definite, as lmerTest does, else average).

    ValueError for dependent rows of C, and for Kenward-Roger on a fit by ML or with too many
    effects.
    """
    C = np.atleast_2d(np.asarray(C, dtype=np.float64))
    l = C.shape[0]
    if np.linalg.matrix_rank(C) < l:
        raise ValueError("the rows of the contrast depend on one another")
    estimate = float(C[0] @ small.beta) if l == 1 else np.nan
    if method == "kenward-roger":
        if small.Phi_A is None or small.expected is None:
            raise ValueError("too many effects for Kenward-Roger: use satterthwaite")
        if not small.reml:
            raise ValueError("Kenward-Roger is defined for REML")
        df, scaling = _kenward_roger(small, C)
        V = C @ small.Phi_A @ C.T
    else:
        df, scaling = _satterthwaite(small, C, information), 1.0
        V = C @ small.Phi @ C.T
    b = C @ small.beta
    F = scaling * float(b @ np.linalg.solve(V, b)) / l
    return Tested(
        estimate=estimate, std_error=float(np.sqrt(V[0, 0])) if l == 1 else np.nan, statistic=F,
        df_top=l, df=df, p_value=float(stats.f.sf(F, l, df)), scaling=scaling,
    )  # fmt: skip


def _kenward_roger(small: SmallSample, C: Floats) -> tuple[float, float]:
    """Denominator degrees of freedom and scaling (Kenward & Roger 1997, section 3.1)."""
    l = C.shape[0]
    assert small.expected is not None
    W = _invert(small.expected)
    Phi = small.Phi
    middle = C.T @ np.linalg.solve(C @ Phi @ C.T, C)
    TP = middle @ Phi @ small.P @ Phi
    one = np.einsum("ixx->i", TP)
    A1 = float(one @ W @ one)
    A2 = float(np.einsum("ij,ixy,jyx->", W, TP, TP, optimize=True))
    if A2 <= 0:
        return np.inf, 1.0
    B = (A1 + 6 * A2) / (2 * l)
    g = ((l + 1) * A1 - (l + 4) * A2) / ((l + 2) * A2)
    bottom = 3 * l + 2 * (1 - g)
    c1, c2, c3 = g / bottom, (l - g) / bottom, (l + 2 - g) / bottom
    top, left, right = 1 + c1 * B, 1 - c2 * B, 1 - c3 * B
    # 0/0 where all is known exactly (balanced split plots): the ratio is 1 there (pbkrtest).
    mean = 1.0 if abs(1 - A2 / l) < 1e-10 and abs(left) < 1e-10 else (1 - A2 / l) / left
    rho = mean**2 * top / right / l
    df = 4 + (l + 2) / (l * rho - 1)
    scaling = 1.0 if abs(df - 2) < 1e-2 else df * (1 - A2 / l) / (df - 2)
    return float(df), float(scaling)


def _satterthwaite(small: SmallSample, C: Floats, kind: Information | None) -> float:
    if kind is None:
        kind = "average"
        if small.expected is not None:
            observed = small.information("observed")
            size = np.sqrt(np.abs(np.diag(observed)))
            kind = "observed"
            if (size == 0).any() or np.linalg.eigvalsh(observed / np.outer(size, size))[0] < 1e-8:
                kind = "expected"
    W = small.covariance(kind)
    values, vectors = np.linalg.eigh(C @ small.Phi @ C.T)
    rows = vectors.T @ C
    slope = -np.einsum(
        "rx,xy,iyz,zw,rw->ri", rows, small.Phi, small.P, small.Phi, rows, optimize=True
    )
    variance = np.einsum("ri,ij,rj->r", slope, W, slope)
    with np.errstate(divide="ignore"):
        df = 2 * values**2 / variance
    if df.size == 1:
        return float(df[0])
    held = df[df > 2]
    if not held.size:
        return 2.0
    total = float((held / (held - 2)).sum())
    return 2 * total / (total - df.size) if total > df.size else 2.0
