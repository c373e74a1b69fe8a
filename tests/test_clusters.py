"""Clusters as an incidence matrix: by collaboration they overlap."""

import numpy as np
from scipy import sparse

from consortia.clusters import compact
from consortia.specs import Inference


def scores(*providers: str) -> dict[tuple[str, int], float]:
    return {(p, y): 10.0 * k + y - 2015 for k, p in enumerate(providers) for y in range(2015, 2020)}


def test_clusters_overlap(make_panel, make_study) -> None:
    panel = make_panel(
        scores("a", "b", "c", "d"),
        joins=[
            ("a", "T1", "trust", "2016-09-01"),
            ("b", "T1", "trust", "2010-09-01"),
            ("b", "T2", "trust", "2017-09-01"),
            ("c", "C1", "club", "2016-09-01"),
        ],
        facts={"area": {"a": "N", "b": "N", "c": "S", "d": "S"}},
    )
    a = panel.arrays(make_study(inference=Inference(cluster="collaboration")))
    M = a.incidence.toarray()
    assert M.sum(axis=1).tolist() == [1, 2, 1, 1]
    assert (M @ M.T)[0, 1] == 1  # a and b share T1
    assert (M @ M.T)[2, 3] == 0
    area = panel.arrays(make_study(inference=Inference(cluster="area")))
    assert area.incidence.toarray().tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    alone = panel.arrays(make_study(inference=Inference(cluster="provider")))
    assert np.array_equal(alone.incidence.toarray(), np.eye(4))


def test_clusters_that_nobody_is_in_go() -> None:
    one = sparse.csr_array(np.array([[0.0, 1, 0, 0], [0, 1, 0, 1]]))
    assert compact(one).toarray().tolist() == [[1, 0], [1, 1]]
