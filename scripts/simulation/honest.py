"""How often the honest intervals hold the truth: ``python scripts/simulation/honest.py``.

Event studies drawn from N(delta + tau, V) with V and a target as given; the drift lies on the edge
of the restriction, where coverage is worst. Prints coverage of the end of the identified set that
the drift makes the truth. Also used by tests/simulation/test_honest_coverage.py.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from consortia.maths.honest import flci, hybrid
from consortia.maths.honest.sets import EventStudy, first_differences, second_differences
from consortia.streams import Streams

Q, P = 4, 3
TIMES = np.array([*range(-Q - 1, -1), *range(P)])
TARGETS = {"first year": np.eye(P)[0], "mean": np.full(P, 1 / P)}


def covariance(kind: str) -> np.ndarray:
    """Means of each year less that of the base year: independent years, or a random walk."""
    times = np.arange(-Q - 1, P)
    if kind == "independent":
        whole = np.eye(times.size)
    else:
        since = times - times[0] + 1.0
        whole = np.minimum.outer(since, since) / 3
    less = np.delete(np.eye(times.size) - (times == -1), Q, axis=0)
    return 0.01 * less @ whole @ less.T


def drift(step: float, multiple: float) -> np.ndarray:
    """Level before but for one step of ``step``; after, steps of ``multiple`` times that."""
    steps = np.zeros(Q + P)
    steps[1] = step
    steps[Q:] = multiple * step
    level = np.concatenate([[0.0], np.cumsum(steps)])
    return np.delete(level - level[Q], Q)


def relative(kind: str, target: str, step: float, multiple: float, draws: int) -> float:
    """Share of draws whose interval holds the truth under relative magnitudes."""
    V, weights = covariance(kind), TARGETS[target]
    delta = drift(step, multiple)
    empty = EventStudy(beta=delta, V=V, times=TIMES, reference=-1)
    rows = first_differences(empty)
    rng = Streams(11).at("honest", kind, target, str(step)).rng()
    noise = rng.multivariate_normal(np.zeros(Q + P), V, size=draws)
    held = 0
    for e in noise:
        # The effect itself is zero: whatever is seen after joining is drift.
        pieces = hybrid.relative(
            replace(empty, beta=delta + e), rows, weights, np.array([multiple])
        )
        held += bool(hybrid.holds(pieces, 0.0)[0])
    return held / draws


def smooth(kind: str, target: str, bend: float, draws: int) -> float:
    """Share of draws whose shortest interval holds the truth: the drift bends the way that the
    estimator is most hurt by."""
    V, weights = covariance(kind), TARGETS[target]
    empty = EventStudy(beta=np.zeros(Q + P), V=V, times=TIMES, reference=-1)
    rows = second_differences(empty)
    path = flci.path(empty, rows, weights)
    # The weights that are best for this bound, by trying the estimator on unit vectors.
    unit = np.array(
        [
            sum(flci.interval(flci.path(replace(empty, beta=u), rows, weights), np.array([bend])))[
                0
            ]
            / 2
            for u in np.eye(Q + P)
        ]
    )
    S = np.concatenate([rows.before, rows.after])
    # S holds no row for the slope: a line is added, which no bend and no estimator here sees.
    full = np.vstack([S, (TIMES + 1.0)])
    delta = np.linalg.solve(full, np.append(bend * np.sign(np.linalg.pinv(S.T) @ unit), 0.3))
    rng = Streams(12).at("honest", kind, target, str(bend)).rng()
    noise = rng.multivariate_normal(delta, V, size=draws)
    half = np.diff(np.concatenate(flci.interval(path, np.array([bend]))))[0] / 2
    return float((np.abs(noise @ unit) <= half).mean())


def main(draws: int = 2000) -> None:
    print("| interval | covariance | target | drift before | coverage |\n|---|---|---|---|---|")
    for kind in ("independent", "walk"):
        for target in TARGETS:
            for step in (0.0, 0.1, 0.3, 1.0):
                share = relative(kind, target, step, 1.0, draws)
                print(f"| relative, Mbar = 1 | {kind} | {target} | {step} | {share:.3f} |")
            for bend in (0.01, 0.1, 1.0):
                share = smooth(kind, target, bend, draws)
                print(f"| smooth, M = {bend} | {kind} | {target} | line + bends | {share:.3f} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
