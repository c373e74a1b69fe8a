"""Imputation of untreated outcomes: provider and year effects from untreated cells, exactly.

Borusyak, Jaravel & Spiess (2024), "Revisiting event-study designs: robust and efficient
estimation", Review of Economic Studies 91(6). Untreated outcomes are ``alpha_i + x_it' lambda``
with x_it the year (within a stratum), fixed covariates by year, and covariates that vary; fitted
on untreated cells alone. Providers are eliminated, which leaves one small matrix that is
factored once and serves the fit, every average of effects, and every influence function. No
iteration, no tolerance.

Providers that share a path (stratum and joining years) are treated from the same year on, so that
any average of effects is a set of weights on path-years.
"""

# The paper's letters are upper case and not constants.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consortia.maths.influence import Floats, Influence, Ints, sort_by_path
from consortia.maths.paths import moments

Bools = NDArray[np.bool_]

_ROWS = 4096
_NULL = 1e-10
"""Eigenvalues below this share of the largest count as zero."""
_LOADING = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class Imputed:
    """Effects by path-year, with what is needed for the influence of any average of them.

    P paths, T years, K nuisance columns. ``effect`` (P, T) weighted mean effect, NaN where there is
    none or it is not identified; ``weight`` (P, T) its summed weight and ``count`` (P, T) providers
    (0 where not identified); ``lost`` (P, T) treated providers whose effect is not identified;
    ``loading`` (P, T, K) of the mean effect on the nuisance columns; ``inverse`` (K, K) of the
    normal matrix; ``years`` (K,) the nuisance coefficients; ``informing`` (P,) providers with at
    least two untreated cells; ``start`` (P,) first treated year; ``alone`` (P, T) path-years whose
    residual says nothing because there is one provider, whose mean is its own effect.

    ``Z``, ``path``, ``centre``, ``scale``, ``moments``, ``order`` go into the Influence;
    ``row`` (P, T + 1) with ``centre``, else ``None``: see :meth:`influence`.
    """

    effect: Floats
    weight: Floats
    count: Ints
    lost: Ints
    loading: Floats
    inverse: Floats
    years: Floats
    informing: Ints
    start: Ints
    stratum: Ints
    alone: Bools
    Z: Floats
    path: Ints
    order: tuple[Ints, Ints]
    seen: Bools | None = None
    centre: Floats | None = None
    scale: Floats | None = None
    cross: Floats | None = None
    level: Floats | None = None
    stretch: Floats | None = None

    def theta(self, F: Floats) -> Floats:
        """Averages (R,) for weights F (R, P, T) on path-years."""
        return np.einsum("rpt,pt->r", F, np.nan_to_num(self.effect))

    def influence(self, F: Floats) -> Influence:
        """Influence of the averages F (R, P, T): ``sum_t v_it e_it`` with v the weights of the
        outcome in the average and e the residual, of a treated cell around the mean of its
        path-year (Borusyak, Jaravel & Spiess 2024, equation 8 and theorem 3)."""
        R, P, T = F.shape
        per = np.divide(F, self.weight, out=np.zeros_like(F), where=(self.weight > 0)[None])
        q = np.einsum("rpt,ptk->rk", F, self.loading) @ self.inverse
        after: Bools = np.asarray(np.arange(T)[None, :] >= self.start[:, None], dtype=np.bool_)
        of_year = q[:, : q.shape[1] - self._extra].reshape(R, -1, T)[:, self.stratum]
        V = np.where(after[None], per, -of_year)
        if self.centre is None:
            B = np.empty((P, R, T + self._extra))
            B[:, :, :T] = V.transpose(1, 0, 2)
            B[:, :, T:] = -q[None, :, q.shape[1] - self._extra :]
            return Influence(Z=self.Z, path=self.path, B=B, order=self.order)
        # The outcome itself stands in Z: v' e with e = M (Y - level), M taking off the untreated
        # mean.
        assert self.level is not None
        assert self.stretch is not None
        before: Floats = np.where(after, 0.0, 1.0) / np.maximum(self.start, 1)[:, None]
        V = np.where(after[None], V * self.stretch[None, :, None], V)
        coefficients = V - V.sum(axis=2, keepdims=True) * before[None]
        B = np.empty((P, R, T + 1))
        B[:, :, :T] = coefficients.transpose(1, 0, 2)
        B[:, :, T] = np.einsum("rpt,pt->pr", V, self.level)
        return Influence(
            Z=self.Z, path=self.path, B=B, centre=self.centre, scale=self.scale,
            moments=self.cross, order=self.order,
        )  # fmt: skip

    @property
    def _extra(self) -> int:
        return self.inverse.shape[0] - (int(self.stratum.max()) + 1) * self.start_years

    @property
    def start_years(self) -> int:
        return int(self.effect.shape[1])


