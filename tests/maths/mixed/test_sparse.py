"""The sparse path gives what the dense one gives, by either factorisation."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from by_rows import design

from consortia.maths.mixed import cross, dense, sparse
from consortia.maths.mixed.degrees import contrast, small_sample
from consortia.maths.mixed.model import factors
from consortia.maths.mixed.reml import at, fit

ENGINES = [
    pytest.param("qdldl", marks=pytest.mark.skipif(
        importlib.util.find_spec("qdldl") is None, reason="qdldl is not installed")),
    "scipy",
]  # fmt: skip


@pytest.fixture(params=ENGINES)
def engine(request, monkeypatch) -> str:
    monkeypatch.setattr(cross, "SPARSE_FROM", 1)
    monkeypatch.setattr(cross, "_SPARSE_FILL", 10.0)
    if request.param == "scipy":
        monkeypatch.setattr(sparse, "_qdldl", lambda: None)
    return request.param


@pytest.mark.parametrize("slopes", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sparse_is_dense(engine, seed, slopes, monkeypatch) -> None:
    rows = design(seed, slopes=slopes, multiple=True, weights=True, crossed=True, spread=1.0)
    statistics = rows.statistics()
    thin = fit(statistics, rows.terms)
    assert isinstance(thin.point.solved, sparse.Solved)
    monkeypatch.setattr(cross, "SPARSE_FROM", 10_000)
    thick = fit(statistics, rows.terms)
    assert isinstance(thick.point.solved, dense.Solved)
    assert thin.criterion == pytest.approx(thick.criterion, abs=1e-6)
    np.testing.assert_allclose(thin.components, thick.components, rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(thin.beta, thick.beta, rtol=1e-4, atol=1e-6)
    a, b = small_sample(thin), small_sample(thick)
    assert a.Phi_A is None
    with pytest.raises(ValueError, match="satterthwaite"):
        contrast(a, np.eye(3)[1])
    with pytest.raises(ValueError, match="average"):
        a.information("expected")
    one = contrast(a, np.eye(3)[1], method="satterthwaite", information="average")
    two = contrast(b, np.eye(3)[1], method="satterthwaite", information="average")
    assert one.df == pytest.approx(two.df, rel=1e-2)


def test_blocks_and_traces_agree(engine, monkeypatch) -> None:
    rows = design(7, slopes=True, multiple=True, weights=False, crossed=True)
    statistics = rows.statistics()
    thin = cross.assemble(statistics, rows.terms)
    monkeypatch.setattr(cross, "SPARSE_FROM", 10_000)
    thick = cross.assemble(statistics, rows.terms)
    for theta in ([0.5, 0.2, 0.6, 0.7, 0.9], [0.5, 0.2, 0.6, 0.0, 0.9]):
        L = factors(np.array(theta), rows.terms)
        a, b = at(thin, L, True), at(thick, L, True)
        assert a.criterion == pytest.approx(b.criterion, abs=1e-8)
        for k in range(3):
            A, B = a.solved.blocks(k), b.solved.blocks(k)
            np.testing.assert_allclose(A, B, atol=1e-9)
            np.testing.assert_allclose(b.solved.trace(k), B.sum(axis=0), atol=1e-8)
            np.testing.assert_allclose(a.solved.trace(k), B.sum(axis=0), rtol=1e-4, atol=1e-5)
