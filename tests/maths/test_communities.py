"""Greedy modularity: the karate club's published value, cliques, the size limit."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from consortia.maths.communities import greedy_modularity, modularity

# Zachary (1977), 34 members, 78 friendships; members from 1.
KARATE = {
    1: (2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 18, 20, 22, 32),
    2: (3, 4, 8, 14, 18, 20, 22, 31),
    3: (4, 8, 9, 10, 14, 28, 29, 33),
    4: (8, 13, 14), 5: (7, 11), 6: (7, 11, 17), 7: (17,), 9: (31, 33, 34), 10: (34,), 14: (34,),
    15: (33, 34), 16: (33, 34), 19: (33, 34), 20: (34,), 21: (33, 34), 23: (33, 34),
    24: (26, 28, 30, 33, 34), 25: (26, 28, 32), 26: (32,), 27: (30, 34), 28: (34,), 29: (32, 34),
    30: (33, 34), 31: (33, 34), 32: (33, 34), 33: (34,),
}  # fmt: skip


def karate() -> np.ndarray:
    W = np.zeros((34, 34))
    for i, others in KARATE.items():
        for j in others:
            W[i - 1, j - 1] = W[j - 1, i - 1] = 1.0
    assert W.sum() == 2 * 78
    return W


def test_karate_club() -> None:
    # Newman (2004) and Clauset, Newman & Moore (2004): 0.381 in three groups.
    W = karate()
    label = greedy_modularity(W)
    assert modularity(W, label) == pytest.approx(0.381, abs=0.0005)
    assert label.max() == 2
    assert label[0] != label[33]


def test_cliques_and_the_limit() -> None:
    W = np.zeros((12, 12))
    for block in (range(4), range(4, 8), range(8, 12)):
        for i, j in combinations(block, 2):
            W[i, j] = W[j, i] = 1.0
    W[3, 4] = W[4, 3] = W[7, 8] = W[8, 7] = 0.1
    assert greedy_modularity(W).tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert np.bincount(greedy_modularity(W, most=2)).max() == 2
    assert greedy_modularity(np.zeros((3, 3))).tolist() == [0, 1, 2]


def test_modularity_by_its_definition() -> None:
    W, label = karate(), np.arange(34) % 3
    k, m2 = W.sum(axis=1), W.sum()
    by_pairs = sum(
        W[i, j] - k[i] * k[j] / m2 for i in range(34) for j in range(34) if label[i] == label[j]
    )
    assert modularity(W, label) == pytest.approx(by_pairs / m2)


def test_what_is_no_network_is_refused() -> None:
    for bad in (np.eye(2), np.array([[0.0, 1.0], [0.5, 0.0]]), -np.ones((2, 2)) + np.eye(2)):
        with pytest.raises(ValueError, match="symmetric"):
            greedy_modularity(bad)
