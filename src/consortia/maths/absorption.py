"""Regression on provider and year effects, exact on any panel: eliminate providers, solve T x T.

With ``W`` (n, T) cell weights (0 = not seen), the normal equations of the year effects after
eliminating providers have the matrix ``diag(sum_i W_it) - W' diag(1 / sum_t W_it) W``, one year by
one year; no iteration, no tolerance. Passes go over blocks of providers, so memory stays flat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from consortia.maths.influence import Floats, Ints

Columns = Callable[[int, int], NDArray[np.float64]]
"""Cells of the regressors for providers start..stop: (stop - start, T, p)."""

_ROWS = 4096
_COLLINEAR = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorbed:
    """Cross-products after provider and year effects.

    ``A`` (p, p) of the regressors, ``b`` (p,) with the outcome, ``raw`` (p,) sums of squares after
    provider effects alone; ``years`` (T, p + 1) year effects of every regressor and the outcome.
    ``cells``, ``providers``, ``periods``, ``parts`` count what was used (``parts``: connected
    components of providers and years).
    """

    A: Floats
    b: Floats
    raw: Floats
    years: Floats
    cells: int
    providers: int
    periods: int
    parts: int


def absorb(Y: Floats, W: Floats, columns: Columns, p: int) -> Absorbed:
    """One pass over Y (n, T) and W (n, T), leaving out W = 0 and providers with a single cell."""
    n, T = Y.shape
    schur = np.zeros((T, T))
    right = np.zeros((T, p + 1))
    cross = np.zeros((p + 1, p + 1))
    whole = np.zeros(p + 1)
    links = np.zeros((T, T))
    cells = providers = 0
    for start in range(0, n, _ROWS):
        stop = min(start + _ROWS, n)
        w, total, V, squares = _block(Y, W, columns, start, stop, p)
        whole += squares
        seen = (w > 0).astype(np.float64)
        links += seen.T @ seen
        cells += int(seen.sum())
        providers += int((total > 0).sum())
        schur += np.diag(w.sum(axis=0)) - w.T @ (w / np.where(total > 0, total, 1.0)[:, None])
        wV = w[:, :, None] * V
        right += wV.sum(axis=0)
        flat, weighted = V.reshape(-1, p + 1), wV.reshape(-1, p + 1)
        cross += weighted.T @ flat
    raw = np.diag(cross).copy()
    # What is left of a column that is constant within providers is rounding.
    raw[raw <= 1e-20 * whole] = 0.0
    years = np.asarray(np.linalg.lstsq(schur, right, rcond=1e-12)[0], dtype=np.float64)
    cross = cross - right.T @ years
    used = np.diag(links) > 0
    parts = 0
    if used.any():
        graph = sparse.csr_array(links[np.ix_(used, used)])
        parts = int(csgraph.connected_components(graph, directed=False)[0])
    return Absorbed(
        A=cross[:p, :p],
        b=cross[:p, p],
        raw=raw[:p],
        years=years,
        cells=cells,
        providers=providers,
        periods=int(used.sum()),
        parts=parts,
    )


def _block(
    Y: Floats, W: Floats, columns: Columns, start: int, stop: int, p: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Weights (k, T), their provider totals (k,), regressors with the outcome (k, T, p + 1) less
    their provider means, and sums of squares (p + 1,) before that."""
    w = W[start:stop]
    single = np.count_nonzero(w, axis=1) < 2
    if single.any():
        w = np.where(single[:, None], 0.0, w)
    total = w.sum(axis=1)
    V = np.empty((*w.shape, p + 1))
    V[:, :, :p] = columns(start, stop)
    V[:, :, p] = Y[start:stop]
    if not (w > 0).all():
        V[w == 0] = 0.0
    flat = V.reshape(-1, p + 1)
    squares = w.ravel() @ flat**2
    mean = np.einsum("it,itv->iv", w, V) / np.where(total > 0, total, 1.0)[:, None]
    np.subtract(V, mean[:, None, :], out=V)
    return w, total, V, squares


def independent(A: Floats, raw: Floats) -> tuple[list[int], list[int]]:
    """Columns kept and columns that those before them explain, in the order given."""
    keep: list[int] = []
    lost: list[int] = []
    for j in range(A.shape[0]):
        rest = A[j, j]
        if keep:
            rest -= A[j, keep] @ np.linalg.lstsq(A[np.ix_(keep, keep)], A[keep, j], rcond=None)[0]
        (keep if raw[j] > 0 and rest > _COLLINEAR * raw[j] else lost).append(j)
    return keep, lost


def scores(
    Y: Floats, W: Floats, columns: Columns, p: int, fit: Absorbed, keep: Ints, beta: Floats
) -> Floats:
    """Sum over a provider's cells of ``W x e`` (n, q) for the regressors ``keep`` (q,), both taken
    after all effects."""
    n = Y.shape[0]
    out = np.empty((n, keep.size))
    wide = np.concatenate([keep, [p]])
    for start in range(0, n, _ROWS):
        stop = min(start + _ROWS, n)
        w, total, V, _ = _block(Y, W, columns, start, stop, p)
        kept = V[:, :, wide]
        effect = fit.years[:, wide]
        mean = (w @ effect) / np.where(total > 0, total, 1.0)[:, None]
        kept = kept - effect[None, :, :] + mean[:, None, :]
        e = kept[:, :, -1] - kept[:, :, :-1] @ beta
        out[start:stop] = np.einsum("it,itq->iq", w * e, kept[:, :, :-1])
    return out
