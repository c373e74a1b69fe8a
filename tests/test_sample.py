"""What falls out is counted with its reason, and nothing is told that did not happen."""

import numpy as np

from consortia.sample import Ledger
from consortia.specs import Arm, Exposure, GroupTime, TwoWay


def scores(*providers: str) -> dict[tuple[str, int], float]:
    return {(p, y): 10.0 * k + y - 2015 for k, p in enumerate(providers) for y in range(2015, 2020)}


def flow(arrays) -> dict[str, tuple[int, int]]:
    return {s.step: (s.providers, s.provider_years) for s in arrays.flow}


def test_partial_year_left_out_and_leavers_censored(make_panel, make_study) -> None:
    panel = make_panel(scores("a", "b"), joins=[("a", "T", "trust", "2015-12-01", "2018-01-31")])
    a = panel.arrays(make_study(exposure=Exposure(partial="missing", leavers="censor")))
    assert np.isfinite(a.Y[0]).tolist() == [True, False, True, True, False]
    assert flow(a)["joined during the year"] == (0, 1)
    assert flow(a)["left trust"] == (0, 1)
    kept = panel.arrays(make_study())
    assert np.isfinite(kept.Y).all()
    assert any("left trust" in c for c in kept.cautions)


def test_a_spell_that_ends_after_the_window_is_nobodys_leaving(make_panel, make_study) -> None:
    panel = make_panel(scores("a", "b"), joins=[("a", "T", "trust", "2016-09-01", "2019-08-31")])
    for leavers in ("keep", "censor"):
        a = panel.arrays(make_study(exposure=Exposure(leavers=leavers), method=GroupTime()))
        assert np.isfinite(a.Y).all()
        assert "left trust" not in flow(a)
        assert not a.cautions


def test_steps_in_which_nothing_fell_out_are_left_out() -> None:
    ledger = Ledger()
    ledger.add("in", 0, 0, "all", "start")
    ledger.add("one", 0, 0, "none")
    ledger.add("two", 0, 3, "cells", "cells")
    assert [s.step for s in ledger.steps] == ["in", "two"]


def test_leavers_of_an_arm_that_can_be_left_are_not_kept(make_panel, make_study) -> None:
    panel = make_panel(scores("a", "b"), joins=[("a", "T", "trust", "2015-09-01", "2017-08-31")])
    kept = panel.arrays(make_study()).cautions
    assert any("1 joiners left trust" in c for c in kept)
    left = Arm(kinds=("trust",), reversible=True)
    assert not panel.arrays(make_study(arms={"trust": left}, method=TwoWay())).cautions
