"""Arms by year: sizes, filters, columns with a threshold, leaving, doses, moving on."""

import numpy as np
import polars as pl
import pytest

from consortia.arms import arm_years, memberships_of
from consortia.errors import NotIdentified
from consortia.estimators.estimate import estimate
from consortia.specs import (
    Arm,
    Exposure,
    GroupTime,
    Inference,
    RawGap,
    RegimeDid,
    TwoWay,
    Where,
    refusal,
)

YEARS = np.arange(2015, 2020)
PHASE = dict(zip("abcef", ["primary", "primary", "secondary", "primary", "x"], strict=True))


@pytest.fixture
def panel(make_panel):
    return make_panel(
        {(p, y): float(y - 2015) + k for k, p in enumerate("abcdef") for y in range(2015, 2020)},
        joins=[
            ("a", "T1", "trust", "2015-09-01"),
            ("b", "T1", "trust", "2016-09-01"),
            ("c", "T1", "trust", "2017-09-01"),
            ("d", "T2", "trust", "2015-09-01", "2017-08-31"),
            ("d", "T3", "trust", "2017-09-01"),
            ("e", "T4", "trust", "2010-09-01", "2016-08-31"),
        ],
        statuses=[("a", "academy", "2016-09-01")],
        facts={"phase": PHASE},
        near={("a", y): 0.1 * (y - 2015) for y in range(2015, 2020)} | {("b", 2017): 0.9},
    )


@pytest.fixture
def index(panel):
    return panel.providers.select("provider").with_columns(
        row=pl.int_range(pl.len(), dtype=pl.Int64)
    )


def test_size_is_counted_by_year(panel, index) -> None:
    found = arm_years(Arm(kinds=("trust",), min_size=2), panel, index, YEARS, Exposure())
    # T1 has its second member for the results of 2017.
    assert found.span.first[:3].tolist() == [2017, 2017, 2018]
    assert found.on[0].tolist() == [False, False, True, True, True]
    assert not found.on[3:].any()
    small = arm_years(Arm(kinds=("trust",), max_size=1), panel, index, YEARS, Exposure())
    assert small.on[0].tolist() == [False, True, False, False, False]
    assert small.span.left[0] == 2017


def test_filters_of_memberships_and_of_providers(panel, index) -> None:
    primary = Arm(kinds=("trust",), only=(Where(column="phase", keep=("primary",)),))
    assert memberships_of(primary, panel)["provider"].to_list() == ["a", "b", "e"]
    other = Arm(kinds=("trust",), only=(Where(column="collaboration", drop=("T1",)),))
    assert memberships_of(other, panel)["provider"].to_list() == ["d", "d", "e"]
    assert arm_years(primary, panel, index, YEARS, Exposure()).span.first[2] > 2019


def test_an_exposure_counts_from_its_threshold(panel, index) -> None:
    found = arm_years(Arm(exposure="near", threshold=0.3), panel, index, YEARS, Exposure())
    assert found.on[0].tolist() == [False, False, False, True, True]
    assert found.on[1].tolist() == [False, False, True, False, False]
    assert found.span.first[:2].tolist() == [2018, 2017]
    assert found.span.left[1] == 2018
    dose = arm_years(Arm(exposure="near", dose="value"), panel, index, YEARS, Exposure()).dose
    np.testing.assert_allclose(dose[0], [0.0, 0.1, 0.2, 0.3, 0.4])


def test_leaving_and_coming_back_are_seen(panel, index) -> None:
    found = arm_years(Arm(kinds=("trust",), reversible=True), panel, index, YEARS, Exposure())
    assert found.on[4].tolist() == [True, True, False, False, False]
    assert found.on[3].tolist() == [False, True, True, True, True]
    assert found.moves.tolist() == [0, 0, 0, 1, 0, 0]


def test_a_year_of_joining_that_counts_counts_everywhere(make_panel) -> None:
    """With partial = "exposed" one membership that began during a year is no further one, and the
    collaboration is as large in that year as it has members."""
    panel = make_panel(
        {(p, y): 1.0 for p in "ab" for y in YEARS.tolist()},
        joins=[
            ("a", "T1", "trust", "2016-12-01"),
            ("b", "T1", "trust", "2017-12-01"),
            ("b", "T2", "trust", "2018-12-01"),
        ],
    )
    rows = pl.DataFrame({"provider": ["a", "b"], "row": [0, 1]})
    rule = Exposure(partial="exposed")
    arm = Arm(kinds=("trust",), dose="size")
    found = arm_years(arm, panel, rows, YEARS, rule)
    assert found.span.first.tolist() == [2017, 2018]
    assert found.moves.tolist() == [0, 1]
    assert found.dose[0].tolist() == [0, 0, 1, 2, 2]
    later = arm_years(arm, panel, rows, YEARS, Exposure())
    assert later.span.first.tolist() == [2018, 2019]
    assert later.dose[0].tolist() == [0, 0, 0, 1, 2]


