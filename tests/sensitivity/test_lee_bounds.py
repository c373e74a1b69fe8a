"""Trimming bounds of an answer, against the same by hand."""

import numpy as np
import pytest
from trials import made, noise, trial_of

from consortia.maths.trimming import lee_bounds
from consortia.sensitivity.lee_bounds import run
from consortia.specs import LeeBounds
from consortia.streams import Streams

RNG = Streams(1).rng()


def leaving(gone: float, effect: float = 1.0, n: int = 800):
    """One year before, one after; of joiners a share leaves, the worst most often."""
    Y = noise(1, n, 2)
    D = np.arange(n) < n // 2
    Y[D, 1] += effect
    rank = Streams(2).rng().random(n) + (Y[:, 1] - Y[:, 0] > 1.0)
    out = D & (rank < np.quantile(rank[D], gone)) if gone else np.zeros(n, dtype=bool)
    Y[out, 1] = np.nan
    return Y, np.where(D, 2002, 0)


def test_one_cell_is_lees_own_formula() -> None:
    Y, joined = leaving(0.2)
    trial = trial_of(*made(Y, joined))
    found = run(trial, LeeBounds(), RNG)
    change = Y[:, 1] - Y[:, 0]
    S = np.isfinite(change)
    b = lee_bounds(np.where(S, change, 0.0), S, joined > 0, np.ones(S.size))
    at = trial.estimate.row()["estimate"]
    assert b.plain == pytest.approx(at, abs=1e-12)
    assert found.numbers["lower_bound"] == pytest.approx(b.low, abs=1e-12)
    assert found.numbers["upper_bound"] == pytest.approx(b.high, abs=1e-12)
    C = S.size
    assert found.numbers["std_error_low"] == pytest.approx(
        np.sqrt((b.psi_low**2).sum() * C / (C - 1)), rel=1e-6
    )
    assert found.numbers["interval_low"] < b.low < at < b.high < found.numbers["interval_high"]
    assert found.table["trimmed"].to_list() == pytest.approx([0.2], abs=0.01)


def test_the_bounds_hold_the_effect_on_those_that_stay() -> None:
    """The worst leave, so that the answer is too high; the truth is 1 for everybody."""
    found = run(trial_of(*made(*leaving(0.3))), LeeBounds(), RNG)
    assert found.numbers["lower_bound"] < 1.0 < found.numbers["upper_bound"]


def test_verdicts() -> None:
    none = run(trial_of(*made(*leaving(0.0))), LeeBounds(), RNG)
    assert none.verdict is True
    assert none.numbers == {"danger": 0.0, "lost": 0}
    many = run(trial_of(*made(*leaving(0.5, effect=0.7))), LeeBounds(), RNG)
    assert many.verdict is None
    assert many.numbers["danger"] == 1.0
    few = run(trial_of(*made(*leaving(0.01, effect=2.0))), LeeBounds(), RNG)
    assert few.verdict is True
    assert few.numbers["danger"] < 0.5
