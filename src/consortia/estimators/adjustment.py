"""Difference in differences of one treated group against one comparison group, given covariates.

Outcome regression (Heckman, Ichimura & Todd 1997), inverse-probability weighting with normalised
weights (Abadie 2005) and the doubly robust estimator of Sant'Anna & Zhao (2020, eq. 2.5 with a logit
and weighted least squares; influence from their theorem A.1). Many outcomes at once: what depends
on covariates alone is factored once.
"""

from __future__ import annotations

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


class NotEstimable(Exception):
    """One comparison cannot be made; the message says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Whom a comparison uses and what covariates say of them, ready for any outcome.

    ``D`` (n,) treated; ``w`` (n,); ``X`` (n, p) of full rank with an intercept; ``odds`` (n,) weight
    of a comparison provider beyond w (1 for regression); ``score`` (n, p) influence on the logit
    coefficients; ``gram`` Cholesky factor of the comparison's X'wX.
    """

    D: Bools
    w: Floats
    X: Floats
    odds: Floats | None
    score: Floats | None
    gram: tuple[Floats, bool] | None
    dropped: int


def prepare(D: Bools, w: Floats, X: Floats, adjust: Adjust) -> Sample:
    """Factor the covariates X (n, p), intercept first, for treated D (n,) and weights w (n,).

    Raises NotEstimable when there is no overlap or the comparison cannot tell covariates apart.
    """
    X, dropped = _independent(X, w)
    if X.shape[1] == 1:
        return Sample(D=D, w=w, X=X, odds=None, score=None, gram=None, dropped=dropped)
    gram, odds, score = None, None, None
    if adjust != "weighting":
        C = ~D
        if int(C.sum()) < X.shape[1]:
            raise NotEstimable(
                f"{int(C.sum())} comparison providers cannot bear {X.shape[1] - 1} covariates"
            )
        A = X[C].T @ (w[C, None] * X[C])
        scale = np.sqrt(np.diag(A))
        if (scale == 0).any() or linalg.eigvalsh(A / np.outer(scale, scale))[0] < 1e-11:
            raise NotEstimable(
                "the comparison providers do not vary in the covariates as the treated do"
            )
        gram = linalg.cho_factor(A)
    if adjust != "regression":
        odds, score = _logit(D, w, X)
    return Sample(D=D, w=w, X=X, odds=odds, score=score, gram=gram, dropped=dropped)


def _independent(X: Floats, w: Floats) -> tuple[Floats, int]:
    """X centred, scaled and without columns that the others explain in the whole sample."""
    if X.shape[1] == 1:
        return X, 0
    mean = w @ X / w.sum()
    centred = X - mean
    spread = np.sqrt(w @ centred**2 / w.sum())
    size = np.maximum(np.abs(X).max(axis=0), 1e-300)
    centred[:, 0], spread[0] = 1.0, 1.0
    varying = spread > 1e-10 * size
    out = centred[:, varying] / spread[varying]
    # Keep columns in their order: one goes only if those before it explain it.
    G = out.T @ (w[:, None] * out) / w.sum()
    keep: list[int] = []
    for j in range(G.shape[0]):
        rest = G[j, j]
        if keep:
            beside = G[np.ix_(keep, keep)]
            rest -= G[j, keep] @ linalg.lstsq(beside, G[keep, j])[0]
        if rest > 1e-10:
            keep.append(j)
    return out[:, keep], X.shape[1] - len(keep)


def _logit(D: Bools, w: Floats, X: Floats) -> tuple[Floats, Floats]:
    """Odds (n,) of being treated and the influence (n, p) on the coefficients, by Newton's method."""
    d = D.astype(np.float64)
    v = w / w.sum()
    beta = np.zeros(X.shape[1])
    share = float(v @ d)
    beta[0] = np.log(share / (1 - share))

    def value(b: Floats) -> float:
        eta = X @ b
        return float(v @ (d * eta - np.logaddexp(0.0, eta)))

    best = value(beta)
    for _ in range(60):
        p = 1 / (1 + np.exp(-np.clip(X @ beta, -500, 500)))
        slope = X.T @ (v * (d - p))
        step = _solve(X.T @ ((v * p * (1 - p))[:, None] * X), slope)
        if float(slope @ step) < 1e-14:
            # Newton's method squares the error: this step is the last that changes anything.
            beta = beta + step
            break
        size, found = 1.0, value(beta + step)
        while found < best and size > 1e-6:
            size /= 2
            found = value(beta + size * step)
        beta, best = beta + size * step, found
    else:
        raise NotEstimable("the model of who joins did not converge")
    eta = np.clip(X @ beta, -500, 500)
    p = 1 / (1 + np.exp(-eta))
    if p.max() >= _OVERLAP:
        raise NotEstimable("covariates leave treated providers with nobody alike to compare with")
    H = X.T @ ((w * p * (1 - p))[:, None] * X)
    return np.exp(eta), _solve(H, ((w * (d - p))[:, None] * X).T).T


def _solve(H: Floats, b: Floats) -> Floats:
    try:
        return linalg.cho_solve(linalg.cho_factor(H), b)
    except (linalg.LinAlgError, ValueError) as fault:
        raise NotEstimable("covariates separate the treated from the comparison") from fault


def difference(sample: Sample, change: Floats, adjust: Adjust) -> tuple[Floats, Floats]:
    """ATT (q,) and influence psi (n, q) of ``change`` (n, q), the difference of two years.

    ``theta_hat - theta = sum_i psi_i``.
    """
    D, w, X = sample.D, sample.w, sample.X
    wt = np.where(D, w, 0.0)
    Wt = wt.sum()
    if X.shape[1] == 1:
        wc = w - wt
        Wc = wc.sum()
        mt, mc = wt @ change / Wt, wc @ change / Wc
        psi = (wt / Wt)[:, None] * (change - mt) - (wc / Wc)[:, None] * (change - mc)
        return mt - mc, psi
    wc = np.where(D, 0.0, w if sample.odds is None else w * sample.odds)
    if adjust == "weighting":
        residual = change
        from_beta = None
    else:
        assert sample.gram is not None
        w0 = w - wt
        beta = linalg.cho_solve(sample.gram, X.T @ (w0[:, None] * change))
        residual = change - X @ beta
        # Influence on beta is solve(gram, X_i w0_i r_i): contracted with a vector a below, it is
        # w0_i r_i (X_i' solve(gram, a)).
        from_beta = w0
    if adjust == "regression":
        mt = wt @ residual / Wt
        psi = (wt / Wt)[:, None] * (residual - mt)
        assert sample.gram is not None
        a = linalg.cho_solve(sample.gram, X.T @ wt / Wt)
        psi -= (from_beta * (X @ a))[:, None] * residual
        return mt, psi
    Wc = wc.sum()
    mt, mc = wt @ residual / Wt, wc @ residual / Wc
    psi = (wt / Wt)[:, None] * (residual - mt) - (wc / Wc)[:, None] * (residual - mc)
    assert sample.score is not None
    slope = X.T @ ((wc / Wc)[:, None] * (residual - mc))
    psi -= sample.score @ slope
    if from_beta is not None:
        assert sample.gram is not None
        a = linalg.cho_solve(sample.gram, X.T @ (wt / Wt - wc / Wc))
        psi -= (from_beta * (X @ a))[:, None] * residual
    return mt - mc, psi
