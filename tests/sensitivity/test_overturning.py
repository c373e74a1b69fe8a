"""Danger: nothing moved is 0, the words changed is 1, and the way there is shared out."""

import pytest
from trials import made, noise, trial_of

from consortia.sensitivity.overturning import cannot, danger, words, worthwhile
from consortia.sensitivity.thresholds import SURE, WORTH, chance_above


@pytest.fixture(scope="module")
def trial():
    import numpy as np

    Y = noise(1, 300, 4, 0.5)
    joined = np.zeros(300, dtype=int)
    joined[:100] = 2003
    Y[:100, 2:] += 0.9
    return trial_of(*made(Y, joined))


def test_words_change_at_the_thresholds(trial) -> None:
    row = trial.estimate.row()
    at, se = row["estimate"], row["std_error"]
    assert words(trial, at) == "probably helps"
    assert worthwhile(trial) == 0.5
    assert danger(trial, at) == 0.0
    assert danger(trial, 0.0) == 1.0
    # "Probably helps" ends where a worthwhile effect is no longer as likely as not.
    edge = 0.5 if WORTH == 0.5 else None
    assert edge is not None
    assert chance_above(0.0, edge, se, trial.estimate.dof) > SURE
    for share in (0.2, 0.5, 0.9):
        assert danger(trial, at + share * (edge - at)) == pytest.approx(share, abs=0.01)
    assert danger(trial, edge - 1e-6) == 1.0
    assert danger(trial, at + 5.0) == 0.0
    assert danger(trial, at + 5.0, None, edge - 0.1) == 1.0
    assert danger(trial, float("-inf")) == 1.0
    assert danger(trial) == 0.0


def test_less_precision_changes_words_too(trial) -> None:
    at = trial.estimate.row()["estimate"]
    assert words(trial, at, 5.0) == "cannot tell yet"


def test_what_cannot_be_said_has_no_verdict() -> None:
    found = cannot("x", "y", "z", a=1.0)
    assert found.verdict is None
    assert found.numbers == {"a": 1.0}
