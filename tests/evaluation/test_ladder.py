"""The ladder from the raw difference to the answer."""

import pytest

from consortia.errors import attempt
from consortia.estimators.estimate import estimate
from consortia.evaluation import evaluate
from consortia.evaluation.ladder import ladder
from consortia.specs import GroupTime, Inference, RawGap, SyntheticDid, TwoWay
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate


@pytest.fixture(scope="module")
def answer():
    return evaluate(
        sector_study().with_(checks=()), simulate(SchoolSector(providers=1200), Streams(7))
    )


@pytest.fixture(scope="module")
def small():
    return simulate(SchoolSector(providers=250, areas=6), Streams(5))


def rungs_of(study, panel):
    plain = panel.arrays(study.with_(hold=(), alongside=study.others))
    streams = Streams(2)
    found, _ = attempt(lambda: estimate(panel.arrays(study), study, streams.rng()))
    said: list[str] = []
    return ladder(study, panel, plain, found, streams, said.append), found, said


def test_the_ladder_goes_from_the_raw_difference_to_the_answer(answer) -> None:
    names = [r.name for r in answer.ladder]
    assert names[:2] == ["raw-gap", "two-way"]
    assert "answer" in names
    at = {r.name: r for r in answer.ladder}
    assert at["answer"].estimate == answer.headline["estimate"]
    truth = answer.headline["truth"]
    # Both naive answers miss the truth by more than the answer's whole interval allows.
    for naive in ("raw-gap", "two-way"):
        assert not at[naive].low <= truth <= at[naive].high


def test_rungs_by_method(small) -> None:
    asked = sector_study().with_(inference=Inference(draws=0))
    names = {
        RawGap(): ["answer"],
        TwoWay(): ["raw-gap", "answer", "held"],
        GroupTime(): ["raw-gap", "two-way", "not-held", "answer", "held"],
    }
    for method, expected in names.items():
        rungs, found, said = rungs_of(asked.with_(method=method), small)
        assert [r.name for r in rungs] == expected
        assert rungs[expected.index("answer")].estimate == found.row()["estimate"]
        assert ("holding the other arms" in said) == ("held" in expected)
    alone = asked.with_(hold=(), alongside=())
    assert [r.name for r in rungs_of(alone, small)[0]] == ["raw-gap", "two-way", "answer"]


def test_the_answer_is_named_by_what_it_compares(small) -> None:
    asked = sector_study().with_(hold=(), alongside=(), inference=Inference(draws=0))

    def label(method, **changes) -> str:
        rungs = rungs_of(asked.with_(method=method, **changes), small)[0]
        return rungs[-1].label.removeprefix("The answer: ")

    assert label(GroupTime(), comparison="never") == (
        "joiners against never-joiners, from the year before joining"
    )
    assert label(GroupTime(anticipation=1), comparison="not-yet") == (
        "joiners against those that have not joined yet, from 2 years before joining"
    )
    assert label(TwoWay()) == "each provider against itself"
    assert "weighted mixture" in label(SyntheticDid(placebos=20))


def test_a_rung_that_cannot_be_told_says_why(small) -> None:
    study = sector_study().with_(hold=(), alongside=(), inference=Inference(draws=0))
    plain = small.arrays(study)
    rungs = ladder(study, small, plain, None, Streams(2), lambda _: None)
    assert rungs[-1].estimate is None
    assert ladder(study, small, None, None, Streams(2), lambda _: None) == ()
    # Everybody joined before anything was seen: no rung but the raw difference has a comparison.
    none = plain.take((plain.cohort == 0) | (plain.cohort == plain.T))
    kept = ladder(study, small, none, None, Streams(2), lambda _: None)
    two_way = {r.name: r for r in kept}["two-way"]
    assert two_way.estimate is None
    assert two_way.note.startswith("not identified, because ")
