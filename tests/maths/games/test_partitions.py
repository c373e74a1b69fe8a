"""Partition functions: Bell numbers, games from them, the axioms of the values, Cournot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortia.maths.games.coalitions import members
from consortia.maths.games.partitions import (
    apart,
    externality_free,
    from_payoffs,
    myerson,
    optimistic,
    partitions,
    pessimistic,
    rest_apart,
    rest_together,
    together,
)
from consortia.maths.games.shapley import shapley


def cournot(n: int) -> dict:
    """Groups are Cournot rivals with linear demand: a group earns 1 / (groups + 1)^2."""
    return {(S, P): 1.0 / (len(P) + 1) ** 2 for P in partitions(n) for S in P}


def noise(seed: int, n: int) -> dict:
    rng = np.random.default_rng(seed)
    return {(S, P): float(rng.normal()) for P in partitions(n) for S in P}


@pytest.mark.parametrize(("n", "bell"), [(1, 1), (2, 2), (3, 5), (4, 15), (5, 52), (8, 4140)])
def test_partitions_are_all_there(n: int, bell: int) -> None:
    found = list(partitions(n))
    assert len(found) == len(set(found)) == bell
    for P in found:
        assert sum(P) == (1 << n) - 1
        assert sorted(i for S in P for i in members(S)) == list(range(n))


def test_cournot_games() -> None:
    worth = cournot(4)
    gamma, delta = rest_apart(worth, 4), rest_together(worth, 4)
    assert gamma[0b0001] == pytest.approx(1 / 25)  # four rivals
    assert gamma[0b0011] == pytest.approx(1 / 16)  # three rivals
    assert delta[0b0001] == pytest.approx(1 / 9)  # two
    assert gamma[-1] == delta[-1] == pytest.approx(1 / 4)
    np.testing.assert_allclose(pessimistic(worth, 4), gamma)
    np.testing.assert_allclose(optimistic(worth, 4), delta)
    np.testing.assert_allclose(externality_free(worth, 4), 1 / 16)
    np.testing.assert_allclose(myerson(worth, 4), 1 / 16)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 5))
def test_bracket_holds_both(seed: int, n: int) -> None:
    worth = noise(seed, n)
    low, high = pessimistic(worth, n), optimistic(worth, n)
    for v in (rest_apart(worth, n), rest_together(worth, n)):
        assert (v >= low).all()
        assert (v <= high).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 5))
def test_values_are_shapley_without_externalities(seed: int, n: int) -> None:
    v = np.random.default_rng(seed).normal(size=1 << n)
    v[0] = 0.0
    worth = {(S, P): float(v[S]) for P in partitions(n) for S in P}
    np.testing.assert_allclose(myerson(worth, n), shapley(v), atol=1e-9)
    np.testing.assert_allclose(externality_free(worth, n), shapley(v), atol=1e-12)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 5))
def test_values_share_out_everything_and_follow_names(seed: int, n: int) -> None:
    worth = noise(seed, n)
    everybody = (1 << n) - 1
    swap = list(range(n))
    swap[0], swap[1] = 1, 0

    def renamed(S: int) -> int:
        return sum(1 << swap[i] for i in members(S))

    other = {(renamed(S), tuple(sorted(map(renamed, P)))): x for (S, P), x in worth.items()}
    for value in (myerson, externality_free):
        assert value(worth, n).sum() == pytest.approx(worth[everybody, (everybody,)], abs=1e-9)
        np.testing.assert_allclose(value(other, n), value(worth, n)[swap], atol=1e-9)


def test_myerson_on_a_carrier() -> None:
    # Player 2 matters only by whom the others are with: his value is what carriers leave, zero.
    n = 3
    base = noise(3, 2)

    def without(P: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(b for b in (S & 0b11 for S in P) if b))

    worth = {
        (S, P): (base[S & 0b11, without(P)] if S & 0b11 else 0.0) for P in partitions(n) for S in P
    }
    found = myerson(worth, n)
    assert found[2] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(found[:2], myerson(base, 2), atol=1e-12)


def test_from_payoffs_and_structures() -> None:
    pay = {P: np.arange(3.0) + len(P) for P in partitions(3)}
    worth = from_payoffs(pay)
    assert worth[0b101, (0b010, 0b101)] == pytest.approx(0 + 2 + 2 * 2)
    assert apart(0b011, 4) == (0b0011, 0b0100, 0b1000)
    assert together(0b011, 4) == (0b0011, 0b1100)
    assert together(0b1111, 4) == (0b1111,)


def test_what_is_missing_is_said() -> None:
    with pytest.raises(KeyError):
        rest_apart({(1, (1,)): 0.0}, 2)
    with pytest.raises(KeyError, match="no partition"):
        pessimistic({(1, (1,)): 0.0}, 2)
    with pytest.raises(ValueError, match="too many"):
        partitions(10)
