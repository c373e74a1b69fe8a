"""Gelbach's decomposition of the naive gap, free of order, on a panel with many provider effects.

Naive: outcome on the arm D alone. Full: outcome on D, blocks of other variables, provider and year
effects. Their difference is exactly a sum over what the full model adds (Gelbach 2016):
``beta_raw - beta_full = sum_j Gamma_j beta_j``, Gamma_j the coefficients of D in regressions of
block j's columns on D. Estimated provider effects and year effects are blocks like any other.
"""

# The papers' letters are upper case and not constants.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from consortia.errors import NotIdentified
from consortia.maths.absorption import independent
from consortia.maths.influence import Bools, Floats, Influence, Ints

_ROWS = 4096
Block = NDArray[np.float64] | NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """The naive gap, its parts, and what is left.

    ``theta`` (B + 4,): naive gap; part of the provider effects; of the year effects; of each block;
    the full model's coefficient. ``theta[0] - theta[-1] == theta[1:-1].sum()``, and the same for
    the rows of ``influence``. ``gamma`` and ``beta`` (q,) by column of the blocks, ``block`` (q,)
    which block it belongs to, ``lost`` (q,) columns that provider and year effects or earlier
    columns explain (their share is with those). ``cells`` used; ``dropped`` cells outside the
    largest set of providers and years that hang together; ``n_on``, ``n_off`` providers ever with
    and without D.
    """

    theta: Floats
    influence: Influence
    gamma: Floats
    beta: Floats
    block: Ints
    lost: Bools
    cells: int
    dropped: int
    n_on: int
    n_off: int


def decompose(Y: Floats, W: Floats, D: Block, blocks: Sequence[Block] = ()) -> Decomposition:
    """Decompose the gap in Y (n, T) by D (n, T), with cell weights W (n, T), 0 = not seen.

    ``blocks``: arrays (n, T) or (n, T, q_j); values where W = 0 are not read. A provider seen once
    stays in (its effect takes up all of its outcome), because both regressions must use the same
    cells. Time is O(cells (q + T)^2); nothing of size cells is kept.

    Raises NotIdentified when D does not vary, or the full model cannot tell it from the rest;
    ValueError for a column that is not finite on a seen cell.
    """
    W, dropped = _largest_part(W)
    columns = _columns(Y, W, D, blocks)
    first = _moments(columns)
    q, T = columns.q, columns.T
    # Years first, the arm last, so that a column explained by others gives way to them.
    _, lost = independent(first.G, first.raw)
    if q + T in lost:
        raise NotIdentified(
            "the arm cannot be told apart from provider effects, year effects and the other "
            "variables together"
        )
    keep = np.setdiff1d(np.arange(q + T + 1), lost)
    inverse = np.zeros_like(first.G)
    inverse[np.ix_(keep, keep)] = np.linalg.inv(first.G[np.ix_(keep, keep)])
    coef = inverse @ first.c
    coef = coef + inverse @ _residual_scores(columns, coef)
    beta, gamma = coef[T : T + q], first.gamma[T : T + q]
    block = columns.block
    B = len(blocks)
    theta = np.empty(B + 4)
    theta[0] = first.gamma_y
    theta[2] = first.gamma[:T] @ coef[:T]
    parts = np.where(np.isin(np.arange(T, T + q), lost), 0.0, gamma * beta)
    theta[3 : B + 3] = np.bincount(block, weights=parts, minlength=B) if q else 0.0
    theta[B + 3] = coef[-1]
    # gamma of the provider effects: those of Y's provider means less those of the regressors'.
    theta[1] = first.between_y - first.between @ coef
    psi = _influence(columns, first, coef, inverse, theta)
    seen, on = W > 0, np.asarray(D, dtype=np.float64) != 0
    return Decomposition(
        theta=theta,
        influence=Influence(psi=psi),
        gamma=gamma,
        beta=beta,
        block=block,
        lost=np.isin(np.arange(T, T + q), lost),
        cells=int(seen.sum()),
        dropped=dropped,
        n_on=int((seen & on).any(axis=1).sum()),
        n_off=int((seen & ~on).any(axis=1).sum()),
    )


