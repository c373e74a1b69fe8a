"""Seeds give the same bits wherever they run."""

from __future__ import annotations

import warnings

import joblib
import numpy as np
import pytest
from small import asked, scenario

from consortia.comparison import asking
from consortia.comparison.runs import NONE, Draws, each


def _drawn(workers: int = 1) -> np.ndarray:
    setting = asking.setting(scenario(asked("shared-pool")))
    draws = Draws(setting=setting, root=7, workers=workers)
    draws.reach({NONE: (), **setting.arms}, 3, lambda k: None)
    return np.stack([draws.of(k, "surplus") for k in (NONE, "shared-pool")])


@pytest.fixture(scope="module")
def alone() -> np.ndarray:
    return _drawn()


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_threads_and_processes(alone: np.ndarray, backend: str) -> None:
    with joblib.parallel_config(backend=backend, n_jobs=2):
        np.testing.assert_array_equal(_drawn(), alone)
        np.testing.assert_array_equal(_drawn(workers=2), alone)


def test_a_backend_decides_where() -> None:
    """One worker is what nobody asked for: the surrounding configuration holds."""
    seen: list[int] = []

    def width(item: int) -> int:
        seen.append(item)
        return item * item

    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert list(each(width, [1, 2, 3], 1)) == [1, 4, 9]
    assert sorted(seen) == [1, 2, 3]


@pytest.mark.slow
def test_a_dask_cluster(alone: np.ndarray) -> None:
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster),
            joblib.parallel_config(backend="dask"),
        ):
            found = _drawn()
    np.testing.assert_array_equal(found, alone)
