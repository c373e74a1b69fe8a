"""Conditional test with a least favourable first stage, and the interval that it gives.

Andrews, Roth & Pakes (2023, sections 5 and 6) as Rambachan & Roth (2023, section 3.2) use it. The
null "target = theta" holds if some effects make every moment after joining non-positive:

    +-(after beta)_t -+ u_t - k v <= 0,    w'u = theta,    v = +-(before beta)_b,

k the multiple (Mbar), and the set is the union over b and both signs of v. The test statistic is
the linear programme's dual, ``eta = max gamma'Y`` over ``gamma >= 0, gamma'X = 0, sd'gamma = 1``.
``gamma'X = 0`` forces the weights on the two signs of t to differ by a multiple of ``w_t``, so the
dual has P + 2 vertices, known without solving anything: all of +w, all of -w, or equal weights on
the two signs of a single t, of which only the smallest and the largest normalisation can ever bind.
Every vertex reads only ``x = w' after beta - theta`` and ``v``: the test is one about two normal
variables, whatever the number of years, and is evaluated for many theta at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from consortia.maths.honest.sets import Differences, EventStudy, Floats

FIRST_STAGE = 0.1
"""Share of the test's size that the least favourable stage takes (Rambachan & Roth 2023, 3.3)."""
_ANGLES = 240
"""Relative error of the critical value below 2e-5 in 180 problems, held against 20,160."""
_SCAN = 32
"""Stretches between certain rejection and the estimate, on each side, whose ends are tried."""
_DIVIDE = 16
_TURNS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """The polyhedra of a set, one for each bound and pair (b, sign), as problems in (x, v).

    Shapes (B, C) with B bounds and C pairs: ``s_plus``, ``s_minus`` normalise the vertices +w and
    -w; ``least`` and ``most`` the pairs of both signs of one year. ``k`` (B, 1) the multiple, ``W``
    the sum of |w|; ``x`` and ``v`` (C,) the estimates, ``a`` = var x, ``b`` = var v (C,), ``c``
    (C,) their covariance.
    """

    k: Floats
    W: float
    x: float
    v: Floats
    a: float
    b: Floats
    c: Floats
    s_plus: Floats
    s_minus: Floats
    least: Floats
    most: Floats

    def vertices(self) -> Floats:
        """G (B, C, 4, 2): the vertices' coefficients on (x, v)."""
        G = np.zeros((*self.s_plus.shape, 4, 2))
        G[..., 0, 0], G[..., 1, 0] = 1 / self.s_plus, -1 / self.s_minus
        G[..., 0, 1], G[..., 1, 1] = -self.k * self.W / self.s_plus, -self.k * self.W / self.s_minus
        G[..., 2, 1], G[..., 3, 1] = -2 * self.k / self.least, -2 * self.k / self.most
        return G


def relative(study: EventStudy, rows: Differences, target: Floats, multiples: Floats) -> Pieces:
    """Differences after bounded by ``multiples`` (B,) of the largest before, in absolute value.

    ``target`` (P,): weights of the effects after. Raises ValueError where nothing lies before.
    """
    if rows.before.shape[0] == 0:
        raise ValueError("no difference before the reference year to measure by")
    u = np.concatenate([rows.before, -rows.before])
    return _pieces(study, rows, target, multiples[:, None], u @ study.beta, u)


def absolute(study: EventStudy, rows: Differences, target: Floats, bounds: Floats) -> Pieces:
    """Differences after bounded by ``bounds`` (B,) in absolute value: v is a constant, one."""
    zero = np.zeros((1, study.beta.size))
    return _pieces(study, rows, target, bounds[:, None], np.ones(1), zero)


def _pieces(
    study: EventStudy, rows: Differences, target: Floats, k: Floats, v: Floats, u: Floats
) -> Pieces:
    w = rows.weights(target)
    h = w @ rows.after
    own: Floats = np.einsum("tk,kl,tl->t", rows.after, study.V, rows.after)
    b: Floats = np.einsum("ck,kl,cl->c", u, study.V, u)
    cross = u @ study.V @ rows.after.T
    var = own + k[..., None] ** 2 * b[:, None]
    lean = 2 * k[..., None] * cross
    # A moment without variance would make its vertex infinite: it keeps a hair of its scale.
    hair = 1e-12 * max(float(own.max()), 1e-300)
    plus: Floats = np.sqrt(np.maximum(var - lean, hair))
    minus: Floats = np.sqrt(np.maximum(var + lean, hair))
    upper: Floats = np.where(w > 0, plus, minus)
    lower: Floats = np.where(w > 0, minus, plus)
    pair = plus + minus
    return Pieces(
        k=k,
        W=float(np.abs(w).sum()),
        x=float(h @ study.beta),
        v=v,
        a=float(h @ study.V @ h),
        b=b,
        c=u @ study.V @ h,
        s_plus=upper @ np.abs(w),
        s_minus=lower @ np.abs(w),
        least=pair.min(axis=-1),
        most=pair.max(axis=-1),
    )


