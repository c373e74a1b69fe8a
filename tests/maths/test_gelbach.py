"""Gelbach's decomposition against explicit dummies, and its covariance against the jackknife."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortia.errors import NotIdentified
from consortia.maths.gelbach import Decomposition, decompose
from consortia.streams import Streams


def draw(rng, n=40, T=5, gaps=0.0, weights=False):
    """A panel in which the arm goes with everything: providers, years, two other arms."""
    alpha = rng.normal(size=n)
    when = rng.integers(1, T + 2, n) - (alpha > 0.5)
    D = np.arange(T) >= when[:, None]
    other = np.arange(T) >= (when + rng.integers(-1, 3, n))[:, None]
    X = rng.normal(size=(n, T, 2)) + D[:, :, None] * [0.5, -0.3]
    Y = (
        alpha[:, None] + 0.2 * np.arange(T) ** 1.5 + 0.3 * D + 0.5 * other
        + X @ [0.4, 0.2] + rng.normal(size=(n, T))
    )  # fmt: skip
    W = rng.uniform(0.5, 2.0, (n, T)) if weights else np.ones((n, T))
    W[rng.random((n, T)) < gaps] = 0.0
    return np.where(W > 0, Y, np.nan), W, D, [other, X]


def ols(y, X, w):
    return np.linalg.lstsq(X * np.sqrt(w)[:, None], y * np.sqrt(w), rcond=None)[0]


def brute(Y, W, D, blocks):
    """The definition: explicit dummies, and one regression on the arm for every fitted part."""
    n, T = Y.shape
    i, t = np.nonzero(W > 0)
    w, y, d = W[i, t], Y[i, t], np.asarray(D, float)[i, t]
    P, L = np.eye(n)[i], np.eye(T)[t][:, 1:]
    B = [np.asarray(b, float).reshape(n, T, -1)[i, t] for b in blocks]
    base = np.stack([d, np.ones(d.size)], axis=1)
    beta = ols(y, np.hstack([d[:, None], *B, L, P]), w)
    parts, at = [], 1
    for b in B:
        parts.append(b @ beta[at : at + b.shape[1]])
        at += b.shape[1]
    fitted = [P @ beta[at + T - 1 :], L @ beta[at : at + T - 1], *parts]
    return np.array([ols(y, base, w)[0], *[ols(f, base, w)[0] for f in fitted], beta[0]])


@pytest.mark.parametrize(("gaps", "weights"), [(0.0, False), (0.25, False), (0.2, True)])
def test_equals_explicit_dummies(gaps, weights):
    Y, W, D, blocks = draw(Streams(3).rng(), gaps=gaps, weights=weights)
    found = decompose(Y, W, D, blocks)
    np.testing.assert_allclose(found.theta, brute(Y, W, D, blocks), atol=1e-10)
    assert np.abs(found.theta[1:-1]).min() > 1e-3
    assert found.cells == int((W > 0).sum())


@given(st.integers(0, 10_000))
def test_parts_sum_to_the_gap_and_so_do_their_influences(seed):
    Y, W, D, blocks = draw(Streams(seed).rng(), n=25, T=4, gaps=0.15, weights=True)
    found = decompose(Y, W, D, blocks)
    psi = found.influence.dense()
    assert found.theta[0] - found.theta[-1] == pytest.approx(found.theta[1:-1].sum(), abs=1e-10)
    np.testing.assert_allclose(psi[:, 0] - psi[:, -1], psi[:, 1:-1].sum(axis=1), atol=1e-10)
    np.testing.assert_allclose(psi.sum(axis=0), 0.0, atol=1e-9)


def test_the_order_of_blocks_does_not_matter():
    Y, W, D, blocks = draw(Streams(4).rng())
    a = decompose(Y, W, D, blocks).theta
    b = decompose(Y, W, D, blocks[::-1]).theta
    np.testing.assert_allclose(a, b[[0, 1, 2, 4, 3, 5]], atol=1e-10)


def test_influence_is_the_derivative_in_a_providers_weight():
    # psi_i is the directional derivative towards more of provider i; central differences check it.
    Y, W, D, blocks = draw(Streams(5).rng(), gaps=0.1)
    psi = decompose(Y, W, D, blocks).influence.dense()
    for i in (0, 7, 19):
        up, down = W.copy(), W.copy()
        up[i] *= 1 + 1e-4
        down[i] *= 1 - 1e-4
        slope = (decompose(Y, up, D, blocks).theta - decompose(Y, down, D, blocks).theta) / 2e-4
        np.testing.assert_allclose(psi[i], slope, atol=1e-6)


def test_clustered_covariance_agrees_with_the_cluster_jackknife():
    rng = Streams(6).rng()
    Y, W, D, blocks = draw(rng, n=600, T=4)
    G = 150
    label = rng.integers(0, G, 600)
    Y = Y + rng.normal(size=(G, 4))[label]
    S = decompose(Y, W, D, blocks).influence.sums(label, G)
    se = np.sqrt(np.diag(S.T @ S))
    out = np.array(
        [
            decompose(Y[label != g], W[label != g], D[label != g],
                      [b[label != g] for b in blocks]).theta
            for g in range(G)
        ]
    )  # fmt: skip
    jackknife = np.sqrt((G - 1) / G * ((out - out.mean(axis=0)) ** 2).sum(axis=0))
    np.testing.assert_allclose(se, jackknife, rtol=0.05)


def test_a_fixed_fact_goes_to_the_provider_effects():
    Y, W, D, blocks = draw(Streams(7).rng())
    fixed = np.repeat(Streams(8).rng().normal(size=(40, 1)), 5, axis=1)
    found = decompose(Y, W, D, [*blocks, fixed])
    assert found.lost.tolist() == [False, False, False, True]
    assert found.theta[5] == 0.0
    np.testing.assert_allclose(found.theta[:5], decompose(Y, W, D, blocks).theta[:5], atol=1e-10)


def test_without_blocks_only_providers_and_years():
    Y, W, D, _ = draw(Streams(9).rng(), gaps=0.1)
    found = decompose(Y, W, D)
    assert found.theta.shape == (4,)
    np.testing.assert_allclose(found.theta, brute(Y, W, D, []), atol=1e-10)


def test_a_noiseless_world_is_taken_apart_exactly():
    _, W, D, (other, _) = draw(Streams(10).rng())
    Y = 2.0 * D + 3.0 * other
    found = decompose(Y, W, D, [other])
    assert found.theta[-1] == pytest.approx(2.0)
    assert found.beta[0] == pytest.approx(3.0)
    share = other[D].mean() - other[~D].mean()
    np.testing.assert_allclose(found.theta, [2 + 3 * share, 0, 0, 3 * share, 2], atol=1e-9)


def test_islands_of_years_are_dropped_and_counted():
    Y, W, D, blocks = draw(Streams(11).rng(), n=60, T=6)
    W[:10, :4] = 0.0
    W[10:, 4:] = 0.0
    found = decompose(np.where(W > 0, Y, np.nan), W, D, blocks)
    assert found.dropped == 20
    assert found.cells == 200
    cut = W.copy()
    cut[:10] = 0
    np.testing.assert_allclose(found.theta, decompose(Y, cut, D, blocks).theta, atol=1e-12)


def test_refuses_with_a_reason():
    Y, W, D, blocks = draw(Streams(12).rng())
    with pytest.raises(NotIdentified, match="does not vary"):
        decompose(Y, W, np.ones_like(D), blocks)
    with pytest.raises(NotIdentified, match="told apart"):
        decompose(Y, W, D, [*blocks, D])
    with pytest.raises(NotIdentified, match="no provider"):
        decompose(Y, np.zeros_like(W), D, blocks)
    blocks[1][0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        decompose(Y, W, D, blocks)


def test_types_are_the_contract():
    Y, W, D, blocks = draw(Streams(13).rng())
    found = decompose(Y, W, D, blocks)
    assert isinstance(found, Decomposition)
    assert found.influence.m == found.theta.size == 6
    assert found.n_on == int(D.any(axis=1).sum())
