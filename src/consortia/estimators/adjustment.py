"""Difference in differences of one treated group against one comparison group, given covariates.

Outcome regression (Heckman, Ichimura & Todd 1997), inverse-probability weighting with normalised
weights (Abadie 2005) and the doubly robust estimator of Sant'Anna & Zhao (2020, eq. 2.5 with a
logit and weighted least squares; influence from their theorem A.1). Many outcomes at once: what
depends on covariates alone is factored once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

Adjust = Literal["regression", "weighting", "doubly-robust"]
_OVERLAP = 0.999
"""A fitted probability of joining above this leaves nobody alike to compare with (as in R did)."""

_ROWS = 8192
"""Providers per block: small enough for the cache."""


class NotEstimable(Exception):
    """One comparison cannot be made; the message says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Whom a comparison uses and what covariates say of them, ready for any outcome.

    ``wt``, ``wc`` (n,) weights of the treated and of the comparison, each summing to 1; ``w0`` (n,)
    weights of the comparison in the regression; ``X`` (n, p) of full rank, intercept first;
    ``gram`` Cholesky factor of X'w0 X, None without regression; ``score`` (n, p) influence on the
    logit's coefficients, None without; ``u`` (n,) what a provider's residual counts for in the
    estimate.
    """

    wt: Floats
    wc: Floats
    w0: Floats
    X: Floats
    gram: tuple[Floats, bool] | None
    score: Floats | None
    u: Floats


def prepare(D: Bools, w: Floats, X: Floats, adjust: Adjust) -> Sample:
    """Factor the covariates X (n, p), intercept first, for treated D (n,) and weights w (n,).

    Raises NotEstimable when there is no overlap or the comparison cannot tell covariates apart.
    """
    X = _independent(X, w)
    wt = np.where(D, w, 0.0)
    w0 = w - wt
    wt = wt / wt.sum()
    plain = X.shape[1] == 1
    score, wc = None, w0
    if adjust == "regression" and not plain:
        wc = np.zeros_like(w0)
    elif not plain:
        odds, score = _logit(D, w, X)
        wc = w0 * odds
    if wc.any():
        wc = wc / wc.sum()
    u = wt - wc
    gram = None
    if adjust != "weighting" and not plain:
        gram = _gram(w0, X, int((~D).sum()))
        u = u - w0 * (X @ linalg.cho_solve(gram, X.T @ u))
    return Sample(wt=wt, wc=wc, w0=w0, X=X, gram=gram, score=score, u=u)


def _gram(w0: Floats, X: Floats, comparison: int) -> tuple[Floats, bool]:
    p = X.shape[1]
    if comparison < p:
        raise NotEstimable(f"{comparison} comparison providers cannot bear {p - 1} covariates")
    A = X.T @ (w0[:, None] * X)
    scale = np.sqrt(np.diag(A))
    if (scale == 0).any() or linalg.eigvalsh(A / np.outer(scale, scale))[0] < 1e-11:
        raise NotEstimable(
            "the comparison providers do not vary in the covariates as the treated do"
        )
    return linalg.cho_factor(A)


def _independent(X: Floats, w: Floats) -> Floats:
    """X centred, scaled and without columns that those before them explain in the whole sample."""
    if X.shape[1] == 1:
        return X
    v = w / w.sum()
    out = X - v @ X
    spread = np.sqrt(v @ out**2)
    varying = spread > 1e-10 * np.maximum(np.abs(X).max(axis=0), 1e-300)
    varying[0], spread[0], out[:, 0] = True, 1.0, 1.0
    out = out[:, varying] / spread[varying]
    G = out.T @ (v[:, None] * out)
    keep: list[int] = []
    for j in range(G.shape[0]):
        rest = G[j, j]
        if keep:
            beside = G[np.ix_(keep, keep)]
            rest -= G[j, keep] @ linalg.lstsq(beside, G[keep, j])[0]
        if rest > 1e-10:
            keep.append(j)
    return out if len(keep) == out.shape[1] else out[:, keep]


def _logit(D: Bools, w: Floats, X: Floats) -> tuple[Floats, Floats]:
    """Odds (n,) of being treated and influence (n, p) on the coefficients, by Newton's method."""
    d = D.astype(np.float64)
    v = w / w.sum()
    beta = np.zeros(X.shape[1])
    share = float(v @ d)
    beta[0] = np.log(share / (1 - share))
    eta = X @ beta
    p, best = _likelihood(eta, d, v)
    for _ in range(60):
        slope = X.T @ (v * (d - p))
        step = _solve(X.T @ ((v * p * (1 - p))[:, None] * X), slope)
        along = X @ step
        if float(slope @ step) < 1e-14:
            # Newton's method squares the error: this step is the last that changes anything.
            p = _likelihood(eta + along, d, v)[0]
            eta = eta + along
            break
        size = 1.0
        p, found = _likelihood(eta + along, d, v)
        while found < best and size > 1e-6:
            size /= 2
            p, found = _likelihood(eta + size * along, d, v)
        eta, best = eta + size * along, found
    else:
        raise NotEstimable("the model of who joins did not converge")
    if p.max() >= _OVERLAP:
        raise NotEstimable("covariates leave treated providers with nobody alike to compare with")
    H = X.T @ ((w * p * (1 - p))[:, None] * X)
    return p / (1 - p), (w * (d - p))[:, None] * _solve(H, X.T).T


