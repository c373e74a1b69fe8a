"""What a two-way regression with several arms averages: weights on each arm's own effects, and
contamination by the others'.

With ``r_j`` the residual of arm j after provider effects, year effects, the other arms and the
covariates, its coefficient is ``sum_k sum_it w_jk,it tau_k,it`` for
``w_jk = W r_j D_k / sum W r_j D_j``: the weights of its own effects sum to 1, those of any other
arm's to 0, but neither need be positive, so that others' effects come in wherever they vary
(de Chaisemartin & D'Haultfoeuille 2023, theorem 1; Goldsmith-Pinkham, Hull & Kolesar 2024).
"""

# The papers' letters are upper case and not constants.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consortia.errors import NotIdentified
from consortia.maths.absorption import Absorbed, absorb, independent
from consortia.maths.influence import Floats, Ints

_ROWS = 4096
Cells = NDArray[np.float64] | NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """Weights summed up: rows are coefficients j, columns the effects k they average, all (K, K).

    ``total`` is 1 on the diagonal and 0 off it, up to rounding; ``positive`` and ``negative`` are
    the sums of the weights above and below zero; ``cells`` counts the cells where arm k is on and
    ``below`` those among them with a weight below zero. ``squares``: sum of squared weights.
    """

    total: Floats
    positive: Floats
    negative: Floats
    cells: Ints
    below: Ints
    squares: Floats

    @property
    def negative_share(self) -> Floats:
        """(K,) share of cells whose own effect counts with the wrong sign."""
        return np.diag(self.below) / np.maximum(np.diag(self.cells), 1)

    @property
    def contamination(self) -> Floats:
        """(K, K) how much weight is moved from some of the cells of arm k to others, in coefficient
        j: if the effect of k were 1 higher in the favoured cells, coefficient j would be this much
        higher although its own effects are the same. Zero on the diagonal."""
        out = self.positive.copy()
        np.fill_diagonal(out, 0.0)
        return out

    def fragility(self, beta: Floats) -> Floats:
        """(K,) the least standard deviation, over its cells, of an arm's own effects that is
        compatible with coefficients ``beta`` (K,) and an average effect of zero, were there no
        contamination: ``|beta| / (N sd(w))`` (de Chaisemartin & D'Haultfoeuille 2020, corollary 1).
        Infinite where the weights are all the same."""
        N = np.diag(self.cells).astype(np.float64)
        spread = np.sqrt(np.maximum(np.diag(self.squares) / N - 1 / N**2, 0.0)) * N
        # Equal weights leave a spread that is rounding only.
        with np.errstate(divide="ignore"):
            return np.where(spread > 1e-7, np.abs(beta) / spread, np.inf)


def weigh(W: Floats, arms: Sequence[Cells], covariates: Sequence[Cells] = ()) -> Weighing:
    """Sums of the weights of the two-way regression of any outcome on ``arms`` (n, T each).

    ``W`` (n, T) cell weights, 0 where the outcome is not seen; ``covariates`` (n, T each). Raises
    NotIdentified where an arm cannot be told apart from the rest. Weights do not depend on the
    outcome.
    """
    K = len(arms)
    zero = np.zeros((K, K))
    positive, negative, squares = zero.copy(), zero.copy(), zero.copy()
    cells, below = np.zeros((K, K), dtype=np.int64), np.zeros((K, K), dtype=np.int64)
    fit, inverse = _solve(W, arms, covariates)
    for start in range(0, W.shape[0], _ROWS):
        R = _scaled(W, arms, covariates, fit, inverse, start)
        rows = slice(start, start + R.shape[0])
        for k, arm in enumerate(arms):
            D = _block(arm, rows, W[rows])
            held = (D != 0) & (W[rows] > 0)
            w = R[held] * D[held][:, None]
            positive[:, k] += np.maximum(w, 0.0).sum(axis=0)
            negative[:, k] += np.minimum(w, 0.0).sum(axis=0)
            squares[:, k] += (w**2).sum(axis=0)
            cells[:, k] += int(held.sum())
            below[:, k] += (w < 0).sum(axis=0)
    return Weighing(
        total=positive + negative,
        positive=positive,
        negative=negative,
        cells=cells,
        below=below,
        squares=squares,
    )


def residuals(W: Floats, arms: Sequence[Cells], covariates: Sequence[Cells] = ()) -> Floats:
    """Scaled residuals (n, T, K): ``w_jk = residuals[:, :, j] * arms[k]``, cell by cell."""
    fit, inverse = _solve(W, arms, covariates)
    return np.concatenate(
        [_scaled(W, arms, covariates, fit, inverse, start) for start in range(0, W.shape[0], _ROWS)]
    )


def explain(
    W: Floats, arms: Sequence[Cells], effects: Floats, covariates: Sequence[Cells] = ()
) -> Floats:
    """(K, K) what the effects of arm k, ``effects`` (n, T, K), add to coefficient j.

    The diagonal is the weighted average of its own effects, the rest contamination; rows sum to the
    coefficients that a regression without noise would give.
    """
    R = residuals(W, arms, covariates)
    K = len(arms)
    out = np.empty((K, K))
    for k, arm in enumerate(arms):
        D = _block(arm, slice(None), W)
        tau = np.where((W > 0) & (D != 0), effects[:, :, k], 0.0)
        out[:, k] = np.einsum("itj,it->j", R, D * tau)
    return out


def _block(values: Cells, rows: slice, w: Floats) -> Floats:
    return np.where(w > 0, values[rows], 0.0).astype(np.float64)


def _solve(
    W: Floats, arms: Sequence[Cells], covariates: Sequence[Cells]
) -> tuple[Absorbed, Floats]:
    """The absorbed cross-products, arms last, and the rows of their inverse (p, K) for the arms."""
    columns = [*covariates, *arms]
    p, K = len(columns), len(arms)

    def block(start: int, stop: int) -> Floats:
        rows = slice(start, stop)
        return np.stack([_block(c, rows, W[rows]) for c in columns], axis=2)

    # The weights do not depend on the outcome; any finite array stands in for it.
    fit = absorb(W, W, block, p)
    keep, lost = independent(fit.A, fit.raw)
    for j in lost:
        if j >= p - K:
            raise NotIdentified(
                f"arm {j - (p - K) + 1} cannot be told apart from provider effects, year effects "
                "and the other arms together"
            )
    inverse = np.zeros((p, p))
    inverse[np.ix_(keep, keep)] = np.linalg.inv(fit.A[np.ix_(keep, keep)])
    return fit, inverse[:, p - K :]


def _scaled(
    W: Floats,
    arms: Sequence[Cells],
    covariates: Sequence[Cells],
    fit: Absorbed,
    inverse: Floats,
    start: int,
) -> Floats:
    """Rows start.. of ``W r_j / sum W r_j D_j`` (k, T, K). The residual of column j on all others,
    divided by its own sum of squares, is the residual after the effects times column j of the
    inverse cross-products."""
    stop = min(start + _ROWS, W.shape[0])
    rows = slice(start, stop)
    w = W[rows]
    total = w.sum(axis=1)
    V = np.stack([_block(c, rows, W[rows]) for c in (*covariates, *arms)], axis=2)
    V = V - fit.years[None, :, :-1]
    V -= (np.einsum("it,itv->iv", w, V) / np.where(total > 0, total, 1.0)[:, None])[:, None, :]
    return w[:, :, None] * (V @ inverse)
