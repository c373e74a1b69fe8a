"""Ranges are checked on construction; every value is frozen."""

import dataclasses

import pytest

from consortia import specs
from consortia.specs import (
    Arm,
    Competition,
    Exposure,
    GroupTime,
    Imputation,
    Inference,
    LocalProjection,
    Neighbours,
    Outcome,
    PlaceboDate,
    PreTrend,
    RawGap,
    SunAbraham,
    Switchers,
    SyntheticDid,
    Where,
    Window,
    WithoutFlagged,
    anticipation_of,
    arms,
    checks,
    data,
    inference,
    methods,
    ranges,
)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: GroupTime(anticipation=-1), "anticipation"),
        (lambda: GroupTime(few=0), "few"),
        (lambda: Imputation(few=0), "few"),
        (lambda: SunAbraham(few=0), "few"),
        (lambda: LocalProjection(few=0), "few"),
        (lambda: Switchers(few=0), "few"),
        (lambda: Switchers(horizons=51), "horizons"),
        (lambda: SyntheticDid(few=0), "few"),
        (lambda: SyntheticDid(placebos=5), "placebos"),
        (lambda: Neighbours(rings=()), "rings"),
        (lambda: Neighbours(rings=(5.0, 2.0)), "rings"),
        (lambda: Neighbours(rings=(0.0, 2.0)), "rings"),
        (lambda: Neighbours(at_least=0), "at_least"),
        (lambda: Neighbours(anticipation=11), "anticipation"),
        (lambda: Competition(radius_km=0.0), "radius_km"),
        (lambda: Competition(radius_km=501.0), "radius_km"),
        (lambda: PreTrend(size=0.7), "size"),
        (lambda: PreTrend(power=1.0), "power"),
        (lambda: PlaceboDate(years=0), "years"),
        (lambda: PlaceboDate(size=0.0), "size"),
        (lambda: WithoutFlagged(), "column"),
        (lambda: Inference(level=1.0), "level"),
        (lambda: Inference(draws=5), "draws"),
        (lambda: Inference(seed=-1), "seed"),
        (lambda: Inference(cluster=""), "cluster"),
        (lambda: Inference(market_km=0.0), "market_km"),
        (lambda: Inference(spatial_km=0.0), "spatial_km"),
        (lambda: Arm(), "either kinds"),
        (lambda: Arm(kinds=("a",), status="b"), "either kinds"),
        (lambda: Exposure(cutoff="31-09"), "cutoff"),
        (lambda: Exposure(cutoff="09-31"), "cutoff"),
        (lambda: Exposure(cutoff="02-29"), "cutoff"),
        (lambda: Exposure(cutoff="01-31"), "year_starts"),
        (lambda: Outcome(sd=0.0), "sd"),
        (lambda: Outcome(worthwhile=-1.0), "worthwhile"),
        (lambda: Outcome(months_table=True), "months_table"),
        (lambda: Outcome(months_table=True, sd=1.0, sd_of="providers"), "months_table"),
        (lambda: Window(first=2019, last=2016), "window"),
        (lambda: Where(column="x"), "keep or drop"),
    ],
)
def test_ranges(make, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_specs_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        GroupTime().anticipation = 2  # type: ignore[misc]


def test_years_touched_before_joining() -> None:
    assert anticipation_of(GroupTime(anticipation=2)) == 2
    assert anticipation_of(Neighbours(anticipation=1)) == 1
    assert anticipation_of(Imputation()) == anticipation_of(RawGap()) == 0


def test_competition_knows_its_columns() -> None:
    own = ("rivals", "pressure", "concentration")
    assert Competition().columns(None) == Competition().columns(Arm(status="academy")) == own
    assert Competition().columns(Arm(kinds=("trust",)))[3:] == (
        "owned_concentration", "rivals_joined", "rivals_together",
    )  # fmt: skip


def test_every_public_noun_stands_at_the_door() -> None:
    for module in (arms, checks, data, inference, methods):
        own = {
            n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__
        }
        assert own <= set(specs.__all__), own - set(specs.__all__)
        assert ranges.CLOSED == {"extra": "forbid"}
