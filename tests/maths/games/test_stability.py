"""Stability: published sizes, brute force over single moves, transfers, patience."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from consortia.maths.games.coalitions import members, sizes, sums
from consortia.maths.games.core import least_core
from consortia.maths.games.stability import (
    by_size,
    coalition_proof_payments,
    free_riding,
    patience,
    side_payments,
    stability,
    stable_sizes,
)
from consortia.maths.markets.rivalry import agreement_pay, cartel_pay


@pytest.mark.parametrize(("n", "sizes_"), [(2, (2,)), (3, ()), (5, ()), (10, ())])
def test_cournot_cartels(n: int, sizes_: tuple[int, ...]) -> None:
    assert stable_sizes(*cartel_pay(n)) == sizes_


@pytest.mark.parametrize("n", [3, 5, 10, 50])
def test_barretts_agreements(n: int) -> None:
    # Two or three sign, however many there are (Barrett 1994); at three staying in is a tie.
    assert stable_sizes(*agreement_pay(n)) == (2, 3)
    assert stable_sizes(*agreement_pay(n, benefit=3.0, cost=0.7)) == (2, 3)


@pytest.mark.parametrize("game", [cartel_pay, agreement_pay])
@pytest.mark.parametrize("n", [2, 3, 5])
def test_coalitions_of_equals_say_what_sizes_say(game, n: int) -> None:
    member, outsider = game(n)
    masks = np.arange(1 << n)
    inside = ((masks[:, None] >> np.arange(n)) & 1).astype(bool)
    k = sizes(n)
    pay = np.where(inside, member[k][:, None], outsider[k][:, None])
    # For these games one who signs alone is as good as nobody.
    pay[0] = pay[1, 1] if n > 1 else pay[0]
    found = stability(pay)
    assert found.sizes_of(found.stable) == stable_sizes(member, outsider)
    m, o = by_size(pay)
    np.testing.assert_allclose(m[1:], member[1:])
    np.testing.assert_allclose(o[1:-1], outsider[1:-1])


@settings(max_examples=50)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 5))
def test_by_looking_at_every_move(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    pay = rng.integers(0, 4, (1 << n, n)).astype(float)
    found = stability(pay)
    for S in range(1 << n):
        ins = members(S)
        stays = len(ins) < 2 or all(pay[S, i] >= pay[S & ~(1 << i), i] for i in ins)
        keeps_out = S == 0 or all(
            pay[S, j] >= pay[S | 1 << j, j] for j in range(n) if not S >> j & 1
        )
        could = len(ins) < 2 or sum(pay[S, i] for i in ins) >= sum(
            pay[S & ~(1 << i), i] for i in ins
        )
        assert found.internal[S] == stays
        assert found.external[S] == keeps_out
        assert found.potential[S] == could
        ride = free_riding(pay, S)
        for i in range(n):
            assert ride[i] == (pay[S & ~(1 << i), i] - pay[S, i] if i in ins else 0)
    with pytest.raises(ValueError, match="pay is"):
        stability(pay[:-1] if n > 1 else pay[:1])


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 6), least=st.sampled_from([0.0, 0.5]))
def test_side_payments_are_the_smallest(seed: int, n: int, least: float) -> None:
    gain = np.random.default_rng(seed).normal(0.3, 1, n)
    found = side_payments(gain, least)
    # The same by a linear programme: received r, paid p.
    programme = optimize.linprog(
        np.r_[np.ones(n), np.zeros(n)],
        A_ub=np.hstack([-np.eye(n), np.eye(n)]),
        b_ub=gain - least,
        A_eq=np.r_[np.ones(n), -np.ones(n)][None],
        b_eq=[0.0],
        bounds=(0, None),
    )
    if found is None:
        assert programme.status == 2
        assert gain.sum() < n * least
        return
    assert found.payment.sum() == pytest.approx(0, abs=1e-9)
    assert (found.after >= least - 1e-9).all()
    assert found.moved == pytest.approx(programme.fun, abs=1e-8)
    np.testing.assert_allclose(found.after, gain + found.payment)


def test_payments_that_no_coalition_can_better() -> None:
    rng = np.random.default_rng(2)
    v = rng.integers(0, 4, 32) + 2.0 * sizes(5) ** 2
    v[0] = 0.0
    core = least_core(v)
    got = np.array([v[-1], 0, 0, 0, 0])
    found = coalition_proof_payments(v, got, charge=max(core.epsilon, 0.0))
    assert found is not None
    assert (sums(found.after) >= v - max(core.epsilon, 0) - 1e-6).all()
    assert found.payment.sum() == pytest.approx(0, abs=1e-7)
    majority = (sizes(3) >= 2).astype(float)
    assert coalition_proof_payments(majority, np.full(3, 1 / 3)) is None
    fair = coalition_proof_payments(majority, np.full(3, 1 / 3), charge=1 / 3)
    assert fair is not None
    assert fair.moved == pytest.approx(0, abs=1e-6)


def test_prisoners_dilemma() -> None:
    # T = 5, R = 3, P = 1: (T - R) / (T - P) = 0.5.
    found = patience(np.array([2.0, 2.0]), np.array([2.0, 2.0]))
    assert found.alone == found.together == 0.5
    np.testing.assert_allclose(found.each, 0.5)


@settings(max_examples=50)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 6))
def test_patience_breaks_even(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    tempted, keeps = rng.normal(1, 1, n), rng.normal(1, 1, n)
    rho, trust = rng.random(2)
    found = patience(tempted, keeps, rho, trust)
    for g, s, d in zip(tempted, keeps, found.each, strict=True):
        worth = rho * trust * s
        if g <= 0:
            assert d == 0
        elif worth <= 0:
            assert d == 1
        else:
            assert g == pytest.approx(d / (1 - d) * worth)
    assert found.alone == found.each.max()
    # Transfers can only help those for whom it can hold at all.
    if found.alone < 1:
        assert found.together <= found.alone + 1e-12
    with pytest.raises(ValueError, match="chances"):
        patience(tempted, keeps, 1.5)
