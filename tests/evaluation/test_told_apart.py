"""What the data can tell apart, and when joiners took the other arm."""

import pytest

from consortia.evaluation import evaluate
from consortia.evaluation.apart import coincidences, regimes_for
from consortia.specs import GroupTime, RegimeDid, TwoWay
from consortia.streams import Streams
from consortia.world.two_arms import ArmsSector, arms_sector, arms_study


def test_what_can_be_told_apart_stands_beside_any_answer_with_other_arms(make_study) -> None:
    panel = arms_sector(ArmsSector(providers=200), Streams(4))
    held = evaluate(arms_study(RegimeDid()), panel)
    beside = evaluate(arms_study(GroupTime(), hold=()).with_(alongside=("other",)), panel)
    alone = evaluate(arms_study(GroupTime(), hold=()), panel)
    assert held.identification.identified == held.estimate.row()["n_treated"]
    assert beside.identification.identified == held.identification.identified
    assert beside.identification.price == pytest.approx(held.identification.price)
    assert held.identification.price > 1
    assert alone.identification is None


def test_coincidences_count_the_joiners_of_the_window() -> None:
    panel = arms_sector(ArmsSector(providers=200), Streams(4))
    study = arms_study(GroupTime(), hold=()).with_(alongside=("other",))
    arrays = panel.arrays(study)
    (found,) = coincidences(study, arrays)
    mine, theirs = arrays.cohort[arrays.joiners], arrays.alongside[0].cohort[arrays.joiners]
    assert found.joiners == mine.size > 0
    pairs = list(zip(mine.tolist(), theirs.tolist(), strict=True))
    assert found.same_year == sum(g == h for g, h in pairs)
    assert found.before == sum(h < g for g, h in pairs)
    assert found.never == sum(h == arrays.T for g, h in pairs)
    assert found.same_year + found.before + found.after + found.never == found.joiners
    assert f"{found.same_year:,} of {found.joiners:,} joiners" in found.sentence
    assert found.arm == "other"


def test_regimes_keep_the_choices_of_the_method() -> None:
    asked = GroupTime(anticipation=2, few=7, base="varying")
    assert regimes_for(asked) == RegimeDid(anticipation=2, few=7, base="varying")
    own = RegimeDid(few=3)
    assert regimes_for(own) is own
    assert regimes_for(TwoWay()) == RegimeDid()