def test_doses(panel, index) -> None:
    def dose(kind: str) -> np.ndarray:
        arm = Arm(kinds=("trust",), dose=kind)
        return arm_years(arm, panel, index, YEARS, Exposure()).dose

    assert dose("years")[0].tolist() == [0, 1, 2, 3, 4]
    assert dose("size")[0].tolist() == [0, 1, 2, 3, 3]
    assert dose("memberships")[3].tolist() == [0, 1, 1, 1, 1]
    status = arm_years(Arm(status="academy", dose="years"), panel, index, YEARS, Exposure())
    assert status.dose[0].tolist() == [0, 0, 1, 2, 3]


def test_what_a_method_cannot_take_is_refused_with_the_reason(panel, make_study) -> None:
    left = Arm(kinds=("trust",), reversible=True)
    dosed = Arm(kinds=("trust",), dose="years")
    for method in (GroupTime(), RegimeDid()):
        assert "can be left" in refusal(method, left, "a trust")
        assert "is a dose (years)" in refusal(method, dosed, "a trust")
    assert refusal(RawGap(), left, "x") == refusal(TwoWay(), dosed, "x") == ""
    assert refusal(RawGap(), dosed, "x")
    study = make_study(arms={"trust": left}, method=RegimeDid())
    with pytest.raises(NotIdentified, match="can be left"):
        estimate(panel.arrays(study), study, np.random.default_rng(0))


def test_two_way_takes_what_can_be_left_and_doses(panel, make_study) -> None:
    for arm, column in (
        (Arm(kinds=("trust",), reversible=True), "held"),
        (Arm(kinds=("trust",), dose="years"), "dose"),
    ):
        study = make_study(arms={"trust": arm}, method=TwoWay(), inference=Inference(draws=0))
        a = panel.arrays(study)
        g = np.random.default_rng(5)
        Y = a.Y + g.normal(size=a.Y.shape)
        from dataclasses import replace

        found = estimate(replace(a, Y=Y), study, g).row()["estimate"]
        D = np.asarray(getattr(a, column), dtype=float)
        n, T = Y.shape
        design = np.column_stack(
            [
                D.ravel(),
                np.kron(np.eye(n), np.ones((T, 1))),
                np.kron(np.ones((n, 1)), np.eye(T)),
            ]
        )
        assert found == pytest.approx(np.linalg.lstsq(design, Y.ravel(), rcond=None)[0][0])


def test_arrays_carry_regimes_and_moves(panel, make_study) -> None:
    a = panel.arrays(make_study(arm="academy", hold=("trust",), method=RegimeDid(), alongside=()))
    assert a.regime_names == ("without trust", "with trust")
    assert a.regime[0].tolist() == [0, 1, 1, 1, 1]
    assert a.regime[4].tolist() == [1, 1, 0, 0, 0]  # e leaves
    assert np.isfinite(a.Y).all(), "nothing is blanked: the method censors by cell"
    assert a.stratum_names == ("all",)
    moved = panel.arrays(make_study())
    assert moved.moves.tolist() == [0, 0, 0, 1, 0, 0]
    assert any("1 joiners later joined a further" in c for c in moved.cautions)
    part = a.take(np.array([True, False, False, False, True, False]))
    assert part.regime.shape == (2, 5)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"exposure": "x"}, "needs a threshold"),
        ({"exposure": "x", "threshold": 1.0, "status": "s"}, "one of the three"),
        ({"kinds": ("k",), "threshold": 1.0}, "belongs to an exposure"),
        ({"status": "s", "min_size": 2}, "belong to an arm of kinds"),
        ({"kinds": ("k",), "min_size": 3, "max_size": 2}, "must not be above"),
        ({"status": "s", "dose": "size"}, "belongs to an arm of kinds"),
        ({"kinds": ("k",), "dose": "value"}, "needs an exposure"),
    ],
)
def test_arms_that_make_no_sense_are_refused(fields, reason) -> None:
    with pytest.raises(ValueError, match=reason):
        Arm(**fields)