def _likelihood(eta: Floats, d: Floats, v: Floats) -> tuple[Floats, float]:
    """Fitted probability (n,) and mean log-likelihood, with one exponential."""
    small = np.exp(-np.abs(eta))
    p = np.where(eta >= 0, 1.0, small) / (1 + small)
    return p, float(v @ (d * eta - np.maximum(eta, 0.0) - np.log1p(small)))


def _solve(H: Floats, b: Floats) -> Floats:
    try:
        return linalg.cho_solve(linalg.cho_factor(H), b)
    except (linalg.LinAlgError, ValueError) as fault:
        raise NotEstimable("covariates separate the treated from the comparison") from fault


def overlap(D: Bools, w: Floats, X: Floats) -> float:
    """Share of the treated D (n,) whose fitted chance of being treated, given covariates X (n, p)
    with the intercept first, lies within the range of the comparison's.

    Raises NotEstimable when the chance cannot be fitted.
    """
    odds, _ = _logit(D, w, _independent(X, w))
    theirs, mine = odds[~D], odds[D]
    inside = (mine >= theirs.min()) & (mine <= theirs.max())
    return float(np.average(inside, weights=w[D]))


def difference(
    sample: Sample, change: Callable[[slice], Floats], put: Callable[[slice, Floats], None]
) -> Floats:
    """ATT (q,) of the differences of two years ``change(rows)`` (rows, q); ``put`` receives psi.

    With r = change - X beta, ``psi = u r - wt mt + wc mc - score slope`` and all coefficients
    follow from one product of covariates and weights with the changes: two passes over blocks of
    providers, nothing of size n x q held. ``theta_hat - theta = sum_i psi_i``.
    """
    X, wt, wc = sample.X, sample.wt, sample.wc
    n, p = X.shape
    blocks = [slice(start, min(start + _ROWS, n)) for start in range(0, n, _ROWS)]
    sums: Floats = np.zeros(0)
    beta: Floats
    for rows in blocks:
        x = X[rows]
        left = np.concatenate(
            [
                wt[rows, None],
                wc[rows, None],
                sample.w0[rows, None] * x,
                wc[rows, None] * x,
            ],
            axis=1,
        )
        part = left.T @ change(rows)
        sums = sums + part if sums.size else part
    mt, mc = sums[0].copy(), sums[1].copy()
    slope = sums[2 + p :]
    beta = np.zeros((p, mt.size))
    if sample.gram is not None:
        beta = np.asarray(linalg.cho_solve(sample.gram, sums[2 : 2 + p]), dtype=np.float64)
        mt -= (wt @ X) @ beta
        mc -= (wc @ X) @ beta
        slope = slope - (X.T @ (wc[:, None] * X)) @ beta
    slope = slope - np.outer(wc @ X, mc)
    regression = not wc.any()
    if regression:
        mc = np.zeros_like(mc)
    for rows in blocks:
        psi = change(rows)
        psi -= X[rows] @ beta
        psi *= sample.u[rows, None]
        psi -= np.outer(wt[rows], mt)
        psi += np.outer(wc[rows], mc)
        if sample.score is not None:
            psi -= sample.score[rows] @ slope
        put(rows, np.asarray(psi, dtype=np.float64))
    return np.asarray(mt - mc, dtype=np.float64)


def difference_of_means(
    D: Bools, w: Floats, change: Callable[[slice], Floats], put: Callable[[slice, Floats], None]
) -> tuple[Floats, Bools, Bools]:
    """ATT (q,) without covariates where ``change(rows)`` (rows, q) is NaN for who is not seen.

    Returns also who is used (n, q) and whether both sides have anybody (q,); psi is 0 where not.
    """
    n = D.size
    blocks = [slice(start, min(start + _ROWS, n)) for start in range(0, n, _ROWS)]
    side = np.array([np.where(D, w, 0.0), np.where(D, 0.0, w)])
    sums: Floats = np.zeros(0)
    weights: Floats = np.zeros(0)
    seen: list[Bools] = []
    for rows in blocks:
        c = change(rows)
        here = np.isfinite(c)
        seen.append(here)
        c[~here] = 0.0
        part, total = side[:, rows] @ c, side[:, rows] @ here.astype(np.float64)
        sums = sums + part if sums.size else part
        weights = weights + total if weights.size else total
    found = np.asarray((weights > 0).all(axis=0))
    means = sums / np.where(weights > 0, weights, 1.0)
    lift = np.where(found, [[1.0], [-1.0]] / np.where(weights > 0, weights, 1.0), 0.0)
    for rows, here in zip(blocks, seen, strict=True):
        d = D[rows].astype(np.int64) * -1 + 1
        psi = change(rows)
        psi -= means[d]
        psi *= lift[d]
        psi *= w[rows, None]
        psi[~here] = 0.0
        put(rows, psi)
    return np.where(found, means[0] - means[1], np.nan), np.concatenate(seen), found
