"""Intervals of direct and spill-over effects hold the truth as often as they say."""

import numpy as np
import pytest

from consortia.maths import neighbours as nb
from consortia.maths.places import first_in_rings, near
from consortia.streams import Streams

TRUE = {("direct", 0, None): 0.3, ("spill-over", 1, None): -0.2, ("spill-over", 2, None): -0.05}


@pytest.mark.slow
def test_intervals_cover():
    n, T, worlds = 800, 6, 400
    hit = np.zeros((worlds, 4), dtype=bool)
    for s in range(worlds):
        rng = Streams(100).at("coverage", s).rng()
        points = rng.uniform(0, 75_000, (n, 2))
        cohort = np.where(rng.random(n) < 0.15, rng.integers(2, T, n), T)
        first = first_in_rings(near(points, 4_000.0), (2_000.0, 4_000.0), cohort, T)
        _, state = nb.states(cohort, first, T)
        effect = np.select([state == 0, state == 1, state == 2], [0.30, -0.20, -0.05], 0.0)
        Y = rng.normal(size=(n, 1)) + effect + rng.normal(0, 0.5, (n, T))
        found = nb.effects(Y, np.ones(n), cohort, first)
        kinds = [(r.kind, r.ring, r.event_time) for r in found.rows]
        at = [kinds.index(k) for k in (*TRUE, ("direct", 0, 1))]
        se = np.sqrt((found.psi[:, at] ** 2).sum(axis=0))
        hit[s] = np.abs(found.theta[at] - [*TRUE.values(), 0.3]) < 1.96 * se
    # Within three Monte Carlo standard errors of 95 %.
    assert (np.abs(hit.mean(axis=0) - 0.95) < 3 * np.sqrt(0.95 * 0.05 / worlds)).all()
