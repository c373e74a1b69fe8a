"""Direct and spill-over effects by their definition, on worlds whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortia.maths import neighbours as nb
from consortia.maths.neighbours import Row
from consortia.maths.places import first_in_rings, near
from consortia.streams import Streams


def draw(seed, n=60, T=6, gaps=0.1):
    rng = Streams(seed).rng()
    cohort = np.where(rng.random(n) < 0.4, rng.integers(0, T, n), T)
    first = np.where(rng.random((n, 2)) < 0.4, rng.integers(0, T, (n, 2)), T)
    first[0] = -1
    Y = rng.normal(size=(n, T)).cumsum(axis=1)
    Y[rng.random((n, T)) < gaps] = np.nan
    return Y, rng.uniform(0.5, 2, n), cohort, first, rng.integers(0, 2, n)


def gains(Y, w, cohort, first, stratum, anticipation=0, never=False):
    """Change since the last untouched year less the untouched providers', cell by cell."""
    n, T = Y.shape
    touched = np.minimum(cohort, first.min(axis=1))
    out = np.full((n, T), np.nan)
    for i in range(n):
        b = touched[i] - 1 - anticipation
        if first[i].min() < 0 or touched[i] == T or b < 0 or not np.isfinite(Y[i, b]):
            continue
        for t in range(T):
            pool = [
                j
                for j in range(n)
                if stratum[j] == stratum[i] and first[j].min() >= 0 and touched[j] > touched[i]
                and (
                    touched[j] == T or (not never and touched[j] > max(t, b) + anticipation)
                )
                and (touched[j] == T or touched[j] - 1 - anticipation >= 0)
                and np.isfinite(Y[j, b]) and np.isfinite(Y[j, t])
            ]  # fmt: skip
            if pool:
                mean = np.average(Y[pool, t] - Y[pool, b], weights=w[pool])
                out[i, t] = Y[i, t] - Y[i, b] - mean
    return out


def state_of(cohort, first, i, t):
    if t >= cohort[i]:
        return 0
    rings = [r + 1 for r in range(first.shape[1]) if t >= first[i, r]]
    return rings[0] if rings else -1


@settings(max_examples=40)
@given(st.integers(0, 5000), st.integers(0, 1), st.booleans())
def test_every_row_by_definition(seed, anticipation, never):
    Y, w, cohort, first, stratum = draw(seed, n=30, T=5)
    found = nb.effects(
        Y, w, cohort, first, stratum,
        anticipation=anticipation, comparison="never" if never else "not-yet",
    )  # fmt: skip
    touched = np.minimum(cohort, first.min(axis=1))
    gain = gains(Y, w, cohort, first, stratum, anticipation, never)
    cells = [(i, t) for i, t in np.argwhere(np.isfinite(gain)).tolist()]

    def wanted(row, i, t):
        state = state_of(cohort, first, i, t)
        before = t < touched[i] - 1 - anticipation
        if row.event_time is not None:
            if row.kind == "direct":
                mine = state == 0 or (before and cohort[i] == touched[i])
                return mine and t - cohort[i] == row.event_time
            will = state_of(cohort, first, i, touched[i])
            mine = state == row.ring or (before and will == row.ring)
            return mine and t - touched[i] == row.event_time
        near = t >= first[i].min()
        return {
            "direct": state == 0,
            "direct-alone": state == 0 and not near,
            "direct-beside": state == 0 and near,
            "spill-over": state > 0 and row.ring in (0, state),
            "spill-over-per-member": state > 0,
            "area-total": state >= 0,
        }[row.kind]

    for row, theta in zip(found.rows, found.theta, strict=True):
        ratio = row.kind in ("spill-over-per-member", "area-total")
        below = Row(kind="direct") if ratio else row
        up = sum(w[i] * gain[i, t] for i, t in cells if wanted(row, i, t))
        down = sum(w[i] for i, t in cells if wanted(below, i, t))
        want = up / down if down else np.nan
        np.testing.assert_allclose(theta, want, atol=1e-9, err_msg=str(row))