def factor(S: Floats) -> tuple[Floats, Floats]:
    """Pseudo-inverse (K, K) and null space (K, d) of a normal matrix, after scaling to unit
    diagonal."""
    scale = np.sqrt(np.where(np.diag(S) > 0, np.diag(S), 1.0))
    values, vectors = np.linalg.eigh(S / np.outer(scale, scale))
    good = values > _NULL * max(float(values[-1]), 1e-300)
    root = (vectors[:, good] / np.sqrt(values[good])) / scale[:, None]
    null = vectors[:, ~good] / scale[:, None]
    return root @ root.T, null / np.maximum(np.linalg.norm(null, axis=0), 1e-300)


Model = Callable[[Floats, Floats], Floats]
"""Effects (P, T) that residuals of treated cells are taken around, from the mean effects (P, T; 0
where not known) and their weights (P, T)."""


def from_moments(
    Y: Floats,
    w: Floats | None,
    path: Ints,
    start: Ints,
    stratum: Ints,
    *,
    leave_out: bool = False,
    around: Model | None = None,
) -> Imputed:
    """Without gaps and covariates everything follows from path means and cross-products.

    Y (n, T) finite, w (n,) or None for 1; path (n,); start (P,) first treated year (T = never),
    stratum (P,) of each path. ``leave_out`` asks for w = None. ``around`` takes the place of the
    means of path-years in the residuals of treated cells.
    """
    T, P, S = Y.shape[1], start.size, int(stratum.max()) + 1
    skip = np.flatnonzero(start == 0)
    M = moments(Y, w, path, P, skip)
    after: Bools = np.asarray(np.arange(T)[None, :] >= start[:, None], dtype=np.bool_)
    before: Floats = np.where(after, 0.0, 1.0)
    alive = (M.weight > 0) & (start > 0)
    share = before / np.maximum(start, 1)[:, None]
    normal = np.zeros((S * T, S * T))
    right = np.zeros(S * T)
    own = M.mean - np.einsum("pt,pt->p", share, M.mean)[:, None]
    for p in np.flatnonzero(alive).tolist():
        here = slice(int(stratum[p]) * T, (int(stratum[p]) + 1) * T)
        normal[here, here] += M.weight[p] * (np.diag(before[p]) - np.outer(before[p], share[p]))
        right[here] += M.weight[p] * before[p] * own[p]
    inverse, null = factor(normal)
    years = inverse @ right
    loading = np.zeros((P, T, S, T))
    at = np.arange(P)
    loading[at[:, None], np.arange(T)[None, :], stratum[:, None], np.arange(T)[None, :]] = 1.0
    loading[at, :, stratum] -= share[:, None, :]
    loading = loading.reshape(P, T, S * T)
    level = years.reshape(S, T)[stratum]
    gap = M.mean - level
    gap = gap - np.einsum("pt,pt->p", share, gap)[:, None]
    on: Bools = alive[:, None] & after
    known: Bools = np.ones(on.shape, dtype=np.bool_)
    if null.size:
        known = np.asarray((np.abs(loading @ null) < _LOADING).all(axis=2), dtype=np.bool_)
    ok = on & known
    count = np.where(ok, M.size[:, None], 0)
    # Residuals of treated cells are taken around the mean with weights v^2 (their equation 8).
    tilt = np.divide(
        M.cross[:, :T, T], M.cross[:, T, T][:, None], out=np.zeros((P, T)), where=alive[:, None]
    )
    tilt = tilt - np.einsum("pt,pt->p", share, tilt)[:, None]
    weight = np.where(ok, M.weight[:, None], 0.0)
    off = -tilt if around is None else gap - around(np.where(ok, gap, 0.0), weight)
    residual = np.where(before > 0, gap, np.where(on, off, 0.0))
    stretch = np.ones(P)
    if leave_out and around is None:
        several = M.size > 1
        stretch[several] = M.size[several] / (M.size[several] - 1.0)
    return Imputed(
        effect=np.where(ok, gap, np.nan),
        weight=weight,
        count=count,
        lost=np.where(on & ~known, M.size[:, None], 0),
        loading=np.where(ok[:, :, None], loading, 0.0),
        inverse=inverse,
        years=years,
        informing=np.where(start > 1, M.size, 0),
        start=start,
        stratum=stratum,
        alone=(count == 1) & (around is None),
        Z=Y,
        path=path,
        order=(M.order, M.starts),
        centre=M.mean,
        scale=w,
        cross=M.cross,
        level=residual,
        stretch=stretch,
    )


