"""The question states the choices that the sector makes necessary."""

from consortia.specs import GroupTime
from consortia.world.question import sector_study


def test_the_right_comparison_is_asked_for() -> None:
    study = sector_study()
    assert study.arm == "trust"
    assert study.hold == ("academy",)  # autonomy comes on the same day
    assert isinstance(study.method, GroupTime)
    assert study.method.anticipation == 1  # the dip
    assert "disadvantage" in study.covariates  # has its own trend
    assert study.outcomes["score"].sd == 10.0
    assert study.digest == sector_study().digest
