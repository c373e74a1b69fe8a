"""Outcomes drawn as cross-products have the moments that the model says."""

from __future__ import annotations

import numpy as np
import pytest
from by_rows import design

from consortia.maths.mixed import cross as crossing
from consortia.maths.mixed import sparse
from consortia.maths.mixed.cross import assemble
from consortia.maths.mixed.reml import fit
from consortia.maths.mixed.simulate import draw, root
from consortia.streams import Streams


@pytest.mark.parametrize("slopes", [False, True])
def test_moments_of_sums_are_those_of_rows(slopes) -> None:
    rows = design(3, slopes=slopes, multiple=True, weights=True, crossed=True)
    cross = assemble(rows.statistics(shift=np.zeros(4)), rows.terms)
    rng = Streams(1).at("simulate").rng()
    Sigma = [np.array([[0.5, 0.2], [0.2, 0.4]]) if slopes else np.array([[0.5]])]
    Sigma += [np.array([[0.3]]), np.array([[0.8]])]
    beta, s2 = np.array([1.0, -0.5, 0.3]), 0.7
    made = root(cross)
    draws = [draw(made, beta, Sigma, s2, rng) for _ in range(2500)]
    got = np.array([np.concatenate([d.R[:, -1], d.D[:, -1]]) for d in draws])
    # Rows: [Z X]'Wy has mean [Z X]'WX beta and covariance [Z X]'W V W[Z X].
    Z = np.hstack([rows.Z(rows.terms[k]).reshape(60, -1) for k in _order(cross)])
    W = np.diag(rows.weights)
    V = s2 * rows.W_inverse() + sum(rows.V_of(t, S) for t, S in zip(rows.terms, Sigma, strict=True))
    ZX = np.hstack([Z, rows.X])
    mean, cov = ZX.T @ W @ rows.X @ beta, ZX.T @ W @ V @ W @ ZX
    se = np.sqrt(np.diag(cov) / len(draws))
    assert np.abs((got[:, :-1].mean(axis=0) - mean)[se > 1e-9] / se[se > 1e-9]).max() < 4.5
    scale = np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
    assert (np.abs(np.cov(got[:, :-1].T) - cov) / np.maximum(scale, 1e-9)).max() < 0.14
    # y'Wy: mean tr(WV) + quadratic form; variance 2 tr(WVWV) + 4 m'WVWm.
    m = rows.X @ beta
    WV = W @ V
    want = np.trace(WV) + m @ W @ m
    spread = np.sqrt(2 * np.trace(WV @ WV) + 4 * m @ WV @ W @ m)
    yy = got[:, -1]
    assert abs(yy.mean() - want) < 4.5 * spread / np.sqrt(len(draws))
    assert yy.std() == pytest.approx(spread, rel=0.08)


def _order(cross) -> list[int]:
    return sorted(range(len(cross.terms)), key=lambda k: cross.offset[k])


def test_drawn_outcomes_can_be_fitted_and_return_the_truth() -> None:
    rows = design(4, slopes=False, multiple=True, weights=False, crossed=True, n=60)
    cross = assemble(rows.statistics(), rows.terms)
    made = root(cross)
    rng = Streams(2).at("simulate").rng()
    residual = []
    for _ in range(200):
        new = draw(made, np.zeros(3), [np.array([[0.0]])] * 3, 2.0, rng)
        b = np.linalg.solve(new.D[:3, :3], new.D[:3, 3])
        residual.append((new.D[3, 3] - b @ new.D[:3, 3]) / 57)
    assert np.mean(residual) == pytest.approx(2.0, rel=0.05)
    assert np.std(residual) == pytest.approx(2.0 * np.sqrt(2 / 57), rel=0.2)


def test_sparse_models_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(crossing, "SPARSE_FROM", 1)
    monkeypatch.setattr(crossing, "_SPARSE_FILL", 10.0)
    monkeypatch.setattr(sparse, "slower", lambda *_: False)
    rows = design(4, slopes=False, multiple=True, weights=False, crossed=True)
    got = fit(rows.statistics(), rows.terms)
    with pytest.raises(ValueError, match="too many"):
        root(got.cross)