def least_favourable(pieces: Pieces, size: float) -> Floats:
    """(B, C) critical values: the 1 - ``size`` quantile of eta when every moment has mean zero.

    eta is positively homogeneous in the two normals, so with z = r (cos, sin) of independent ones
    and n(angle) its value at r = 1, P(eta > q) = mean over angles of exp(-q^2 / (2 n^2)): no
    simulation. Newton's method on its logarithm, which is convex in q^2.
    """
    angle = 2 * np.pi * (np.arange(_ANGLES) + 0.5) / _ANGLES
    root = np.sqrt(pieces.a)
    slope = pieces.c / root
    rest = np.sqrt(np.maximum(pieces.b - slope**2, 0.0))
    x = root * np.cos(angle)
    v = slope[:, None] * np.cos(angle) + rest[:, None] * np.sin(angle)
    drift = pieces.k[..., None] * v
    n = np.maximum(
        (x - pieces.W * drift) / pieces.s_plus[..., None],
        (-x - pieces.W * drift) / pieces.s_minus[..., None],
    )
    n = np.maximum(n, -2 * drift / pieces.least[..., None])
    with np.errstate(divide="ignore", over="ignore"):
        q = np.where(n > 0, 0.5 / np.square(n), np.inf)
    smallest = q.min(axis=-1, keepdims=True)
    excess = np.where(np.isfinite(q), q - smallest, np.inf)
    finite = np.where(np.isfinite(excess), excess, 0.0)
    # From the right the first step lands left of the root, and from there all go up to it.
    square = np.log(np.isfinite(q).mean(axis=-1) / size) / smallest[..., 0]
    for _ in range(60):
        weight = np.exp(-excess * square[..., None])
        share = weight.mean(axis=-1)
        value = np.log(share / size) - smallest[..., 0] * square
        slope_ = smallest[..., 0] + (weight * finite).mean(axis=-1) / share
        step = value / slope_
        square = np.maximum(square + step, 0.0)
        if (np.abs(step) <= 1e-10 * np.maximum(square, 1e-300)).all():
            break
    return np.sqrt(square)


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridTest:
    """The two-stage test on every piece, ready to be asked about many values.

    ``G`` (B, C, 4, 2) vertices on (x, v), ``cross`` (B, C, 4, 4) their covariances, ``critical``
    (B, C) of the first stage, ``second`` the size of the second one.
    """

    pieces: Pieces
    G: Floats
    cross: Floats
    critical: Floats
    second: float

    def accepts(self, x: Floats) -> NDArray[np.bool_]:
        """Whether ``x`` (B, C, N), the estimate less the value in question, is not rejected.

        Rejects if eta exceeds the first stage's critical value, or if eta lies in the upper
        ``second`` of the normal of the binding vertex, truncated to where that vertex binds and
        the first stage passes.
        """
        lines = self.G[..., None, :, :]
        value = lines[..., 0] * x[..., None] + lines[..., 1] * self.pieces.v[:, None, None]
        at = value.argmax(axis=-1)
        eta = value.max(axis=-1)
        one, two = np.ogrid[: at.shape[0], : at.shape[1]]
        cross: Floats = self.cross[one[..., None], two[..., None], at]
        own: Floats = np.einsum("bcii->bci", self.cross)
        variance: Floats = own[one[..., None], two[..., None], at]
        known = variance > 1e-14 * np.maximum(np.abs(cross).max(axis=-1), 1e-300)
        sd = np.sqrt(np.where(known, variance, 1.0))
        # Along the binding vertex: the others' values when its own is taken as given.
        along = np.where(known[..., None], cross, 0.0) / np.square(sd)[..., None]
        room = 1 - along
        with np.errstate(divide="ignore", invalid="ignore"):
            edge = (value - along * eta[..., None]) / room
        low = np.where(room > 1e-9, edge, -np.inf).max(axis=-1)
        high = np.where(room < -1e-9, edge, np.inf).min(axis=-1)
        high = np.minimum(high, self.critical[..., None])
        p = _upper_share(eta / sd, np.minimum(low, eta) / sd, np.maximum(high, eta) / sd)
        # Never at or below zero; without variance, zero itself is the limit.
        late = (eta > 0) & (~known | (p < self.second))
        return ~((eta > self.critical[..., None]) | late)

    def reach(self) -> tuple[Floats, Floats]:
        """Lowest and highest x (B, C) that the first stage lets pass; the set is empty where the
        first is not below the second."""
        k, p = self.pieces.k * self.pieces.W * self.pieces.v, self.pieces
        return -(k + p.s_minus * self.critical), k + p.s_plus * self.critical


