from __future__ import annotations

from typing import get_args

import pytest

import consortia.report.words as words
from consortia.results import Estimand
from consortia.specs import (
    Arm,
    Exposure,
    GroupTime,
    Imputation,
    Inference,
    LocalProjection,
    Neighbours,
    RawGap,
    RegimeDid,
    SunAbraham,
    Switchers,
    SyntheticDid,
    TwoWay,
    Weights,
    Where,
)


def test_lists_and_counts() -> None:
    assert words.listed([]) == ""
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.listed(["a", "b"], "or") == "a or b"
    assert words.counted(1, "year") == "1 year"
    assert words.counted(1200, "year") == "1,200 years"
    assert words.day("09-30") == "30 September"
    assert words.a("area") == "an area"


def test_exposure_says_each_rule() -> None:
    said = words.exposure(Exposure())
    assert "by 30 September of the year before" in said
    assert "summer 2017 need membership by 30 September 2016" in said
    assert "counts from the next year’s results" in said
    assert "member all along" in said
    assert "stays a joiner" in said
    other = words.exposure(
        Exposure(
            cutoff="03-31",
            year_starts="01-01",
            calendar_year=True,
            partial="missing",
            unknown_from="ignore",
            leavers="censor",
        )
    )
    assert "by 31 March of that year" in other
    assert "are left out" in other
    assert "not counted" in other
    assert "Results after leaving are left out" in other


def test_gap_gives_a_share_only_where_one_makes_sense() -> None:
    said, share = words.gap(1.0, 0.25, "points", "signed:2", False)
    assert share == 0.75
    assert "0.75 of the difference (75%) was never the collaboration’s" in said
    said, share = words.gap(-0.6, 0.25, "points", "signed:2", False)
    assert share is None
    assert "off by 0.85" in said
    assert "check failed" not in said
    said, share = words.gap(0.2, 0.5, "points", "signed:2", True)
    assert share is None
    assert "off by 0.30" in said
    assert "the +0.50 may not be the collaboration’s either" in said
    said, share = words.gap(-0.09, 0.3, "points", "signed:2", False, (-0.28, 0.88))
    assert "0.39 apart may be chance" in said
    assert "So " not in said
    assert share is None
    said, share = words.gap(1.0, 0.25, "points", "signed:2", False, (0.1, 0.4))
    assert share == 0.75
    said, share = words.gap(0.251, 0.249, "points", "signed:2", False)
    assert "is the same" in said


def test_study_in_words(make_study) -> None:
    study = make_study(
        hold=("academy",),
        alongside=("club",),
        covariates=("free_meals",),
        comparison="not-yet",
        where=(
            Where(column="phase", keep=("primary", "middle")),
            Where(column="type", drop=("x",)),
        ),
        weights=Weights(column="pupils"),
        method=GroupTime(anticipation=1),
        inference=Inference(cluster="local_authority"),
    )
    assert "have not joined trust by the year in question" in words.comparison(study)
    assert "alike in academy" in words.held(study)
    assert "alike in free meals" in words.held(study)
    assert "only counted: club" in words.held(study)
    assert words.sample(study) == "Providers whose phase is primary or middle and type is not x."
    assert "by its pupils, averaged" in words.weighting(study)
    assert "2 years before joining, because the 1 year just before" in words.base(study)
    assert "twice over" in words.base(study)
    assert "same local authority move together: 152 clusters" in words.clusters(study, 152)
    plain = make_study()
    assert "do not join trust in any year" in words.comparison(plain)
    assert words.held(plain) == "Nothing else was held equal."
    assert words.base(plain) == "Results are compared with those of the last year before joining."
    assert "independent" in words.clusters(plain, 10)
    assert "as they are" in words.comparison(make_study(method=RawGap()))
    assert "before they join" in words.comparison(make_study(method=TwoWay()))
    assert words.base(make_study(method=TwoWay())) == ""
    by_year = make_study(method=TwoWay(), weights=Weights(column="pupils", by="year"))
    assert "in each year" in words.weighting(by_year)


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (None, None, "All years in the outcomes file."),
        (2016, None, "Results from 2016."),
        (None, 2019, "Results up to 2019."),
        (2016, 2019, "Results from 2016 to 2019."),
    ],
)
def test_years(first: int | None, last: int | None, said: str) -> None:
    assert words.years(first, last) == said


