"""Pairs: nearest first, nobody twice, and alike."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from trials import made, noise, trial_of

from consortia.sensitivity.changes import changes
from consortia.sensitivity.columns import named
from consortia.sensitivity.pairs import likeness, pair, whitened
from consortia.streams import Streams


@pytest.fixture(scope="module")
def trial():
    rng = Streams(1).at("pairs").rng()
    n = 300
    size = rng.normal(size=n)
    joined = np.zeros(n, dtype=int)
    order = np.argsort(-size + rng.normal(size=n))
    joined[order[:40]], joined[order[40:70]] = 2003, 2004
    return trial_of(*made(noise(1, n, 5), joined, {"size": size.tolist()}))


def test_pairs_are_made_nearest_first_and_nobody_twice(trial) -> None:
    cohorts = changes(trial)
    on = named(trial, ("size",), "x")
    found = pair(trial, cohorts, on)
    assert found.joiner.size == 70
    assert found.alone == 0
    assert np.unique(found.other).size == 70
    assert np.unique(found.joiner).size == 70
    a = trial.arrays
    assert (a.cohort[found.other] == a.T).all()
    # By brute force, the first cohort: the nearest of all pairs, then of what is left.
    c = cohorts[0]
    X, names = likeness(trial, c, on)
    assert names == ["score before joining", "score, 2001", "size"]
    Z = whitened(X)
    joiners, others = np.flatnonzero(c.D), np.flatnonzero(~c.D)
    gap = cdist(Z[joiners], Z[others])
    mates = {}
    while len(mates) < joiners.size:
        i, j = np.unravel_index(np.argmin(gap), gap.shape)
        mates[int(c.rows[joiners[i]])] = int(c.rows[others[j]])
        gap[i, :], gap[:, j] = np.inf, np.inf
    ours = dict(zip(found.joiner.tolist(), found.other.tolist(), strict=True))
    assert {k: ours[k] for k in mates} == mates


def test_pairing_makes_them_alike(trial) -> None:
    found = pair(trial, changes(trial), named(trial, ("size",), "x"))
    by = {name: (before, after) for name, before, after in found.gap}
    before, after = by["size"]
    assert before > 0.5
    assert abs(after) < before / 3


def test_differences_are_those_of_the_changes(trial) -> None:
    cohorts = changes(trial)
    found = pair(trial, cohorts, ())
    change = {int(i): y for c in cohorts[:1] for i, y in zip(c.rows, c.y, strict=True)}
    for k in range(int(cohorts[0].D.sum())):
        i, j = int(found.joiner[k]), int(found.other[k])
        assert found.difference[k] == pytest.approx(change[i] - change[j], abs=1e-12)


def test_distances_are_mahalanobis() -> None:
    X = Streams(2).rng().normal(size=(50, 3)) @ np.array([[1, 0.5, 0], [0, 2, 0], [0, 1, 3.0]])
    Z = whitened(np.column_stack([X, np.ones(50), X[:, 0]]))
    assert Z.shape[1] == 3
    V = np.linalg.inv(np.cov(np.column_stack([X]).T, bias=True))
    d = X[0] - X[1]
    doubled = whitened(X)
    assert np.sum((doubled[0] - doubled[1]) ** 2) == pytest.approx(d @ V @ d, rel=1e-9)


def test_more_joiners_than_others_leaves_some_alone() -> None:
    joined = np.where(np.arange(50) < 35, 2003, 0)
    trial = trial_of(*made(noise(3, 50, 4), joined))
    found = pair(trial, changes(trial), ())
    assert found.joiner.size == 15
    assert found.alone == 20
