"""By what fact an effect is split: ranges, and what an unused key leaves alone."""

import pytest

from consortia.specs.levels import Levels
from consortia.study import canonical


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"by": ""}, "by must name a column"),
        ({"by": "a", "count": 1}, "count must lie between 2 and 10"),
        ({"by": "a", "cuts": (2.0, 1.0)}, "cuts must be ascending"),
        ({"by": "a", "cuts": (1.0, 1.0)}, "cuts must be ascending"),
    ],
)
def test_ranges(wrong, why) -> None:
    with pytest.raises(ValueError, match=why):
        Levels(**wrong)


def test_the_fact_in_words() -> None:
    assert Levels(by="share_of_rivals").title == "share of rivals"
    assert Levels(by="pressure", label="competition nearby").title == "competition nearby"


def test_a_study_that_does_not_ask_keeps_its_digest(make_study) -> None:
    plain = make_study()
    assert "levels" not in canonical(plain)
    assert plain.with_(levels=Levels(by="rivals")).digest != plain.digest