def test_dose_and_arms_that_can_be_left_are_said_to_be_that(make_study) -> None:
    left = {"trust": Arm(kinds=("trust",), reversible=True, dose="years")}
    study = make_study(arms=left, method=TwoWay())
    assert words.estimand(study, "two-way").startswith("How score differs with one more year of")
    assert "a member no longer" in words.membership(study)
    assert "stays a joiner" not in words.membership(study)
    assert "not about staying" not in " ".join(words.limits(study, 9, False))
    assert "stays a joiner" in words.membership(make_study())
    column = make_study(arms={"trust": Arm(exposure="near_by", threshold=0.5)})
    assert "where near by is 0.5 or more in that year, and from then on" in words.membership(column)


def test_what_is_held_is_said_as_the_method_does_it(make_study) -> None:
    regression = words.held(make_study(method=TwoWay(), hold=("academy",)))
    assert regression.startswith("Academy in the same regression")
    assert "left out" in regression
    apart = make_study(method=RegimeDid(), hold=("academy",))
    assert "with academy as before: every joiner counts" in words.estimand(apart, "simple")
    assert "in which it is compared" in words.estimand(apart, "simple")
    assert "compared" not in words.estimand(make_study(), "simple")


def test_limits_fit_the_study(make_study) -> None:
    study = make_study()
    plain = " ".join(words.limits(study, 138, False))
    assert "138 joiners" in plain
    assert "not about staying" in plain
    assert "between providers" in plain
    assert "simulated" not in plain
    assert "simulated" in " ".join(words.limits(study, None, True))
    censored = make_study(exposure=Exposure(leavers="censor"))
    assert "not about staying" not in " ".join(words.limits(censored, 138, False))


def test_methods_say_whom_they_compare_with(make_study) -> None:
    def compared(method, **more) -> str:
        return words.comparison(make_study(method=method, **more))

    assert "read off those" in compared(Imputation())
    assert "same standing" in compared(Switchers())
    assert "weighted mixture" in compared(SyntheticDid())
    # Two methods have a comparison of their own, whatever the study says.
    assert "have not joined trust by" in compared(LocalProjection(), comparison="never")
    assert "do not join trust in any year" in compared(SunAbraham(), comparison="not-yet")
    assert "near none that has (within 5 km)" in compared(Neighbours())
    assert "whichever came first" in words.base(make_study(method=Neighbours()))
    assert words.base(make_study(method=Imputation())) == ""
    given = make_study(method=Switchers(), covariates=("free_meals",))
    assert "switchers does not use covariates: free meals" in words.held(given)
    limits = " ".join(words.limits(make_study(method=Neighbours()), 9, False))
    assert "further away than 5 km" in limits
    assert "may have gained or lost because others did" not in limits


def test_clusters_of_places(make_study) -> None:
    market = make_study(inference=Inference(cluster="market", market_km=8.0))
    said = words.clusters(market, 31)
    assert "same local market" in said
    assert "31 markets" in said
    assert "within 8 km" in said
    near = make_study(inference=Inference(spatial_km=20.0))
    assert "within 20 km of one another" in words.clusters(near, 400)


def test_rings_and_other_arms_have_titles() -> None:
    assert words.estimand_title("spill-over-ring-2") == "On neighbours in ring 2"
    assert "since somebody there joined" in words.estimand_title("spill-over-ring-1-dynamic")
    assert "nearest member is in ring 2" in words.estimand_meaning("spill-over-ring-2")
    assert words.estimand_title("simple of academy status") == (
        "Over all joiners and years: academy status"
    )
    assert words.estimand_meaning("simple of academy status").startswith("of academy status: every")
    # Each of them is known by both.
    for name in get_args(Estimand):
        assert words.estimand_title(name) != name
        assert words.estimand_meaning(name) != name
