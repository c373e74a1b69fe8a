"""The sparse path gives what the dense one gives, by either factorisation."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from by_rows import design, information, kenward_roger

from consortia.maths.mixed import cross, degrees, dense, sparse
from consortia.maths.mixed.degrees import contrast, small_sample
from consortia.maths.mixed.model import Term, factors
from consortia.maths.mixed.reml import at, fit
from consortia.maths.mixed.statistics import from_rows

ENGINES = [
    pytest.param("qdldl", marks=pytest.mark.skipif(
        importlib.util.find_spec("qdldl") is None, reason="qdldl is not installed")),
    "scipy",
]  # fmt: skip


@pytest.fixture(params=ENGINES)
def engine(request, monkeypatch) -> str:
    monkeypatch.setattr(cross, "SPARSE_FROM", 1)
    monkeypatch.setattr(cross, "_SPARSE_FILL", 10.0)
    monkeypatch.setattr(sparse, "slower", lambda *_: False)
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
    # The components were found to four digits on the sparse path: inference agrees to three.
    np.testing.assert_allclose(a.Phi_A, b.Phi_A, rtol=2e-3, atol=1e-6)
    for method in ("kenward-roger", "satterthwaite"):
        one, two = (
            contrast(a, np.eye(3)[1], method=method),
            contrast(b, np.eye(3)[1], method=method),
        )
        assert one.df == pytest.approx(two.df, rel=1e-2)
        assert one.std_error == pytest.approx(two.std_error, rel=1e-3)


@pytest.mark.parametrize("slopes", [False, True])
def test_small_sample_inference_at_one_point_is_that_of_n_by_n_matrices(engine, slopes) -> None:
    rows = design(5, slopes=slopes, multiple=True, weights=True, crossed=True, spread=1.0)
    got = fit(rows.statistics(), rows.terms)
    assert isinstance(got.point.solved, sparse.Solved)
    small = small_sample(got)
    _, _, Phi, expected, average = information(rows, got.Sigma, got.s2)
    np.testing.assert_allclose(small.expected, expected, rtol=1e-6)
    np.testing.assert_allclose(small.average, average, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(small.Phi, Phi, rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(
        small.Phi_A, kenward_roger(rows, got.Sigma, got.s2)[0], rtol=1e-5, atol=1e-8
    )


def test_too_many_effects_for_kenward_roger_are_said(engine, monkeypatch) -> None:
    monkeypatch.setattr(degrees, "DENSE_TO", 1)
    rows = design(5, slopes=False, multiple=True, weights=True, crossed=True, spread=1.0)
    small = small_sample(fit(rows.statistics(), rows.terms))
    assert small.Phi_A is None
    with pytest.raises(ValueError, match="satterthwaite"):
        contrast(small, np.eye(3)[1])
    with pytest.raises(ValueError, match="average"):
        small.information("expected")
    _, _, _, _, average = information(rows, *_estimates(rows))
    np.testing.assert_allclose(small.average, average, rtol=1e-6, atol=1e-9)
    assert contrast(small, np.eye(3)[1], method="satterthwaite").df > 2


def _estimates(rows):
    got = fit(rows.statistics(), rows.terms)
    return got.Sigma, got.s2


def test_the_path_is_chosen_by_counting_operations(monkeypatch) -> None:
    monkeypatch.setattr(cross, "SPARSE_FROM", 50)
    rng = np.random.default_rng(1)
    units, areas = 1_200, 900
    # Neighbours only: the factor stays thin. Anybody with anybody: it fills up.
    near = (np.repeat(np.arange(units), 8) * areas // units + np.tile(np.arange(8), units)) % areas
    far = rng.integers(0, areas, units * 8)
    y = rng.standard_normal(units * 8)
    terms = (Term(name="unit", by="u"), Term(name="area", by="a"))
    for code, kind in ((near, sparse.Solved), (far, dense.Solved)):
        made = from_rows(
            np.ones((y.size, 1)), y + rng.standard_normal(areas)[code],
            {"u": np.repeat(np.arange(units), 8), "a": code},
        )  # fmt: skip
        assert isinstance(fit(made, terms).point.solved, kind)


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