def from_cells(
    Y: Floats,
    W0: Floats,
    W1: Floats,
    path: Ints,
    start: Ints,
    stratum: Ints,
    X: Floats,
    Z: Floats,
    *,
    leave_out: bool = False,
    around: Model | None = None,
) -> Imputed:
    """In general: gaps, weights by cell, fixed covariates X (n, p) by year, covariates Z (n, T, q).

    W0 (n, T) weights of untreated cells, W1 (n, T) of treated ones, 0 elsewhere; Y is finite
    wherever a weight is above zero, and so are X and Z. ``around`` as in :func:`from_moments`.
    """
    n, T = Y.shape
    P, S, p, q = start.size, int(stratum.max()) + 1, X.shape[1], Z.shape[2]
    extra = T * p + q
    K = S * T + extra
    order, starts = sort_by_path(path, P)
    X, Z = _standard(X), _standard(Z)
    total = W0.sum(axis=1)
    W1 = np.where((total > 0)[:, None], W1, 0.0)
    divide = np.where(total > 0, total, 1.0)
    normal, right = np.zeros((K, K)), np.zeros(K)
    for s, rows in _pieces(order, starts, stratum):
        w = W0[rows]
        y = np.where(w > 0, Y[rows], 0.0)
        if extra:
            V = _columns(X, Z, rows, s, T, S)
            V -= (np.einsum("it,itk->ik", w, V) / divide[rows, None])[:, None, :]
            wV = (w[:, :, None] * V).reshape(-1, K)
            normal += wV.T @ V.reshape(-1, K)
            right += wV.T @ y.ravel()
            continue
        here = slice(s * T, (s + 1) * T)
        share = w / divide[rows, None]
        normal[here, here] += np.diag(w.sum(axis=0)) - w.T @ share
        right[here] += (w * (y - np.einsum("it,it->i", share, y)[:, None])).sum(axis=0)
    inverse, null = factor(normal)
    years = inverse @ right
    sums = np.zeros((3, P, T))
    count, lost = np.zeros((P, T), dtype=np.int64), np.zeros((P, T), dtype=np.int64)
    loading = np.zeros((P, T, K))
    E = np.zeros((n, T + extra))
    seen = np.zeros((n, T), dtype=np.bool_)
    for s, rows in _pieces(order, starts, stratum):
        g = int(path[rows[0]])
        w0, w1 = W0[rows], W1[rows]
        share = w0 / divide[rows, None]
        y = np.where((w0 > 0) | (w1 > 0), Y[rows], 0.0)
        V = _columns(X, Z, rows, s, T, S) if extra else None
        fitted = years[s * T : (s + 1) * T] if V is None else V @ years
        gap = y - fitted
        gap = gap - np.einsum("it,it->i", share, gap)[:, None]
        known = np.ones(w1.shape, dtype=np.bool_)
        if null.size:
            # Off the span of what untreated cells tell, an effect is not identified.
            if V is None:
                N = null[s * T : (s + 1) * T]
                off = N[None] - (share @ N)[:, None]
            else:
                N = V @ null
                off = N - np.einsum("it,itd->id", share, N)[:, None]
            known = (np.abs(off) < _LOADING).all(axis=2)
        lost[g] += ((w1 > 0) & ~known).sum(axis=0)
        w1 = np.where(known, w1, 0.0)
        seen[rows] = w1 > 0
        count[g] += (w1 > 0).sum(axis=0)
        sums[0, g] += w1.sum(axis=0)
        sums[1, g] += np.einsum("it,it->t", w1, gap)
        sums[2, g] += np.einsum("it,it->t", w1, w1)
        if V is None:
            block = slice(s * T, (s + 1) * T)
            loading[g, :, block] -= w1.T @ share
            loading[g, np.arange(T), s * T + np.arange(T)] += w1.sum(axis=0)
        else:
            V -= np.einsum("it,itk->ik", share, V)[:, None, :]
            loading[g] += np.einsum("it,itk->tk", w1, V)
        E[rows, :T] = w0 * gap + w1 * gap
        if extra:
            inside = w0 * gap
            by_year = inside[:, :, None] * X[rows][:, None, :]
            E[rows, T : T + T * p] = by_year.reshape(rows.size, T * p)
            E[rows, T + T * p :] = np.einsum("it,itq->iq", inside, Z[rows])
    mean = np.divide(sums[1], sums[0], out=np.full((P, T), np.nan), where=sums[0] > 0)
    if around is None:
        _around_means(E, W1, seen, order, starts, leave_out)
    else:
        fitted = around(np.where(sums[0] > 0, np.nan_to_num(mean), 0.0), sums[0])
        for _, rows in _pieces(order, starts, stratum):
            E[rows, :T] -= np.where(seen[rows], W1[rows] * fitted[path[rows[0]]], 0.0)
    with np.errstate(invalid="ignore"):
        loading = np.divide(
            loading, sums[0][:, :, None], out=np.zeros_like(loading), where=sums[0][:, :, None] > 0
        )
    informing = np.bincount(path[(W0 > 0).sum(axis=1) > 1], minlength=P)
    return Imputed(
        effect=mean, weight=sums[0], count=count, lost=lost, loading=loading, inverse=inverse,
        years=years, informing=informing, start=start, stratum=stratum,
        alone=(count == 1) & (around is None),
        Z=E, path=path, order=(order, starts), seen=seen,
    )  # fmt: skip


