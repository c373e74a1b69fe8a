"""The standard deviation in which effects are told."""

import numpy as np
import pytest

from consortia.specs import Outcome, TwoWay
from consortia.spread import spread


def test_stated_or_of_the_comparison(make_panel, make_study) -> None:
    y = {(f"p{i}", t): float(i * i) + t for i in range(5) for t in (2015, 2016)}
    panel = make_panel(y, [("p4", "a", "trust", "2015-09-01")])
    study = make_study(method=TwoWay())
    sd, whose = spread(study, panel.arrays(study))
    # p4 joins; the others stand at 0, 1, 4, 9 in the first year.
    assert sd == pytest.approx(np.std([0, 1, 4, 9]))
    assert whose == "between the comparison providers, 2015"
    stated = make_study(outcomes={"score": Outcome(sd=3.0, sd_of="pupils")})
    assert spread(stated, None) == (3.0, "stated in the study, between pupils")
    assert np.isnan(spread(study, None)[0])
