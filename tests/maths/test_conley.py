"""Spatial covariance against the double sum over all pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortia.maths import conley, places
from consortia.maths.inference import clusters_of
from consortia.maths.inference import covariance as clustered
from consortia.maths.influence import Influence
from consortia.streams import Streams


def brute(psi, points, cutoff, kernel):
    V = np.zeros((psi.shape[1],) * 2)
    for i in range(len(psi)):
        for j in range(len(psi)):
            d = 0.0 if i == j else np.sqrt(((points[i] - points[j]) ** 2).sum())
            if not d <= cutoff:
                continue
            K = {"uniform": 1.0, "bartlett": 1 - d / cutoff, "askey": (1 - d / cutoff) ** 2}[kernel]
            V += K * np.outer(psi[i], psi[j])
    return V


def draw(seed, n=60, m=3, unknown=True):
    rng = Streams(seed).rng()
    points = rng.uniform(0, 20_000, (n, 2))
    points[5:9] = points[4]
    if unknown:
        points[:3] = np.nan
    return rng.normal(size=(n, m)) + np.nan_to_num(points[:, :1]) / 20_000, points


@given(st.integers(0, 1000), st.sampled_from(["bartlett", "askey"]))
def test_equals_the_double_sum(seed, kernel):
    psi, points = draw(seed, n=25)
    V, clipped = conley.covariance(Influence(psi=psi), points, 6_000.0, kernel)
    if not clipped:
        np.testing.assert_allclose(V, brute(psi, points, 6_000.0, kernel), atol=1e-9)
    assert np.linalg.eigvalsh(V)[0] >= -1e-9


@pytest.mark.parametrize("kernel", ["uniform", "bartlett", "askey"])
def test_equals_the_double_sum_in_blocks_and_space(kernel, monkeypatch):
    monkeypatch.setattr(conley, "_ROWS", 7)
    psi, points = draw(3)
    V, clipped = conley.covariance(Influence(psi=psi), points, 9_000.0, kernel)
    assert not clipped
    np.testing.assert_allclose(V, brute(psi, points, 9_000.0, kernel), atol=1e-9)
    deep = np.concatenate([points, points[::-1, :1]], axis=1)
    deep[-3:] = np.nan
    V, _ = conley.covariance(Influence(psi=psi), deep, 9_000.0, "askey")
    np.testing.assert_allclose(V, brute(psi, deep, 9_000.0, "askey"), atol=1e-9)


def test_factored_influence_gives_the_same():
    rng = Streams(4).rng()
    Z, path, B = rng.normal(size=(50, 4)), rng.integers(0, 3, 50), rng.normal(size=(3, 2, 4))
    points = rng.uniform(0, 1000, (50, 2))
    factored = Influence(Z=Z, path=path, B=B)
    a, _ = conley.covariance(factored, points, 300.0)
    b, _ = conley.covariance(Influence(psi=factored.dense()), points, 300.0)
    np.testing.assert_allclose(a, b, atol=1e-10)


def test_far_apart_is_the_covariance_of_independent_providers():
    psi, _ = draw(5)
    points = np.arange(60.0)[:, None] * [10_000.0, 0.0]
    V, _ = conley.covariance(Influence(psi=psi), points, 9_999.0)
    np.testing.assert_allclose(V, psi.T @ psi, atol=1e-10)


def test_villages_far_apart_are_clusters():
    rng = Streams(6).rng()
    label = rng.integers(0, 8, 60)
    points = label[:, None] * [100_000.0, 50_000.0] + rng.uniform(0, 100, (60, 2))
    psi = rng.normal(size=(60, 2))
    V, _ = conley.covariance(Influence(psi=psi), points, 1_000.0, "uniform")
    incidence = conley.incidence_of(label)
    W, _ = clustered(Influence(psi=psi), clusters_of(incidence, np.ones(60, bool)))
    np.testing.assert_allclose(V, W, atol=1e-10)
    found = places.markets(places.near(points, 1_000.0))
    assert len({*zip(label, found, strict=True)}) == len({*label}) == len({*found})


def test_uniform_kernel_can_fail_and_is_then_put_right():
    # Three on a line, only neighbours dependent: 1'K1 for (1, -1.4, 1) is negative.
    points = np.array([[0.0, 0], [10, 0], [20, 0]])
    psi = np.array([[1.0], [-1.4], [1.0]])
    assert brute(psi, points, 10.0, "uniform")[0, 0] < 0
    V, clipped = conley.covariance(Influence(psi=psi), points, 10.0, "uniform")
    assert clipped
    assert V[0, 0] == 0.0
    assert np.isnan(conley.standard_errors(V)[0])


@given(st.integers(0, 1000))
def test_askey_is_positive_definite_anywhere(seed):
    points = Streams(seed).rng().uniform(0, 100, (40, 3))
    d = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    assert np.linalg.eigvalsh(conley.falloff(d, 60.0, "askey"))[0] > -1e-10


def test_a_label_below_zero_is_no_cluster():
    incidence = conley.incidence_of(np.array([0, -1, 1, 0]))
    np.testing.assert_array_equal(incidence.toarray(), [[1, 0], [0, 0], [0, 1], [1, 0]])
    with pytest.raises(ValueError, match="label"):
        conley.incidence_of(np.zeros((2, 2), dtype=np.int64))


def test_refuses_a_cutoff_that_is_none():
    psi, points = draw(7)
    for cutoff in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="cutoff"):
            conley.covariance(Influence(psi=psi), points, cutoff)