def _around_means(
    E: Floats, W1: Floats, seen: Bools, order: Ints, starts: Ints, leave_out: bool
) -> None:
    """Take the mean of each path-year, with weights v^2, off the treated cells of E (in place);
    with ``leave_out`` the mean of the others."""
    T = seen.shape[1]
    for g in range(starts.size - 1):
        rows = order[starts[g] : starts[g + 1]]
        here = seen[rows]
        if not here.any():
            continue
        w = np.where(here, W1[rows], 0.0)
        gap = np.divide(E[rows, :T], w, out=np.zeros_like(w), where=here)
        square = w * w
        total = square.sum(axis=0)
        mean = np.einsum("it,it->t", square, gap) / np.where(total > 0, total, 1.0)
        left = w * (gap - mean)
        if leave_out:
            rest = total - square
            left = np.where(rest > 0, left * total / np.where(rest > 0, rest, 1.0), 0.0)
        E[rows, :T] = np.where(here, left, E[rows, :T])


def _pieces(order: Ints, starts: Ints, stratum: Ints) -> list[tuple[int, Ints]]:
    """(stratum, rows) of each path, a few thousand providers at a time."""
    out: list[tuple[int, Ints]] = []
    for g in range(stratum.size):
        for begin in range(int(starts[g]), int(starts[g + 1]), _ROWS):
            out.append((int(stratum[g]), order[begin : min(begin + _ROWS, int(starts[g + 1]))]))
    return out


def _standard(columns: Floats) -> Floats:
    """Covariates to mean 0 and spread 1 for the sake of the arithmetic; missing become 0."""
    axes = tuple(range(columns.ndim - 1))
    if columns.shape[-1] == 0:
        return columns
    known = np.isfinite(columns)
    filled = np.where(known, columns, 0.0)
    size = np.maximum(known.sum(axis=axes), 1)
    middle = filled.sum(axis=axes) / size
    filled = np.where(known, filled - middle, 0.0)
    spread = np.sqrt((filled**2).sum(axis=axes) / size)
    return filled / np.where(spread > 0, spread, 1.0)


def _columns(X: Floats, Z: Floats, rows: Ints, s: int, T: int, S: int) -> Floats:
    """Nuisance columns (b, T, K): years of stratum s, fixed covariates by year, covariates."""
    p, q = X.shape[1], Z.shape[2]
    V = np.zeros((rows.size, T, S * T + T * p + q))
    years = np.arange(T)
    V[:, years, s * T + years] = 1.0
    for j in range(p):
        V[:, years, S * T + years * p + j] = X[rows, j][:, None]
    V[:, :, S * T + T * p :] = Z[rows]
    return V
