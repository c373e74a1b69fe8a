"""Effects that should be zero: placebo outcomes and arms that cannot matter."""

import numpy as np
import pytest
from trials import made, noise, trial_of

from consortia.errors import DataInvalid
from consortia.evaluation import evaluate
from consortia.sensitivity import negative_control, placebo_outcome
from consortia.sensitivity.controls import known
from consortia.specs import NegativeControl, PlaceboOutcome
from consortia.streams import Streams

RNG = Streams(1).rng()


def panel(other: float = 0.0, club: float = 0.0, effect: float = 1.0, **changes):
    n = 600
    Y, Z = noise(1, n, 4), noise(2, n, 4)
    joined = np.where(np.arange(n) < 150, 2003, 0)
    clubs = np.where(np.arange(n) % 3 == 0, 2002, 0)
    Y[:150, 2:] += effect
    Z[:150, 2:] += other
    Y[clubs > 0, 1:] += club
    return made(Y, joined, other=Z, clubs=clubs, **changes)


def test_the_placebo_is_the_answer_to_the_other_question() -> None:
    study, data = panel()
    found = placebo_outcome.run(trial_of(study, data), PlaceboOutcome(outcome="other"), RNG)
    expected = evaluate(study.with_(outcome="other", checks=()), data).headline
    for key in ("estimate", "low", "high", "p_value"):
        assert found.numbers[key] == pytest.approx(expected[key], abs=1e-12)
    assert found.verdict is True
    assert found.numbers["danger"] == 0.0
    # Its own standard deviation: between never-joiners in its first year.
    rest = np.arange(600) >= 150
    first = data.outcomes["other"].to_numpy().reshape(600, 4)[rest, 0]
    assert found.numbers["estimate_sd"] == pytest.approx(expected["estimate"] / first.std())


def test_an_outcome_that_moves_as_well_fails() -> None:
    found = placebo_outcome.run(trial_of(*panel(other=0.5)), PlaceboOutcome(outcome="other"), RNG)
    assert found.verdict is False
    assert found.numbers["danger"] == pytest.approx(0.5, abs=0.2)
    assert "should be zero and is not" in found.sentence


def test_too_imprecise_says_nothing() -> None:
    found = placebo_outcome.run(trial_of(*panel(effect=0.05)), PlaceboOutcome(outcome="other"), RNG)
    assert found.verdict is None


def test_the_negative_control_is_the_answer_for_the_other_arm() -> None:
    study, data = panel()
    found = negative_control.run(trial_of(study, data), NegativeControl(arm="club"), RNG)
    expected = evaluate(study.with_(arm="club", checks=()), data).headline
    assert found.numbers["estimate"] == pytest.approx(expected["estimate"], abs=1e-12)
    assert found.verdict is True
    bad = negative_control.run(trial_of(*panel(club=0.8)), NegativeControl(arm="club"), RNG)
    assert bad.verdict is False
    assert bad.numbers["danger"] > 0.5


def test_the_control_is_no_longer_held_or_counted() -> None:
    study, data = panel(alongside=("club",))
    found = negative_control.run(trial_of(study, data), NegativeControl(arm="club"), RNG)
    assert found.numbers["estimate"] is not None


def test_the_question_itself_is_no_control() -> None:
    trial = trial_of(*panel())
    same = placebo_outcome.run(trial, PlaceboOutcome(outcome="score"), RNG)
    assert same.verdict is None
    assert negative_control.run(trial, NegativeControl(arm="trust"), RNG).verdict is None


def test_what_cannot_be_had() -> None:
    Y = noise(1, 90, 4)
    joined = np.where(np.arange(90) < 30, 2003, 0)
    before_all = np.where(np.arange(90) % 3 == 0, 1995, 0)
    trial = trial_of(*made(Y, joined, clubs=before_all))
    found = negative_control.run(trial, NegativeControl(arm="club"), RNG)
    assert found.verdict is None
    assert "cannot be tried" in found.sentence


def test_names_are_checked() -> None:
    trial = trial_of(*panel())
    with pytest.raises(DataInvalid, match="Did you mean 'other'"):
        placebo_outcome.run(trial, PlaceboOutcome(outcome="othe"), RNG)
    with pytest.raises(DataInvalid, match="Did you mean 'club'"):
        negative_control.run(trial, NegativeControl(arm="clubs"), RNG)
    with pytest.raises(DataInvalid, match="is not defined in the study"):
        known("a", ["b"], "x", "thing")
    with pytest.raises(ValueError, match="must name one of the study's outcomes"):
        PlaceboOutcome()
    with pytest.raises(ValueError, match="must name one of the study's arms"):
        NegativeControl()
