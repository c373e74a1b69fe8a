"""A regression with provider and year effects as sums by cluster, from which small-sample variances
and wild bootstraps are made without going back to the rows.

Columns are less their (weighted) provider means and stand beside one column per year. With q = p +
T columns U and weights W a cluster enters by ``U'WU`` (q, q) and ``U'We`` (q,) alone, provided that
it holds whole providers, so that provider effects are nested in clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from consortia.maths.influence import Floats, Ints

_ROWS = 4096
_COLLINEAR = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """Provider-level pieces of the regression of Y on p columns, the last being in question.

    ``beta`` its coefficient; ``x`` (n, T) its residual on everything else and ``W`` (n, T) weights;
    ``e`` (n, T) residuals; ``U`` (n, T, p) columns less provider means; ``gram`` (q, q)
    the sum of ``U'WU`` (p columns, then T years) and ``bread`` (q, q) a symmetric generalised
    inverse of it. Cells without weight hold 0.
    """

    beta: float
    x: Floats
    e: Floats
    W: Floats
    U: Floats
    gram: Floats
    bread: Floats


def within(Y: Floats, W: Floats, X: Floats) -> Within | None:
    """Y (n, T), W (n, T) with 0 = not seen, X (n, T, p); None where the last column of X cannot be
    told apart from the rest."""
    n, T = Y.shape
    p = X.shape[2]
    single = np.count_nonzero(W, axis=1) < 2
    w = np.where(single[:, None], 0.0, W) if single.any() else W
    V = np.empty((n, T, p + 1))
    V[:, :, :p] = X
    V[:, :, p] = Y
    if not (w > 0).all():
        V[w == 0] = 0.0
    total = w.sum(axis=1)
    scale = np.where(total > 0, total, 1.0)
    mean = np.einsum("it,itv->iv", w, V) / scale[:, None]
    np.subtract(V, mean[:, None, :], out=V)
    wV = w[:, :, None] * V
    q = p + T
    gram = np.empty((q, q))
    flat, weighted = V.reshape(-1, p + 1), wV.reshape(-1, p + 1)
    cross = flat.T @ weighted
    years = wV.sum(axis=0)
    gram[:p, :p] = cross[:p, :p]
    gram[:p, p:] = years[:, :p].T
    gram[p:, :p] = years[:, :p]
    gram[p:, p:] = np.diag(w.sum(axis=0)) - w.T @ (w / scale[:, None])
    right = np.concatenate([cross[:p, p], years[:, p]])
    bread = generalised_inverse(gram)
    solution = bread @ right
    others = np.array([j for j in range(q) if j != p - 1], dtype=np.int64)
    onto = generalised_inverse(gram[np.ix_(others, others)]) @ gram[others, p - 1]
    left = gram[p - 1, p - 1] - gram[p - 1, others] @ onto
    if not left > _COLLINEAR * gram[p - 1, p - 1]:
        return None
    x = _less(V[:, :, p - 1], V[:, :, : p - 1], onto[: p - 1], onto[p - 1 :], w, scale)
    e = _less(V[:, :, p], V[:, :, :p], solution[:p], solution[p:], w, scale)
    # The pseudo-inverse gives the coefficient to rounding; its own score says what is left over.
    own = float(np.einsum("it,it->", w * x, x))
    step = float(np.einsum("it,it->", w * x, e)) / own
    e -= step * x
    return Within(
        beta=float(solution[p - 1]) + step, x=x, e=e, W=w, U=V[:, :, :p], gram=gram, bread=bread
    )


def _less(y: Floats, X: Floats, b: Floats, years: Floats, w: Floats, scale: Floats) -> Floats:
    """y less X b and year effects, about its provider means, 0 where nothing was seen."""
    out = y - years[None, :]
    if X.shape[2]:
        out -= X @ b
    out += ((w @ years) / scale)[:, None]
    return out if (w > 0).all() else np.where(w > 0, out, 0.0)


def generalised_inverse(A: Floats) -> Floats:
    """Of a symmetric matrix that may be singular, in the scale of its diagonal."""
    size = np.sqrt(np.clip(np.diag(A), 1e-300, None))
    size[np.diag(A) <= 0] = 1.0
    values, vectors = np.linalg.eigh(A / np.outer(size, size))
    keep = values > 1e-11 * max(float(values[-1]), 1e-300)
    root = vectors[:, keep] / np.sqrt(values[keep])
    made = root @ root.T
    return made / np.outer(size, size)


def by_cluster(fit: Within, label: Ints, count: int) -> tuple[Floats, Floats]:
    """``U'WU`` (count, q, q) and ``U'We`` (count, q) summed over the providers of each cluster;
    ``label`` (n,) in 0..count-1."""
    n, T, p = fit.U.shape
    q = p + T
    gram, score = np.zeros((count, q * q)), np.zeros((count, q))
    for start in range(0, n, _ROWS):
        cut = slice(start, min(start + _ROWS, n))
        w, U = fit.W[cut], fit.U[cut]
        k = w.shape[0]
        wU = w[:, :, None] * U
        total = w.sum(axis=1)
        made = np.empty((k, q, q))
        made[:, :p, :p] = wU.transpose(0, 2, 1) @ U
        made[:, :p, p:] = wU.transpose(0, 2, 1)
        made[:, p:, :p] = wU
        made[:, p:, p:] = -w[:, :, None] * w[:, None, :]
        made[:, p:, p:] /= np.where(total > 0, total, 1.0)[:, None, None]
        diagonal: Ints = np.arange(p, q, dtype=np.int64)
        each: Ints = np.arange(k, dtype=np.int64)
        made[:, diagonal, diagonal] += w
        we = w * fit.e[cut]
        mine = np.concatenate([(we[:, None, :] @ U)[:, 0], we], axis=1)
        pick = sparse.csr_array((np.ones(k), (label[cut], each)), shape=(count, k))
        gram += pick @ made.reshape(k, q * q)
        score += pick @ mine
    return gram.reshape(count, q, q), score
