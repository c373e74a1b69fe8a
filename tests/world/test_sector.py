"""The sector as a value."""

from dataclasses import FrozenInstanceError, replace

import pytest

from consortia.streams import Streams
from consortia.world.sector import (
    Autonomy,
    Competition,
    Results,
    SchoolSector,
    Selection,
    TrustEffect,
)

DIGEST = "38436ca4116c4c1bbd1f4047e9812b2a3987c706ae72ba580d72a2c059dda2c8"


def test_years_and_margins() -> None:
    sector = SchoolSector(first=2014, last=2016, years_before=2, years_after=1)
    assert list(sector.years) == [2014, 2015, 2016]
    assert list(sector.simulated) == [2012, 2013, 2014, 2015, 2016, 2017]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SchoolSector(providers=0), "providers"),
        (lambda: SchoolSector(first=2019, last=2019), "first must come before last"),
        (lambda: SchoolSector(areas=0), "areas"),
        (lambda: SchoolSector(trusts_per_area=0), "trusts_per_area"),
        (lambda: SchoolSector(years_before=-1), "years_before"),
        (lambda: SchoolSector(selection=Selection(sounded=0.08)), "at most 1/13"),
        (lambda: Selection(mid_year=1.2), "selection.mid_year"),
        (lambda: TrustEffect(spread=-1), "spread"),
        (lambda: TrustEffect(full_after=-1), "full_after"),
        (lambda: Autonomy(at_start=0), "autonomy.at_start"),
        (lambda: Competition(radius=0), "radius"),
        (lambda: Competition(most=0), "most"),
        (lambda: Results(missing=1), "missing"),
        (lambda: Results(pupils=0), "pupils"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_values_out_of_range_are_refused(make, says) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_a_sector_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        SchoolSector().providers = 3  # type: ignore[misc]


def test_digest_names_sector_and_seed() -> None:
    sector = SchoolSector()
    digest = sector.digest(Streams(7))
    # Any change of a default is another world: it belongs in the changelog under "Numbers changed".
    assert digest == DIGEST
    others = {
        sector.digest(Streams(8)),
        sector.digest(Streams(7).at("other")),
        replace(sector, providers=1_201).digest(Streams(7)),
        replace(sector, trust=replace(sector.trust, first=0.5)).digest(Streams(7)),
    }
    assert len(others | {digest}) == 5
