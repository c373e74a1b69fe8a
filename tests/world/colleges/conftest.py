"""Small sectors on which everything can be counted."""

from __future__ import annotations

import pytest
from islands import island, region_of

from consortia.streams import Streams
from consortia.world.colleges import CollegeSector, Region, Start, embedded_region
from consortia.world.colleges.running import opening


@pytest.fixture(scope="session")
def small() -> CollegeSector:
    """Ten colleges, 12,750 learners, about a thousand teachers; four years."""
    return CollegeSector(region=region_of(island(0, 10, 0.0)), years=4, burn_in=3)


@pytest.fixture(scope="session")
def small_start(small: CollegeSector) -> Start:
    return opening(small, Streams(5))


@pytest.fixture(scope="session")
def default_region() -> Region:
    return embedded_region()
