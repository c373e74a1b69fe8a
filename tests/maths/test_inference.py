"""Clustered covariance against double loops and the two-way formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from consortia.maths import inference
from consortia.maths.inference import clusters_of, covariance, infer, signatures
from consortia.maths.influence import Influence


def incidence_of(*labels: np.ndarray) -> sparse.csr_array:
    blocks = []
    for label in labels:
        n, C = label.size, int(label.max()) + 1
        blocks.append(sparse.csr_array((np.ones(n), (np.arange(n), label)), shape=(n, C)))
    return sparse.csr_array(sparse.hstack(blocks, format="csr"))


def V_of(psi: np.ndarray, incidence: sparse.csr_array) -> np.ndarray:
    influence = Influence(psi=psi)
    return covariance(influence, clusters_of(incidence, influence.touched()))[0]


def by_label(psi: np.ndarray, label: np.ndarray) -> np.ndarray:
    V = np.zeros((psi.shape[1], psi.shape[1]))
    for c in np.unique(label):
        s = psi[label == c].sum(axis=0)
        V += np.outer(s, s)
    return V


def psd(V: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(V)
    return (vectors * np.maximum(values, 0)) @ vectors.T


def test_own_clusters_are_the_gram(rng) -> None:
    psi = rng.normal(size=(30, 3))
    eye = sparse.csr_array(sparse.identity(30, format="csr"))
    np.testing.assert_allclose(V_of(psi, eye), psi.T @ psi)
    assert clusters_of(eye, np.ones(30, dtype=bool)).own


def test_single_labels_are_cluster_sums(rng) -> None:
    psi, label = rng.normal(size=(30, 3)), rng.integers(0, 6, 30)
    np.testing.assert_allclose(V_of(psi, incidence_of(label)), by_label(psi, label))


@pytest.mark.parametrize("seed", range(5))
def test_two_labels_are_cameron_gelbach_miller(seed) -> None:
    rng = np.random.default_rng(seed)
    psi = rng.normal(size=(60, 3)) + 2
    a, b = rng.integers(0, 7, 60), rng.integers(0, 5, 60)
    expected = by_label(psi, a) + by_label(psi, b) - by_label(psi, a * 5 + b)
    np.testing.assert_allclose(V_of(psi, incidence_of(a, b)), psd(expected), rtol=1e-10)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 40), C=st.integers(1, 10), p=st.floats(0, 0.6))
def test_overlap_is_the_double_sum_over_pairs_that_share(seed, n, C, p) -> None:
    rng = np.random.default_rng(seed)
    A = (rng.random((n, C)) < p).astype(float)
    psi = rng.normal(size=(n, 2)) + 1
    K = ((A @ A.T) > 0) | np.eye(n, dtype=bool)
    expected = psi.T @ K @ psi
    np.testing.assert_allclose(V_of(psi, sparse.csr_array(A)), psd(expected), atol=1e-9)


def test_kernel_and_sets_of_clusters_agree(rng, monkeypatch) -> None:
    A = sparse.csr_array((rng.random((80, 9)) < 0.4).astype(float))
    psi = rng.normal(size=(80, 3)) + 1
    by_sets = V_of(psi, A)
    monkeypatch.setattr(inference, "_SETS", 10)
    monkeypatch.setattr(inference, "_ROWS", 7)
    np.testing.assert_allclose(V_of(psi, A), by_sets, rtol=1e-10)


def test_clipping_is_said(rng) -> None:
    # A chain: 1 shares with 0 and 2, which do not share; opposite signs make the sum negative.
    A = sparse.csr_array(np.array([[1.0, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]))
    psi = np.array([[1.0, 0], [-1, 0], [1, 0], [0, 1], [0, 1]])
    influence = Influence(psi=psi)
    V, clipped = covariance(influence, clusters_of(A, influence.touched()))
    assert clipped
    np.testing.assert_allclose(V, [[0, 0], [0, 4]], atol=1e-12)
    found = infer(
        np.array([1.0, 1.0]), influence, A, family=np.array([-1, -1]), small_sample="clusters",
        rng=rng,
    )  # fmt: skip
    assert "set to zero" in found.convention
    assert "overlapping" in found.convention
    assert np.isnan(found.se[0])
    assert found.se[1] == pytest.approx(np.sqrt(4 * 3 / 2))


def test_signatures_group_equal_sets_only(rng) -> None:
    A = (rng.random((300, 6)) < 0.4).astype(float)
    code, first = signatures(sparse.csr_array(A))
    assert first.size == np.unique(A, axis=0).shape[0]
    assert (A[first][code] == A).all()


def test_clusters_without_influence_do_not_count(rng) -> None:
    label = np.array([0, 0, 1, 1, 2, 2])
    touched = np.array([1, 0, 1, 1, 0, 0], dtype=bool)
    assert clusters_of(incidence_of(label), touched).count == 2
    both = incidence_of(label, np.array([0, 1, 1, 2, 3, 3]))
    assert clusters_of(both, touched).count == 5
    lone = sparse.csr_array(np.array([[1.0], [0.0], [0.0]]))
    assert clusters_of(lone, np.ones(3, dtype=bool)).count == 3


def test_small_sample_conventions(rng) -> None:
    psi = rng.normal(size=(20, 1))
    label = np.arange(20) // 4
    theta = np.array([0.7])

    def get(rule, **more):
        return infer(
            theta, Influence(psi=psi), incidence_of(label), family=np.array([0]),
            small_sample=rule, rng=rng, **more,
        )  # fmt: skip

    raw = float(by_label(psi, label)[0, 0])
    none, clusters = get("none"), get("clusters")
    regression = get("regression", dof_factor=1.25)
    assert none.V[0, 0] == pytest.approx(raw)
    assert clusters.V[0, 0] == pytest.approx(raw * 5 / 4)
    assert regression.V[0, 0] == pytest.approx(raw * 5 / 4 * 1.25)
    assert none.critical == pytest.approx(stats.norm.ppf(0.975))
    assert clusters.critical == pytest.approx(stats.t(4).ppf(0.975))
    assert clusters.p[0] == pytest.approx(2 * stats.t(4).sf(0.7 / clusters.se[0]))
    assert len({none.convention, clusters.convention, regression.convention}) == 3


def test_one_cluster_gives_no_error_rather_than_a_wrong_one(rng) -> None:
    found = infer(
        np.array([0.3]), Influence(psi=rng.normal(size=(5, 1))), incidence_of(np.zeros(5, int)),
        family=np.array([0]), small_sample="clusters", rng=rng,
    )  # fmt: skip
    assert np.isnan(found.se).all()
    assert np.isnan(found.p).all()


def test_band_of_one_family_is_the_normal_maximum(rng) -> None:
    # Two hundred independent effects: the uniform critical value is known in closed form.
    m = 200
    psi = np.eye(m)
    eye = sparse.csr_array(sparse.identity(m, format="csr"))
    found = infer(
        np.zeros(m), Influence(psi=psi), eye, family=np.zeros(m, dtype=np.int64),
        small_sample="none", multiplier="gaussian", draws=20_000, rng=rng,
    )  # fmt: skip
    expected = stats.norm.ppf((1 + 0.95 ** (1 / m)) / 2)
    np.testing.assert_allclose(found.band_high, expected, rtol=0.01)
    np.testing.assert_allclose(found.high, 1.959964, rtol=1e-6)


def test_overlap_falls_back_to_gaussian_and_says_so(rng) -> None:
    psi = rng.normal(size=(60, 3))
    A = incidence_of(rng.integers(0, 20, 60), rng.integers(0, 15, 60))
    found = infer(
        np.zeros(3), Influence(psi=psi), A, family=np.zeros(3, dtype=np.int64),
        small_sample="clusters", multiplier="webb", draws=99, rng=rng,
    )  # fmt: skip
    assert "Gaussian" in found.convention
    assert "Webb multipliers need clusters that do not overlap" in found.convention
    assert (found.band_high >= found.high - 1e-12).all()
