"""New outcomes from a fitted model, drawn as cross-products: nothing of size n.

With C = [Z X]'W[Z X] the errors enter a fit only through a = [Z X]'We ~ N(0, s2 C) and e'We.
Drawing a from a root of C leaves e'We = |root's normals|^2 + s2 chi2(n - rank C), which is exact.
So a bootstrap from sums per provider draws from the same distribution as one from pupil rows."""

# The paper's letters are capitals.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from consortia.maths.influence import Floats
from consortia.maths.mixed import joint
from consortia.maths.mixed.cross import Cross, own, replace_y

_RANK = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A root of C: ``half`` and ``inverse`` (q1, q1) of the eliminated terms, ``held`` (q1,) which
    columns of half are not zero, ``G`` (q1, Q2 + p) what ties the rest to them, ``rest``
    (Q2 + p, r) a root of the remainder."""

    cross: Cross
    half: sparse.csr_array
    inverse: sparse.csr_array
    held: Floats
    G: Floats | sparse.csr_array
    rest: Floats


def root(cross: Cross) -> Root:
    """The root of C for a model. ValueError on the sparse path, where it would be too large."""
    if not isinstance(cross.N22, np.ndarray):
        raise ValueError("too many effects to draw cross-products: simulate rows instead")
    q1, p = cross.q1, cross.p
    half, inverse, held = _within(cross)
    R1, R2 = cross.R[:q1, :p], cross.R[q1:, :p]
    if isinstance(cross.N12, np.ndarray):
        G: Floats | sparse.csr_array = np.hstack([cross.N12, R1])
    else:
        G = sparse.csr_array(sparse.hstack([cross.N12, sparse.csr_array(R1)], format="csr"))
    C = np.block([[cross.N22, R2], [R2.T, cross.D[:p, :p]]])
    size = np.sqrt(np.maximum(np.diag(C), 0.0))
    size = np.where(size > 0, size, 1.0)
    if q1:
        product = G.T @ (inverse @ G)
        C = C - (product.toarray() if sparse.issparse(product) else np.asarray(product))
    scaled = C / np.outer(size, size)
    values, vectors = np.linalg.eigh((scaled + scaled.T) / 2)
    keep = values > _RANK * max(1.0, float(values.max(initial=0.0)))
    rest = (vectors[:, keep] * np.sqrt(values[keep])) * size[:, None]
    return Root(cross=cross, half=half, inverse=inverse, held=held, G=G, rest=rest)


def _within(cross: Cross) -> tuple[sparse.csr_array, sparse.csr_array, Floats]:
    """Root of Z_E'WZ_E of the eliminated terms, its pseudo-inverse, and the columns in use."""
    if cross.together is not None:
        return joint.roots(cross.together, _RANK)
    values, vectors = np.linalg.eigh(cross.N11)
    top = np.maximum(values.max(axis=1, initial=0.0, keepdims=True), 1e-300)
    held = values > _RANK * top
    safe = np.where(held, values, 1.0)
    half = vectors * np.sqrt(np.where(held, values, 0.0))[:, None, :]
    inverse = (vectors * np.where(held, 1.0 / safe, 0.0)[:, None, :]) @ vectors.transpose(0, 2, 1)
    return own(half), own(inverse), held.ravel().astype(np.float64)


def draw(
    root: Root, beta: Floats, Sigma: list[Floats], s2: float, rng: np.random.Generator
) -> Cross:
    """The model with an outcome drawn from it, ``beta`` (p,) on the (shifted) columns of the
    model."""
    cross = root.cross
    q1, p, Q2 = cross.q1, cross.p, cross.q - cross.q1
    e1: Floats = np.asarray(rng.standard_normal(int(q1)))
    e2: Floats = np.asarray(rng.standard_normal(int(root.rest.shape[1])))
    rank = int(root.held.sum()) + int(root.rest.shape[1])
    more = float(rng.chisquare(cross.n - rank)) if cross.n > rank else 0.0
    a1 = np.asarray(root.half @ e1)
    # Columns of the root that are zero do not count towards e'We.
    counted = float(np.vdot(e1**2, root.held))
    tied = np.asarray(root.G.T @ (root.inverse @ a1))
    a = np.concatenate([a1, tied + root.rest @ e2]) * np.sqrt(s2)
    errors = s2 * (counted + float(np.vdot(e2, e2)) + more)
    u = np.empty(cross.q)
    for k, term in enumerate(cross.terms):
        values, vectors = np.linalg.eigh(Sigma[k])
        half = vectors * np.sqrt(np.maximum(values, 0.0))
        u[cross.span(k)] = (rng.standard_normal((cross.levels[k], term.width)) @ half.T).ravel()
    Nu = _times(cross, u)
    Zm = cross.R[:, :p] @ beta + Nu
    Xm = cross.D[:p, :p] @ beta + cross.R[:, :p].T @ u
    mm = float(beta @ Xm + u @ (cross.R[:, :p] @ beta) + u @ Nu)
    Ry = Zm + a[: q1 + Q2]
    Xy = Xm + a[q1 + Q2 :]
    yy = mm + 2 * float(beta @ a[q1 + Q2 :] + u @ a[: q1 + Q2]) + errors
    return replace_y(cross, Ry, np.append(Xy, yy))


def _times(cross: Cross, u: Floats) -> Floats:
    """``Z'WZ u`` (q,)."""
    q1 = cross.q1
    first = np.asarray(cross.within() @ u[:q1]) + np.asarray(cross.N12 @ u[q1:])
    return np.concatenate(
        [first, np.asarray(cross.N12.T @ u[:q1]) + np.asarray(cross.N22 @ u[q1:])]
    )
