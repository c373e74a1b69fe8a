"""The naive gap of a study taken apart: ends, parts and what is told."""

import numpy as np
import pytest

from consortia.estimators import decomposition, raw_gap
from consortia.estimators.estimate import with_uncertainty
from consortia.specs import Inference, RawGap
from consortia.streams import Streams


@pytest.fixture
def sector(make_panel, make_study):
    """60 providers, 5 years; trust with academy mostly on the same day, and a covariate by year."""
    rng = Streams(7).rng()
    names, years = [f"p{i:02}" for i in range(60)], range(2015, 2020)
    level = rng.normal(size=60)
    joins, statuses, score, size = [], [], {}, {}
    for i, p in enumerate(names):
        trust = int(rng.integers(2015, 2022)) + (level[i] > 0)
        academy = trust if rng.random() < 0.6 else int(rng.integers(2015, 2022))
        if trust < 2020:
            joins.append((p, "T", "trust", f"{trust - 1}-09-01"))
        if academy < 2020:
            statuses.append((p, "academy", f"{academy - 1}-09-01"))
        for y in years:
            size[p, y] = float(rng.normal() + (y >= trust))
            score[p, y] = float(
                level[i]
                + 0.1 * (y - 2015)
                + 0.2 * (y >= trust)
                + 0.4 * (y >= academy)
                + 0.3 * size[p, y]
                + 0.3 * rng.normal()
            )
    size["p00", 2016] = None
    panel = make_panel(score, joins=joins, statuses=statuses, size=size)
    study = make_study(
        hold=("academy",), covariates=("size",), method=RawGap(), inference=Inference(draws=0)
    )  # fmt: skip
    return panel, decomposition.loosened(study)


def test_held_arms_are_set_free(sector):
    assert sector[1].hold == ()
    assert sector[1].alongside == ("academy",)


def test_ends_are_raw_gap_and_two_way_and_parts_sum(sector):
    panel, study = sector
    arrays = panel.arrays(study)
    parts, fit = decomposition.gap(arrays, study)
    assert [p.estimand for p in parts] == [
        "gap-raw", "gap:providers", "gap:years", "gap:academy", "gap:size", "gap-full",
    ]  # fmt: skip
    assert fit.theta[0] - fit.theta[-1] == pytest.approx(fit.theta[1:-1].sum())
    seen = np.isfinite(arrays.Z[:, :, 0]) & (arrays.W > 0)
    n, T = arrays.Y.shape
    i, t = np.nonzero(seen)
    X = np.hstack([
        np.stack([arrays.D[i, t], arrays.alongside[0].on[i, t], arrays.Z[i, t, 0]], axis=1),
        np.eye(n)[i], np.eye(T)[t],
    ]).astype(float)  # fmt: skip
    beta = np.linalg.lstsq(X, arrays.Y[i, t], rcond=None)[0]
    assert fit.theta[-1] == pytest.approx(beta[0])
    d = arrays.D[i, t]
    auto = arrays.alongside[0].on[i, t]
    assert fit.theta[3] == pytest.approx(beta[1] * (auto[d].mean() - auto[~d].mean()))
    assert "1 provider-years without covariates left out of both ends" in fit.notes


def test_raw_end_is_raw_gap_with_its_standard_error(sector):
    panel, study = sector
    study = study.with_(covariates=())
    arrays = panel.arrays(study)
    _, fit = decomposition.gap(arrays, study)
    raw = raw_gap.fit(arrays, RawGap(), study, Streams(1).rng())
    assert fit.theta[0] == pytest.approx(raw.theta[0])
    np.testing.assert_allclose(fit.influence.dense()[:, 0], raw.influence.dense()[:, 0], atol=1e-12)
    table = with_uncertainty(fit, arrays, study, Streams(1).rng()).effects
    assert table["std_error"].null_count() == 0


def test_groups_of_covariates_are_one_part(sector):
    panel, study = sector
    arrays = panel.arrays(study)
    parts, fit = decomposition.gap(arrays, study, {"competition": ("size",)})
    assert parts[4].label == "competition"
    np.testing.assert_allclose(fit.theta, decomposition.gap(arrays, study)[1].theta)
    with pytest.raises(ValueError, match="Did you mean 'size'"):
        decomposition.gap(arrays, study, {"competition": ("sizes",)})
    with pytest.raises(ValueError, match="two groups"):
        decomposition.gap(arrays, study, {"a": ("size",), "b": ("size",)})


def test_an_arm_that_never_changes_is_said_to_be_with_the_providers(make_panel, make_study):
    panel = make_panel(
        {(p, y): float(ord(p) * y % 7) for p in "abcd" for y in (2018, 2019, 2020)},
        joins=[("a", "T", "trust", "2018-09-01"), ("b", "T", "trust", "2019-09-01")],
        statuses=[("a", "academy", "2010-01-01")],
    )
    study = make_study(alongside=("academy",))
    parts, fit = decomposition.gap(panel.arrays(study), study)
    at = [p.estimand for p in parts].index("gap:academy")
    assert fit.theta[at] == 0.0
    assert "among the providers'" in fit.cautions[at]
