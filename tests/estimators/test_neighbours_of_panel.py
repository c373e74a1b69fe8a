"""Direct, spill-over and total effects from a panel with places, and the sentence about them."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from consortia.errors import NotIdentified
from consortia.estimators.estimate import with_uncertainty
from consortia.estimators.neighbours import Neighbours, fit, reading, truth
from consortia.nearby import rings_of
from consortia.results import EFFECTS
from consortia.specs import Arm, Exposure, Inference
from consortia.streams import Streams

SPEC = Neighbours(rings=(1.0, 2.0))
TRUST = Arm(kinds=("trust",))


def world(make_panel, make_study, seed, n=240, years=(2018, 2019), joins=(2019,), noise=1.0):
    """Providers on a road of 480 km, some joining; members gain 1, others
    within 1 km of one lose 0.5, within 2 km 0.2."""
    rng = Streams(seed).rng()
    names = [f"p{i:03}" for i in range(n)]
    at = rng.uniform(0, 480_000, n)
    first = np.where(rng.random(n) < 0.2, rng.choice(joins, n), 9999)
    level = rng.normal(size=n)
    effect = np.zeros((n, len(years)))
    for i in range(n):
        for t, y in enumerate(years):
            d = np.abs(at - at[i])[(first <= y) & (np.arange(n) != i)].min(initial=np.inf)
            effect[i, t] = 1.0 if y >= first[i] else -0.5 if d <= 1e3 else -0.2 if d <= 2e3 else 0
    score = {
        (p, y): level[i] + 0.3 * t + effect[i, t] + noise * rng.normal()
        for i, p in enumerate(names)
        for t, y in enumerate(years)
    }
    panel = make_panel(
        score,
        joins=[(p, "T", "trust", f"{f - 1}-09-01") for p, f in zip(names, first, strict=True) if f <
        9999], facts={"easting": dict(zip(names, at.tolist(), strict=True)), "northing":
        dict.fromkeys(names, 0.0)},
    )  # fmt: skip
    study = make_study(inference=Inference(draws=0))
    arrays = panel.arrays(study)
    rings = rings_of(panel, TRUST, Exposure(), arrays.provider, arrays.years, SPEC.rings)
    return study, replace(arrays, rings=rings), effect


def row(table, name):
    found = table.filter((pl.col("estimand") == name) & pl.col("event_time").is_null())
    return found.row(0, named=True)


def test_two_years_equal_the_regression_of_butts(make_panel, make_study):
    # Outcome on provider and year effects, membership, and each ring for non-members (Butts 2021,
    # eq. 6): with two years and one date of joining the regression and the differences are the
    # same.
    study, arrays, _ = world(make_panel, make_study, 1)
    found = fit(arrays, SPEC, study, Streams(1).rng())
    D = arrays.cohort == 1
    ring = arrays.rings < 2
    near, far = ~D & ring[:, 0], ~D & ~ring[:, 0] & ring[:, 1]
    change = arrays.Y[:, 1] - arrays.Y[:, 0]
    X = np.stack([np.ones(D.size), D, near, far], axis=1).astype(float)
    beta = np.linalg.lstsq(X, change, rcond=None)[0]
    names = [k.estimand for k in found.keys]
    at = [names.index(x) for x in ("direct", "spill-over-ring-1", "spill-over-ring-2")]
    np.testing.assert_allclose(found.theta[at], beta[1:], atol=1e-12)
    # Its covariance is that of heteroskedastic errors, without small-sample factor (HC0).
    e = change - X @ beta
    A = np.linalg.inv(X.T @ X)
    V = A @ (X.T * e**2) @ X @ A
    np.testing.assert_allclose(found.influence.gram()[np.ix_(at, at)], V[1:, 1:], atol=1e-12)


def test_staggered_without_noise_finds_the_truth(make_panel, make_study):
    years, joins = (2016, 2017, 2018, 2019), (2017, 2018, 2019)
    study, arrays, effect = world(make_panel, make_study, 2, years=years, joins=joins, noise=0.0)
    study = study.with_(comparison="not-yet")
    found = fit(arrays, SPEC, study, Streams(1).rng())
    want = {"direct": 1.0, "direct-alone": 1.0, "direct-beside": 1.0, "spill-over-ring-1": -0.5,
            "spill-over-ring-2": -0.2, "direct-dynamic": 1.0, "spill-over-ring-1-dynamic": -0.5,
            "spill-over-ring-2-dynamic": -0.2}  # fmt: skip
    for key, theta in zip(found.keys, found.theta, strict=True):
        if key.event_time is not None and key.event_time < 0:
            assert theta == pytest.approx(0.0, abs=1e-9)
        elif key.estimand in want:
            assert theta == pytest.approx(want[key.estimand])
    known = replace(arrays, truth=effect)
    np.testing.assert_allclose(truth(known, SPEC, study, found), found.theta, atol=1e-9)
    assert np.isnan(truth(arrays, SPEC, study, found)).all()
    # Effects that differ, and cells not seen: the truth is that of the cells averaged.
    gaps = np.where(Streams(9).rng().random(arrays.Y.shape) < 0.2, np.nan, 0.0)
    steep = effect * np.arange(1, 5) * np.linspace(0.5, 2.0, arrays.n)[:, None]
    clean = replace(arrays, Y=arrays.Y - effect + steep + gaps, truth=steep)
    found = fit(clean, SPEC, study, Streams(1).rng())
    np.testing.assert_allclose(truth(clean, SPEC, study, found), found.theta, atol=1e-9)


def test_members_gain_that_neighbours_lose_is_said_to_be_that(make_panel, make_study):
    study, arrays, _ = world(make_panel, make_study, 3, n=400, noise=0.05)
    estimate = with_uncertainty(
        fit(arrays, SPEC, study, Streams(1).rng()), arrays, study, Streams(1).rng()
    )
    words = reading(estimate.effects, "points")
    share = -row(estimate.effects, "spill-over-per-member")["estimate"]
    share /= row(estimate.effects, "direct")["estimate"]
    assert 0.1 < share < 1.0
    assert words.startswith("For each year of membership, members gain 1.0")
    assert words.endswith(f"Of the members' gain, {share:.0%} is their neighbours' loss.")


def table(direct, spill, area):
    rows = [
        {"estimand": name, "estimate": e, "low": None if e is None else e - h,
         "high": None if e is None else e + h}
        for name, (e, h) in {
            "direct": direct, "spill-over-per-member": spill, "area-total": area,
        }.items()
    ]  # fmt: skip
    return pl.DataFrame(rows, schema={k: EFFECTS[k] for k in rows[0]}).with_columns(
        event_time=pl.lit(None, dtype=pl.Int32)
    )


def test_readings_of_other_cases():
    said = reading(table((0.3, 0.1), (-0.1, 0.2), (0.2, 0.2)), "points")
    assert said == (
        "For each year of membership, members gain 0.30 points, their neighbours together lose "
        "0.10, the area as a whole gains 0.20 (interval 0.00 to 0.40). The neighbours' part cannot "
        "be told from none (interval -0.30 to 0.10)."
    )
    said = reading(table((-0.3, 0.1), (0.15, 0.1), (-0.15, 0.1)), "points")
    assert said.endswith("Of the members' loss, 50% is their neighbours' gain.")
    said = reading(table((0.3, 0.1), (0.2, 0.1), (0.5, 0.1)), "points")
    assert said.endswith("the area as a whole gains 0.50 (interval 0.40 to 0.60).")
    said = reading(table((0.3, 0.1), (None, 0), (None, 0)), "points")
    assert said.endswith("members gain 0.30 points; what neighbours gain or lose cannot be told.")


def test_what_falls_out_is_counted(make_panel, make_study):
    study, arrays, _ = world(
        make_panel, make_study, 4, years=(2017, 2018, 2019), joins=(2017, 2019)
    )
    rings = arrays.rings.copy()
    rings[:7] = -1
    arrays = replace(arrays, rings=rings)
    found = fit(arrays, SPEC, study, Streams(1).rng())
    steps = {s.step: s.providers for s in found.flow}
    touched = np.minimum(arrays.cohort, rings.min(axis=1))
    assert steps["place not known"] == 7
    assert steps["touched from the first year on"] == (touched[7:] == 0).sum() > 0
    assert sum(steps.values()) == arrays.n
    assert "ring 2: over 1 up to 2 km" in found.notes[0]
    assert not any("no known place" in note for note in found.notes)
    rings[np.flatnonzero(arrays.joiners)[:2]] = -1
    hidden = fit(replace(arrays, rings=rings), SPEC, study, Streams(1).rng())
    assert any(note.startswith("2 members have no known place") for note in hidden.notes)
    again = fit(arrays, replace(SPEC, few=10_000), study, Streams(1).rng())
    assert all("fewer than 10000 treated" in c for c in again.cautions if "not ident" not in c)


def test_refuses_with_the_reason(make_panel, make_study):
    study, arrays, _ = world(make_panel, make_study, 5)
    rng = Streams(1).rng()
    with pytest.raises(NotIdentified, match="not known"):
        fit(replace(arrays, rings=None), SPEC, study, rng)
    with pytest.raises(NotIdentified, match="place of no provider"):
        fit(replace(arrays, rings=np.full_like(arrays.rings, -1)), SPEC, study, rng)
    with pytest.raises(NotIdentified, match="within 2 km of one that has"):
        fit(replace(arrays, rings=np.ones_like(arrays.rings)), SPEC, study, rng)
    with pytest.raises(NotIdentified, match="before anything touched it"):
        fit(replace(arrays, rings=np.where(arrays.joiners[:, None], 0, 2) + 0 * arrays.rings), SPEC,
        study, rng)  # fmt: skip
    with pytest.raises(NotIdentified, match="nobody joins"):
        fit(replace(arrays, cohort=np.full_like(arrays.cohort, 2)), SPEC, study, rng)
    with pytest.raises(ValueError, match="2 rings given, 1 asked"):
        fit(arrays, Neighbours(rings=(1.0,)), study, rng)


def test_ranges_are_checked():
    for bad in ({"rings": ()}, {"rings": (2.0, 1.0)}, {"rings": (0.0,)}, {"at_least": 0},
                {"few": 0}, {"anticipation": 11}):  # fmt: skip
        with pytest.raises(ValueError):  # noqa: PT011
            Neighbours(**bad)
