"""The small worlds of two arms hold what they promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from consortia.specs import RegimeDid
from consortia.streams import Streams
from consortia.world.two_arms import (
    WORLDS,
    ArmsSector,
    arms_sector,
    arms_study,
    rivals_in,
    without_gain,
)


def arrays(spec: ArmsSector, seed: int = 3, hold: tuple[str, ...] = ("other",)):
    return arms_sector(spec, Streams(seed)).arrays(arms_study(RegimeDid(), hold))


def test_twins_differ_by_the_known_effect() -> None:
    spec = ArmsSector(growth=0.1, interaction=0.2)
    a, b = arrays(spec), arrays(without_gain(spec))
    np.testing.assert_allclose(a.Y - b.Y, a.truth, atol=1e-12)
    assert (a.truth[~a.D] == 0).all()
    other = a.hold[0].on
    np.testing.assert_allclose(np.unique(np.round(a.truth[a.D & other], 6))[:2], [0.5, 0.6])
    np.testing.assert_allclose(np.unique(np.round(a.truth[a.D & ~other], 6))[:2], [0.3, 0.4])


def test_the_share_that_comes_on_the_same_day_is_kept() -> None:
    for share in (0.3, 0.95):
        a = arrays(ArmsSector(providers=4000, together=share))
        same = (a.hold[0].cohort == a.cohort)[a.joiners]
        # Those with a time of their own may share the year by chance.
        assert share - 0.03 < same.mean() < share + 0.06


def test_leavers_lose_the_effect_and_are_left_out_then() -> None:
    a = arrays(ArmsSector(leavers=0.5))
    gone = a.D & (a.truth == 0)
    assert gone.any()
    assert np.isnan(a.Y[gone]).all()
    assert np.isfinite(a.Y[~gone]).all()


def test_rivals_are_the_rest_of_the_market() -> None:
    on = np.array([[1, 0], [1, 1], [0, 0], [0, 1], [1, 1]], dtype=bool)
    np.testing.assert_allclose(rivals_in(on, 2), [[1, 1], [1, 0], [0, 1], [0, 0], [0, 0]])
    a = arrays(replace(WORLDS["spill-over"][1]), hold=("near",))
    assert len(a.regime_names) == 4
    np.testing.assert_array_equal(a.hold[0].dose, rivals_in(a.D, 4))


def test_one_more_provider_changes_nobody_elses_luck() -> None:
    small, large = (arrays(ArmsSector(providers=n, spill_over=0.0)) for n in (40, 44))
    np.testing.assert_allclose(small.Y, large.Y[:40])


def test_refuses_what_makes_no_sector() -> None:
    with pytest.raises(ValueError, match="together"):
        ArmsSector(together=1.5)
    with pytest.raises(ValueError, match="two markets"):
        ArmsSector(providers=5)
