"""Common random numbers: how much narrower a difference is for running both arms on one luck."""

import numpy as np
import pytest

from consortia.streams import Streams
from consortia.world.colleges import CollegeSector, NoPoach, Region, embedded_region, opening, run


def reduction(region: Region, years: int, seeds: int) -> float:
    """Variance of the difference of two arms with separate luck, over that with common luck; the
    outcome is the mean vacancy rate of the sector, the mechanism a compact of nine neighbours."""
    sector = CollegeSector(region=region, years=years, burn_in=8)
    nine = region.neighbours("College 010", 9)
    base, other = np.empty(seeds), np.empty(seeds)
    for s in range(seeds):
        start = opening(sector, Streams(s))
        base[s] = run(sector, Streams(s), start=start).mean("sector_vacancy_rate")
        other[s] = run(
            sector, Streams(s), [NoPoach(members=nine)], start=start, counterfactual=True
        ).mean("sector_vacancy_rate")
    separate = base.var(ddof=1) + other.var(ddof=1)
    return float(separate / (other - base).var(ddof=1))


def test_variance_falls_in_a_small_sector() -> None:
    # Nine of 40 colleges are touched, so less is common; a queue shared by all would leave about 1.
    assert reduction(embedded_region(40), years=4, seeds=10) > 20


@pytest.mark.slow
def test_variance_falls_a_hundredfold(default_region: Region) -> None:
    assert reduction(default_region, years=15, seeds=16) > 100
