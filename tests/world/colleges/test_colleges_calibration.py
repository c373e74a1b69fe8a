"""What the default is fitted to, and fitting it again."""

from dataclasses import replace

import pytest

from consortia.errors import NotIdentified
from consortia.streams import Streams
from consortia.world.colleges import (
    CollegeSector,
    Region,
    calibrate,
    parameters,
    run,
    target_table,
)
from consortia.world.colleges.calibration import FREE


@pytest.mark.parametrize("seed", [2, 3])
def test_the_default_meets_every_target(default_region: Region, seed: int) -> None:
    table = target_table(run(CollegeSector(region=default_region), Streams(seed)))
    assert {t.name for t in table} == {
        "exit_rate", "move_rate", "vacancy_rate", "survival_1", "survival_3", "survival_10",
    }  # fmt: skip
    assert [t for t in table if not t.met] == []


def test_survival_is_that_of_the_hazards(default_region: Region) -> None:
    # Pay varies a little, so the simulated chance is near the product of the hazards.
    h = run(CollegeSector(region=default_region), Streams(2))
    assert h.survival(1) == pytest.approx(0.76, abs=0.01)
    assert h.survival(3) == pytest.approx(0.76 * 0.81**2, abs=0.015)
    assert h.survival(10) == pytest.approx(0.76 * 0.81**2 * 0.885**7, abs=0.015)


def test_calibration_finds_what_made_the_moments(small: CollegeSector) -> None:
    """Moments of a sector with other values, started from the default: the values come back."""
    sector = replace(small, years=6)
    made = {"staff.exit_scale": 1.1, "staff.threshold": 5.8, "staff.applicants": 0.21}
    other = replace(sector, parameters=parameters().with_values(made))
    h = run(other, Streams(3))
    wanted = {
        "exit_rate": h.mean("exit_rate"),
        "move_rate": h.mean("move_rate"),
        "vacancy_rate": h.mean("sector_vacancy_rate"),
    }
    c = calibrate(sector, Streams(3), wanted, runs=40, within=0.02)
    assert c.met
    assert c.runs <= 40
    assert c.changed["staff.exit_scale"] == pytest.approx(1.1, rel=0.05)
    assert c.changed["staff.threshold"] == pytest.approx(5.8, rel=0.05)
    assert c.changed["staff.applicants"] == pytest.approx(0.21, rel=0.05)
    fitted = {t.name: t for t in c.fit}
    for name, aim in wanted.items():
        assert fitted[name].wanted == aim
        assert fitted[name].got == pytest.approx(aim, rel=0.02)
    assert set(c.changed) == set(FREE)
    assert "met" in repr(c)


def test_what_cannot_be_met_is_said(small: CollegeSector) -> None:
    c = calibrate(small, Streams(3), {"exit_rate": 0.6}, ["staff.exit_scale"], runs=8)
    assert not c.met
    # At the end of its range, not beyond.
    assert c.changed["staff.exit_scale"] <= 1.3 + 1e-9


def test_more_free_than_known_is_refused(small: CollegeSector) -> None:
    with pytest.raises(NotIdentified, match="cannot be told apart"):
        calibrate(small, Streams(3), {"exit_rate": 0.15}, FREE)
