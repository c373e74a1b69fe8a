"""From words to letters: every provider and year that falls out is counted."""

import numpy as np
import pytest

from consortia.errors import DataInvalid, NotIdentified
from consortia.nearby import rings_of
from consortia.specs import (
    Arm,
    Competition,
    Exposure,
    GroupTime,
    Inference,
    Neighbours,
    Weights,
    Where,
    Window,
)

YEARS = range(2015, 2020)


def scores(*providers: str) -> dict[tuple[str, int], float]:
    return {(p, y): 10.0 * k + y - 2015 for k, p in enumerate(providers) for y in YEARS}


@pytest.fixture
def panel(make_panel):
    y = scores("a", "b", "c", "d")
    y[("d", 2016)] = None
    del y[("c", 2019)]
    return make_panel(
        y,
        joins=[
            ("a", "T1", "trust", "2016-09-01"),
            ("b", "T1", "trust", "2010-09-01"),
            ("b", "T2", "trust", "2017-09-01"),
            ("c", "C1", "club", "2016-09-01"),
            ("zz", "T9", "trust", "2016-09-01"),
        ],
        statuses=[("a", "academy", "2016-09-01"), ("c", "academy", "2017-09-01")],
        facts={
            "area": {"a": "N", "b": "N", "c": "S", "d": "S"},
            "poor": {"a": 0.1, "b": 0.2, "c": 0.3, "d": None},
        },
        pupils={(p, y): 100.0 + y - 2015 for p in "abc" for y in YEARS},
    )


def flow(arrays) -> dict[str, tuple[int, int]]:
    return {s.step: (s.providers, s.provider_years) for s in arrays.flow}


def test_letters(panel, make_study) -> None:
    a = panel.arrays(make_study())
    assert a.provider.tolist() == ["a", "b", "c", "d"]
    assert a.years.tolist() == list(YEARS)
    assert a.cohort.tolist() == [2, 0, 5, 5]
    assert a.D.sum(axis=1).tolist() == [3, 5, 0, 0]
    assert a.joiners.tolist() == [True, False, False, False]
    assert np.isnan(a.Y[3, 1])
    assert np.isnan(a.Y[2, 4])
    assert a.Y[1].tolist() == [10, 11, 12, 13, 14]
    assert (np.isfinite(a.Y) == a.W).all()
    assert flow(a)["score missing"] == (0, 1)
    assert a.stratum_names == ("all",)


def test_weights_by_provider_and_by_year(panel, make_study) -> None:
    a = panel.arrays(make_study(weights=Weights(column="pupils")))
    assert a.provider.tolist() == ["a", "b", "c"]
    assert a.w.tolist() == [102.0, 102.0, pytest.approx(101.5)]
    assert flow(a)["no pupils in any year"] == (1, 0)
    b = panel.arrays(make_study(weights=Weights(column="pupils", by="year")))
    assert b.W[0].tolist() == [100, 101, 102, 103, 104]


def test_held_arm_censors_and_splits_into_strata(panel, make_study) -> None:
    a = panel.arrays(make_study(hold=("academy",)))
    rows = dict(zip(a.provider.tolist(), range(a.n), strict=True))
    # a becomes an academy as it joins: nothing after joining is left.
    assert np.isfinite(a.Y[rows["a"]]).tolist() == [True, True, False, False, False]
    # c becomes one in 2017/18: a comparison until then.
    assert np.isfinite(a.Y[rows["c"]]).tolist() == [True, True, True, False, False]
    assert a.stratum_names == ("not academy",)
    assert flow(a)["academy changed"] == (0, 4)


def test_window_and_where(panel, make_study) -> None:
    a = panel.arrays(
        make_study(window=Window(first=2016, last=2018), where=(Where(column="area", drop=("S",)),))
    )
    assert a.provider.tolist() == ["a", "b"]
    assert a.years.tolist() == [2016, 2017, 2018]
    assert flow(a)["outside the study (area)"] == (2, 9)
    assert flow(a)["outside the window"] == (0, 4)


def test_covariates_fixed_by_year_and_levels(panel, make_study) -> None:
    a = panel.arrays(make_study(covariates=("poor", "area", "pupils")))
    assert a.X_names == ("poor", "area = S")
    assert a.Z_names == ("pupils",)
    assert a.provider.tolist() == ["a", "b", "c"]
    assert a.X[:, 1].tolist() == [0, 0, 1]
    assert a.Z[0, :, 0].tolist() == [100, 101, 102, 103, 104]
    assert flow(a)["fixed covariate missing"] == (1, 0)


def test_blanks_of_an_arm_made_of_a_column_are_told(panel, make_study) -> None:
    arms = {
        "trust": Arm(kinds=("trust",)),
        "large": Arm(exposure="pupils", threshold=102.0, label="size"),
    }
    told = panel.arrays(make_study(arms=arms, hold=("large",))).cautions
    # d has no pupils and results in four of five years; c has no result in one.
    assert "pupils is not known in 4 of 18 provider-years, which count as without size" in told
    assert panel.arrays(make_study(arms=arms)).cautions == ()


def test_nobody_joins_is_not_identified(make_panel, make_study) -> None:
    panel = make_panel(scores("a", "b"), joins=[("a", "T", "trust", "2030-09-01")])
    with pytest.raises(NotIdentified, match="no provider holds trust"):
        panel.arrays(make_study())
    with pytest.raises(NotIdentified, match="fewer than two years"):
        panel.arrays(make_study(window=Window(first=2019)))


