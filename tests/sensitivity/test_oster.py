"""Selection on the unseen, on the changes of joiners."""

import numpy as np
import pytest
from trials import made, noise, trial_of

from consortia.errors import DataInvalid
from consortia.maths.proportional_selection import pair
from consortia.sensitivity.changes import changes
from consortia.sensitivity.columns import named
from consortia.sensitivity.oster import products, run
from consortia.specs import Oster
from consortia.streams import Streams

RNG = Streams(1).rng()


def selected(seen: float, unseen: float, effect: float, seed: int = 1):
    rng = Streams(seed).at("selected").rng()
    n = 4_000
    x, u = rng.normal(size=n), rng.normal(size=n)
    joins = seen * x + unseen * u + rng.logistic(size=n) > 1.5
    Y = noise(seed, n, 3, 0.3)
    Y[:, 1:] += (x + u)[:, None]
    Y[joins, 1:] += effect
    facts = {"seen": x.tolist(), "place": [f"a{i % 3}" for i in range(n)]}
    return made(Y, np.where(joins, 2002, 0), facts)


def test_equal_selection_is_taken_out_to_the_true_effect() -> None:
    """x and u act alike, so delta is 1: with the true Rmax the adjusted effect is the true one."""
    trial = trial_of(*selected(0.8, 0.8, 0.7))
    cohorts = changes(trial)
    both = pair(products(cohorts, named(trial, ("seen",), "x")))
    # Everything together leaves the noise of two years (0.3 each, one of them averaged over two).
    rmax = 1 - 0.3**2 * 1.5 / (both.var_y)
    found = run(trial, Oster(controls=("seen",), rmax=rmax / both.r2_1), RNG)
    n = found.numbers
    assert n["without_controls"] > n["with_controls"] > 1.1
    assert n["adjusted"] == pytest.approx(0.7, abs=0.15)
    assert n["rmax"] == pytest.approx(rmax)
    assert f"{n['delta']:.2g} times as strong" in found.sentence


def test_the_regressions_are_pooled_over_cohorts_and_controls() -> None:
    study, panel = selected(0.8, 0.0, 0.7)
    trial = trial_of(study, panel)
    (c,) = changes(trial)
    A = products((c,), named(trial, ("seen", "place"), "x"))
    assert A.shape == (5, 5)
    x = trial.facts["seen"].to_numpy()[c.rows]
    place = trial.facts["place"].to_numpy()[c.rows]
    X = np.column_stack(
        [np.ones(x.size), c.D, x, place == "a1", place == "a2"]
    ).astype(float)  # fmt: skip
    b = np.linalg.lstsq(X, c.y, rcond=None)[0]
    assert pair(A).beta1 == pytest.approx(b[1], abs=1e-10)


def test_verdicts() -> None:
    holds = run(trial_of(*selected(0.8, 0.0, 2.0)), Oster(controls=("seen",)), RNG)
    assert holds.verdict is True
    assert holds.numbers["delta"] > 1
    gone = run(trial_of(*selected(0.9, 0.9, 0.0)), Oster(controls=("seen",), rmax=1.9), RNG)
    assert gone.verdict is False
    assert gone.numbers["danger"] == 1.0


def test_without_controls_nothing_is_likened() -> None:
    trial = trial_of(*selected(0.8, 0.8, 0.7))
    assert run(trial, Oster(), RNG).verdict is None
    assert "no covariates" in run(trial, Oster(), RNG).sentence
    with pytest.raises(DataInvalid, match="Did you mean 'seen'"):
        run(trial, Oster(controls=("sen",)), RNG)
    with pytest.raises(ValueError, match="rmax must lie"):
        Oster(rmax=1.0)
