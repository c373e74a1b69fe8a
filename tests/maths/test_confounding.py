"""Strength of hidden causes: sensemakr as published, and causes that really were left out."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from consortia.maths.confounding import (
    adjusted_se,
    as_strong_as,
    bias,
    critical_value,
    from_products,
    gains,
    needed_on_outcome,
    on_the_treated,
    partial_r2,
    robustness_value,
    towards_zero,
)
from consortia.streams import Streams

DARFUR = Path(__file__).resolve().parents[3] / "shared" / "data" / "golden" / "darfur.csv.gz"


@pytest.fixture(scope="module")
def darfur():
    """peacefactor ~ directlyharmed + covariates + village: cross-products within villages."""
    if not DARFUR.is_file():
        pytest.skip("darfur.csv.gz is not beside the project (../shared/data/golden)")
    frame = pl.read_csv(DARFUR)
    names = [
        "directlyharmed", "age", "farmer_dar", "herder_dar", "pastvoted", "hhsize_darfur",
        "female", "peacefactor",
    ]  # fmt: skip
    V = frame.select(pl.col(n).cast(pl.Float64) - pl.col(n).mean().over("village") for n in names)
    M = V.to_numpy()
    dof = frame.height - frame["village"].n_unique() - 7
    return from_products(M.T @ M, [[6], [1, 2]], dof)


def test_darfur_as_published(darfur) -> None:
    assert darfur.dof == 783
    assert darfur.estimate == pytest.approx(0.097315819285, abs=1e-11)
    assert darfur.se == pytest.approx(0.023256537810, abs=1e-11)
    t = darfur.estimate / darfur.se
    assert t == pytest.approx(4.184449984810, abs=1e-9)
    assert partial_r2(t, 783) == pytest.approx(0.021873093341, abs=1e-11)
    f = t / np.sqrt(783)
    assert f**2 == pytest.approx(0.0223622244, abs=1e-9)
    assert robustness_value(f) == pytest.approx(0.138776353894, abs=1e-11)
    critical = critical_value(0.95, 782) / np.sqrt(782)
    assert robustness_value(f, critical) == pytest.approx(0.076257965545, abs=1e-11)


@pytest.mark.parametrize(
    ("k", "r2_dz", "r2_yz", "estimate", "se", "t", "low", "high"),
    [
        (1, 0.00916428668, 0.124640923, 0.0752202712145, 0.0218733277, 3.43890386,
         0.0322829657, 0.118157577),
        (2, 0.0183285734, 0.249324064, 0.0529151723845, 0.0203500621, 2.60024624,
         0.0129680348, 0.0928623099),
        (3, 0.02749286, 0.374050471, 0.0303960234642, 0.0186700648, 1.62806202,
         None, 0.0670453292),
    ],
)  # fmt: skip
def test_darfur_bounds_by_female(darfur, k, r2_dz, r2_yz, estimate, se, t, low, high) -> None:
    d, y = as_strong_as(darfur.r2_dx[0], darfur.r2_yx[0], k)
    assert (d, y) == pytest.approx((r2_dz, r2_yz), abs=1e-8)
    scale = darfur.se * np.sqrt(darfur.dof)
    left = towards_zero(darfur.estimate, bias(scale, y, d))
    error = adjusted_se(darfur.se, darfur.dof, y, d)
    assert left == pytest.approx(estimate, abs=1e-10)
    assert error == pytest.approx(se, abs=1e-9)
    assert left / error == pytest.approx(t, abs=1e-7)
    reach = critical_value(0.95, 783) * error
    assert left + reach == pytest.approx(high, abs=1e-9)
    if low is not None:
        assert left - reach == pytest.approx(low, abs=1e-9)


def test_lalonde_as_published() -> None:
    """MatchIt's lalonde, re78 on treatment and eight covariates: 614 rows."""
    t, dof = 1548.2438020 / 781.279297, 614 - 10
    f = t / np.sqrt(dof)
    assert robustness_value(f) == pytest.approx(0.0774479631, abs=1e-9)
    critical = critical_value(0.95, dof - 1) / np.sqrt(dof - 1)
    assert robustness_value(f, critical) == pytest.approx(0.0006566787, abs=1e-9)


