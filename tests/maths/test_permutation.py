"""Assignments: that all there are come up, alike often, and nothing else."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from consortia.maths.permutation import (
    PathSums,
    Redrawn,
    Reference,
    by_block,
    by_provider,
    commonest,
    observed,
    reference,
)
from consortia.streams import Streams


def assigned(path, shuffle, who):
    movable = np.concatenate([p.members.ravel() for p in shuffle.pools])
    out = path.copy()
    out[movable] = shuffle.rest[path[movable]]
    out[who] = path[shuffle.holder]
    return tuple(out.tolist())


def test_all_distinct_assignments_once_and_draws_alike_often() -> None:
    path = np.array([0, 1, 2, 2, 2, 2, 1, 2])
    group = np.zeros(3, dtype=int)
    within = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    movable = np.array([True] * 7 + [False])
    shuffle = by_provider(path, group, within, movable)
    # Four places for paths 0 and 1 in the first part, three for path 1 in the second.
    assert shuffle.count(path) == 12 * 3
    every = [assigned(path, shuffle, who) for who in shuffle.every(path)]
    assert len(set(every)) == len(every) == 36
    assert tuple(path.tolist()) in every
    drawn = Counter(assigned(path, shuffle, who) for who in shuffle.draw(7200, Streams(1).rng()))
    assert set(drawn) == set(every)
    assert max(abs(n - 200) for n in drawn.values()) < 75
    assert all(a[7] == 2 for a in every)


def test_blocks_keep_their_patterns() -> None:
    path = np.array([0, 0, 1, 0, 1, 1, 2, 2, 2, 2, 2, 2])
    block = np.array([0, 0, 0, 1, 1, 2, -1, -1, -1, -1, -1, -1])
    shuffle, moving = by_block(
        path, np.zeros(3, dtype=int), np.zeros(12, dtype=int), np.ones(12, dtype=bool), block,
        Streams(4).rng(),
    )  # fmt: skip
    # Six others make one more block each of three, two and one.
    assert moving == 3
    assert shuffle.count(path) == 2 * 2 * 2
    every = [assigned(path, shuffle, who) for who in shuffle.every(path)]
    assert len(set(every)) == 8
    for a in every:
        assert sorted(a) == sorted(path.tolist())
        # The pattern 0, 0, 1 is either where it was or on one block of the others, whole.
        assert tuple(sorted(a[:3])) in ((0, 0, 1), (2, 2, 2))


def test_blocks_of_several_parts_move_to_their_like_only() -> None:
    within = np.array([0, 1, 0, 0, 1, 1, 0, 1, 1])
    path = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    block = np.array([0, 0, 1, 1, -1, -1, -1, -1, -1])
    shuffle, moving = by_block(
        path, np.zeros(2, dtype=int), within, np.ones(9, dtype=bool), block, Streams(4).rng()
    )
    for pool in shuffle.pools:
        makes = within[pool.members]
        assert (np.sort(makes, axis=1) == np.sort(makes[0])).all()
    # One provider of part 0 is free: shared between the makes, it completes neither.
    assert moving == 0
    more = np.append(within, [0, 0, 0, 0])
    shuffle, moving = by_block(
        np.append(path, [1] * 4), np.zeros(2, dtype=int), more, np.ones(13, dtype=bool),
        np.append(block, [-1] * 4), Streams(4).rng(),
    )  # fmt: skip
    assert moving == 2
    for pool in shuffle.pools:
        makes = np.sort(more[pool.members], axis=1)
        assert (makes == makes[0]).all()


def test_commonest_path_by_group() -> None:
    path = np.array([0, 1, 1, 2, 2, 3])
    movable = np.array([True, True, True, False, True, True])
    np.testing.assert_array_equal(commonest(path, np.array([0, 0, 1, 1]), movable), [1, 1, 2, 2])


def two_means() -> PathSums:
    """Difference of the means of two paths, as a rule."""
    y = np.random.default_rng(5).standard_normal(9)

    def rule(values, counts):
        total, size = values[..., 0], counts[..., 0]
        mean = total / size[:, :, None]
        sign = np.array([1.0, -1.0])
        c = (sign / size)[..., None]
        d = -(sign / size)[:, None, :] * mean.transpose(0, 2, 1)
        return mean[:, 0] - mean[:, 1], c, d[..., None]

    return PathSums(
        values=y[:, None, None], counts=np.ones((9, 1)), path=np.array([0] * 3 + [1] * 6),
        group=np.zeros(2, dtype=int), rows=np.arange(9), rule=rule,
    )  # fmt: skip


def test_p_value_of_a_difference_of_means() -> None:
    sums = two_means()
    shuffle = by_provider(sums.path, sums.group, np.zeros(9, dtype=int), np.ones(9, dtype=bool))
    found = reference(sums, shuffle, 99, Streams(1).rng())
    assert found.exact
    assert found.theta.shape[0] == 84
    y = sums.values[:, 0, 0]
    theta, psi = observed(sums)
    assert theta[0] == pytest.approx(y[:3].mean() - y[3:].mean())
    assert (psi**2).sum() == pytest.approx(y[:3].var() / 3 + y[3:].var() / 6, rel=1e-12)
    drawn = reference(sums, shuffle, 83, Streams(1).rng())
    assert not drawn.exact
    many = reference(sums, shuffle, 83, Streams(1).rng())
    assert many.p_value() == drawn.p_value()
    # The same in one piece or draw by draw.
    made = Redrawn(sums, shuffle)
    who = shuffle.draw(5, Streams(2).rng())
    whole, one = made.at(who), [made.at(w[None]) for w in who]
    np.testing.assert_allclose(whole[0], np.concatenate([o[0] for o in one]))
    np.testing.assert_allclose(whole[1], np.concatenate([o[1] for o in one]), atol=1e-14)


def test_nothing_is_rejected_by_a_constant() -> None:
    made = Reference(
        theta=np.zeros((99, 1)), square=np.zeros((99, 1, 1)), seen=np.zeros(1),
        seen_square=np.zeros((1, 1)), exact=False,
    )  # fmt: skip
    assert made.p_value() == 1.0
