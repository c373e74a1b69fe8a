"""What could overturn an answer: plain values."""

import dataclasses

import pytest

from consortia.challenge import Challenge, Threat


def test_a_challenge_is_empty_until_something_is_asked_and_frozen() -> None:
    assert Challenge().threats == ()
    assert Challenge().strength is None
    threat = Threat(
        check="chance", title="Chance", standing="close", danger=0.8, sentence="...", settles="..."
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        threat.danger = 0.0  # type: ignore[misc]
