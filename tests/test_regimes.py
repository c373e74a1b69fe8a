"""Regimes: which arms are held in a year, and within what a provider is compared."""

import numpy as np

from consortia.panel import Held
from consortia.regimes import regimes


def scores(*providers: str) -> dict[tuple[str, int], float]:
    return {(p, y): 10.0 * k + y - 2015 for k, p in enumerate(providers) for y in range(2015, 2020)}


def test_regime_is_that_of_the_year_before_joining(make_panel, make_study) -> None:
    panel = make_panel(
        scores("j", "n"),
        joins=[("j", "T", "trust", "2017-09-01")],
        statuses=[("j", "academy", "2015-09-01")],
    )
    a = panel.arrays(make_study(hold=("academy",)))
    assert np.isfinite(a.Y[0]).tolist() == [False, True, True, True, True]
    assert [a.stratum_names[k] for k in a.stratum] == ["academy", "not academy"]


def test_regimes_are_named_by_what_is_held() -> None:
    on = np.array([[False, True], [True, True]])
    a = Held(name="a", label="a", cohort=np.zeros(2), on=on)
    b = Held(name="b", label="b", cohort=np.zeros(2), on=~on)
    c = Held(name="c", label="c", cohort=np.zeros(2), on=on, dose=np.array([[0.0, 1.5], [1, 2]]))
    codes, names = regimes((a, b))
    assert names == ("with a, without b", "without a, with b")
    assert codes.tolist() == [[1, 0], [0, 0]]
    codes, names = regimes((c,))
    assert names == ("without c", "with c (1)", "with c (2)")
    assert codes.tolist() == [[0, 1], [1, 2]]
    assert regimes(()) == (None, ("all",))