def test_influence_is_the_derivative_in_a_providers_weight():
    Y, w, cohort, first, stratum = draw(3)
    psi = nb.effects(Y, w, cohort, first, stratum).psi
    for i in range(0, 60, 7):
        up, down = w.copy(), w.copy()
        up[i] *= 1 + 1e-5
        down[i] *= 1 - 1e-5
        a = nb.effects(Y, up, cohort, first, stratum).theta
        b = nb.effects(Y, down, cohort, first, stratum).theta
        np.testing.assert_allclose(psi[i], np.nan_to_num((a - b) / 2e-5), atol=1e-6)


def test_influences_sum_to_zero_and_the_area_is_the_sum_of_its_parts():
    found = nb.effects(*draw(4))
    np.testing.assert_allclose(found.psi.sum(axis=0), 0.0, atol=1e-9)
    at = {(r.kind, r.ring): k for k, r in enumerate(found.rows) if r.event_time is None}
    total, direct = at["area-total", 0], at["direct", 0]
    spill = at["spill-over-per-member", 0]
    assert found.theta[total] == pytest.approx(found.theta[direct] + found.theta[spill])
    np.testing.assert_allclose(
        found.psi[:, total], found.psi[:, direct] + found.psi[:, spill], atol=1e-12
    )


def sector(seed, n=2000, T=6, noise=0.5):
    """Members gain 0.30; non-members within 2 km of one lose 0.20, from 2 to 4 km 0.05."""
    rng = Streams(seed).rng()
    points = rng.uniform(0, 120_000, (n, 2))
    cohort = np.where(rng.random(n) < 0.15, rng.integers(2, T, n), T)
    first = first_in_rings(near(points, 4_000.0), (2_000.0, 4_000.0), cohort, T)
    _, state = nb.states(cohort, first, T)
    effect = np.select([state == 0, state == 1, state == 2], [0.30, -0.20, -0.05], 0.0)
    Y = rng.normal(size=(n, 1)) + 0.1 * np.arange(T) + effect + rng.normal(0, noise, (n, T))
    return Y, cohort, first, effect, state


def test_truth_is_found_exactly_without_noise_and_missed_by_a_comparison_with_the_exposed():
    Y, cohort, first, effect, state = sector(5, noise=0.0)
    w = np.ones(Y.shape[0])
    found = nb.effects(Y, w, cohort, first)
    want = {"direct": 0.30, ("spill-over", 1): -0.20, ("spill-over", 2): -0.05}
    for row, theta in zip(found.rows, found.theta, strict=True):
        if row.event_time is not None and row.event_time < 0:
            assert theta == pytest.approx(0.0, abs=1e-9)
        elif row.kind in ("direct", "direct-alone", "direct-beside"):
            assert theta == pytest.approx(0.30)
        elif (row.kind, row.ring) in want:
            assert theta == pytest.approx(want[row.kind, row.ring])
    area = effect[state >= 0].sum() / (state == 0).sum()
    at = [r.kind for r in found.rows].index("area-total")
    assert found.theta[at] == pytest.approx(area)
    # Everybody who has not joined as comparison: the neighbours' loss is put down as a gain.
    naive = nb.effects(Y, w, cohort, np.full_like(first, Y.shape[1]))
    assert naive.theta[0] > 0.34


def test_nobody_untouched_is_counted_not_invented():
    T = 4
    cohort = np.array([2, T, T, 2, 3])
    first = np.array([[T], [2], [2], [T], [2]])
    Y = np.arange(20.0).reshape(5, 4)
    found = nb.effects(Y, np.ones(5), cohort, first)
    assert np.isnan(found.theta[0])
    assert found.lost[0] == 5
    assert found.clean == 0
    assert not found.psi.any()


def test_states_name_the_nearest_ring_of_the_year():
    touched, state = nb.states(
        np.array([4, 3, 4, 4]), np.array([[2, 1], [1, 4], [4, 4], [-1, -1]]), 4
    )
    assert touched.tolist()[:3] == [1, 1, 4]
    assert state.tolist() == [[-1, 2, 1, 1], [-1, 1, 1, 0], [-1, -1, -1, -1], [-2, -2, -2, -2]]
