"""What an appraisal may be asked."""

import pytest

from consortia.specs import Appraise
from consortia.specs.appraise import Hidden


def test_defaults_are_allowed() -> None:
    assert Appraise().worlds == 200
    assert Appraise(adoption="redrawn", strata=("area",)).strata == ("area",)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Appraise(worlds=1), "worlds"),
        (lambda: Appraise(spread=-0.1), "spread"),
        (lambda: Appraise(providers=(3,)), "providers"),
        (lambda: Appraise(years=(1,)), "years"),
        (lambda: Appraise(power=1.0), "power"),
        (lambda: Appraise(seed=-1), "seed"),
        (lambda: Appraise(strata=("area",)), "redrawn"),
        (lambda: Appraise(effects=(0.5, 0.5)), "effects"),
        (lambda: Hidden(trend=9.0), "trend"),
    ],
)
def test_ranges(make, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()
