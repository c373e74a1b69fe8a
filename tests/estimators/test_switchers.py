"""Effects of switching by loops over providers, for exposure that may end and begin again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortia.errors import NotIdentified
from consortia.estimators import group_time, switchers
from consortia.estimators.switchers import Switchers
from consortia.maths.inference import infer
from consortia.panel import Arrays
from consortia.specs import GroupTime

RNG = np.random.default_rng(3)


def by_definition(a: Arrays, spec: Switchers, w: np.ndarray) -> dict[tuple[str, int | None], float]:
    """DID(i, l) of each switcher by itself (equation 3 of the paper), then averages over
    switchers."""
    D, T, years = a.D.astype(float), a.T, a.years
    first = [next((t for t in range(T) if D[i, t] != D[i, 0]), T) for i in range(a.n)]
    single: list[tuple[int, float, float, float, float]] = []  # event, weight, effect, dose, now
    for i in range(a.n):
        F, b = first[i], D[i, 0]
        if F == T or (spec.direction, b) in (("in", 1.0), ("out", 0.0)):
            continue
        for t in range(T):
            until = t if t >= F else 2 * (F - 1) - t
            event = int(years[t] - years[F])
            if t == F - 1 or until >= T:
                continue
            if spec.horizons and abs(event + (t < F)) >= spec.horizons:
                continue
            if not np.isfinite(a.Y[i, t] - a.Y[i, F - 1]):
                continue
            others = [
                j
                for j in range(a.n)
                if D[j, 0] == b and a.stratum[j] == a.stratum[i] and first[j] > until
                and np.isfinite(a.Y[j, t] - a.Y[j, F - 1])
            ]  # fmt: skip
            if not others:
                continue
            moved = np.average([a.Y[j, t] - a.Y[j, F - 1] for j in others], weights=w[others])
            sign = 1.0 if b == 0 else -1.0
            dose = sum(
                abs(D[i, k] - b) * (1 if k == F else years[k] - years[k - 1])
                for k in range(F, t + 1)
            )
            effect = sign * (a.Y[i, t] - a.Y[i, F - 1] - moved)
            single.append((event, w[i], effect, dose, abs(D[i, t] - b)))
    out: dict[tuple[str, int | None], float] = {("dynamic", -1): 0.0}
    table = np.array(single).reshape(-1, 5)
    events = sorted(set(table[:, 0].astype(int).tolist()))
    for e in events:
        mine = table[table[:, 0] == e]
        out["dynamic", e] = np.average(mine[:, 2], weights=mine[:, 1])
        if e >= 0:
            out["dynamic-normalised", e] = out["dynamic", e] / np.average(
                mine[:, 3], weights=mine[:, 1]
            )
    post = table[table[:, 0] >= 0]
    if post.size:
        out["dynamic-overall", None] = np.mean([out["dynamic", e] for e in events if e >= 0])
        out["simple", None] = np.average(post[:, 2], weights=post[:, 1])
        out["per-exposed-year", None] = (post[:, 1] @ post[:, 2]) / (post[:, 1] @ post[:, 4])
    return out


def random_arrays(seed: int, arrays_of: Callable[..., Arrays], gaps: bool, strata: int) -> Arrays:
    rng = np.random.default_rng(seed)
    n, T = int(rng.integers(6, 16)), int(rng.integers(3, 6))
    Y = rng.normal(size=(n, T)) + 10
    if gaps:
        Y[rng.random(Y.shape) < 0.1] = np.nan
    flips = rng.random((n, T)) < np.where(rng.random((n, 1)) < 0.4, 0.0, 0.35)
    D = np.cumsum(flips, axis=1) % 2 == 1
    cohort = np.where(D.any(axis=1), D.argmax(axis=1), T)
    years = np.array([2014, 2016, 2017, 2018, 2019, 2022])[-T:]
    a = arrays_of(
        Y, cohort, w=rng.uniform(0.5, 3, n) if seed % 2 else np.ones(n), years=years,
        stratum=rng.integers(0, strata, n) if strata > 1 else None,
    )  # fmt: skip
    return replace(a, D=D)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    gaps=st.booleans(),
    strata=st.sampled_from([1, 2]),
    direction=st.sampled_from(["both", "in", "out"]),
    horizons=st.sampled_from([0, 0, 2]),
)
def test_equals_definition(
    seed: int, gaps: bool, strata: int, direction: Any, horizons: int,
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any],
    influence_by_definition: Callable[..., np.ndarray],
) -> None:  # fmt: skip
    a = random_arrays(seed, arrays_of, gaps, strata)
    spec = Switchers(direction=direction, horizons=horizons)
    wanted = by_definition(a, spec, a.w)
    if not np.isfinite(wanted.get(("per-exposed-year", None), np.nan)):
        with pytest.raises(NotIdentified):
            switchers.fit(a, spec, study_of(), RNG)
        return
    fit = switchers.fit(a, spec, study_of(), RNG)
    names = [(k.estimand, k.event_time) for k in fit.keys]
    for r, name in enumerate(names):
        if name in wanted:
            assert fit.theta[r] == pytest.approx(wanted[name], abs=1e-9)
        else:
            assert np.isnan(fit.theta[r])
            assert fit.cautions[r].startswith("not identified, because")
    assert set(wanted) <= set(names)

    def again(w: np.ndarray) -> np.ndarray:
        found = by_definition(a, spec, w)
        return np.array([found.get(name, 0.0) for name in names])

    psi = influence_by_definition(again, a.w)
    np.testing.assert_allclose(fit.influence.dense(), psi, atol=2e-6)


@pytest.mark.parametrize("strata", [1, 3])
def test_is_group_time_when_nobody_leaves(
    strata: int, arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(strata)
    n, T = 150, 6
    a = arrays_of(
        rng.normal(size=(n, T)), rng.choice([0, 2, 3, 5, 6, 6], n),
        w=rng.uniform(1, 3, n), stratum=rng.integers(0, strata, n),
    )  # fmt: skip
    ours = switchers.fit(a, Switchers(), study_of(), RNG)
    theirs = group_time.fit(a, GroupTime(), study_of(comparison="not-yet"), RNG)
    mine = [
        i
        for i, k in enumerate(ours.keys)
        if (k.estimand == "dynamic" and (k.event_time or 0) >= 0)
        or k.estimand in ("dynamic-overall", "simple")
    ]  # fmt: skip
    other = [theirs.keys.index(ours.keys[i]) for i in mine]
    np.testing.assert_allclose(ours.theta[mine], theirs.theta[other], atol=1e-12)
    np.testing.assert_allclose(
        ours.influence.gram()[np.ix_(mine, mine)],
        theirs.influence.gram()[np.ix_(other, other)],
        atol=1e-12,
    )
    names = [k.estimand for k in ours.keys]
    simple, headline = names.index("simple"), ours.headline
    assert ours.theta[simple] == pytest.approx(ours.theta[headline])


def test_paths_equal_providers(
    arrays_of: Callable[..., Arrays],
    study_of: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a = random_arrays(11, arrays_of, False, 2)
    fast = switchers.fit(a, Switchers(), study_of(), RNG)
    monkeypatch.setattr(switchers, "_MANY_PATHS", 0)
    slow = switchers.fit(a, Switchers(), study_of(), RNG)
    np.testing.assert_allclose(fast.theta, slow.theta, atol=1e-12)
    np.testing.assert_allclose(fast.influence.dense(), slow.influence.dense(), atol=1e-12)
    assert fast.flow == slow.flow
    np.testing.assert_array_equal(fast.n_control, slow.n_control)


def reversible(n: int, seed: int, arrays_of: Callable[..., Arrays], T: int = 7) -> Arrays:
    """Joiners of whom some leave again; serially correlated outcomes; effect 0.2 while in."""
    rng = np.random.default_rng(seed)
    start = np.where(rng.random(n) < 0.6, rng.integers(1, T, n), T)
    stop = np.where(rng.random(n) < 0.4, start + rng.integers(1, 4, n), T + 9)
    t = np.arange(T)
    D = (t >= start[:, None]) & (t < stop[:, None])
    noise = rng.normal(size=(n, T)).cumsum(axis=1) * 0.3
    Y = rng.normal(size=(n, 1)) + t * 0.1 + noise + 0.2 * D
    return replace(arrays_of(Y, start), D=D, truth=np.where(D, 0.2, 0.0))


def test_truth_of_a_constant_effect(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    a = reversible(300, 0, arrays_of)
    fit = switchers.fit(a, Switchers(), study_of(), RNG)
    truth = switchers.truth(a, Switchers(), study_of(), fit)
    by = {(k.estimand, k.event_time): v for k, v in zip(fit.keys, truth, strict=True)}
    assert by["per-exposed-year", None] == pytest.approx(0.2, abs=1e-12)
    assert by["dynamic", 0] == pytest.approx(0.2, abs=1e-12)
    assert by["dynamic", 3] < 0.19
    assert any("switched more than once" in note for note in fit.notes)


@pytest.mark.slow
def test_covers_and_horizons_are_not_independent(
    arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]
) -> None:
    hits, values, errors, naive = [], [], [], []
    for seed in range(300):
        a = reversible(150, seed, arrays_of)
        fit = switchers.fit(a, Switchers(), study_of(), RNG)
        truth = switchers.truth(a, Switchers(), study_of(), fit)
        found = infer(
            fit.theta, fit.influence, a.incidence, family=np.full(fit.theta.size, -1),
            small_sample="clusters", rng=RNG,
        )  # fmt: skip
        row = [k.estimand for k in fit.keys].index("dynamic-overall")
        hits.append(found.low[fit.headline] <= truth[fit.headline] <= found.high[fit.headline])
        values.append(fit.theta[row] - truth[row])
        errors.append(found.se[row])
        after = [i for i, k in enumerate(fit.keys) if k.estimand == "dynamic" and k.event_time >= 0]
        naive.append(np.sqrt((found.se[after] ** 2).sum()) / len(after))
    assert 0.92 <= np.mean(hits) <= 0.98
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.12)
    # Taking horizons as independent, as one package does, understates the error by much.
    assert np.mean(naive) < 0.8 * np.std(values)


def test_nobody_switches(arrays_of: Callable[..., Arrays], study_of: Callable[..., Any]) -> None:
    with pytest.raises(NotIdentified, match="no switcher"):
        switchers.fit(arrays_of(np.zeros((5, 3)), np.full(5, 3)), Switchers(), study_of(), RNG)


def test_spec_refuses() -> None:
    with pytest.raises(ValueError, match="horizons"):
        Switchers(horizons=-1)
    with pytest.raises(ValueError, match="few"):
        Switchers(few=0)
