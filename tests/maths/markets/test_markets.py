"""Formulas with known answers: published or recomputed figures, and each against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize

from consortia.maths.markets.pledges import Pledge, threshold_giving, volunteer
from consortia.maths.markets.rivalry import (
    cournot_profit,
    logit_markup,
    merger_gain,
    own_quality_elasticity,
    profitable_merger,
    salop_entry,
    salop_markup,
    salop_optimum,
    tullock_spend,
)
from consortia.maths.markets.training import grant_rate, private_training, sector_training
from consortia.maths.markets.turnover import (
    BurdettMortensen,
    chain_multiplier,
    search_intensity,
    supply_elasticity,
    urn_ball_filled,
)

# --- training ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("q", "level"), [(0, 0.25), (0.1, 0.2025), (0.3, 0.1225), (0.5, 0.0625)])
def test_training_falls_with_poaching(q: float, level: float) -> None:
    assert private_training(q, 0.5) == pytest.approx(level)
    # The first-order condition is that of the employer's gain.
    gain = optimize.minimize_scalar(
        lambda t: t - (1 - q) * (1 - 0.5) * 2 * np.sqrt(t), bounds=(1e-9, 2), method="bounded"
    )
    assert gain.x == pytest.approx(level, abs=1e-4)


def test_grant_brings_private_to_what_the_sector_wants() -> None:
    for q, beta, x in ((0.035, 0.5, 0.15), (0.3, 0.2, 0.1), (0.0, 0.0, 0.0)):
        s = grant_rate(q, beta, x)
        # With a grant of share s the cost of a unit is 1 - s: sqrt(t) = (1 - q)(1 - beta)/(1 - s).
        assert ((1 - q) * (1 - beta) / (1 - s)) ** 2 == pytest.approx(sector_training(x))
    assert private_training(0.3, 1.0) == private_training(0.0, 1.0) == 0  # Becker
    with pytest.raises(ValueError, match="everybody"):
        grant_rate(0.1, 0.5, 1.0)
    with pytest.raises(ValueError, match="share"):
        private_training(1.2, 0.5)


# --- posts, pay, moves ---------------------------------------------------------------------------

BM = {
    1: (0.5, 0.75, 0.5, 0.4167, 0.2787),
    2: (0.3333, 0.8889, 0.6667, 0.5185, 0.3932),
    5: (0.1667, 0.9722, 0.8333, 0.6019, 0.5349),
    10: (0.0909, 0.9917, 0.9091, 0.6336, 0.6209),
}


@pytest.mark.parametrize("k", BM)
def test_burdett_and_mortensen(k: int) -> None:
    m = BurdettMortensen(k=k)
    found = (m.out_of_work, m.top_wage, m.mean_earned, m.mean_offer, m.poached_share)
    np.testing.assert_allclose(found, BM[k], atol=5e-5)


@pytest.mark.parametrize(("k", "p", "b"), [(0.54, 1.0, 0.0), (3.0, 2.0, 0.5)])
def test_burdett_and_mortensen_against_their_equations(k: float, p: float, b: float) -> None:
    m = BurdettMortensen(k=k, p=p, b=b)
    w = np.linspace(b, m.top_wage, 20_001)
    F, G = m.offers(w), m.earned(w)
    assert F[0] == pytest.approx(0)
    assert F[-1] == pytest.approx(1)
    # Equal profit: (p - w) l(w) the same for every wage offered, l = 1 / (1 + k(1 - F))^2.
    profit = (p - w) / (1 + k * (1 - F)) ** 2
    np.testing.assert_allclose(profit, profit[0], rtol=1e-9)
    assert m.mean_earned == pytest.approx(m.top_wage - integrate.trapezoid(G, w), rel=1e-6)
    assert m.mean_offer == pytest.approx(m.top_wage - integrate.trapezoid(F, w), rel=1e-6)
    # Moves: offers k(1 - F) to the employed; outside hires replace losses, one each.
    moves = integrate.trapezoid(k * (1 - F), G)
    assert m.moves_per_outside_hire == pytest.approx(moves, rel=1e-6)
    with pytest.raises(ValueError, match="above"):
        BurdettMortensen(k=0)


def test_search_intensity_of_the_sector() -> None:
    k = search_intensity(0.035, 0.15)
    assert k == pytest.approx(0.54, abs=0.01)
    assert BurdettMortensen(k=k).moves_per_outside_hire == pytest.approx(0.035 / 0.15)
    with pytest.raises(ValueError, match="above zero"):
        search_intensity(0, 0.15)


def test_vacancy_chains_by_simulation() -> None:
    rng, p = np.random.default_rng(1), 0.19
    lengths = rng.geometric(1 - p, 200_000)  # a chain ends when filled from outside
    assert chain_multiplier(p) == pytest.approx(lengths.mean(), rel=0.005)
    with pytest.raises(ValueError, match="share"):
        chain_multiplier(1.0)


def test_urns_and_balls_by_simulation() -> None:
    rng = np.random.default_rng(2)
    A, V = 17_500, 20_000
    filled = np.unique(rng.integers(0, V, A)).size / V
    assert urn_ball_filled(A, V) == pytest.approx(filled, abs=0.01)
    assert supply_elasticity(-1.3) == pytest.approx(2.6)
    assert supply_elasticity(-1.3, 0.4) == pytest.approx(1.7)
    with pytest.raises(ValueError, match="vacancies"):
        urn_ball_filled(1, 0)


# --- rivals --------------------------------------------------------------------------------------


def test_salop() -> None:
    assert salop_entry(1, 0.01) == pytest.approx(10)
    assert salop_optimum(1, 0.01) == pytest.approx(5)
    # Free entry: profit t/n^2 - f is zero. Optimum: least travel t/(4n) and fixed cost n f.
    assert salop_markup(1, 10) / 10 == pytest.approx(0.01)
    best = optimize.minimize_scalar(lambda n: 1 / (4 * n) + 0.01 * n, bounds=(1, 50))
    assert best.x == pytest.approx(5, abs=1e-3)


@pytest.mark.parametrize(("n", "markup"), [(2, 2.0), (5, 1.25), (10, 10 / 9)])
def test_logit_markup(n: int, markup: float) -> None:
    assert logit_markup(n) == pytest.approx(markup)

    # The best price of one when the others charge the markup.
    def loss(price: float) -> float:
        share = np.exp(-price) / (np.exp(-price) + (n - 1) * np.exp(-markup))
        return -price * share

    best = optimize.minimize_scalar(loss, bounds=(0, 10), method="bounded")
    assert best.x == pytest.approx(markup, abs=1e-4)
    with pytest.raises(ValueError, match="two"):
        logit_markup(1)


def test_quality_elasticity_by_difference() -> None:
    q, a = np.array([1.0, 0.5, 2.0]), 1.5

    def share(x: np.ndarray) -> np.ndarray:
        e = np.exp(a * x)
        return e / e.sum()

    h = 1e-6
    for j in range(3):
        up = q.copy()
        up[j] *= 1 + h
        found = (np.log(share(up)[j]) - np.log(share(q)[j])) / np.log(1 + h)
        assert own_quality_elasticity(a, q, share(q))[j] == pytest.approx(found, rel=1e-4)


def test_tullock() -> None:
    each, total = tullock_spend(9, 1.0)
    assert total == pytest.approx(8 / 9)
    assert total == pytest.approx(0.89, abs=0.005)
    best = optimize.minimize_scalar(lambda m: m - m / (m + 8 * each), bounds=(0, 1))
    assert best.x == pytest.approx(each, abs=1e-4)


@pytest.mark.parametrize(("n", "least"), [(5, 5), (10, 9), (20, 17), (50, 45)])
def test_mergers_of_cournot_rivals(n: int, least: int) -> None:
    gains = {m: merger_gain(n, m) for m in range(2, n + 1)}
    bound = profitable_merger(n)
    assert min(m for m, g in gains.items() if g > 1e-12) == least
    assert all((g > 1e-12) == (m > bound + 1e-9) for m, g in gains.items())
    if n == 5:
        assert bound == pytest.approx(4.0)
        assert gains[4] == pytest.approx(0, abs=1e-15)
    assert cournot_profit(1) == 0.25
    with pytest.raises(ValueError, match="between"):
        merger_gain(3, 4)


# --- pledges -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "k", "cost", "roots"),
    [
        (10, 5, 0.1, (0.23435, 0.66931)),
        (10, 5, 0.2, (0.32815, 0.56499)),
        (20, 10, 0.1, (0.35195, 0.59756)),
        (10, 5, 0.9, ()),
    ],
)
def test_palfrey_and_rosenthal(n: int, k: int, cost: float, roots: tuple[float, ...]) -> None:
    found = threshold_giving(n, k, cost)
    assert len(found) == len(roots)
    np.testing.assert_allclose(found, roots, atol=5e-6)


def test_threshold_at_its_ends() -> None:
    # One is enough: p = 1 - c^(1/(n-1)), the volunteer's dilemma.
    assert threshold_giving(10, 1, 0.1) == pytest.approx((volunteer(10, 0.1)[0],))
    assert threshold_giving(3, 2, 0.5) == (0.5,)
    with pytest.raises(ValueError, match="need"):
        threshold_giving(3, 4, 0.5)


@pytest.mark.parametrize(
    ("n", "p", "nobody"),
    [(2, 0.9, 0.01), (5, 0.4377, 0.0562), (10, 0.2257, 0.0774), (50, 0.0459, 0.0954)],
)
def test_volunteers(n: int, p: float, nobody: float) -> None:
    found = volunteer(n, 0.1)
    np.testing.assert_allclose(found, (p, nobody), atol=5e-5)
    assert (1 - found[0]) ** n == pytest.approx(found[1])
    with pytest.raises(ValueError, match="two"):
        volunteer(1, 0.1)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_assurance_and_dominant_assurance(n: int) -> None:
    for k in range(1, n + 1):
        plain = Pledge(members=n, needed=k, value=3.0, stake=1.0)
        counts = {sum(e) for e in plain.equilibria()}
        # Exactly k pledge, or nobody does (when one alone cannot make it happen); also any number
        # that leaves each pledger short of mattering, since a failed pledge costs nothing.
        assert k in counts
        assert (0 in counts) == (k >= 2)
        assert all(c <= k for c in counts)
        bonus = Pledge(members=n, needed=k, value=3.0, stake=1.0, bonus=0.2)
        assert {sum(e) for e in bonus.equilibria()} == {k}
        assert bonus.is_dominant == (k == n)
        assert bonus.exposure == pytest.approx((k - 1) * 0.2)
    dear = Pledge(members=n, needed=n, value=1.0, stake=3.0, bonus=0.2)
    assert not dear.is_dominant


def test_pledge_pay_offs() -> None:
    p = Pledge(members=5, needed=3, value=10.0, stake=4.0, bonus=1.0)
    assert (p.pay(True, 4), p.pay(False, 4)) == (6.0, 10.0)  # enough without me
    assert (p.pay(True, 2), p.pay(False, 2)) == (6.0, 0.0)  # I decide
    assert (p.pay(True, 1), p.pay(False, 1)) == (1.0, 0.0)  # it fails either way
    with pytest.raises(ValueError, match="between one"):
        Pledge(members=3, needed=4, value=1, stake=1)
    with pytest.raises(ValueError, match="zero or more"):
        Pledge(members=3, needed=2, value=-1, stake=1)
    with pytest.raises(ValueError, match="at most"):
        Pledge(members=13, needed=2, value=1, stake=1).equilibria()