def test_negative_weight_is_refused(make_panel, make_study) -> None:
    panel = make_panel(
        scores("a", "b"),
        joins=[("a", "T", "trust", "2016-09-01")],
        pupils={(p, y): -5.0 for p in "ab" for y in YEARS},
    )
    with pytest.raises(DataInvalid, match="below zero"):
        panel.arrays(make_study(weights=Weights(column="pupils")))


def test_arms_with_gaps_in_years(make_panel, make_study) -> None:
    y = {(p, t): 1.0 for p in "ab" for t in (2018, 2019, 2022, 2023)}
    panel = make_panel(y, joins=[("a", "T", "trust", "2019-11-01")])
    a = panel.arrays(make_study())
    # First exposed year 2021 was not measured: the cohort is the first measured one after it.
    assert a.years[a.cohort[0]] == 2022


def test_years_touched_by_joining_after_the_window_are_left_out(make_panel, make_study) -> None:
    panel = make_panel(
        scores("a", "b", "c", "d"),
        joins=[
            ("a", "T", "trust", "2016-09-01"),
            ("b", "T", "trust", "2019-09-01"),
            ("c", "T", "trust", "2020-09-01"),
        ],
    )
    one = panel.arrays(make_study(method=GroupTime(anticipation=1)))
    assert np.isnan(one.Y).sum(axis=1).tolist() == [0, 1, 0, 0]
    assert np.isnan(one.Y[1, 4])
    assert flow(one)["joins trust just after the window"] == (0, 1)
    two = panel.arrays(make_study(method=GroupTime(anticipation=2)))
    assert np.isnan(two.Y).sum(axis=1).tolist() == [0, 2, 1, 0]
    inside = panel.arrays(make_study(method=GroupTime(anticipation=1), window=Window(last=2018)))
    assert np.isnan(inside.Y).sum() == 0
    assert np.isfinite(panel.arrays(make_study()).Y).all()


@pytest.fixture
def street(make_panel):
    """a to d along a road at 0, 1, 3 and 10 km, e somewhere unknown; a joins in 2016/17."""
    return make_panel(
        scores("a", "b", "c", "d", "e"),
        joins=[("a", "T", "trust", "2016-09-01"), ("d", "T", "trust", "2017-09-01")],
        facts={
            "easting": {"a": 0.0, "b": 1000.0, "c": 3000.0, "d": 10_000.0},
            "northing": dict.fromkeys("abcd", 0.0),
            "phase": {"a": "primary", "b": "primary", "c": "secondary", "e": "primary"},
        },
    )


def test_rings_of_the_method(street, make_study) -> None:
    spec = Neighbours(rings=(1.0, 3.0))
    a = street.arrays(make_study(method=spec))
    # Results of 2017, third of the years, are the first after a joined; nobody is near d.
    assert a.rings.tolist() == [[5, 5], [2, 5], [5, 2], [5, 5], [-1, -1]]
    within = street.arrays(make_study(method=Neighbours(rings=(1.0, 3.0), within="phase")))
    assert within.rings.tolist() == [[5, 5], [2, 5], [5, 5], [5, 5], [-1, -1]]
    both = street.arrays(make_study(method=Neighbours(rings=(10.0,), at_least=2)))
    # b and c have both a and d within 10 km, the later one in 2018.
    assert both.rings[:, 0].tolist() == [5, 3, 3, 5, -1]
    trust = make_study().arms["trust"]
    again = rings_of(street, trust, Exposure(), a.provider, a.years, spec.rings)
    assert (a.rings == again).all()
    assert street.arrays(make_study()).rings is None
    # Taking rows takes their surroundings along, and the window moves the years.
    assert a.take(np.array([0, 1, 0, 0, 0], dtype=bool)).rings.tolist() == [[2, 5]]
    late = street.arrays(make_study(method=spec, window=Window(first=2016)))
    assert late.rings[1].tolist() == [1, 4]


def test_markets_and_points(street, make_study) -> None:
    a = street.arrays(make_study(inference=Inference(cluster="market", market_km=2.0)))
    # b has a and c within 2 km and founds a market with them; d and e stand alone.
    assert a.cluster_name == "market"
    assert a.incidence.toarray().tolist() == [
        [1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1],
    ]  # fmt: skip
    assert a.points is None
    b = street.arrays(make_study(inference=Inference(spatial_km=5.0)))
    assert b.points[:4].tolist() == [[0, 0], [1000, 0], [3000, 0], [10_000, 0]]
    assert np.isnan(b.points[4]).all()
    assert b.take(np.array([0, 1, 0, 0, 0], dtype=bool)).points.tolist() == [[1000, 0]]


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"method": Neighbours()}, "method.rings"),
        ({"inference": Inference(cluster="market")}, "inference.cluster"),
        ({"inference": Inference(spatial_km=5.0)}, "inference.spatial_km"),
        ({"competition": Competition()}, "competition.radius_km"),
    ],
)
def test_what_needs_places_says_so(panel, make_study, changes, column) -> None:
    with pytest.raises(DataInvalid) as caught:
        panel.arrays(make_study(**changes))
    (problem,) = caught.value.problems
    assert problem.column == column
    assert "easting and northing" in problem.remedy


def test_columns_that_places_are_read_with(street, make_study) -> None:
    study = make_study(
        method=Neighbours(within="phrase"), competition=Competition(size="pupil", within="fase")
    )
    with pytest.raises(DataInvalid) as caught:
        street.arrays(study)
    assert [p.column for p in caught.value.problems] == [
        "method.within", "competition.within", "competition.size",
    ]  # fmt: skip
