"""Trials on the embedded sector."""

from __future__ import annotations

import pytest
from trials import trial_of

from consortia.panel import Panel
from consortia.results import Trial
from consortia.specs import GroupTime
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate


@pytest.fixture(scope="session")
def sector() -> Panel:
    return simulate(SchoolSector(providers=400), Streams(3))


@pytest.fixture(scope="session")
def plain_trial(sector: Panel) -> Trial:
    """Group-time effects on the embedded sector, nothing held, never-joiners compared."""
    study = sector_study().with_(
        hold=(), alongside=(), comparison="never", covariates=(), method=GroupTime()
    )
    return trial_of(study, sector)


@pytest.fixture(scope="session")
def full_trial(sector: Panel) -> Trial:
    """With covariates, later joiners compared, and a base year that lies further back."""
    study = sector_study().with_(hold=(), alongside=("federation",))
    return trial_of(study, sector)
