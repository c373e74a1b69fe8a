"""One collaboration at a time: against group-time refitted on it, and how often luck passes."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from consortia.errors import NotIdentified
from consortia.estimators import group_time
from consortia.estimators.by_collaboration import by_collaboration, joiner_effects
from consortia.maths.conley import incidence_of
from consortia.specs import GroupTime, Inference
from consortia.streams import Streams
from consortia.structures import Belonging


def world(arrays_of, rng, *, true, per=4, rest=300, T=5, weights=False, holes=False, X=False):
    """Collaborations with effects ``true``, their joiners spread over three years of joining."""
    C = true.size
    n = C * per + rest
    cohort = np.full(n, T)
    cohort[: C * per] = rng.integers(2, T, C * per)
    member = np.repeat(np.arange(C), per)
    w = rng.uniform(0.5, 3, n) if weights else np.ones(n)
    x = rng.normal(size=(n, 1))
    Y = rng.normal(size=(n, 1)) + 0.1 * np.arange(T) + x * np.arange(T) * 0.2 * X
    Y = Y + rng.normal(size=(n, T)) / np.sqrt(w)[:, None]
    on = np.arange(T)[None, :] >= cohort[:, None]
    Y[: C * per] += true[member][:, None] * on[: C * per]
    if holes:
        Y[rng.random((n, T)) < 0.05] = np.nan
    arrays = arrays_of(Y, cohort, w=w, X=x if X else None)
    first = np.full(n, -1)
    first[: C * per] = member
    who = Belonging(
        names=tuple(f"c{c:03}" for c in range(C)),
        incidence=sparse.csr_array((np.ones(C * per), (np.arange(C * per), member)), shape=(n, C)),
        first=first,
    )
    return arrays, who


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("comparison", ["never", "not-yet"])
def test_weighted_mean_is_the_group_overall_effect(
    arrays_of, study_of, weights: bool, comparison: str
) -> None:
    rng = Streams(4).rng()
    arrays, who = world(arrays_of, rng, true=rng.normal(size=12), weights=weights)
    study = study_of(comparison=comparison)
    found = by_collaboration(arrays, study.method, study, who)
    fit = group_time.fit(arrays, study.method, study, rng)
    total = np.bincount(who.first[who.first >= 0], weights=arrays.w[who.first >= 0])
    by_name = dict(zip(found.table["collaboration"], found.table["estimate"], strict=True))
    mean = np.average([by_name[name] for name in who.names], weights=total)
    assert mean == pytest.approx(fit.theta[fit.headline], abs=1e-10)


@pytest.mark.parametrize("X", [False, True])
def test_each_is_group_time_on_its_joiners_alone(arrays_of, study_of, X: bool) -> None:
    """Fitted again without the joiners of all others, by regression adjustment."""
    rng = Streams(9).rng()
    arrays, who = world(arrays_of, rng, true=rng.normal(size=8), weights=True, X=X)
    study = study_of(GroupTime(adjust="regression"))
    found = by_collaboration(arrays, study.method, study, who)
    by_name = dict(zip(found.table["collaboration"], found.table["estimate"], strict=True))
    for c, name in enumerate(who.names):
        alone = arrays.take((who.first == c) | (arrays.cohort == arrays.T))
        fit = group_time.fit(alone, study.method, study, rng)
        assert by_name[name] == pytest.approx(fit.theta[fit.headline], abs=1e-9)


def test_holes_use_the_years_that_are_seen(arrays_of, study_of) -> None:
    rng = Streams(1).rng()
    arrays, _ = world(arrays_of, rng, true=rng.normal(size=8), holes=True)
    study = study_of()
    effect, _, _, _ = joiner_effects(arrays, study.method, study)
    for i in np.flatnonzero(arrays.joiners)[:20]:
        g = arrays.cohort[i]
        parts = []
        for t in range(g, arrays.T):
            rest = arrays.cohort == arrays.T
            change = arrays.Y[:, t] - arrays.Y[:, g - 1]
            if np.isfinite(change[i]):
                parts.append(change[i] - np.nanmean(change[rest]))
        if parts:
            assert effect[i] == pytest.approx(np.mean(parts))
        else:
            assert np.isnan(effect[i])


def test_standard_errors_are_those_of_chance(arrays_of, study_of) -> None:
    """Estimates less truths, over their standard errors, spread by one; small providers count."""
    rng = Streams(21).rng()
    z = []
    for _ in range(60):
        true = rng.normal(size=20)
        arrays, who = world(arrays_of, rng, true=true, weights=True)
        study = study_of()
        rows = by_collaboration(arrays, study.method, study, who).table.sort("collaboration")
        z.append((rows["estimate"].to_numpy() - true) / rows["std_error"].to_numpy())
    assert np.std(z) == pytest.approx(1, abs=0.05)


def test_false_discoveries_stay_below_their_rate(arrays_of, study_of) -> None:
    """Half of 40 collaborations do nothing; of those said to stand out, at most 5% are these."""
    rng = Streams(33).rng()
    share, found_true = [], []
    for _ in range(120):
        true = np.where(np.arange(40) < 20, 0.0, 1.8)
        arrays, who = world(arrays_of, rng, true=true)
        study = study_of()
        rows = by_collaboration(arrays, study.method, study, who).table.sort("collaboration")
        out = (rows["stands_out"] != "").to_numpy()
        share.append(out[:20].sum() / max(out.sum(), 1))
        found_true.append(out[20:].mean())
    # Half are true, so that the rule's own rate is 2.5%; three Monte Carlo errors beside it.
    assert np.mean(share) <= 0.025 + 3 * np.std(share) / np.sqrt(120)
    assert np.mean(found_true) > 0.5, "it finds what is there"


def test_nothing_stands_out_where_nothing_is_there(arrays_of, study_of) -> None:
    rng = Streams(8).rng()
    some = []
    for _ in range(120):
        arrays, who = world(arrays_of, rng, true=np.zeros(20), rest=150)
        study = study_of()
        found = by_collaboration(arrays, study.method, study, who)
        some.append(found.better + found.worse > 0)
    assert np.mean(some) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 120)


def test_words_and_refusal(arrays_of, study_of) -> None:
    rng = Streams(8).rng()
    arrays, who = world(arrays_of, rng, true=np.array([6.0, 0.0, -6.0, 0.0]), rest=200)
    study = study_of()
    found = by_collaboration(arrays, study.method, study, who)
    assert found.table["stands_out"].to_list() == ["better", "", "", "worse"]
    assert "1 do better than not joining and 1 worse" in found.sentence
    assert "differ by more than chance" in found.sentence
    arrays, who = world(arrays_of, rng, true=np.zeros(2))
    with pytest.raises(NotIdentified, match="fewer than 3 collaborations"):
        by_collaboration(arrays, study.method, study, who)


@pytest.mark.parametrize("how", ["cluster", "spatial"])
def test_the_comparison_depends_as_in_the_answer(arrays_of, study_of, how: str) -> None:
    """One year after joining for all: the comparison's error is a double sum over its providers."""
    rng = Streams(12).rng()
    arrays, who = world(arrays_of, rng, true=np.zeros(5), rest=60, T=3)
    arrays = replace(arrays, cohort=np.where(arrays.joiners, 2, 3))
    rest = np.flatnonzero(arrays.cohort == 3)
    change = arrays.Y[:, 2] - arrays.Y[:, 1]
    psi = (change[rest] - change[rest].mean()) / rest.size
    points = rng.uniform(0, 20_000, (arrays.n, 2))
    label = np.arange(arrays.n) % 9
    if how == "spatial":
        study = study_of(inference=Inference(draws=0, spatial_km=4.0))
        arrays = replace(arrays, points=points)
        d = np.linalg.norm(points[rest][:, None] - points[rest][None], axis=2)
        kernel = np.maximum(1 - d / 4000, 0) ** 2
    else:
        study = study_of(inference=Inference(draws=0, cluster="area"))
        arrays = replace(arrays, incidence=incidence_of(label))
        kernel = (label[rest][:, None] == label[rest][None]).astype(float)
    found = by_collaboration(arrays, study.method, study, who)
    alone = by_collaboration(
        replace(arrays, incidence=incidence_of(np.arange(arrays.n)), points=None),
        study.method, study_of(inference=Inference(draws=0)), who,
    )  # fmt: skip
    by = [t.table.sort("collaboration")["std_error"].to_numpy() ** 2 for t in (found, alone)]
    np.testing.assert_allclose(by[0] - by[1], psi @ kernel @ psi - psi @ psi, rtol=1e-9)
    assert "as in the answer" in found.notes[0]
    assert "independent of one another" in alone.notes[0]
