"""Ranges are checked on construction; every value is frozen."""

import dataclasses

import pytest

from consortia.specs import (
    Arm,
    Exposure,
    GroupTime,
    Inference,
    Outcome,
    PlaceboDate,
    PreTrend,
    Where,
    Window,
    WithoutFlagged,
)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: GroupTime(anticipation=-1), "anticipation"),
        (lambda: GroupTime(few=0), "few"),
        (lambda: PreTrend(size=0.7), "size"),
        (lambda: PreTrend(power=1.0), "power"),
        (lambda: PlaceboDate(years=0), "years"),
        (lambda: PlaceboDate(size=0.0), "size"),
        (lambda: WithoutFlagged(), "column"),
        (lambda: Inference(level=1.0), "level"),
        (lambda: Inference(draws=5), "draws"),
        (lambda: Inference(seed=-1), "seed"),
        (lambda: Inference(cluster=""), "cluster"),
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
