"""The closed form of the test against the test written out, published numbers, and its limits."""

from __future__ import annotations

import by_hand
import numpy as np
import pytest
from scipy import stats

from consortia.maths.honest import hybrid
from consortia.maths.honest.sets import EventStudy, first_differences, second_differences
from consortia.streams import Streams

SIZE, FIRST = 0.05, 0.005


def a_study(Q: int, P: int, seed: int, times: tuple[int, ...] = ()) -> EventStudy:
    rng = Streams(seed).at("event-study").rng()
    A = rng.normal(size=(Q + P, Q + P + 3))
    return EventStudy(
        beta=rng.normal(size=Q + P),
        V=A @ A.T / (Q + P + 3) / 4,
        times=np.array(times or [*range(-Q - 1, -1), *range(P)]),
        reference=-1,
    )


def a_target(P: int, seed: int) -> np.ndarray:
    whole = Streams(seed).at("target").rng().normal(size=P)
    return [np.eye(P)[0], np.full(P, 1 / P), whole][seed % 3]


CASES = [(1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (4, 2)]


@pytest.mark.parametrize("kind", ["first", "second"])
@pytest.mark.parametrize(("Q", "P"), CASES)
def test_every_piece_decides_as_the_test_written_out(Q: int, P: int, kind: str) -> None:
    decided: list[bool] = []
    for seed in range(3):
        study = a_study(Q, P, seed)
        rows = first_differences(study) if kind == "first" else second_differences(study)
        if rows.before.shape[0] == 0:
            assert (Q, kind) == (1, "second")
            return
        target = a_target(P, seed)
        multiples = np.array([0.3, 1.0, 2.5])
        pieces = hybrid.relative(study, rows, target, multiples)
        critical = hybrid.least_favourable(pieces, FIRST)
        spread = 3 * np.sqrt(pieces.a) + pieces.W * np.abs(pieces.v).max()
        theta = pieces.x + spread * np.linspace(-2, 2, 21)
        grid = np.broadcast_to(pieces.x - theta, (*critical.shape, theta.size))
        ours = hybrid.hybrid_test(pieces).accepts(grid)
        v = np.concatenate([rows.before, -rows.before])
        for i, k in enumerate(multiples.tolist()):
            for j in range(v.shape[0]):
                A, d = by_hand.moments(study, rows, v[j], k)
                theirs = by_hand.accepted(
                    study, A, d, target, theta, float(critical[i, j]), SIZE, FIRST
                )
                assert ours[i, j].tolist() == theirs
                decided += theirs
    assert 0.1 < np.mean(decided) < 0.9


def test_a_bound_given_outright_decides_as_the_test_written_out() -> None:
    for seed in range(3):
        study = a_study(2, 3, seed)
        rows, target = second_differences(study), a_target(3, seed)
        pieces = hybrid.absolute(study, rows, target, np.array([0.4]))
        critical = hybrid.least_favourable(pieces, FIRST)
        theta = pieces.x + np.linspace(-4, 4, 41) * np.sqrt(pieces.a)
        ours = hybrid.hybrid_test(pieces).accepts(pieces.x - theta[None, None, :])[0, 0]
        A, d = by_hand.moments(study, rows, np.zeros(5), 0.4, constant=1.0)
        theirs = by_hand.accepted(study, A, d, target, theta, float(critical[0, 0]), SIZE, FIRST)
        assert ours.tolist() == theirs
        assert 0 < sum(theirs) < 41


@pytest.mark.parametrize(("Q", "P"), [(1, 1), (2, 3), (4, 2)])
def test_least_favourable_values_against_simulation(Q: int, P: int) -> None:
    study, target = a_study(Q, P, Q), a_target(P, P)
    rows = first_differences(study)
    pieces = hybrid.relative(study, rows, target, np.array([0.5, 2.0]))
    v = np.concatenate([rows.before, -rows.before])
    for size in (0.005, 0.05):
        ours = hybrid.least_favourable(pieces, size)
        for i, k in enumerate((0.5, 2.0)):
            A, _ = by_hand.moments(study, rows, v[-1], k)
            rng = Streams(5).at("least-favourable", Q, P).rng()
            drawn = by_hand.least_favourable(A, study.V, target, size, rng)
            assert ours[i, -1] == pytest.approx(drawn, rel=0.015)


def test_without_drift_it_is_the_plain_interval() -> None:
    study, target = a_study(3, 2, 8), np.array([0.5, 0.5])
    se = np.sqrt(target @ study.V[3:, 3:] @ target)
    for level in (0.9, 0.95):
        z = stats.norm.ppf(0.5 + level / 2)
        pieces = hybrid.relative(study, first_differences(study), target, np.zeros(1))
        low, high = hybrid.interval(pieces, level)
        assert low[0] == pytest.approx(target @ study.beta[3:] - z * se, abs=1e-9)
        assert high[0] == pytest.approx(target @ study.beta[3:] + z * se, abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_the_ends_are_where_a_dense_grid_finds_them(seed: int) -> None:
    study, target = a_study(3, 3, seed), a_target(3, seed)
    pieces = hybrid.relative(study, first_differences(study), target, np.array([0.5, 1.5]))
    low, high = hybrid.interval(pieces)
    test = hybrid.hybrid_test(pieces)
    for i in range(2):
        wide = high[i] - low[i]
        theta = np.linspace(low[i] - wide, high[i] + wide, 6001)
        grid = np.broadcast_to(pieces.x - theta, (2, pieces.v.size, theta.size))
        inside = theta[test.accepts(grid)[i].any(axis=0)]
        step = theta[1] - theta[0]
        assert -1e-9 <= inside[0] - low[i] <= step * 1.001
        assert -1e-9 <= high[i] - inside[-1] <= step * 1.001


def test_holding_a_value_is_lying_between_the_ends() -> None:
    for seed in range(4):
        study, target = a_study(3, 3, seed), a_target(3, seed)
        pieces = hybrid.relative(study, first_differences(study), target, np.array([0.5, 1.5]))
        low, high = hybrid.interval(pieces)
        for i in range(2):
            wide = high[i] - low[i]
            for value in (low[i] - 1e-3 * wide, low[i] + 1e-3 * wide, (low[i] + high[i]) / 2,
                          high[i] - 1e-3 * wide, high[i] + 1e-3 * wide):  # fmt: skip
                assert hybrid.holds(pieces, value)[i] == (low[i] <= value <= high[i])


def test_units_do_not_matter_and_a_larger_multiple_gives_a_wider_interval() -> None:
    study, target = a_study(3, 3, 4), np.full(3, 1 / 3)
    multiples = np.array([0.0, 0.5, 1.0, 2.0, 4.0])
    low, high = hybrid.interval(hybrid.relative(study, first_differences(study), target, multiples))
    assert (np.diff(low) < 0).all()
    assert (np.diff(high) > 0).all()
    scaled = EventStudy(beta=-1000 * study.beta, V=1e6 * study.V, times=study.times, reference=-1)
    other_low, other_high = hybrid.interval(
        hybrid.relative(scaled, first_differences(scaled), target, multiples)
    )
    assert other_low == pytest.approx(-1000 * high, rel=1e-7)
    assert other_high == pytest.approx(-1000 * low, rel=1e-7)


def test_nothing_before_to_measure_by_is_refused() -> None:
    study = a_study(1, 2, 1)
    with pytest.raises(ValueError, match="no difference before"):
        hybrid.relative(study, second_differences(study), np.ones(2), np.ones(1))
