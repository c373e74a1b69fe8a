"""Never-joiners in the place of joiners: size under the null, and what came before joining."""

from dataclasses import replace

import numpy as np
import pytest
from trials import made, noise, trial_of

from consortia.errors import DataInvalid
from consortia.sensitivity.never_joiners import Cast, played, run
from consortia.specs import Inference, NeverJoiners
from consortia.streams import Streams


def rng(seed: int = 1):
    return Streams(seed).at("draws").rng()


def panel(effect: float, picked: bool = False, n: int = 900, **changes):
    Y = noise(1, n, 5)
    chance = Streams(7).at("lot").rng().logistic(size=n)
    e = Y[:, 2] - Y[:, [0, 1, 3, 4]].mean(axis=1)
    joins = (-1.2 * e if picked else 0) + chance > (1.5 if picked else 1.2)
    Y[joins, 3:] += effect
    facts = {"area": [f"a{i % 5}" for i in range(n)]}
    return made(Y, np.where(joins, 2004, 0), facts, **changes)


def test_drawn_at_random_the_method_keeps_its_level() -> None:
    found = run(trial_of(*panel(1.0)), NeverJoiners(draws=199), rng())
    row = found.table.row(0, named=True)
    assert row["drawn"] == "at random"
    assert abs(row["mean"]) < 3 * row["spread"] / np.sqrt(199) + 0.02
    assert row["found_an_effect"] == pytest.approx(0.05, abs=0.05)
    assert found.verdict is True
    assert found.numbers["p_value"] == pytest.approx(1 / 200)
    assert found.numbers["danger"] == 0.0


def test_those_like_joiners_carry_the_bad_year() -> None:
    trial = trial_of(*panel(0.0, picked=True))
    found = run(trial, NeverJoiners(draws=49), rng())
    at = trial.estimate.row()
    assert at["low"] > 0
    # The effect that is none shows in never-joiners like them, and little is left.
    assert found.numbers["like_joiners"] > 0.5 * at["estimate"]
    assert abs(found.numbers["corrected"]) < 0.5 * at["estimate"]
    assert found.verdict is False
    assert found.numbers["danger"] == 1.0


def test_standard_errors_that_are_too_small_are_found_out() -> None:
    """Providers of an area move together, which errors by provider do not know."""
    n, areas = 600, 20
    r = Streams(3).at("areas").rng()
    area = np.arange(n) % areas
    Y = noise(3, n, 4, 0.5) + 1.5 * r.normal(size=(areas, 4))[area]
    joined = np.where(np.isin(area, r.permutation(areas)[:6]), 2003, 0)
    facts = {"area": [f"a{i:02d}" for i in area]}
    study, data = made(Y, joined, facts)
    found = run(trial_of(study, data), NeverJoiners(draws=99), rng())
    # Drawn one by one fakes do not share an area: their errors are right.
    assert found.numbers["found_at_random"] < 0.15
    held = study.with_(inference=Inference(draws=0, cluster="area", small_sample="none"))
    again = run(trial_of(held, data), NeverJoiners(draws=19), rng())
    assert again.numbers["draws"] == 19


def test_only_never_joiners_play() -> None:
    trial = trial_of(*panel(1.0))
    a = trial.arrays
    rows = np.flatnonzero(a.cohort == a.T)
    cohort = np.full(rows.size, a.T)
    cohort[:10] = 3
    made_up = played(a, rows, cohort)
    assert made_up.n == rows.size
    assert made_up.joiners.sum() == 10
    assert made_up.D[0].tolist() == [False, False, False, True, True]
    assert np.array_equal(made_up.Y, a.Y[rows])


def test_dates_stay_within_strata_and_areas() -> None:
    from consortia.sensitivity.never_joiners import _at_random

    cohort = np.array([2] * 6 + [3] * 2 + [5] * 32)
    code = np.array([0] * 6 + [1] * 2 + [0] * 16 + [1] * 16)
    cast = Cast(
        rows=np.arange(8, 40), code=code[8:], joiners=np.arange(8), joiner_code=code[:8]
    )  # fmt: skip
    drawn = _at_random(cast, cohort, rng())
    zero, one = drawn[:16], drawn[16:]
    assert sorted(set(zero.tolist())) == [2, 5]
    assert sorted(set(one.tolist())) == [3, 5]
    # As large a share as joiners are of all: 6 of 22, and 2 of 18.
    assert (zero == 2).sum() == round(16 * 6 / 22)
    assert (one == 3).sum() == round(16 * 2 / 18)


def test_the_same_draws_twice() -> None:
    trial = trial_of(*panel(1.0, n=300))
    a, b = (run(trial, NeverJoiners(draws=19, within="area"), rng(5)) for _ in range(2))
    assert a.table.equals(b.table)


def test_refusals() -> None:
    study, data = panel(1.0, n=300)
    trial = trial_of(study, data)
    with pytest.raises(DataInvalid, match="Did you mean 'area'"):
        run(trial, NeverJoiners(within="are"), rng())
    few = replace(trial, arrays=trial.arrays.take(trial.arrays.joiners))
    assert "too few never-joiners" in run(few, NeverJoiners(), rng()).sentence
    dosed = replace(trial.arrays, dose=trial.arrays.D.astype(float))
    assert "has a dose" in run(replace(trial, arrays=dosed), NeverJoiners(), rng()).sentence
    with pytest.raises(ValueError, match="draws must lie"):
        NeverJoiners(draws=5)
