"""Worlds like the data: what is fitted is what was there, and what is drawn is what was fitted."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from consortia.errors import NotIdentified
from consortia.streams import Streams
from consortia.world.calibrated import (
    Observed,
    Process,
    calibrate,
    effects,
    factors,
    hidden,
    untreated,
    year_effects,
)
from consortia.world.likeness import MOMENTS, moments

YEARS = np.arange(2011, 2019)


def made(n: int = 3000, seed: int = 1, years=YEARS, shared: float = 1.0, **changes) -> Observed:
    """A third join at some time; noise of three kinds; areas of ten providers."""
    T = years.size
    rng = Streams(seed).at("made").rng()
    size = np.exp(rng.normal(3.5, 0.7, n))[:, None] * np.ones(T)
    area = np.repeat(np.arange(n // 10), 10)
    incidence = sparse.csr_array((np.ones(n), (np.arange(n), area)))
    process = Process(
        years=years, common=np.linspace(50, 53, T), level=rng.normal(0, 4, n),
        level_sd=np.zeros(n), between=16.0, persistent=4.0, autocorrelation=0.7,
        shared=shared, floor=2.0, per_size=60.0, inverse=1 / size,
    )  # fmt: skip
    cohort = np.where(rng.random(n) < 1 / 3, rng.integers(1, T, n), T)
    on = np.arange(T)[None, :] >= cohort[:, None]
    Y = untreated(process, np.arange(n), years, incidence, Streams(seed).at("draw"))
    Y = np.where(rng.random((n, T)) < 0.03, np.nan, Y) + 5.0 * on
    return Observed(years=years, Y=Y, on=on, cohort=cohort, size=size, incidence=incidence)


def test_what_was_put_in_comes_out() -> None:
    seen = made()
    fit = calibrate(seen)
    assert fit.per_size == pytest.approx(60, rel=0.15)
    assert fit.autocorrelation == pytest.approx(0.7, abs=0.15)
    assert fit.persistent == pytest.approx(4, rel=0.3)
    assert fit.floor == pytest.approx(2.0, abs=0.8)
    assert fit.shared == pytest.approx(1.0, rel=0.2)
    assert fit.between == pytest.approx(16, rel=0.15)
    np.testing.assert_allclose(np.diff(fit.common), np.full(7, 3 / 7), atol=0.25)
    # The effect of joining (5) is no part of it: only unexposed cells are looked at.
    again = calibrate(replace(seen, Y=np.where(seen.on, 99.0, seen.Y)))
    assert again.floor == fit.floor
    np.testing.assert_array_equal(again.level[seen.cohort > 0], fit.level[seen.cohort > 0])


def test_worlds_have_the_moments_of_the_data() -> None:
    seen = made(1000, seed=3)
    fit = calibrate(seen)
    data = moments(seen.Y, seen)
    assert set(data) == set(MOMENTS)
    drawn = [
        moments(
            np.where(
                np.isfinite(seen.Y),
                untreated(fit, np.arange(1000), YEARS, seen.incidence, Streams(9).at(k)),
                np.nan,
            ),
            seen,
        )
        for k in range(40)
    ]
    for name, value in data.items():
        x = np.array([d[name] for d in drawn])
        # The fit is to the variogram, so that other moments are within a little of theirs.
        assert abs(value - x.mean()) < 4 * x.std(ddof=1) + 0.05 * abs(value), name


def test_levels_of_who_joined_stay() -> None:
    seen = made(800)
    Y = seen.Y - 6.0 * (seen.cohort < YEARS.size)[:, None]
    low = Observed(years=seen.years, Y=Y, on=seen.on, cohort=seen.cohort, size=seen.size,
                   incidence=seen.incidence)  # fmt: skip
    fit = calibrate(low)
    drawn = untreated(fit, np.arange(800), YEARS, seen.incidence, Streams(2))
    gap = moments(np.where(np.isfinite(Y), drawn, np.nan), low)["gap"]
    assert gap == pytest.approx(moments(Y, low)["gap"], abs=0.5)
    assert gap < -5


def test_one_year_effect_for_each_year_by_brute_force() -> None:
    rng = Streams(4).rng()
    Y, use = rng.normal(size=(30, 5)), rng.random((30, 5)) < 0.7
    got = year_effects(Y, use)
    i, t = np.nonzero(use)
    X = np.zeros((i.size, 35))
    X[np.arange(i.size), i] = 1
    X[np.arange(i.size), 30 + t] = 1
    want = np.linalg.lstsq(X, Y[i, t], rcond=None)[0][30:]
    np.testing.assert_allclose(got - got.mean(), want - want.mean(), atol=1e-10)


def test_noise_that_is_not_there_is_not_made_up() -> None:
    seen = made(500, shared=0.0)
    rng = Streams(5).rng()
    flat = np.broadcast_to(rng.normal(0, 3, 500)[:, None], (500, 8)) + 0.0
    alone = sparse.csr_array(sparse.identity(500, format="csr"))
    fit = calibrate(replace(seen, Y=flat, size=None, incidence=alone))
    assert fit.parameters()["sd_of_a_year"] < 1e-6
    assert fit.persistent < 1e-9
    drawn = untreated(fit, np.arange(500), YEARS, seen.incidence, Streams(1))
    np.testing.assert_allclose(drawn, flat, atol=1e-4)


def test_two_years_tell_no_persistence() -> None:
    seen = made(400, years=np.array([2015, 2016]))
    fit = calibrate(seen)
    assert fit.persistent == 0.0
    assert fit.floor > 0


def test_nobody_twice_unexposed() -> None:
    seen = made(20)
    with pytest.raises(NotIdentified, match="two years without exposure"):
        calibrate(
            Observed(years=YEARS, Y=seen.Y, on=np.arange(8)[None, :] >= np.ones((20, 1)),
                     cohort=np.ones(20, dtype=np.int64), size=None, incidence=seen.incidence)
        )  # fmt: skip


def test_draws_go_on_after_the_data_and_by_slot() -> None:
    seen = made(100, shared=0.0)
    fit = calibrate(seen)
    alone = sparse.csr_array(sparse.identity(100, format="csr"))
    longer = np.arange(2011, 2023)
    more = untreated(fit, np.arange(100), longer, alone, Streams(1))
    assert more.shape == (100, 12)
    assert np.isfinite(more).all()
    # Steady: the spread of the added years is that of the others.
    assert more[:, -1].std() == pytest.approx(more[:, 3].std(), rel=0.3)
    again = untreated(fit, np.arange(100), longer, alone, Streams(1))
    np.testing.assert_array_equal(more, again)


def test_truth_and_what_is_no_truth() -> None:
    years = np.array([2015, 2016, 2018])
    cohort = np.array([1, 3, 0])
    on = np.arange(3)[None, :] >= cohort[:, None]
    got = effects(on, cohort, years, 1.0, 0.5, np.array([1.0, 1.0, 2.0]))
    # 2018 is two calendar years after 2016.
    np.testing.assert_allclose(got, [[0, 1, 2], [0, 0, 0], [2, 3, 5]])
    apart = hidden(cohort, years, 0.1, 2.0)
    np.testing.assert_allclose(apart, [[-2.0, 0.1, 0.3], [0, 0, 0], [0, 0, 0]])
    assert factors(0.0, 3, Streams(1)).tolist() == [1, 1, 1]
    assert factors(0.5, 4000, Streams(1)).std() == pytest.approx(0.5, rel=0.05)