def test_robustness_value_is_where_the_bias_equals_the_estimate() -> None:
    for f in (0.01, 0.2, 1.5):
        value = robustness_value(f)
        assert bias(1.0, value, value) == pytest.approx(f, rel=1e-12)
    assert robustness_value(0.1, 0.2) == 0.0
    # Wide intervals: explaining the outcome costs more precision than it moves the estimate.
    f, critical = 3.0, 0.6
    assert robustness_value(f, critical) == pytest.approx((f**2 - critical**2) / (1 + f**2))
    with pytest.raises(ValueError, match="zero or above"):
        robustness_value(-0.1)


def world(seed: int, n: int = 400, hidden: float = 0.8):
    rng = Streams(seed).at("world").rng()
    x, u = rng.normal(size=(n, 2)), rng.normal(size=n)
    d = x @ [0.5, -0.3] + hidden * u + rng.normal(size=n)
    y = 0.7 * d + x @ [1.0, 0.4] - hidden * u + rng.normal(size=n)
    return x, u, d, y


def products(*columns: np.ndarray) -> np.ndarray:
    M = np.column_stack(columns)
    M = M - M.mean(axis=0)
    return M.T @ M


@pytest.mark.parametrize("seed", range(5))
def test_the_bias_of_a_cause_that_was_left_out_is_exact(seed: int) -> None:
    """With one hidden variable the formula is an identity (Cinelli & Hazlett 2020, eq. 7)."""
    x, u, d, y = world(seed)
    n = d.size
    short = from_products(products(d, x, y), [], n - 4)
    long = from_products(products(d, x, u, y), [[3]], n - 5)
    by_hand = np.linalg.lstsq(np.column_stack([np.ones(n), d, x, u]), y, rcond=None)[0]
    assert long.estimate == pytest.approx(by_hand[1], abs=1e-10)
    scale = short.se * np.sqrt(short.dof)
    size = bias(scale, long.r2_yx[0], long.r2_dx[0])
    assert size == pytest.approx(abs(short.estimate - long.estimate), rel=1e-9)
    assert adjusted_se(short.se, short.dof, long.r2_yx[0], long.r2_dx[0]) == pytest.approx(
        long.se, rel=1e-9
    )


def test_groups_and_what_cannot_be(darfur) -> None:
    x, _, d, y = world(1)
    both = from_products(products(d, x, y), [[1], [1, 2]], 300)
    assert both.r2_dx[1] > both.r2_dx[0]
    with pytest.raises(ValueError, match="explain the exposure wholly"):
        from_products(products(x[:, 0], x, y), [], 300)
    with pytest.raises(ValueError, match="explain who joins wholly"):
        as_strong_as(0.4, 0.1, 3)
    assert bias(1.0, 0.1, 1.0) == np.inf
    assert bias(1.0, 0.0, 1.0) == 0.0
    assert towards_zero(-0.5, 0.2) == pytest.approx(-0.3)


def test_contour_lines_have_the_same_bias() -> None:
    d = np.array([0.01, 0.1, 0.4])
    y = needed_on_outcome(2.0, 0.3, d)
    assert [bias(2.0, a, b) for a, b in zip(y, d, strict=True)] == pytest.approx([0.3] * 3)


def joiners(seed: int, n: int = 600, hidden: float = 0.7):
    rng = Streams(seed).at("joiners").rng()
    x, u = rng.normal(size=n), rng.normal(size=n)
    D = x * 0.5 + hidden * u + rng.logistic(size=n) > 1
    y = 1.0 * D + x + 0.5 * hidden * u + rng.normal(size=n)
    w = rng.uniform(0.5, 2.0, size=n)
    return x, u, np.asarray(D), y, w


