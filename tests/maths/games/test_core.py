"""Least core and nucleolus: another program, the Talmud, Kohlberg's criterion, full programmes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from consortia.maths.games.coalitions import (
    incidence,
    is_convex,
    is_superadditive,
    mask_of,
    members,
    sizes,
    sums,
)
from consortia.maths.games.core import in_core, least_core, nucleolus
from consortia.maths.games.shapley import shapley

REFERENCE = Path(__file__).resolve().parents[2] / "reference" / "coopgame.json"
GAMES = json.loads(REFERENCE.read_text(encoding="utf-8"))["games"]


@pytest.mark.parametrize("game", GAMES, ids=lambda g: g["name"])
def test_against_another_program(game: dict) -> None:
    v = np.array(game["v"])
    found = least_core(v)
    assert found.epsilon == pytest.approx(game["epsilon"], abs=1e-8)
    assert found.core_is_empty == (not game["core"])
    np.testing.assert_allclose(shapley(v), game["shapley"], atol=1e-9)
    np.testing.assert_allclose(
        nucleolus(v, individually_rational=False), game["prenucleolus"], atol=1e-8
    )
    assert is_convex(v) == game["convex"]
    assert is_superadditive(v) == game["superadditive"]
    if game["nucleolus"] is None:
        with pytest.raises(ValueError, match="too small"):
            nucleolus(v)
        return
    np.testing.assert_allclose(nucleolus(v), game["nucleolus"], atol=1e-8)
    np.testing.assert_allclose(nucleolus(v, per_capita=True), game["per_capita"], atol=1e-8)


def test_the_reference_holds_games_of_every_shape() -> None:
    assert sum(g["core"] for g in GAMES) >= 5
    assert sum(not g["core"] for g in GAMES) >= 5
    assert any(g["nucleolus"] is None for g in GAMES)
    assert any(g["convex"] for g in GAMES)


@pytest.mark.parametrize(
    ("estate", "shares"),
    [(100, (100 / 3,) * 3), (200, (50, 75, 75)), (300, (50, 100, 150))],
)
def test_the_talmud(estate: int, shares: tuple[float, ...]) -> None:
    # Three widows claim 100, 200 and 300 (Aumann & Maschler 1985).
    v = np.maximum(0.0, estate - sums(np.array([100.0, 200.0, 300.0]))[::-1])
    v[0] = 0.0
    np.testing.assert_allclose(nucleolus(v), shares, atol=1e-10)
    assert is_convex(v)
    assert in_core(v, nucleolus(v))


def lexicographic(v: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.sort((v - sums(x))[1:-1])[::-1]


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 6))
def test_nucleolus_by_kohlberg(seed: int, n: int) -> None:
    """Every set of coalitions with excess at or above a level is balanced (Kohlberg 1971)."""
    rng = np.random.default_rng(seed)
    v = rng.integers(0, 20, 1 << n).astype(float)
    v[0] = 0.0
    x = nucleolus(v, individually_rational=False)
    assert x.sum() == pytest.approx(v[-1], abs=1e-9)
    excess = (v - sums(x))[1:-1]
    rows = incidence(n)[1:-1]
    for level in np.unique(excess.round(7)):
        chosen = rows[excess >= level - 1e-6]
        # Balanced: positive weights on all of them with the weighted sum of members one for each.
        found = optimize.linprog(
            np.r_[np.zeros(len(chosen)), -1.0],
            A_ub=np.column_stack([-np.eye(len(chosen)), np.ones(len(chosen))]),
            b_ub=np.zeros(len(chosen)),
            A_eq=np.column_stack([chosen.T, np.zeros(n)]),
            b_eq=np.ones(n),
            bounds=[(0, None)] * len(chosen) + [(None, 1.0)],
        )
        assert found.status == 0
        assert -found.fun > 1e-9


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 7), per_capita=st.booleans())
def test_least_core_is_that_of_the_full_programme(seed: int, n: int, per_capita: bool) -> None:
    rng = np.random.default_rng(seed)
    v = rng.normal(size=1 << n) * 10.0 ** rng.integers(-3, 7)
    v[0] = 0.0
    w = sizes(n)[1:-1] if per_capita else np.ones((1 << n) - 2)
    full = optimize.linprog(
        np.r_[np.zeros(n), 1.0],
        A_ub=np.column_stack([-incidence(n)[1:-1], -w]),
        b_ub=-v[1:-1],
        A_eq=np.r_[np.ones(n), 0.0][None],
        b_eq=[v[-1]],
        bounds=(None, None),
    )
    found = least_core(v, per_capita=per_capita)
    scale = np.abs(v).max()
    assert found.epsilon == pytest.approx(full.fun, abs=1e-6 * scale)
    assert ((sums(found.payment) + np.r_[0, w, 0] * found.epsilon - v)[1:-1] >= -1e-7 * scale).all()


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 6))
def test_nucleolus_is_in_a_core_that_is_not_empty(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    v = rng.integers(0, 5, 1 << n) + 2.0 * sizes(n) ** 2
    v[0] = 0.0
    x = nucleolus(v, individually_rational=False)
    if not least_core(v).core_is_empty:
        assert in_core(v, x, 1e-8)
    # No better than the nucleolus: any other payment has larger excesses first.
    for _ in range(20):
        other = x + rng.normal(size=n)
        other += (v[-1] - other.sum()) / n
        a, b = lexicographic(v, x), lexicographic(v, other)
        differ = np.flatnonzero(np.abs(a - b) > 1e-7)
        assert differ.size == 0 or a[differ[0]] < b[differ[0]]


def test_many_players_are_quick() -> None:
    rng = np.random.default_rng(5)
    v = rng.integers(0, 50, 1 << 14) + 3.0 * sizes(14) ** 2
    v[0] = 0.0
    x = nucleolus(v)
    assert x.sum() == pytest.approx(v[-1])
    assert (v - sums(x))[1:-1].max() == pytest.approx(least_core(v).epsilon, abs=1e-7)


def test_one_and_two_players() -> None:
    assert least_core(np.array([0.0, 5.0])).epsilon == 0.0
    assert nucleolus(np.array([0.0, 5.0])) == pytest.approx([5.0])
    np.testing.assert_allclose(nucleolus(np.array([0.0, 1.0, 3.0, 10.0])), [4.0, 6.0])


def test_what_is_no_game_is_refused() -> None:
    for v in (np.zeros(3), np.array([1.0, 2.0]), np.array([0.0, np.nan]), np.zeros((2, 2))):
        with pytest.raises(ValueError, match="worth"):
            least_core(v)
    with pytest.raises(ValueError, match="sample"):
        least_core(np.zeros(1 << 21))


def test_masks() -> None:
    assert members(0b1011) == (0, 1, 3)
    assert mask_of((3, 0, 1)) == 0b1011
    assert sums(np.array([1.0, 10.0, 100.0])).tolist() == [0, 1, 10, 11, 100, 101, 110, 111]
    with pytest.raises(ValueError, match="14"):
        is_superadditive(np.zeros(1 << 15))
