"""Cohort moments against loops."""

from __future__ import annotations

import numpy as np
import pytest

from consortia.maths import paths
from consortia.maths.paths import moments, path_codes


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("rows", [3, 1 << 15])
def test_moments_by_hand(rng, weighted, rows, monkeypatch) -> None:
    monkeypatch.setattr(paths, "_ROWS", rows)
    Y = rng.normal(size=(40, 4)) + 1e5
    path = rng.integers(0, 3, 40)
    w = rng.uniform(1, 5, 40) if weighted else None
    Y[path == 2] = np.nan
    M = moments(Y, w, path, 4, skip=np.array([2]))
    v = np.ones(40) if w is None else w
    for p in (0, 1):
        here = path == p
        assert M.size[p] == here.sum()
        assert M.weight[p] == pytest.approx(v[here].sum())
        mean = np.average(Y[here], axis=0, weights=v[here])
        np.testing.assert_allclose(M.mean[p], mean, rtol=1e-14)
        z = v[here, None] * np.column_stack([Y[here] - mean, np.ones(here.sum())])
        np.testing.assert_allclose(M.cross[p], z.T @ z, atol=1e-7, rtol=1e-8)
    assert not M.mean[2:].any()
    assert M.weight[3] == 0


def test_path_codes(rng) -> None:
    cohort, stratum = rng.integers(0, 4, 50), rng.integers(0, 3, 50)
    path, of_cohort, of_stratum = path_codes(cohort, stratum, 3)
    assert (of_cohort[path] == cohort).all()
    assert (of_stratum[path] == stratum).all()
    assert len({*zip(of_cohort.tolist(), of_stratum.tolist(), strict=True)}) == of_cohort.size
    assert set(path.tolist()) == set(range(of_cohort.size))
