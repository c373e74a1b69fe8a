"""The rating: the lowest criterion, lowered by at most two."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from consortia.challenge import Standing, Threat
from consortia.evaluation import evaluate
from consortia.sensitivity.strength import adjustment, attrition, detectable
from consortia.specs import RawGap
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate


def threat(standing: Standing, check: str = "x") -> Threat:
    return Threat(
        check=check, title="t", standing=standing, danger=0.5, sentence="s", settles="s"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("overturns", "close", "off"),
    [(0, 0, 0), (0, 2, 0), (0, 3, 1), (0, 4, 1), (0, 5, 2), (1, 0, 1), (1, 1, 1), (1, 2, 2),
     (2, 0, 2)],
)  # fmt: skip
def test_points_off(overturns: int, close: int, off: int) -> None:
    many = [threat("overturns")] * overturns + [threat("close")] * close
    assert adjustment([*many, threat("holds"), threat("open")]) == off


def test_a_silent_pre_trend_test_counts_as_a_moderate_threat() -> None:
    assert adjustment([threat("close")] * 2 + [threat("open", "pre-trend")]) == 1


@pytest.fixture(scope="module")
def panel():
    return simulate(SchoolSector(providers=400), Streams(3))


def test_rating_is_never_above_its_lowest_criterion(panel) -> None:
    made = evaluate(sector_study(), panel)
    s = made.challenge.strength
    assert s is not None
    assert s.initial == min(c.rating for c in s.criteria)
    assert s.rating == s.initial - s.lowered
    assert 0 <= s.rating <= 4  # nobody was drawn by lot
    assert s.reason
    row = made.headline
    found = detectable(made.estimate, made.sd, 0.95)
    dof = made.estimate.dof
    law = stats.t(dof) if dof > 0 else stats.norm()
    assert found == pytest.approx((law.ppf(0.975) + law.ppf(0.8)) * row["std_error"] / made.sd)


def test_members_against_the_rest_is_the_weakest_design(panel) -> None:
    s = evaluate(
        sector_study().with_(method=RawGap(), hold=(), checks=()), panel
    ).challenge.strength
    assert s is not None
    assert s.initial <= 1
    assert s.maryland == 1


def test_attrition_counts_what_is_missing_after_the_first_result(panel) -> None:
    arrays = panel.arrays(sector_study())
    Y = np.full((4, 4), 1.0)
    Y[0, 2:] = np.nan  # left: 2 of 3 due
    Y[1, 0] = np.nan  # entered late: none of 2
    Y[2, :] = np.nan  # never there: not counted
    small = replace(arrays.take(np.arange(arrays.n) < 4), Y=Y, years=arrays.years[:4])
    assert attrition(small) == pytest.approx(2 / (3 + 2 + 3))
