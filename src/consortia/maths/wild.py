"""Wild cluster bootstrap-t from cluster sums: no row is read twice, no outcome is made anew.

A draw multiplies the score of every cluster by a random sign (Rademacher) or one of six points
(Webb 2023). With nuisance columns N (years, covariates) partialled out again in every draw, the
numerator is ``sum v_g s_g`` and the score of a cluster in the draw ``v_g s_g - a_g'c - b h_g``,
with ``c = (N'N)^- sum v_g r_g`` and ``b = sum v_g s_g / sum h_g``: exactly what refitting the
outcome of the draw would give (Roodman, MacKinnon, Nielsen & Webb 2019, section 5), for every
hypothesis ``beta0`` at once, because s and r are linear in it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from consortia.maths.influence import Floats, Ints
from consortia.maths.permutation import Reference
from consortia.maths.within import Within, generalised_inverse

Points = Literal["rademacher", "webb"]
_ROOM = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Scores of A atoms, the smallest pieces that multipliers tell apart.

    ``s`` (A,) score at ``beta0 = 0`` and ``h`` (A,) what it falls by per unit of ``beta0``; ``r``
    (A, J) and ``a`` (A, J) the same of the nuisance columns; ``inverse`` (J, J). ``multiplier``
    (A, M): weight of each multiplier on an atom; ``cluster`` (A, C): weight of an atom in each
    cluster sum of the variance; None = atoms are what is multiplied or summed.
    ``restricted``: the null is imposed (h is not zero).
    """

    s: Floats
    h: Floats
    r: Floats
    a: Floats
    inverse: Floats
    multiplier: sparse.csr_array | None
    cluster: sparse.csr_array | None
    restricted: bool

    @property
    def pieces(self) -> int:
        """Independent multipliers."""
        return int(self.s.size if self.multiplier is None else self.multiplier.shape[1])


def overlapping(incidence: sparse.csr_array) -> sparse.csr_array:
    """Membership weights ``1 / sqrt(number of clusters)``: a provider in several clusters has the
    sum of their multipliers, scaled to variance one, and two providers are as dependent as they
    have clusters in common."""
    per = np.diff(incidence.indptr)
    weight = np.repeat(1 / np.sqrt(np.maximum(per, 1)), per)
    return sparse.csr_array((weight, incidence.indices, incidence.indptr), shape=incidence.shape)


def of_regression(fit: Within, atom: Ints, atoms: int) -> dict[str, Floats]:
    """Scores by atom (n,) of the coefficient in question, the null imposed; see Scores."""
    n, T, p = fit.U.shape
    J = p - 1 + T
    u = fit.e + fit.beta * fit.x
    wu, wx = fit.W * u, fit.W * fit.x
    made = np.empty((n, 2 + 2 * J))
    made[:, 0] = np.einsum("it,it->i", wx, u)
    made[:, 1] = np.einsum("it,it->i", wx, fit.x)
    made[:, 2 : 2 + T] = wu
    made[:, 2 + J : 2 + J + T] = wx
    if p > 1:
        made[:, 2 + T : 2 + J] = np.einsum("it,itp->ip", wu, fit.U[:, :, :-1])
        made[:, 2 + J + T :] = np.einsum("it,itp->ip", wx, fit.U[:, :, :-1])
    each: Ints = np.arange(n, dtype=np.int64)
    total = made
    if atoms < n or not np.array_equal(atom, each):
        pick = sparse.csr_array((np.ones(n), (atom, each)), shape=(atoms, n))
        total = np.asarray(pick @ made)
    order = np.array([*range(p, p + T), *range(p - 1)], dtype=np.int64)
    return {
        "s": total[:, 0],
        "h": total[:, 1],
        "r": total[:, 2 : 2 + J],
        "a": total[:, 2 + J :],
        "inverse": generalised_inverse(fit.gram[np.ix_(order, order)]),
    }


def of_influence(psi: Floats, path: Ints, w: Floats, atom: Ints, atoms: int) -> dict[str, Floats]:
    """Scores by atom of an estimate with influence ``psi`` (n,), the null not imposed.

    In every draw they are centred again within the paths (n,), weighted by w, as estimating the
    means of the paths again would do (Kline & Santos 2012, with a mean for each path).
    """
    P = int(path.max()) + 1
    by_path = sparse.csr_array((psi, (atom, path)), shape=(atoms, P)).toarray()
    weight = sparse.csr_array((w, (atom, path)), shape=(atoms, P)).toarray()
    total = np.bincount(path, w, P)
    return {
        "s": by_path.sum(axis=1),
        "h": np.zeros(atoms),
        "r": by_path,
        "a": weight,
        "inverse": np.diag(1 / np.where(total > 0, total, 1.0)),
    }


def bootstrap(scores: Scores, points: Points, draws: int, rng: np.random.Generator) -> Reference:
    """Draws of numerator and squared error; all 2^M of them where Rademacher signs have no more
    than ``draws``. Outcome 1 of the Reference is the part that falls with ``beta0``."""
    K = 2 if scores.restricted else 1
    M = scores.pieces
    exact = points == "rademacher" and M < 40 and draws >= 2**M
    seen, seen_square = _draw(scores, np.ones((1, M)), K)
    parts: list[tuple[Floats, Floats]] = []
    step = max(1, _ROOM // max(1, scores.s.size))
    if exact:
        signs = np.array(list(itertools.product((-1.0, 1.0), repeat=M)))
        parts = [_draw(scores, signs[a : a + step], K) for a in range(0, signs.shape[0], step)]
    else:
        for start in range(0, draws, step):
            parts.append(_draw(scores, _points(min(step, draws - start), M, points, rng), K))
    return Reference(
        theta=np.concatenate([x[0] for x in parts]),
        square=np.concatenate([x[1] for x in parts]),
        seen=seen[0],
        seen_square=seen_square[0],
        exact=exact,
    )


def _points(draws: int, M: int, points: Points, rng: np.random.Generator) -> Floats:
    if points == "rademacher":
        octets = rng.integers(0, 256, size=(draws, -(-M // 8)), dtype=np.uint8)
        bits = np.unpackbits(octets, axis=1, count=M).astype(np.float64)
        return np.asarray(2.0 * bits - 1.0, dtype=np.float64)
    half = np.sqrt(np.array([0.5, 1.0, 1.5]))
    table: Floats = np.concatenate([-half, half])
    return table[rng.integers(0, 6, size=(draws, M), dtype=np.uint8)]


def _draw(scores: Scores, v: Floats, K: int) -> tuple[Floats, Floats]:
    """theta (B, K) and squares (B, K, K) for multipliers v (B, M)."""
    xi = v if scores.multiplier is None else np.asarray((scores.multiplier @ v.T).T)
    H = float(scores.h.sum()) if scores.restricted else 1.0
    theta = np.empty((v.shape[0], K))
    made: list[Floats] = []
    for k, (s, r) in enumerate(((scores.s, scores.r), (scores.h, scores.a))[:K]):
        number = xi @ s
        theta[:, k] = number
        score = xi * s
        score -= ((xi @ r) @ scores.inverse) @ scores.a.T
        if scores.restricted:
            score -= (number / H)[:, None] * scores.h
        theta[:, k] /= H
        score /= H
        made.append(score if scores.cluster is None else np.asarray((scores.cluster.T @ score.T).T))
    square = np.empty((v.shape[0], K, K))
    for k in range(K):
        for j in range(k, K):
            square[:, k, j] = square[:, j, k] = np.einsum("bg,bg->b", made[k], made[j])
    return theta, square
