"""Factored influence against the dense one."""

from __future__ import annotations

import numpy as np
import pytest

from consortia.maths.influence import Influence, sort_by_path


def both(rng, affine: bool, scaled: bool) -> tuple[Influence, np.ndarray]:
    n, k, m, P = 40, 3, 4, 5
    Z, path = rng.normal(size=(n, k)), rng.integers(0, P, n)
    B = rng.normal(size=(P, m, k + affine))
    B[2] = 0
    if not affine:
        return Influence(Z=Z, path=path, B=B), np.array([B[path[i]] @ Z[i] for i in range(n)])
    centre = rng.normal(size=(P, k))
    scale = rng.uniform(1, 2, n) if scaled else None
    psi = [
        B[p] @ np.append(Z[i] - centre[p], 1.0) * (scale[i] if scale is not None else 1.0)
        for i, p in enumerate(path)
    ]
    return Influence(Z=Z, path=path, B=B, centre=centre, scale=scale), np.array(psi)


@pytest.mark.parametrize(("affine", "scaled"), [(False, False), (True, False), (True, True)])
def test_factored_equals_dense(rng, affine, scaled) -> None:
    influence, psi = both(rng, affine, scaled)
    dense = Influence(psi=psi)
    label = rng.integers(0, 6, 40)
    L = rng.normal(size=(2, 4))
    assert (influence.n, influence.m) == (40, 4)
    np.testing.assert_allclose(influence.dense(), psi, atol=1e-12)
    np.testing.assert_allclose(influence.gram(), psi.T @ psi, atol=1e-12)
    np.testing.assert_allclose(influence.sums(label, 7), dense.sums(label, 7), atol=1e-12)
    np.testing.assert_allclose(influence.combine(L).dense(), psi @ L.T, atol=1e-12)
    np.testing.assert_allclose(dense.combine(L).gram(), L @ (psi.T @ psi) @ L.T, atol=1e-12)
    expected = np.zeros((7, 4))
    np.add.at(expected, label, psi)
    np.testing.assert_allclose(dense.sums(label, 7), expected, atol=1e-12)
    assert (influence.touched() == psi.any(axis=1)).all()
    assert (dense.touched() == psi.any(axis=1)).all()


def test_blocks_cover_every_active_provider_once(rng) -> None:
    influence, psi = both(rng, True, True)
    total = np.zeros(4)
    seen = 0
    for p, rows, z in influence.blocks(3):
        assert z.shape[0] <= 3
        seen += len(rows)
        total += influence.onto(p, z).sum(axis=0)
    assert seen == psi.any(axis=1).sum()
    np.testing.assert_allclose(total, psi.sum(axis=0), atol=1e-12)


def test_incomplete_sets_are_refused(rng) -> None:
    with pytest.raises(ValueError, match="either psi"):
        Influence()
    with pytest.raises(ValueError, match="either psi"):
        Influence(Z=np.ones((2, 1)), path=np.zeros(2, dtype=np.int64))
    with pytest.raises(ValueError, match="B has 1 columns where z has 2"):
        Influence(
            Z=np.ones((2, 1)),
            path=np.zeros(2, dtype=np.int64),
            B=np.ones((1, 1, 1)),
            centre=np.zeros((1, 1)),
        )


@pytest.mark.parametrize("P", [4, 2**15 + 3])
def test_sort_by_path(rng, P) -> None:
    path = rng.integers(0, P, 500)
    order, starts = sort_by_path(path, P)
    assert (order == np.argsort(path, kind="stable")).all()
    assert starts[-1] == 500
    for p in path[:20]:
        assert (path[order[starts[p] : starts[p + 1]]] == p).all()
        assert starts[p + 1] - starts[p] == (path == p).sum()
