"""Rosenbaum's bounds: his published example, and every sign counted out."""

import itertools

import numpy as np
import pytest
from scipy import stats

from consortia.maths.signed_rank import gamma_at, signed_rank, upper_p
from consortia.streams import Streams

# Lead in the blood of 33 children whose fathers worked with lead, and of their neighbours' children
# (Morton et al. 1982; Rosenbaum 2002, section 4.3.3).
EXPOSED = (38, 23, 41, 18, 37, 36, 23, 62, 31, 34, 24, 14, 21, 17, 16, 20, 15, 10, 45, 39, 22, 35,
           49, 48, 44, 35, 43, 39, 34, 13, 73, 25, 27)  # fmt: skip
CONTROL = (16, 18, 18, 24, 19, 11, 10, 15, 16, 18, 18, 13, 19, 10, 16, 16, 24, 13, 9, 14, 21, 19,
           7, 18, 19, 12, 11, 22, 25, 16, 13, 11, 13)  # fmt: skip


@pytest.mark.parametrize(
    ("gamma", "published"),
    [(2.0, 0.0018), (3.0, 0.0136), (4.0, 0.0388), (4.25, 0.0468), (5.0, 0.0740)],
)
def test_lead_as_published(gamma: float, published: float) -> None:
    s = signed_rank(np.array(EXPOSED) - np.array(CONTROL, dtype=float))
    assert s.T == 527
    assert upper_p(s, gamma, exact=False) == pytest.approx(published, abs=5e-5)
    assert upper_p(s, 1.0, exact=False) < 1e-4


@pytest.mark.parametrize("gamma", [1.0, 1.7, 4.0])
@pytest.mark.parametrize("d", [(1.5, -0.3, 2.0, 0.7, -1.1, 0.9), (1.0, 1.0, -1.0, 2.0, 0.0, 3.0)])
def test_counted_out_by_brute_force(d: tuple[float, ...], gamma: float) -> None:
    s = signed_rank(np.array(d))
    chance = gamma / (1 + gamma)
    total = 0.0
    for signs in itertools.product((0, 1), repeat=s.ranks.size):
        if np.array(signs) @ s.ranks >= s.T - 1e-9:
            total += chance ** sum(signs) * (1 - chance) ** (s.ranks.size - sum(signs))
    assert upper_p(s, gamma) == pytest.approx(total, abs=1e-12)


def test_without_hidden_bias_it_is_wilcoxons_test() -> None:
    d = Streams(1).at("d").rng().normal(0.3, 1.0, size=25)
    known = stats.wilcoxon(d, alternative="greater", method="exact").pvalue
    assert upper_p(signed_rank(d), 1.0) == pytest.approx(known, abs=1e-12)


def test_gamma_is_where_the_test_stops_rejecting() -> None:
    s = signed_rank(np.array(EXPOSED) - np.array(CONTROL, dtype=float))
    gamma = gamma_at(s, 0.05)
    assert upper_p(s, gamma) == pytest.approx(0.05, abs=1e-5)
    assert 4 < gamma < 5
    assert gamma_at(signed_rank(np.array([-1.0, -2.0, -3.0, 0.5])), 0.05) == 0.0
    assert gamma_at(signed_rank(np.arange(1.0, 200.0)), 0.05, most=3.0) == 3.0
    assert upper_p(signed_rank(np.zeros(4)), 1.0) == 1.0
    with pytest.raises(ValueError, match="no hidden bias"):
        upper_p(s, 0.5)


def test_the_normal_limit_agrees_with_counting() -> None:
    s = signed_rank(Streams(2).at("many").rng().normal(0.4, 1.0, size=60))
    for gamma in (1.0, 1.5, 2.5):
        assert upper_p(s, gamma, exact=False) == pytest.approx(upper_p(s, gamma), abs=0.004)
