"""The wild bootstrap from cluster sums, against refitting every outcome that it stands for."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from test_cr2 import REFERENCE
from test_within import dense, panel

from consortia.maths.wild import (
    Scores,
    bootstrap,
    of_influence,
    of_regression,
    overlapping,
)
from consortia.maths.within import within
from consortia.streams import Streams

RNG = Streams(1).rng()


def scores(made, multiplier=None, cluster=None, restricted=True) -> Scores:
    return Scores(**made, multiplier=multiplier, cluster=cluster, restricted=restricted)


def by_refitting(Y, W, X, label, multipliers, beta0, own=None):
    """t of every draw: the outcome made anew under the null, the regression run, errors clustered.

    ``multipliers`` (B, n) by provider; ``own`` (n, C) weights of providers in cluster sums."""
    cells, y, w, i = dense(Y, W, X)
    p = X.shape[2]
    root = np.sqrt(w)
    U, y = root[:, None] * cells, root * y
    others = np.delete(U, p - 1, axis=1)
    fitted = others @ np.linalg.pinv(others) @ (y - beta0 * U[:, p - 1]) + beta0 * U[:, p - 1]
    u = y - fitted
    pinv = np.linalg.pinv(U)
    if own is None:
        own = (label[:, None] == np.unique(label)).astype(float)
    out = []
    for v in multipliers:
        made = fitted + v[i] * u
        b = pinv @ made
        e = made - U @ b
        score = np.bincount(i, pinv[p - 1] * e, minlength=Y.shape[0])
        with np.errstate(invalid="ignore"):
            out.append((b[p - 1] - beta0) / np.sqrt(((own.T @ score) ** 2).sum()))
    return np.array(out)


@given(seed=st.integers(0, 10_000), p=st.integers(1, 2))
@settings(max_examples=15)
def test_every_sign_of_a_regression(seed, p) -> None:
    Y, W, X = panel(seed, p=p)
    label = np.arange(24) % 5
    fit = within(Y, W, X)
    found = bootstrap(scores(of_regression(fit, label, 5)), "rademacher", 32, RNG)
    assert found.exact
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=5)))
    for beta0 in (0.0, 0.4):
        expected = by_refitting(Y, W, X, label, signs[:, label], beta0)
        top = found.theta[:, 0] - beta0 * found.theta[:, 1]
        under = (
            found.square[:, 0, 0]
            - 2 * beta0 * found.square[:, 0, 1]
            + beta0**2 * found.square[:, 1, 1]
        )
        np.testing.assert_allclose(top / np.sqrt(under), expected, rtol=1e-5, atol=1e-7)
        own = expected[-1]
        assert found.p_value(beta0) == np.mean(np.abs(expected) >= abs(own) * (1 - 1e-7))


def test_multipliers_by_provider_and_overlapping_clusters() -> None:
    Y, W, X = panel(8)
    fit = within(Y, W, X)
    n = 24
    label = np.arange(n) % 4
    A = sparse.csr_array((np.ones(n), (np.arange(n), label)), shape=(n, 4))
    sub = scores(of_regression(fit, np.arange(n), n), cluster=overlapping(A))
    rng = Streams(3).rng()
    found = bootstrap(sub, "rademacher", 9, rng)
    again = Streams(3).rng()
    octets = again.integers(0, 256, size=(9, 3), dtype=np.uint8)
    v = 2.0 * np.unpackbits(octets, axis=1, count=n) - 1
    expected = by_refitting(Y, W, X, label, v, 0.0)
    np.testing.assert_allclose(
        found.theta[:, 0] / np.sqrt(found.square[:, 0, 0]), expected, rtol=1e-6
    )
    # Two memberships each: the multipliers are sums over root 2, and so are the cluster sums.
    B = sparse.csr_array(
        (np.ones(2 * n), (np.r_[np.arange(n), np.arange(n)], np.r_[label, 4 + np.arange(n) % 3])),
        shape=(n, 7),
    )
    share = overlapping(B)
    np.testing.assert_allclose((share @ share.T).diagonal(), 1.0)
    many = bootstrap(
        scores(of_regression(fit, np.arange(n), n), multiplier=share, cluster=share),
        "rademacher", 128, rng,
    )  # fmt: skip
    assert many.exact
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=7)))
    expected = by_refitting(Y, W, X, label, signs @ share.toarray().T, 0.0, share.toarray())
    # Where all multipliers cancel nothing is left, in numerator and error alike.
    live = many.square[:, 0, 0] > 1e-20
    assert live.sum() == 126
    found = many.theta[live, 0] / np.sqrt(many.square[live, 0, 0])
    np.testing.assert_allclose(found, expected[live], rtol=1e-6)


def test_as_wildboottest() -> None:
    """All 256 signs, by scripts/witness/wild_bootstrap.py: p = 0.25 and 0.21875, which count draws
    beyond the statistic; ours count the two ties (the observed signs and their mirror) too."""
    frame = pl.read_csv(REFERENCE / "few_clusters.csv", null_values="NA")
    wide = {
        c: frame[c].cast(pl.Float64).fill_null(np.nan).to_numpy().reshape(36, 4)
        for c in ("y", "d", "z", "cluster")
    }
    label = wide["cluster"][:, 0].astype(np.int64)
    W = np.isfinite(wide["y"]).astype(float)
    for X, p, t in (
        (wide["d"][:, :, None], 0.25, 1.273919),
        (np.stack([wide["z"], wide["d"]], axis=2), 0.21875, 1.333184),
    ):
        found = bootstrap(
            scores(of_regression(within(wide["y"], W, X), label, 8)), "rademacher", 999, RNG
        )
        assert found.exact
        assert found.p_value() == pytest.approx(p + 2 / 256)
        # Its statistic has the factor G/(G-1) (N-1)/(N-K) in the variance.
        N, K = int(W.sum()), X.shape[2] + 36 + 3
        factor = 8 / 7 * (N - 1) / (N - K)
        own = found.seen[0] / np.sqrt(found.seen_square[0, 0] * factor)
        assert own == pytest.approx(t, abs=1e-6)


def test_interval_is_where_the_null_is_not_rejected() -> None:
    Y, W, X = panel(5, n=60)
    label = np.arange(60) % 12
    made = bootstrap(scores(of_regression(within(Y, W, X), label, 12)), "webb", 499, RNG)
    low, high = made.interval(0.9)
    assert low < within(Y, W, X).beta < high
    assert made.p_value(low + 0.02) > 0.1 > made.p_value(low - 0.02)
    assert made.p_value(high - 0.02) > 0.1 > made.p_value(high + 0.02)


def test_scores_of_two_means_are_the_bootstrap_of_two_means() -> None:
    """Difference of two means: scores centred again by path = means taken again in every draw."""
    rng = np.random.default_rng(2)
    n = 30
    d = np.arange(n) < 12
    y = rng.standard_normal(n) + d
    w = rng.uniform(1, 2, n)
    mean = {v: np.average(y[d == v], weights=w[d == v]) for v in (True, False)}
    sign = np.where(d, 1 / w[d].sum(), -1 / w[~d].sum())
    psi = w * sign * (y - np.where(d, mean[True], mean[False]))
    label = np.arange(n) % 6
    made = of_influence(psi, d.astype(np.int64), w, label, 6)
    found = bootstrap(scores(made, restricted=False), "rademacher", 64, RNG)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=6)))
    for b, v in enumerate(signs):
        u = v[label] * (y - np.where(d, mean[True], mean[False]))
        new = {g: np.average(u[d == g], weights=w[d == g]) for g in (True, False)}
        assert found.theta[b, 0] == pytest.approx(new[True] - new[False], abs=1e-12)
        left = w * sign * (u - np.where(d, new[True], new[False]))
        expected = (np.bincount(label, left) ** 2).sum()
        assert found.square[b, 0, 0] == pytest.approx(expected, abs=1e-12)


def test_points_have_mean_zero_and_variance_one() -> None:
    one = scores(
        {
            "s": np.ones(1), "h": np.zeros(1), "r": np.zeros((1, 1)), "a": np.zeros((1, 1)),
            "inverse": np.zeros((1, 1)),
        },
        restricted=False,
    )  # fmt: skip
    v = bootstrap(one, "webb", 20_000, Streams(2).rng()).theta[:, 0]
    assert np.unique(v.round(9)).size == 6
    assert abs(v.mean()) < 0.03
    assert v.var() == pytest.approx(1, abs=0.02)
