"""Spatial standard errors in the place of clustered ones."""

import numpy as np
import pytest

from consortia.estimators import group_time
from consortia.estimators.estimate import with_uncertainty
from consortia.estimators.spatial import with_spatial
from consortia.specs import Inference
from consortia.streams import Streams


@pytest.fixture
def sector(make_panel, make_study):
    """60 providers, pairs of them in one place, with shocks in common there."""
    rng = Streams(3).rng()
    shock = rng.normal(size=(30, 4))
    names = [f"p{i:02}" for i in range(60)]
    score = {
        (p, 2016 + t): float(shock[i // 2, t] + 0.2 * rng.normal())
        for i, p in enumerate(names)
        for t in range(4)
    }
    joins = [(p, "T", "trust", "2017-09-01") for i, p in enumerate(names) if i // 2 % 3 == 0]
    study = make_study(inference=Inference(draws=99, small_sample="none"))
    arrays = make_panel(score, joins=joins).arrays(study)
    points = np.repeat(np.arange(30), 2)[:, None] * [50_000.0, 0.0]
    fit = group_time.fit(arrays, study.method, study, Streams(1).rng())
    return fit, with_uncertainty(fit, arrays, study, Streams(1).rng()), points


def test_pairs_in_one_place_count_as_one(sector):
    fit, estimate, points = sector
    found = with_spatial(estimate, fit, points, 20.0)
    psi = fit.influence.dense()
    V = sum(np.outer(s, s) for s in psi[::2] + psi[1::2])
    np.testing.assert_allclose(found.covariance, V, atol=1e-12)
    row = found.row()
    h = found.headline
    assert row["std_error"] == pytest.approx(np.sqrt(V[h, h]))
    assert row["high"] - row["low"] == pytest.approx(2 * 1.959964 * row["std_error"])
    assert row["estimate"] == estimate.row()["estimate"]
    # Shocks in common: wider than provider by provider.
    assert row["std_error"] > 1.2 * estimate.row()["std_error"]
    assert found.effects["band_low"].null_count() == found.effects.height
    assert "within 20 km" in found.convention
    zero = np.diag(V) == 0
    assert zero.any()
    assert (found.effects["std_error"].is_null().to_numpy() == zero).all()


def test_far_apart_is_provider_by_provider_and_an_unknown_place_is_far(sector):
    fit, estimate, points = sector
    apart = points + np.tile([[0.0, 0.0], [25_000.0, 0.0]], (30, 1))
    for at in (apart, np.full_like(points, np.nan)):
        found = with_spatial(estimate, fit, at, 20.0, level=0.9)
        a, b = found.row(), estimate.row()
        assert a["std_error"] == pytest.approx(b["std_error"])
        assert a["high"] - a["low"] == pytest.approx(2 * 1.644854 * b["std_error"])
    assert "60 providers whose place is not known" in found.convention
    with pytest.raises(ValueError, match="cutoff"):
        with_spatial(estimate, fit, points, 0.0)
