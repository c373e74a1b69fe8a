"""REML and ML by Newton steps with the average information, on cross-products alone.

Criterion (Bates et al. 2015, eqs. 34 and 41), with s2 profiled out: ``d = log|V| + log|X'V^-1X|
[REML] + m (1 + log(2 pi s2)) - sum log w``, ``s2 = y'Py / m``, ``m = n - p`` (REML) or ``n`` (ML).
Its first derivative is exact; second derivatives in the variances are the average of observed and
expected information (Gilmour, Thompson & Cullis 1995; Johnson & Thompson 1995), which needs no
traces; the passage from variances to Cholesky factors is exact. With negative curvature the step
follows its absolute value, and a step that does not lower the criterion is halved."""

# The paper's letters are capitals.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize

from consortia.errors import NotIdentified
from consortia.maths.influence import Bools, Floats, Ints
from consortia.maths.mixed import dense, sparse
from consortia.maths.mixed.cross import Cross, assemble, thicken
from consortia.maths.mixed.model import Element, Term, components, elements, factors, parameters
from consortia.maths.mixed.statistics import Statistics
from consortia.maths.mixed.threads import one_thread

Solved = dense.Solved | sparse.Solved
_COLLINEAR = 1e-11
_ZERO = 1e-4
"""A component is tried at zero when its reliability (variance ratio x rows per level) is below."""
_SAME = 1e-7
"""Criteria closer than this are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The model at one point: criterion, s2, ``beta`` (p,) and ``Phi`` (p, p) = (X'V^-1X)^-1,
    both on shifted columns and relative to s2; ``v`` (q,) = Z'Py."""

    solved: Solved
    criterion: float
    s2: float
    beta: Floats
    Phi: Floats
    v: Floats
    dof: int
    yPy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Slopes:
    """Derivatives at a point: ``gradient`` (t,), ``hessian`` (t, t) in the parameters; ``natural``
    (t, t) the part of the Hessian that comes from O_k = L_k L_k' itself; ``seen`` (t,) the
    derivative in a parameter and log s2; ``Gamma`` the gradient (c, c) in O_k by term."""

    gradient: Floats
    hessian: Floats
    natural: Floats
    seen: Floats
    Gamma: list[Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Where a search ended; ``used`` counts evaluations."""

    point: Point
    slopes: Slopes
    theta: Floats
    used: int
    converged: bool


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A fitted model.

    ``beta`` (p,) and ``vcov`` (p, p) by the columns ``fixed``; ``Sigma`` (c, c) by term; ``s2``.
    ``criterion`` is -2 log (restricted) likelihood. ``singular`` names the terms whose covariance
    lies on the boundary. ``cautions`` says what else a reader must know. ``point`` is the model at
    the optimum, from which inference and effects are read."""

    terms: tuple[Term, ...]
    cross: Cross
    reml: bool
    theta: Floats
    beta: Floats
    vcov: Floats
    Sigma: list[Floats]
    s2: float
    criterion: float
    iterations: int
    converged: bool
    singular: tuple[str, ...]
    cautions: tuple[str, ...]
    point: Point

    @property
    def se(self) -> Floats:
        """Standard errors (p,), without allowance for estimated variances."""
        return np.sqrt(np.diag(self.vcov))

    @property
    def components(self) -> Floats:
        """Variances and covariances (m,) in the order of ``model.components``."""
        return np.array(
            [self.s2 if c.term < 0 else self.Sigma[c.term][c.row, c.column]
             for c in components(self.terms)]
        )  # fmt: skip

    def __repr__(self) -> str:
        kind = "REML" if self.reml else "ML"
        parts = ", ".join(
            f"{c.name} {x:.4g}"
            for c, x in zip(components(self.terms), self.components, strict=True)
        )
        head = f"{kind} fit of {self.cross.n:,} rows, -2 log likelihood {self.criterion:.6f}"
        return f"{head}\n  {parts}"


def fit(
    statistics: Statistics,
    terms: tuple[Term, ...],
    *,
    reml: bool = True,
    start: Floats | None = None,
    steps: int = 100,
) -> Fit:
    """Fit a mixed model to sufficient statistics.

    ``start``: parameters in the order of ``model.elements`` (relative to the residual standard
    deviation). Raises ValueError where terms and statistics do not match, NotIdentified where X
    has dependent columns or fewer rows than columns."""
    with one_thread():
        return fit_cross(assemble(statistics, terms), reml=reml, start=start, steps=steps)


def fit_cross(
    cross: Cross, *, reml: bool = True, start: Floats | None = None, steps: int = 100
) -> Fit:
    """Fit a model from its assembled cross-products."""
    _check(cross)
    theta = begin(cross) if start is None else np.asarray(start, dtype=np.float64)
    if cross.sparse and sparse.slower(cross, factors(theta, cross.terms)):
        cross = thicken(cross)
    best = _settle(cross, theta, reml, steps)
    diagonal = np.array([e.row == e.column for e in elements(cross.terms)])
    if (best.theta[diagonal] == 0).any():
        # A component at zero may be one of two valleys: look from the other side as well.
        again = np.where(diagonal, np.where(best.theta == 0, 1.0, 0.1 * best.theta), 0.0)
        other = _settle(cross, again, reml, steps)
        better = other.point.criterion < best.point.criterion - _SAME
        used = best.used + other.used
        best = replace(other if better else best, used=used)
    return _finish(cross, reml, best)


def _settle(cross: Cross, theta: Floats, reml: bool, steps: int) -> Search:
    """A search, components near zero put there, and the rest settled again."""
    found = search(cross, theta, reml, steps)
    put = _at_zero(cross, found, reml)
    if put is None:
        return found
    again = search(cross, put, reml, steps, free=put != 0)
    return replace(again, used=found.used + again.used)


def _check(cross: Cross) -> None:
    p = cross.p
    if cross.n <= p:
        raise NotIdentified(f"{cross.n} rows cannot carry {p} fixed effects")
    size = np.sqrt(np.maximum(np.diag(cross.D)[:p], 0.0))
    if (size == 0).any():
        named = [f for f, s in zip(cross.fixed, size, strict=True) if s == 0]
        raise NotIdentified(f"the columns {named} of X are constant or zero")
    if p and np.linalg.eigvalsh(cross.D[:p, :p] / np.outer(size, size))[0] < _COLLINEAR:
        raise NotIdentified(f"the columns {list(cross.fixed)} of X depend on one another")


def begin(cross: Cross) -> Floats:
    """Starting parameters: quadratic forms of group sums of the residuals of a plain regression,
    set equal to their expectation (as Henderson's method 3 does), kept above zero."""
    p = cross.p
    b = np.linalg.solve(cross.D[:p, :p], cross.D[:p, p])
    rss = float(cross.D[p, p] - b @ cross.D[:p, p])
    r = cross.R[:, p] - cross.R[:, :p] @ b
    n, squares, owner, names = _own_and_squares(cross)
    used = n > 0
    inverse = np.where(used, 1.0 / np.where(used, n, 1.0), 0.0)
    m = len(names)
    left = np.zeros((m + 1, m + 1))
    right = np.zeros(m + 1)
    for e in range(m):
        mine = owner == e
        right[e] = float((r[mine] ** 2 * inverse[mine]).sum())
        left[e, m] = float(used[mine].sum())
        left[m, e] = float(n[mine].sum())
        for f in range(m):
            left[e, f] = float((squares[mine, f] * inverse[mine]).sum())
    left[m, m], right[m] = cross.n - p, rss
    row = 1.0 / np.maximum(left.max(axis=1), 1e-300)
    found, _ = optimize.nnls(left * row[:, None], right * row)
    s2 = max(float(found[m]), 0.05 * rss / cross.n)
    theta = np.zeros(len(elements(cross.terms)))
    for place, e in enumerate(elements(cross.terms)):
        if e.row == e.column:
            k = names.index((e.term, e.row))
            mean = float(n[owner == k].mean()) if (owner == k).any() else 1.0
            ratio = float(found[k]) / s2 if s2 > 0 else 1.0
            theta[place] = np.sqrt(min(max(ratio, 0.05 / max(mean, 1e-12)), 1e6))
    return theta


def _own_and_squares(
    cross: Cross,
) -> tuple[Floats, Floats, Ints, list[tuple[int, int]]]:
    """Diagonal (q,) of N, sums (q, m) of squares of its rows by term and column, and their
    owners."""
    names = [(k, a) for k, t in enumerate(cross.terms) for a in range(t.width)]
    owner = np.empty(cross.q, dtype=np.int64)
    for e, (k, a) in enumerate(names):
        s = cross.span(k)
        owner[s.start + a : s.stop : cross.terms[k].width] = e
    m, q1 = len(names), cross.q1
    pick = np.zeros((cross.q, m))
    pick[np.arange(cross.q), owner] = 1.0
    squares = np.zeros((cross.q, m))
    n = np.zeros(cross.q)
    n1, c1, _ = cross.N11.shape
    if cross.together is not None:
        within = cross.within()
        n[:q1] = within.diagonal()
        squares[:q1] = within.power(2) @ pick[:q1]
    elif n1:
        n[:q1] = np.einsum("jaa->ja", cross.N11).ravel()
        inner = (cross.N11**2) @ pick[:q1].reshape(n1, c1, m)
        squares[:q1] = inner.reshape(q1, m)
    N12 = cross.N12**2 if isinstance(cross.N12, np.ndarray) else cross.N12.power(2)
    N22 = cross.N22**2 if isinstance(cross.N22, np.ndarray) else cross.N22.power(2)
    squares[:q1] += np.asarray(N12 @ pick[q1:])
    squares[q1:] += np.asarray(N12.T @ pick[:q1]) + np.asarray(N22 @ pick[q1:])
    n[q1:] = cross.N22.diagonal()
    return n, squares, owner, names


def at(cross: Cross, L: list[Floats], reml: bool) -> Point:
    """The model at relative factors L. LinAlgError where it cannot be evaluated."""
    p = cross.p
    solved: Solved = sparse.solve(cross, L) if cross.sparse else dense.solve(cross, L)
    A = solved.A
    factor = np.linalg.cholesky(A[:p, :p]) if p else A[:p, :p]
    Phi = np.linalg.inv(A[:p, :p])
    Phi = (Phi + Phi.T) / 2
    beta: Floats = np.asarray(np.linalg.solve(A[:p, :p], A[:p, p]), dtype=np.float64)
    yPy = float(A[p, p] - beta @ A[:p, p])
    if not yPy > 0:
        raise np.linalg.LinAlgError("nothing is left of y")
    dof = cross.n - p if reml else cross.n
    s2 = yPy / dof
    criterion = solved.logdet - cross.log_weight + dof * (1.0 + np.log(2 * np.pi * s2))
    if reml:
        criterion += 2.0 * float(np.log(np.diag(factor)).sum())
    v = solved.H[:, p] - solved.H[:, :p] @ beta
    return Point(
        solved=solved, criterion=float(criterion), s2=s2, beta=beta, Phi=Phi, v=v, dof=dof, yPy=yPy
    )


def project(point: Point, g: Floats) -> Floats:
    """``Z'PZ g`` (q, r), P relative to s2."""
    p = point.beta.size
    Hx = point.solved.H[:, :p]
    return point.solved.times(g) - Hx @ (point.Phi @ (Hx.T @ g))


def derivatives(point: Point, reml: bool, s2: float | None = None) -> Slopes:
    """Exact gradient and average-information Hessian of the criterion in the parameters: with s2
    profiled out, or with s2 as given."""
    cross, L = point.solved.cross, point.solved.L
    profiled = s2 is None
    s2 = point.s2 if s2 is None else s2
    p = cross.p
    Hx = point.solved.H[:, :p]
    levels: list[Floats] = []
    Gamma: list[Floats] = []
    for k, term in enumerate(cross.terms):
        c = term.width
        vk = point.v[cross.span(k)].reshape(-1, c)
        G = point.solved.trace(k) - vk.T @ vk / s2
        if reml:
            hk = Hx[cross.span(k)].reshape(-1, c, p)
            G = G - np.einsum("jax,xz,jbz->ab", hk, point.Phi, hk, optimize=True)
        levels.append(vk)
        Gamma.append((G + G.T) / 2)
    found = elements(cross.terms)
    g = np.zeros((cross.q, len(found)))
    seen = np.zeros(len(found))
    gradient = np.zeros(len(found))
    for i, e in enumerate(found):
        dO = _turn(L[e.term], e)
        part = levels[e.term] @ dO
        g[cross.span(e.term), i] = part.ravel()
        seen[i] = float(np.vdot(part, levels[e.term])) / s2
        gradient[i] = float(np.vdot(Gamma[e.term], dO))
    hessian = g.T @ project(point, g) / s2
    if profiled:
        hessian -= np.outer(seen, seen) / point.dof
    hessian = (hessian + hessian.T) / 2
    natural = hessian.copy()
    for i, e in enumerate(found):
        for j, f in enumerate(found):
            if e.term == f.term and e.column == f.column:
                hessian[i, j] += 2.0 * Gamma[e.term][e.row, f.row]
    return Slopes(gradient=gradient, hessian=hessian, natural=natural, seen=seen, Gamma=Gamma)


def _turn(L: Floats, e: Element) -> Floats:
    """Derivative (c, c) of L L' in one element of L."""
    out = np.zeros_like(L)
    out[e.row] += L[:, e.column]
    out[:, e.row] += L[:, e.column]
    return out


def search(
    cross: Cross,
    theta: Floats,
    reml: bool,
    steps: int,
    *,
    free: Bools | None = None,
    tolerance: float = 1e-13,
) -> Search:
    """Newton steps from theta (t,) until the expected fall of the criterion is below
    ``tolerance``; only the parameters ``free`` (t,) move."""
    free = np.ones(theta.size, dtype=bool) if free is None else free
    among = np.ix_(free, free)
    point = at(cross, factors(theta, cross.terms), reml)
    used, converged = 1, False
    slopes = derivatives(point, reml)
    learned: tuple[Floats, Floats] | None = None
    while used < steps:
        hessian = slopes.hessian if learned is None else secant(slopes.hessian, *learned)
        step = np.zeros(theta.size)
        step[free], decrement = newton(slopes.gradient[free], hessian[among])
        if decrement < tolerance:
            converged = True
            break
        if learned is None and free.all():
            step = _natural(cross, theta, slopes, step)
        length, found = 1.0, None
        while used < steps and length > 1e-6:
            try:
                trial = at(cross, factors(theta + length * step, cross.terms), reml)
                used += 1
            except np.linalg.LinAlgError:
                used += 1
                length /= 4
                continue
            if trial.criterion <= point.criterion + 1e-10 * abs(point.criterion):
                found = trial
                break
            length /= 2
        if found is None:
            # No lower point along a descent direction: at the precision that arithmetic allows.
            converged = decrement < 1e-5
            break
        gone = theta + length * step
        theta = parameters(factors(gone, cross.terms), cross.terms)
        stuck = abs(point.criterion - found.criterion) < 1e-13 * abs(point.criterion)
        if not np.array_equal(theta, gone):
            # A column has changed its sign: the same point, seen in the parameters we go on with.
            found = at(cross, factors(theta, cross.terms), reml)
            used += 1
        point, before = found, slopes
        slopes = derivatives(point, reml)
        near = decrement < 1.0 and length == 1.0 and np.array_equal(theta, gone)
        learned = (step, slopes.gradient - before.gradient) if near else None
        if stuck and decrement < 1e-11:
            converged = True
            break
    return Search(point=point, slopes=slopes, theta=theta, used=used, converged=converged)


def secant(hessian: Floats, step: Floats, change: Floats) -> Floats:
    """The Hessian corrected so that it maps the last step to the change of gradient it brought
    (symmetric rank one), where that is well defined."""
    rest = change - hessian @ step
    along = float(rest @ step)
    size = float(np.linalg.norm(rest) * np.linalg.norm(step))
    if size == 0 or abs(along) < 1e-6 * size:
        return hessian
    return hessian + np.outer(rest, rest) / along


def _natural(cross: Cross, theta: Floats, slopes: Slopes, step: Floats) -> Floats:
    """The step taken in O_k = L_k L_k' instead of L_k, where all O_k stay well inside.

    Far from the optimum the criterion is closer to a parabola in the variances than in their
    roots; near a variance of zero it is the other way round, and the step given is kept."""
    turned, _ = newton(slopes.gradient, slopes.natural)
    L = factors(theta, cross.terms)
    go = factors(turned, cross.terms)
    made: list[Floats] = []
    for term, f, d in zip(cross.terms, L, go, strict=True):
        O = f @ f.T + d @ f.T + f @ d.T
        old = np.diag(f) ** 2
        if term.covariance == "diagonal":
            O = np.diag(np.diag(O))
        try:
            new: Floats = np.asarray(np.linalg.cholesky(O), dtype=np.float64)
        except np.linalg.LinAlgError:
            return step
        if (np.diag(new) ** 2 < 0.1 * old).any() or (np.diag(new) ** 2 > 100 * old + 1).any():
            return step
        made.append(new)
    return parameters(made, cross.terms) - theta


def newton(gradient: Floats, hessian: Floats) -> tuple[Floats, float]:
    """A descent step and the expected fall of the criterion (twice), by absolute curvature."""
    size = np.sqrt(np.abs(np.diag(hessian)))
    size = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(hessian / np.outer(size, size))
    values = np.maximum(np.abs(values), 1e-7)
    along = vectors.T @ (gradient / size)
    return -(vectors @ (along / values)) / size, float((along**2 / values).sum())


def _at_zero(cross: Cross, found: Search, reml: bool) -> Floats | None:
    """Parameters with variances (and pivots, that is correlations of one) that have come close to
    zero put exactly there, if the criterion agrees; None where nothing is near zero."""
    n, _, owner, names = _own_and_squares(cross)
    best, theta = found.point.criterion, found.theta
    changed = False
    for k, term in enumerate(cross.terms):
        for a in range(term.width):
            size = float(n[owner == names.index((k, a))].mean())
            f = factors(theta, cross.terms)[k]
            if f[a, a] == 0.0 or f[a, a] ** 2 * size > _ZERO:
                continue
            O = f @ f.T
            tries: list[Floats] = []
            if O[a, a] * size <= _ZERO:
                O[a, :] = O[:, a] = 0.0
                tries.append(_root(O))
            tries.append(
                np.where((np.arange(f.size) == a * (f.shape[0] + 1)).reshape(f.shape), 0.0, f)
            )
            for made in tries:
                L = factors(theta, cross.terms)
                L[k] = made
                try:
                    trial = at(cross, L, reml)
                except np.linalg.LinAlgError:
                    continue
                if trial.criterion <= best + 1e-5:
                    theta, changed = parameters(L, cross.terms), True
                    break
    return theta if changed else None


def _root(O: Floats) -> Floats:
    """Lower Cholesky factor of a matrix that is positive definite but for rows of zeros."""
    out = np.zeros_like(O)
    keep = np.flatnonzero(np.diag(O) > 0)
    if keep.size:
        part = O[np.ix_(keep, keep)]
        part.flat[:: keep.size + 1] *= 1 + 1e-14
        try:
            out[np.ix_(keep, keep)] = np.linalg.cholesky(part)
        except np.linalg.LinAlgError:
            out[np.ix_(keep, keep)] = np.diag(np.sqrt(np.diag(part)))
    return out


def _finish(cross: Cross, reml: bool, found: Search) -> Fit:
    point, slopes, theta = found.point, found.slopes, found.theta
    s2 = point.s2
    L = factors(theta, cross.terms)
    Sigma = [s2 * f @ f.T for f in L]
    singular: list[str] = []
    cautions: list[str] = []
    for k, term in enumerate(cross.terms):
        spread = np.diag(Sigma[k])
        if (spread == 0).any() or np.linalg.eigvalsh(_scaled(Sigma[k]))[0] < 1e-6:
            singular.append(term.name)
        if cross.levels[k] < 5:
            cautions.append(
                f"{term.name}: there are only {cross.levels[k]}, which says next to nothing about "
                "how widely they differ"
            )
    if singular:
        cautions.append(
            "on the boundary (a variance of zero or a perfect correlation): " + ", ".join(singular)
        )
    if not found.converged:
        cautions.append("the search did not settle: read nothing into the last digits")
    curvature = np.diag(slopes.hessian)
    free = (curvature > 0) & (theta != 0)
    if free.any():
        part = slopes.hessian[np.ix_(free, free)]
        size = np.sqrt(curvature[free])
        if np.linalg.eigvalsh(part / np.outer(size, size))[0] < 1e-6:
            cautions.append(
                "some components cannot be told apart: the likelihood is flat between them"
            )
    if point.yPy < 1e-9 * cross.D[-1, -1]:
        cautions.append("the residual is tiny beside y: cross-products hold few of its digits")
    T = np.eye(cross.p)
    beta = point.beta.copy()
    if cross.shift.any():
        T[cross.one] -= cross.shift[:-1]
        beta = T @ beta
        beta[cross.one] += cross.shift[-1]
    return Fit(
        terms=cross.terms, cross=cross, reml=reml, theta=theta, beta=beta,
        vcov=s2 * T @ point.Phi @ T.T, Sigma=Sigma, s2=s2, criterion=point.criterion,
        iterations=found.used, converged=found.converged, singular=tuple(singular),
        cautions=tuple(cautions),
        point=point,
    )  # fmt: skip


def _scaled(Sigma: Floats) -> Floats:
    d = np.sqrt(np.diag(Sigma))
    d = np.where(d > 0, d, 1.0)
    return Sigma / np.outer(d, d)


def unshifted(fit: Fit) -> Floats:
    """T (p, p) that takes coefficients of shifted columns to those of the given ones."""
    T = np.eye(fit.cross.p)
    if fit.cross.shift.any():
        T[fit.cross.one] -= fit.cross.shift[:-1]
    return T
