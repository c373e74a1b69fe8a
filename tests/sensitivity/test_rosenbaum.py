"""Gamma on pairs made within the check."""

from dataclasses import replace

import numpy as np
import pytest
from trials import made, noise, trial_of

from consortia.errors import DataInvalid
from consortia.maths.signed_rank import signed_rank, upper_p
from consortia.sensitivity.changes import changes
from consortia.sensitivity.pairs import pair
from consortia.sensitivity.rosenbaum import run
from consortia.specs import Inference, Rosenbaum
from consortia.streams import Streams

RNG = Streams(1).rng()


def trial(effect: float, n: int = 400, seed: int = 1):
    joined = np.where(np.arange(n) < n // 4, 2003, 0)
    Y = noise(seed, n, 4)
    Y[: n // 4, 2:] += effect
    return trial_of(*made(Y, joined, {"size": Streams(seed).rng().normal(size=n).tolist()}))


def test_gamma_is_that_of_the_pairs() -> None:
    one = trial(1.0)
    found = run(one, Rosenbaum(), RNG)
    d = pair(one, changes(one), ()).difference
    assert found.numbers["pairs"] == d.size == 100
    for gamma, p in found.table.iter_rows():
        assert p == pytest.approx(upper_p(signed_rank(d), gamma))
    assert upper_p(signed_rank(d), found.numbers["gamma"]) == pytest.approx(0.025, abs=1e-5)
    assert f"{found.numbers['gamma']:.2f} times as large" in found.sentence


def test_a_harm_is_tested_the_other_way() -> None:
    up, down = run(trial(1.0), Rosenbaum(), RNG), run(trial(-1.0), Rosenbaum(), RNG)
    assert "gained less" in down.sentence
    assert down.numbers["gamma"] > 1
    assert down.numbers["mean_difference"] < 0 < up.numbers["mean_difference"]


def test_verdicts() -> None:
    assert run(trial(2.0), Rosenbaum(), RNG).verdict is True
    nothing = run(trial(0.0), Rosenbaum(), RNG)
    assert nothing.verdict is None
    assert nothing.numbers["danger"] == 0.0
    assert nothing.numbers["gamma"] is None
    few = run(trial(1.0, n=20), Rosenbaum(), RNG)
    assert few.verdict is None
    assert "too few" in few.sentence


def test_joiners_picked_for_a_bad_year_lose_their_effect_in_pairs() -> None:
    """Who joins after a bad year comes back by itself: beside a like one nothing is left."""
    Y = noise(5, 3_000, 4)
    drop = Y[:, 0] - Y[:, 1] + Streams(5).at("lot").rng().logistic(size=3_000)
    bad = drop > 3.0
    found = run(trial_of(*made(Y, np.where(bad, 2003, 0))), Rosenbaum(), RNG)
    assert found.verdict is False
    assert found.numbers["danger"] == 1.0
    assert found.numbers["largest_gap_after_pairing"] < found.numbers["largest_gap_before_pairing"]


def test_what_pairs_leave_out_of_the_study_is_said() -> None:
    one = trial(1.0)
    plain = run(one, Rosenbaum(), RNG)
    assert "weights" not in plain.sentence
    assert "independent" not in plain.sentence
    a = one.arrays
    weighted = replace(a, w=a.w * np.linspace(1, 2, a.n), W=a.W * np.linspace(1, 2, a.n)[:, None])
    heavy = run(replace(one, arrays=weighted), Rosenbaum(), RNG)
    assert heavy.sentence == plain.sentence + (
        " Every pair counts alike: the study's weights do not enter."
    )
    assert heavy.numbers == pytest.approx(plain.numbers)
    # Weights of one size for all are none.
    doubled = replace(one, arrays=replace(a, w=2 * a.w, W=2 * a.W))
    assert run(doubled, Rosenbaum(), RNG).sentence == plain.sentence
    n, joined = 400, np.where(np.arange(400) < 100, 2003, 0)
    Y = noise(1, n, 4)
    Y[:100, 2:] += 1.0
    for rule, said in (
        (Inference(draws=0, cluster="collaboration"), "clusters (collaboration)"),
        (Inference(draws=0, cluster="local_authority"), "clusters (local authority)"),
    ):
        facts = {"local_authority": [f"a{i % 9}" for i in range(n)]}
        clustered = run(trial_of(*made(Y, joined, facts, inference=rule)), Rosenbaum(), RNG)
        assert said in clustered.sentence
        assert "the study's weights" not in clustered.sentence
    near = one.study.with_(inference=Inference(draws=0, spatial_km=5.0))
    assert "within 5 km" in run(replace(one, study=near), Rosenbaum(), RNG).sentence


def test_unknown_columns_are_refused() -> None:
    with pytest.raises(DataInvalid, match="Did you mean 'size'"):
        run(trial(1.0), Rosenbaum(on=("siz",)), RNG)
    with pytest.raises(ValueError, match="size must lie"):
        Rosenbaum(size=0.7)
