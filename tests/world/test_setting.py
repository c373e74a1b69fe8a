"""What happens once, against brute force and quadrature."""

import numpy as np
import pytest
from scipy import special

from consortia.streams import Streams
from consortia.world import setting
from consortia.world.schedule import run
from consortia.world.sector import Autonomy, Competition, SchoolSector

SECTOR = SchoolSector(providers=600)


@pytest.fixture(scope="module")
def sector():
    return run(SECTOR, Streams(7))


def test_neighbours_equal_brute_force() -> None:
    rng = Streams(1).at("test").rng()
    east, north = rng.integers(0, 12_000, (2, 150)).astype(float)
    east[10:14], north[10:14] = 100.0, 100.0  # several at one place
    spec = SchoolSector(providers=150, competition=Competition(radius=2_000.0, most=5))
    rival, rivals = setting.neighbours(spec, 0, np.empty((150, 0)), east, north)
    distance = np.hypot(east[:, None] - east, north[:, None] - north)
    np.fill_diagonal(distance, np.inf)
    assert rival.shape == (150, 5)
    for i in range(150):
        mine = rival[i][rival[i] < 150]
        within = np.sort(distance[i][distance[i] < 2_000.0])[:5]
        assert i not in mine
        assert len(set(mine.tolist())) == mine.size == rivals[i]
        assert np.allclose(np.sort(distance[i, mine]), within)
    assert rivals.max() == 5
    assert rivals.min() < 5


def test_normal_is_the_inverse_distribution_and_never_infinite() -> None:
    assert np.isfinite(setting.normal(np.array([0.0, 1 - 2.0**-53]))).all()
    assert setting.normal(np.array([0.975]))[0] == pytest.approx(1.959964, abs=1e-6)


def test_well_led_schools_are_academies_alone_more_often(sector) -> None:
    state, _ = sector
    early = state["academy"] < SECTOR.simulated.start
    gap = state["leadership"][early].mean() - state["leadership"][~early].mean()
    assert gap > 0.2
    # E[u | academy at the start] - E[u | not] under the stated logit, by quadrature.
    u = special.ndtri((np.arange(20_000) + 0.5) / 20_000)
    a = Autonomy()
    p = special.expit(special.logit(a.at_start) + a.leadership * u)
    truth = (u * p).sum() / p.sum() - (u * (1 - p)).sum() / (1 - p).sum()
    assert gap == pytest.approx(truth, abs=4 * np.sqrt(1 / early.sum() + 1 / (~early).sum()))
