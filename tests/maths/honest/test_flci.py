"""The shortest interval against a general optimiser and against the definition of its quantile."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from consortia.maths.honest import flci
from consortia.maths.honest.sets import EventStudy, second_differences
from consortia.streams import Streams


def a_study(Q: int, P: int, seed: int) -> EventStudy:
    rng = Streams(seed).at("event-study").rng()
    A = rng.normal(size=(Q + P, Q + P + 3))
    return EventStudy(
        beta=rng.normal(size=Q + P),
        V=A @ A.T / (Q + P + 3),
        times=np.array([*range(-Q - 1, -1), *range(P)]),
        reference=-1,
    )


def test_the_folded_normal_quantile() -> None:
    t = np.array([0.0, 1e-3, 0.1, 0.5, 1.0, 2.0, 5.0, 40.0])
    for level in (0.9, 0.95, 0.99):
        c = flci.folded(t, level)
        assert stats.norm.cdf(c - t) - stats.norm.cdf(-c - t) == pytest.approx(level, abs=1e-12)
    assert flci.folded(np.zeros(1), 0.95)[0] == pytest.approx(stats.norm.ppf(0.975))


@pytest.mark.parametrize(("Q", "P"), [(1, 1), (2, 2), (3, 2), (5, 4)])
def test_no_other_weights_give_a_shorter_interval(Q: int, P: int) -> None:
    """The smooth length is minimised over the effects' own weights, with bias as the worst case of
    a linear programme over all drifts, none of which the path's construction uses."""
    for seed in range(3):
        study = a_study(Q, P, seed)
        rows = second_differences(study)
        target = np.full(P, 1 / P)
        path = flci.path(study, rows, target)
        S = np.concatenate([rows.before, rows.after])

        def length(v: np.ndarray, M: float) -> float:
            a = np.concatenate([v, target])  # noqa: B023
            # sup a'delta subject to |S delta| <= M; unbounded unless exact for lines
            worst = optimize.linprog(
                -a,
                A_ub=np.concatenate([S, -S]),  # noqa: B023
                b_ub=np.full(2 * S.shape[0], M),  # noqa: B023
                bounds=[(None, None)] * a.size,
                method="highs",
            )
            if worst.status != 0:
                return np.inf
            sd = np.sqrt(a @ study.V @ a)  # noqa: B023
            return float(flci.half_length(np.array([sd]), np.array([-worst.fun]), 0.95)[0])

        for M in (0.05, 0.4):
            low, high = flci.interval(path, np.array([M]))
            half = (high[0] - low[0]) / 2
            # The optimum's own weights, as the programme sees them: the same length.
            lines = -np.array(study.times[:Q] + 1.0)
            needed = target @ (study.times[Q:] + 1.0)
            basis = np.linalg.svd(lines[None, :])[2][1:].T if Q > 1 else np.zeros((1, 0))
            start = lines * needed / (lines @ lines)
            if Q == 1:
                assert length(start, M) == pytest.approx(half, rel=1e-6)
                continue
            best = min(
                optimize.minimize(
                    lambda z, M=M, start=start, basis=basis: length(start + basis @ z, M),
                    s,
                    method="Nelder-Mead",
                    options={"xatol": 1e-5, "fatol": 1e-7, "maxiter": 400},
                ).fun
                for s in (np.zeros(Q - 1),)
            )
            assert half <= best * (1 + 1e-6)
            if Q <= 3:
                assert best == pytest.approx(half, rel=1e-3)


def test_without_bends_it_is_generalised_least_squares() -> None:
    study = a_study(4, 2, 7)
    target = np.array([0.0, 1.0])
    path = flci.path(study, second_differences(study), target)
    low, high = flci.interval(path, np.zeros(1))
    # Effect as the departure from a line through the reference year: GLS with P + 1 unknowns.
    X = np.zeros((6, 3))
    X[4:, :2] = np.eye(2)
    X[:, 2] = study.times + 1
    inverse = np.linalg.inv(study.V)
    cov = np.linalg.inv(X.T @ inverse @ X)
    fitted = cov @ X.T @ inverse @ study.beta
    z = stats.norm.ppf(0.975)
    assert (low[0] + high[0]) / 2 == pytest.approx(fitted[1], rel=1e-6)
    assert (high[0] - low[0]) / 2 == pytest.approx(z * np.sqrt(cov[1, 1]), rel=1e-9)


@pytest.mark.parametrize("m", [1, 2, 5, 9])
def test_the_knots_solve_the_penalised_problem(m: int) -> None:
    rng = Streams(3).at("lasso", m).rng()
    A = rng.normal(size=(m, m + 2))
    B, q = A @ A.T / m, rng.normal(size=m)
    knots = flci._lasso(B, q)
    assert knots[-1] == pytest.approx(-np.linalg.solve(B, q))
    assert not knots[0].any()
    for c in knots:
        gradient = B @ c + q
        penalty = np.abs(gradient).max()
        held = np.abs(c) > 1e-10
        # Optimal for the penalty that its gradient implies: on the bound, against the sign.
        assert gradient[held] == pytest.approx(-penalty * np.sign(c[held]), abs=1e-9)
    assert (np.diff(np.abs(knots).sum(axis=1)) > -1e-12).all()


def test_a_larger_bound_gives_a_longer_interval() -> None:
    study = a_study(5, 3, 2)
    path = flci.path(study, second_differences(study), np.array([1.0, 0, 0]))
    low, high = flci.interval(path, np.array([0.0, 0.1, 0.3, 1.0, 5.0]))
    assert (np.diff(high - low) > 0).all()