def _largest_part(W: Floats) -> tuple[Floats, int]:
    """W with zeros outside the largest connected set of providers and years, and cells lost."""
    seen = W > 0
    if not seen.any():
        raise NotIdentified("no provider has a result")
    year = seen.T.astype(np.float64)
    links = sparse.csr_array(year @ year.T)
    _, part = csgraph.connected_components(links, directed=False)
    if (part[seen.any(axis=0)] == part[seen.any(axis=0)][0]).all():
        return W, 0
    size = np.bincount(part, weights=seen.sum(axis=0))
    out = part != int(size.argmax())
    return np.where(out[None, :], 0.0, W), int(seen[:, out].sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Regressors by blocks of providers: year dummies (T), columns of the blocks (q), the arm.

    ``parts`` (n, T, q_j) each; ``block`` (q,) which of them a column is of; ``middle`` (T + q + 2,)
    means of all columns and the outcome: all that follows is taken around them.
    """

    Y: Floats
    W: Floats
    D: Block
    parts: tuple[Block, ...]
    block: Ints
    middle: Floats
    total: float

    @property
    def n(self) -> int:
        return int(self.Y.shape[0])

    @property
    def T(self) -> int:
        return int(self.Y.shape[1])

    @property
    def q(self) -> int:
        return int(self.block.size)

    def take(self, start: int) -> tuple[Floats, Floats]:
        """Weights (k, T) and (k, T, T + q + 2): years, blocks, arm, outcome; 0 where not seen."""
        stop = min(start + _ROWS, self.n)
        w = self.W[start:stop]
        V = np.empty((*w.shape, self.T + self.q + 2))
        V[:, :, : self.T] = np.eye(self.T)
        at = self.T
        for part in self.parts:
            V[:, :, at : at + part.shape[2]] = part[start:stop]
            at += part.shape[2]
        V[:, :, at] = self.D[start:stop]
        V[:, :, at + 1] = self.Y[start:stop]
        V -= self.middle
        V[w == 0] = 0.0
        return w, V

    def means(self, w: Floats, V: Floats) -> Floats:
        """Provider means (k, T + q + 2)."""
        total = w.sum(axis=1)
        return np.einsum("it,itv->iv", w, V) / np.where(total > 0, total, 1.0)[:, None]


def _columns(Y: Floats, W: Floats, D: Block, blocks: Sequence[Block]) -> _Columns:
    parts = tuple(b[:, :, None] if b.ndim == 2 else b for b in blocks)
    sizes = np.array([b.shape[2] for b in parts], dtype=np.int64)
    width = int(Y.shape[1] + sizes.sum() + 2)
    found = _Columns(
        Y=Y,
        W=W,
        D=D,
        parts=parts,
        block=np.repeat(np.arange(sizes.size), sizes).astype(np.int64),
        middle=np.zeros(width),
        total=float(W.sum()),
    )
    sums = np.zeros(width)
    for start in range(0, found.n, _ROWS):
        w, V = found.take(start)
        sums += np.einsum("it,itv->v", w, V)
    if not np.isfinite(sums).all():
        raise ValueError("a column is not finite where the outcome is seen")
    return replace(found, middle=sums / found.total)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moments:
    """``G``, ``c``: normal equations after provider effects; ``raw``: sums of squares before them,
    so that a column that does not vary within providers is seen as such whatever rounding leaves.
    ``S``: of the arm around its mean. ``gamma``, ``gamma_y``: coefficient of the arm in regressions
    of every column and of Y on it; ``between``, ``between_y``: the same for their provider
    means."""

    G: Floats
    c: Floats
    raw: Floats
    S: float
    gamma: Floats
    gamma_y: float
    between: Floats
    between_y: float


def _moments(columns: _Columns) -> _Moments:
    k = columns.T + columns.q + 2
    within = np.zeros((k, k))
    cross, between, squares = np.zeros(k), np.zeros(k), np.zeros(k)
    for start in range(0, columns.n, _ROWS):
        w, V = columns.take(start)
        mean = columns.means(w, V)
        wd = w * V[:, :, -2]
        cross += np.einsum("it,itv->v", wd, V)
        between += wd.sum(axis=1) @ mean
        squares += np.einsum("it,itv,itv->v", w, V, V)
        V -= mean[:, None, :]
        flat = V.reshape(-1, k)
        within += (flat * w.reshape(-1, 1)).T @ flat
    around = float(cross[-2])
    if around <= 1e-12 * (around + columns.total * float(columns.middle[-2]) ** 2):
        raise NotIdentified("the arm does not vary: everybody seen holds it, or nobody does")
    return _Moments(
        G=within[:-1, :-1],
        c=within[:-1, -1],
        raw=squares[:-1],
        S=around,
        gamma=cross[:-1] / around,
        gamma_y=float(cross[-1] / around),
        between=between[:-1] / around,
        between_y=float(between[-1] / around),
    )


def _residual_scores(columns: _Columns, coef: Floats) -> Floats:
    """``Z' W e`` at ``coef``: what rounding left over, for one more Newton step."""
    total = np.zeros(coef.size)
    for start in range(0, columns.n, _ROWS):
        w, V = columns.take(start)
        V -= columns.means(w, V)[:, None, :]
        e = V[:, :, -1] - V[:, :, :-1] @ coef
        total += np.einsum("it,itv->v", w * e, V[:, :, :-1])
    return total


def _influence(
    columns: _Columns, m: _Moments, coef: Floats, inverse: Floats, theta: Floats
) -> Floats:
    """psi (n, B + 4). A part is Gamma beta: it moves with the regression on D that gives Gamma, for
    fitted parts taken as data, and with the coefficients of the full model."""
    T, q = columns.T, columns.q
    B = theta.size - 4
    # How each part responds to the full model's coefficients.
    response = np.zeros((B + 4, T + q + 1))
    response[1] = -m.between
    response[2, :T] = m.gamma[:T]
    lost = ~inverse.any(axis=1)
    for j in range(B):
        mine = T + np.flatnonzero(columns.block == j)
        response[3 + j, mine] = m.gamma[mine]
    response[B + 3, -1] = 1.0
    response[:, lost] = 0.0
    lead = inverse @ response.T
    psi = np.empty((columns.n, B + 4))
    for start in range(0, columns.n, _ROWS):
        w, V = columns.take(start)
        mean = columns.means(w, V)
        d = V[:, :, -2]
        fitted = np.zeros((*w.shape, B + 4))
        fitted[:, :, 0] = V[:, :, -1]
        fitted[:, :, 1] = (mean[:, -1] - mean[:, :-1] @ coef)[:, None]
        fitted[:, :, 2] = V[:, :, :T] @ coef[:T]
        for j in range(B):
            mine = T + np.flatnonzero(columns.block == j)
            fitted[:, :, 3 + j] = V[:, :, mine] @ coef[mine]
        # Everything is around its mean, so that the regression on D needs no constant.
        fitted[:, :, : B + 3] -= d[:, :, None] * theta[: B + 3]
        fitted[:, :, B + 3] = 0.0
        out = np.einsum("it,itv->iv", w * d, fitted) / m.S
        Z = V[:, :, :-1] - mean[:, None, :-1]
        e = V[:, :, -1] - mean[:, None, -1] - Z @ coef
        out += np.einsum("it,itv->iv", w * e, Z) @ lead
        psi[start : start + w.shape[0]] = out
    return psi
