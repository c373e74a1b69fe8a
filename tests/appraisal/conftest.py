"""A small panel and a study of it, for appraisals that take a second."""

import pytest

from consortia.specs import Inference
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate


@pytest.fixture(scope="session")
def small():
    """(study, panel): 160 schools, nothing held."""
    panel = simulate(SchoolSector(providers=160, areas=6), Streams(11))
    study = sector_study().with_(
        hold=(), alongside=(), covariates=(), checks=(), inference=Inference(draws=0)
    )
    return study, panel
