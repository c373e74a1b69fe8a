"""One evaluation against n x n matrices: products, traces, blocks, at zero and away from it."""

from __future__ import annotations

import numpy as np
import pytest
from by_rows import design
from scipy import sparse

from consortia.maths.mixed import statistics
from consortia.maths.mixed.cross import assemble, hold, unshift
from consortia.maths.mixed.dense import solve
from consortia.maths.mixed.model import factors


@pytest.mark.parametrize("first_zero", [False, True])
@pytest.mark.parametrize("fill", [0.0, 1.1])
@pytest.mark.parametrize("slopes", [False, True])
def test_products_with_the_inverse(slopes, fill, first_zero, monkeypatch) -> None:
    # fill 0: tables of pairs are kept dense; 1.1: sparse.
    monkeypatch.setattr(statistics, "_DENSE_FILL", fill)
    rows = design(9, slopes=slopes, multiple=True, weights=True, crossed=True)
    cross = assemble(rows.statistics(shift=np.zeros(4)), rows.terms)
    assert sparse.issparse(cross.N12) == (fill > 1)
    theta = np.array([0.7, 0.3, 0.4, 0.5, 0.9] if slopes else [0.7, 0.5, 0.9])
    if first_zero:
        theta[0] = 0.0
        if slopes:
            theta[1] = 0.0
    L = factors(theta, rows.terms)
    solved = solve(cross, L)
    V = rows.W_inverse()
    for t, f in zip(rows.terms, L, strict=True):
        V = V + rows.V_of(t, f @ f.T)
    Vi = np.linalg.inv(V)
    order = sorted(range(3), key=lambda k: cross.offset[k])
    Z = np.hstack([rows.Z(rows.terms[k]).reshape(60, -1) for k in order])
    F = Z.T @ Vi @ Z
    Xy = np.column_stack([rows.X, rows.y])
    assert solved.logdet == pytest.approx(
        np.linalg.slogdet(V)[1] + np.log(rows.weights).sum(), abs=1e-9
    )
    np.testing.assert_allclose(solved.A, Xy.T @ Vi @ Xy, rtol=1e-9)
    np.testing.assert_allclose(solved.H, Z.T @ Vi @ Xy, atol=1e-9)
    g = np.random.default_rng(0).standard_normal((cross.q, 3))
    np.testing.assert_allclose(solved.times(g), F @ g, atol=1e-9)
    for k, t in enumerate(rows.terms):
        s, c = cross.span(k), t.width
        part = F[s, s].reshape(cross.levels[k], c, cross.levels[k], c)
        blocks = np.einsum("jajb->jab", part)
        np.testing.assert_allclose(solved.blocks(k), blocks, atol=1e-9)
        np.testing.assert_allclose(solved.trace(k), blocks.sum(axis=0), atol=1e-8)
        np.testing.assert_allclose(solved.full(k), F[s, s], atol=1e-9)


def test_holding_a_coefficient_takes_its_part_off_y() -> None:
    rows = design(9, slopes=False, multiple=True, weights=True, crossed=True)
    cross = unshift(assemble(rows.statistics(), rows.terms))
    held = hold(cross, 1, 0.25)
    other = rows.statistics(shift=np.zeros(4))
    y = rows.y - 0.25 * rows.X[:, 1]
    want = np.column_stack([rows.X[:, [0, 2]], y])
    W = np.diag(rows.weights)
    np.testing.assert_allclose(held.D, want.T @ W @ want, rtol=1e-9)
    assert held.fixed == ("x0", "x2")
    np.testing.assert_allclose(cross.D, other.D, rtol=1e-9)
