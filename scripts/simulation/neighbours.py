"""How the direct and spill-over effects, and spatial standard errors, do where the truth is known.

Prints the two tables of docs/methods/neighbours.md. Members gain 0.30; non-members within 2 km of
one lose 0.20, from 2 to 4 km 0.05. Errors are independent (first table), or share a field of
surroundings that fades with distance (second).

    python scripts/simulation/neighbours.py [worlds]
"""

from __future__ import annotations

import sys

import numpy as np

from consortia.maths import conley
from consortia.maths.influence import Influence
from consortia.maths.neighbours import effects, states
from consortia.maths.places import first_in_rings, markets, near
from consortia.streams import Streams

N, T, SIDE = 800, 6, 75_000.0
TRUE = {("direct", 0): 0.30, ("spill-over", 1): -0.20, ("spill-over", 2): -0.05}


def world(rng: np.random.Generator, field: float):
    points = rng.uniform(0, SIDE, (N, 2))
    distance = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    # Joining goes by area too where surroundings matter.
    ground = np.linalg.cholesky(np.exp(-distance / 8_000.0) + 1e-9 * np.eye(N))
    leaning = (ground @ rng.normal(size=N) if field else 0.0) + rng.normal(size=N)
    cohort = np.where(leaning > np.quantile(leaning, 0.85), rng.integers(2, T, N), T)
    first = first_in_rings(near(points, 4_000.0), (2_000.0, 4_000.0), cohort, T)
    _, state = states(cohort, first, T)
    effect = np.select([state == 0, state == 1, state == 2], [0.30, -0.20, -0.05], 0.0)
    errors = 0.5 * rng.normal(size=(N, T)) + field * (ground @ rng.normal(size=(N, T)))
    return points, rng.normal(size=(N, 1)) + effect + errors, cohort, first


def run(worlds: int, field: float) -> None:
    names = ["apart", "ignoring neighbours"]
    theta = {name: np.full((worlds, 3), np.nan) for name in names}
    se = {how: np.full((worlds, 3), np.nan) for how in ("provider", "bartlett", "askey", "market")}
    for s in range(worlds):
        points, Y, cohort, first = world(Streams(20).at("neighbours", str(field), s).rng(), field)
        found = effects(Y, np.ones(N), cohort, first)
        kinds = [(r.kind, r.ring) for r in found.rows if r.event_time is None]
        at = [kinds.index(k) for k in TRUE]
        theta["apart"][s] = found.theta[at]
        psi = Influence(psi=found.psi[:, at])
        se["provider"][s] = np.sqrt(np.diag(psi.gram()))
        for kernel in ("bartlett", "askey"):
            V, _ = conley.covariance(psi, points, 20_000.0, kernel)
            se[kernel][s] = conley.standard_errors(V)
        label = markets(near(points, 8_000.0))
        sums = psi.sums(label, int(label.max()) + 1)
        se["market"][s] = np.sqrt(np.diag(sums.T @ sums) * len(sums) / (len(sums) - 1))
        alone = effects(Y, np.ones(N), cohort, np.full_like(first, T))
        theta["ignoring neighbours"][s, 0] = alone.theta[0]
    true = np.array(list(TRUE.values()))
    print(f"field {field:g}, {worlds} worlds")
    for name in names:
        bias = (theta[name] - true).mean(axis=0)
        rmse = np.sqrt(((theta[name] - true) ** 2).mean(axis=0))
        print(f"  {name:20s} bias", np.round(bias, 3), "rmse", np.round(rmse, 3))
    for how, value in se.items():
        hit = np.abs(theta["apart"] - true) < 1.96 * value
        ratio = value.mean(axis=0) / theta["apart"].std(axis=0)
        print(f"  {how:20s} coverage", hit.mean(axis=0).round(3), "se / sd", ratio.round(2))


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    run(count, 0.0)
    run(count, 0.5)
