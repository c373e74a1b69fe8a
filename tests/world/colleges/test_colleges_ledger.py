"""Money: what one account gains another loses, in whole pence."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortia.world.colleges.ledger import OUTSIDE, Books, Posting, pence, post, split


def books(n: int = 3) -> Books:
    return Books(cash=np.zeros(n, dtype=np.int64), accounts=dict.fromkeys(OUTSIDE, 0))


@given(st.lists(st.integers(-(10**12), 10**12), min_size=3, max_size=3), st.integers(0, 10**12))
def test_every_posting_leaves_the_sum_at_zero(amounts: list[int], gift: int) -> None:
    after = post(
        books(),
        [
            Posting(flow="a", account="treasury", pence=np.array(amounts)),
            Posting(flow="b", account="sponsor", to="fund: x", pence=np.array([gift])),
        ],
    )
    assert after.total == 0
    assert after.cash.tolist() == amounts
    assert after.accounts["treasury"] == -sum(amounts)
    assert after.accounts["fund: x"] == gift


def test_a_fund_is_never_overdrawn() -> None:
    with pytest.raises(ValueError, match="overdrawn by 7 pence"):
        post(books(), [Posting(flow="grant", account="fund: x", pence=np.array([7, 0, 0]))])


def test_money_is_whole() -> None:
    with pytest.raises(ValueError, match="whole pence"):
        post(books(), [Posting(flow="a", account="staff", pence=np.array([0.5, 0, 0]))])  # type: ignore[arg-type]
    assert pence(1.005).dtype == np.int64
    assert pence(np.array([12.34, -0.5])).tolist() == [1234, -50]


@given(
    st.integers(0, 10**11),
    st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=12),
)
def test_split_is_exact_and_within_one_of_the_share(total: int, weight: list[float]) -> None:
    w = np.array(weight)
    key = np.arange(w.size, dtype=np.uint64) * 7919
    got = split(total, w, key)
    if w.sum() == 0 or total == 0:
        assert not got.any()
        return
    assert int(got.sum()) == total
    whole = sum(Fraction(x) for x in weight)
    for g, x in zip(got.tolist(), weight, strict=True):
        # Within one penny of the exact share (and the rounding of floats on large totals).
        assert abs(g - total * Fraction(x) / whole) <= 1 + total * 1e-14 * len(weight)


@given(st.integers(1, 999), st.permutations(list(range(6))))
def test_split_does_not_know_the_order(total: int, order: list[int]) -> None:
    w = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 0.3])
    key = np.array([9, 4, 7, 1, 3, 8], dtype=np.uint64)
    at = np.array(order)
    assert np.array_equal(split(total, w, key)[at], split(total, w[at], key[at]))
