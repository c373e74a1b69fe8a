"""What checks are handed asks again as the answer was asked."""

import numpy as np
import pytest

from consortia.errors import NotIdentified
from consortia.estimators.estimate import with_influence
from consortia.estimators.trial import trial
from consortia.maths.permutation import observed
from consortia.specs import Inference
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate


@pytest.fixture(scope="module")
def asked():
    panel = simulate(SchoolSector(providers=200, areas=6), Streams(4))
    study = sector_study().with_(hold=(), covariates=(), inference=Inference(draws=99))
    arrays = panel.arrays(study)
    estimate, psi = with_influence(arrays, study, Streams(1).rng())
    made = trial(study, panel, arrays, estimate, psi, sd=2.0, streams=Streams(1))
    return study, panel, arrays, estimate, psi, made


def test_asking_again_gives_the_answer(asked) -> None:
    study, _panel, arrays, estimate, psi, made = asked
    refitted = made.refit(arrays, study)
    again, row = refitted.row(), estimate.row()
    for name in ("estimate", "std_error", "low", "high"):
        assert again[name] == row[name]
    # Bands cost draws and no check reads them.
    assert estimate.effects["band_low"].is_not_null().any()
    assert refitted.effects["band_low"].is_null().all()
    assert made.sd == 2.0
    value, influence = made.trace(arrays, study)
    assert value == row["estimate"]
    np.testing.assert_array_equal(influence, psi)
    np.testing.assert_array_equal(made.influence(), psi)
    assert observed(made.path_sums(arrays, study))[0][0] == pytest.approx(value, abs=1e-9)
    assert made.facts["provider"].to_list() == arrays.provider.tolist()
    assert (made.belonging.first[arrays.joiners] >= 0).all()
    np.testing.assert_array_equal(made.cross(study).Y, arrays.Y)


def test_another_crossing_can_be_handed_in(asked) -> None:
    study, panel, arrays, estimate, _psi, _ = asked

    def refuses(_):
        raise NotIdentified("worlds are made of one outcome")

    made = trial(
        study, panel, arrays, estimate, None, sd=1.0, streams=Streams(1), cross=refuses
    )  # fmt: skip
    with pytest.raises(NotIdentified, match="one outcome"):
        made.cross(study)
    assert made.influence() is None