def test_on_the_treated_is_regression_of_the_comparison() -> None:
    x, _, D, y, w = joiners(1)
    X = np.column_stack([np.ones(x.size), x])
    one = on_the_treated(y, D, w, X)
    root = np.sqrt(w[~D])
    beta = np.linalg.lstsq(X[~D] * root[:, None], y[~D] * root, rcond=None)[0]
    assert one.theta == pytest.approx(np.average(y[D] - X[D] @ beta, weights=w[D]), abs=1e-12)
    # The influence is that of the estimate: a small push of one outcome.
    assert one.psi.sum() == pytest.approx(0.0, abs=1e-12)
    for i in (0, int(np.flatnonzero(D)[0])):
        pushed = y.copy()
        pushed[i] += 1e-3
        moved = (on_the_treated(pushed, D, w, X).theta - one.theta) / 1e-3
        assert one.psi[i] == pytest.approx(moved * one.residual[i], rel=1e-6)
    with pytest.raises(ValueError, match="both sides"):
        on_the_treated(y, np.ones(y.size, dtype=bool), w, X)


def test_without_covariates_scale_is_that_of_the_t_test() -> None:
    _, _, D, y, _ = joiners(2)
    one = on_the_treated(y, D, np.ones(y.size), np.ones((y.size, 1)))
    n = y.size
    both = from_products(products(D.astype(float), y), [], n - 2)
    assert np.sqrt(one.sigma2 * one.nu2) == pytest.approx(both.se * np.sqrt(n - 2), rel=1e-9)
    assert one.theta == pytest.approx(both.estimate, rel=1e-12)


def test_more_covariates_never_make_joining_less_explained() -> None:
    x, u, D, y, w = joiners(3)
    one = np.ones(x.size)
    steps = [on_the_treated(y, D, w, np.column_stack(c)) for c in ([one], [one, x], [one, x, u])]
    assert all(b.nu2 >= a.nu2 for a, b in pairwise(steps))
    gained = gains((steps[0].sigma2, steps[0].nu2), (steps[1].sigma2, steps[1].nu2))
    assert gained[0] > 0.2
    assert gained[1] > 0.01
    assert gains((1.0, 2.0), (1.1, 1.9)) == (0.0, 0.0)


@pytest.mark.parametrize("seed", range(20))
def test_the_long_short_bound_holds_for_a_cause_that_was_left_out(seed: int) -> None:
    """|theta_short - theta_long| <= S C_Y C_D with the strengths that the cause really has.

    The representer's shares are those of the same weighting with and without it; the share of the
    outcome is what the comparison's regression gains by it.
    """
    x, u, D, y, w = joiners(seed, n=4_000, hidden=1.0)
    one = np.ones(x.size)
    short = on_the_treated(y, D, w, np.column_stack([one, x]))
    long = on_the_treated(y, D, w, np.column_stack([one, x, u]))
    share_y = 1 - long.sigma2 / short.sigma2
    share_d = 1 - short.nu2 / long.nu2
    size = bias(np.sqrt(short.sigma2 * short.nu2), share_y, share_d)
    moved = abs(short.theta - long.theta)
    assert moved > 0.1
    assert moved <= size * 1.02
    # It is a bound that one hidden variable nearly reaches, not an idle one.
    assert moved >= 0.7 * size


def test_chance_columns_are_allowed_for() -> None:
    rng = Streams(5).at("noise").rng()
    n, p = 2_000, 100
    D = rng.random(n) < 0.2
    y, w = rng.normal(size=n), np.ones(n)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, p))])
    plain, more = on_the_treated(y, D, w, X[:, :1]), on_the_treated(y, D, w, X)
    raw = gains((plain.sigma2, plain.nu2), (more.sigma2, more.nu2))
    fair = gains(
        (plain.sigma2 / plain.spare, plain.nu2 * plain.spare),
        (more.sigma2 / more.spare, more.nu2 * more.spare),
    )
    assert raw[1] > 0.03
    assert max(fair) < 0.015