def hybrid_test(pieces: Pieces, level: float = 0.95, share: float = FIRST_STAGE) -> HybridTest:
    """The test of size 1 - ``level``, of which the first stage takes ``share``."""
    size = 1 - level
    first = share * size
    G = pieces.vertices()
    read = np.empty((pieces.v.size, 2, 2))
    read[:, 0, 0], read[:, 1, 1] = pieces.a, pieces.b
    read[:, 0, 1] = read[:, 1, 0] = pieces.c
    return HybridTest(
        pieces=pieces,
        G=G,
        cross=G @ read @ np.swapaxes(G, -1, -2),
        critical=least_favourable(pieces, first),
        second=(size - first) / (1 - first),
    )


def _upper_share(z: Floats, low: Floats, high: Floats) -> Floats:
    """P(Z > z | low <= Z <= high) of a standard normal, without cancelling far in the tail."""
    at, bottom, top = special.log_ndtr(-z), special.log_ndtr(-low), special.log_ndtr(-high)
    upper, whole = -np.expm1(top - at), -np.expm1(top - bottom)
    return np.exp(at - bottom) * upper / np.where(whole > 0, whole, 1.0)


def interval(
    pieces: Pieces, level: float = 0.95, share: float = FIRST_STAGE
) -> tuple[Floats, Floats]:
    """Lower and upper ends (B,) of the values of the target that are not rejected.

    The union over the pieces, closed to an interval. Beyond the first stage's reach everything is
    rejected; from there ``_SCAN`` values are tried inwards, and the stretch between the outermost
    that is accepted and its neighbour is divided until it is 1e-12 of the reach. NaN where all is
    rejected.
    """
    test = hybrid_test(pieces, level, share)
    bottom, top = test.reach()
    alive = (top > bottom)[..., None]
    reach = pieces.k * pieces.W * pieces.v
    # Where v is positive the moments all hold between -reach and reach: start from there.
    middle = (top + bottom) / 2
    inner = (
        np.where(pieces.v >= 0, reach, middle)[..., None],
        np.where(pieces.v >= 0, -reach, middle)[..., None],
    )
    good = np.concatenate(inner, axis=-1)
    bad = np.stack([top, bottom], axis=-1)
    found = alive & np.ones(2, dtype=np.bool_)
    for turn in range(_TURNS):
        parts = _SCAN if turn == 0 else _DIVIDE
        x = good[..., None] + (bad - good)[..., None] * np.linspace(0.0, 1.0, parts + 1)
        ok = test.accepts(x.reshape(*alive.shape[:2], -1)).reshape(x.shape)
        if turn == 0:
            found = found & ok.any(axis=-1)
        else:
            ok[..., 0], ok[..., -1] = True, False
        last = parts - ok[..., ::-1].argmax(axis=-1)
        pair = np.stack([last, np.minimum(last + 1, parts)], axis=-1)
        good, bad = np.moveaxis(np.take_along_axis(x, pair, axis=-1), -1, 0)
    ends = np.where(found, good, np.nan)
    low = np.where(found[..., 0], pieces.x - ends[..., 0], np.inf).min(axis=-1)
    high = np.where(found[..., 1], pieces.x - ends[..., 1], -np.inf).max(axis=-1)
    return np.where(low > high, np.nan, low), np.where(low > high, np.nan, high)


def holds(
    pieces: Pieces, value: float, level: float = 0.95, share: float = FIRST_STAGE
) -> NDArray[np.bool_]:
    """Whether the interval of each bound holds ``value`` (B,): something on either side of it, or
    it itself, is accepted by some piece. Cheaper than the interval's ends."""
    test = hybrid_test(pieces, level, share)
    bottom, top = test.reach()
    at = pieces.x - value
    step = np.linspace(0.0, 1.0, _DIVIDE + 1)
    below = at + np.minimum(bottom - at, 0.0)[..., None] * step
    above = at + np.maximum(top - at, 0.0)[..., None] * step
    ok = test.accepts(np.concatenate([below, above], axis=-1)) & (top > bottom)[..., None]
    sides = ok.reshape(*ok.shape[:2], 2, -1)
    return np.asarray(sides.any(axis=(1, 3)).all(axis=-1))
