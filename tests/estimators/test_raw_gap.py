"""The raw gap against means written out."""

from __future__ import annotations

import numpy as np
import pytest

from consortia.errors import NotIdentified
from consortia.estimators import raw_gap
from consortia.estimators.estimate import estimate
from consortia.specs import Inference, RawGap


def gaps(a, scale: np.ndarray) -> np.ndarray:
    W = a.W * scale[:, None]
    out = []
    for years in [range(a.T), *([t] for t in range(a.T))]:
        sides = []
        for exposed in (True, False):
            cells = [
                (W[i, t], a.Y[i, t])
                for i in range(a.n)
                for t in years
                if a.D[i, t] == exposed and W[i, t] > 0
            ]
            sides.append(
                np.average([y for _, y in cells], weights=[w for w, _ in cells])
                if cells
                else np.nan
            )
        out.append(sides[0] - sides[1])
    return np.array(out)


def test_equals_means_and_derivative(arrays_of, study_of, influence_by_definition, rng) -> None:
    Y = rng.normal(size=(20, 4))
    Y[rng.random((20, 4)) < 0.2] = np.nan
    a = arrays_of(Y, rng.integers(0, 5, 20), W=rng.uniform(1, 3, (20, 4)))
    fit = raw_gap.fit(a, RawGap(), study_of(RawGap()), rng)
    np.testing.assert_allclose(fit.theta, gaps(a, np.ones(20)), atol=1e-12)
    psi = influence_by_definition(lambda s: gaps(a, s), np.ones(20))
    np.testing.assert_allclose(fit.influence.dense(), psi, atol=1e-9)


def test_year_without_members_says_why(arrays_of, study_of, rng) -> None:
    a = arrays_of(rng.normal(size=(20, 3)), np.repeat([1, 3], 10))
    e = estimate(a, study_of(RawGap(), Inference(draws=0)), rng).effects
    first = e.row(1, named=True)
    assert first["year"] == 2001
    assert first["estimate"] is None
    assert "no exposed provider" in first["caution"]
    assert e["estimate"].null_count() == 1


def test_no_member_at_all_is_refused(arrays_of, study_of, rng) -> None:
    with pytest.raises(NotIdentified, match="no exposed"):
        raw_gap.fit(
            arrays_of(rng.normal(size=(4, 3)), np.full(4, 3)), RawGap(), study_of(RawGap()), rng
        )


def test_truth_is_the_mean_effect_on_exposed_cells(arrays_of, study_of, rng) -> None:
    cohort = np.repeat([1, 2, 3], 4)
    effect = np.where(np.arange(3) >= cohort[:, None], cohort[:, None] * 1.0, np.nan)
    a = arrays_of(rng.normal(size=(12, 3)), cohort, truth=effect)
    e = estimate(a, study_of(RawGap(), Inference(draws=0)), rng).effects
    assert e["truth"].to_list() == [pytest.approx(16 / 12), None, 1.0, 1.5]
