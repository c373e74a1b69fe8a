"""Scenarios refuse what makes no sense, when they are made."""

from __future__ import annotations

import pytest

from consortia.scenario import (
    CoalitionsAsked,
    FactorialAsked,
    GroupAsked,
    MechanismAsked,
    RunsAsked,
    Scenario,
    SensitivityAsked,
)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Scenario(), "at least one"),
        (lambda: GroupAsked(size=1), "two colleges"),
        (lambda: GroupAsked(members=("a",)), "two colleges"),
        (lambda: GroupAsked(members=("a", "a")), "twice"),
        (lambda: RunsAsked(least=1), "least"),
        (lambda: RunsAsked(workers=0), "workers"),
        (lambda: RunsAsked(without_me=1), "two seeds"),
        (lambda: CoalitionsAsked(seeds=1), "two players, seeds"),
        (lambda: SensitivityAsked(seeds=1), "two seeds"),
        (lambda: FactorialAsked(seeds=1), "two seeds"),
    ],
)
def test_what_makes_no_sense_is_refused(make, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        make()


def test_labels_tell_two_of_a_name_apart() -> None:
    a, b = MechanismAsked(name="x"), MechanismAsked(name="x", label="y")
    assert [m.key for m in Scenario(mechanisms=(a, b)).mechanisms] == ["x", "y"]
    # The same label twice is one package; the same bare name twice is a slip.
    assert len(Scenario(mechanisms=(b, b)).mechanisms) == 2
    with pytest.raises(ValueError, match="give each a label"):
        Scenario(mechanisms=(a, a))
