"""What a study names and the data do not have is told at once."""

import pytest

from consortia.errors import DataInvalid
from consortia.naming import check_names
from consortia.specs import Arm, Inference, Weights, Where

YEARS = range(2015, 2020)


@pytest.fixture
def panel(make_panel):
    return make_panel(
        {(p, y): 1.0 for p in "ab" for y in YEARS},
        joins=[("a", "T1", "trust", "2016-09-01")],
        statuses=[("a", "academy", "2016-09-01")],
        facts={"area": {"a": "N", "b": "S"}, "poor": {"a": 0.1, "b": 0.2}},
        pupils={(p, y): 100.0 for p in "ab" for y in YEARS},
    )


def test_unknown_names_are_refused_all_at_once(panel, make_study) -> None:
    study = make_study(
        arms={"trust": Arm(kinds=("trus",)), "academy": Arm(status="acadmy")},
        alongside=("academy",),
        covariates=("por",),
        inference=Inference(cluster="aera"),
        weights=Weights(column="pupil"),
    )
    with pytest.raises(DataInvalid) as caught:
        panel.arrays(study)
    text = str(caught.value)
    assert len(caught.value.problems) == 5
    for close in ("'trust'", "'academy'", "'poor'", "'area'", "'pupils'"):
        assert f"Did you mean {close}" in text


def test_columns_that_are_yet_to_be_made_count_as_there(panel, make_study) -> None:
    study = make_study(covariates=("rivals",))
    with pytest.raises(DataInvalid, match="covariate column is not in the data"):
        check_names(panel, study)
    check_names(panel, study, made=("rivals",))


def test_values_of_filters_are_known_ones(panel, make_study) -> None:
    """A misspelt value would quietly leave nobody, or somebody else, in the study."""
    study = make_study(
        where=(Where(column="area", keep=("N", "Sd")),),
        arms={"trust": Arm(kinds=("trust",), only=(Where(column="area", drop=("n",)),))},
    )
    with pytest.raises(DataInvalid) as caught:
        check_names(panel, study)
    assert [(p.column, p.found) for p in caught.value.problems] == [
        ("where", "Sd"),
        ("arms.trust.only", "n"),
    ]
    assert "Known: N, S" in str(caught.value)
