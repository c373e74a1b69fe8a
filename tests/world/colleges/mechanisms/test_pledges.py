"""Pledges: what they are worth against enumeration, and what they come to."""

import itertools

import numpy as np
import pytest

from consortia.streams import Streams
from consortia.world.colleges import CollegeSector, embedded_region, parameters, run
from consortia.world.colleges.mechanisms import (
    Assurance,
    DominantAssurance,
    joined_up,
    learning,
    pledges,
    rule,
    staffing,
)
from consortia.world.colleges.mechanisms.pledges import worth_of_pledging
from consortia.world.colleges.mechanisms.rule import Invited


@pytest.mark.parametrize("others", [1, 3, 5])
@pytest.mark.parametrize("bonus", [0.0, 0.3])
def test_worth_against_every_profile_of_the_others(others: int, bonus: float) -> None:
    V, S = 1.7, 1.0
    for K in range(1, others + 3):
        for p in (0.0, 0.2, 0.7, 1.0):
            gain = 0.0
            for profile in itertools.product((0, 1), repeat=others):
                m = sum(profile)
                chance = p**m * (1 - p) ** (others - m)
                if m >= K:
                    yes, no = V - S, V
                elif m == K - 1:
                    yes, no = V - S, 0.0
                else:
                    yes, no = bonus, 0.0
                gain += chance * (yes - no)
            got = worth_of_pledging(others, K, np.array([p]), np.array([V]), S, bonus)
            assert got[0] == pytest.approx(gain, abs=1e-12), (K, p)


def test_with_a_bonus_pledging_is_dominant_when_all_are_needed() -> None:
    # K = N and V > S: whatever the others do (Tabarrok 1998).
    for p in np.linspace(0, 1, 11):
        assert worth_of_pledging(4, 5, np.array([p]), np.array([1.2]), 1.0, 0.1)[0] > 0
    # Without it, nobody pledges if nobody is believed to.
    assert worth_of_pledging(4, 5, np.array([0.0]), np.array([1.2]), 1.0, 0.0)[0] == 0


def seen(cost: float, trust: float = 0.4, n: int = 6) -> Invited:
    return Invited(
        year=0,
        invited=np.ones(n, dtype=np.bool_),
        joined=np.zeros(n, dtype=np.bool_),
        trust=np.full(n, trust),
        cost_of_vacancies=np.full(n, cost),
        learners=np.full(n, 1_000),
        luck=np.full(n, 0.5),
        parameters=parameters(),
    )


def test_all_or_nothing() -> None:
    spec = Assurance(threshold=4)
    joined, pledged = pledges.pledges(spec, seen(1e6))
    assert joined.all()
    assert pledged.all()
    joined, pledged = pledges.pledges(spec, seen(0.0))
    assert not joined.any()
    assert not pledged.any()


def test_a_failed_pledge_costs_the_sponsor_the_bonus_and_nobody_else() -> None:
    sector = CollegeSector(region=embedded_region(12), years=3, burn_in=2)
    five = sector.region.neighbours("College 003", 5)
    # Worth nothing, but the bonus is high: they pledge, it fails where too few do.
    spec = DominantAssurance(members=five, threshold=6, relief=0.0, bonus=6_000.0)
    h = run(sector, Streams(1), [spec])
    assert not h.joined["dominant-assurance"].any()
    bonus = h.flows["bonus"]
    assert bonus.sum() > 0
    assert set(np.unique(bonus)) <= {0, 600_000}
    assert np.array_equal(h.sector["sponsor"], bonus.sum(axis=0) / 100)
    assert "levy" not in h.flows
    # The exposure is never more than (K - 1) F.
    assert bonus.sum(axis=0).max() <= (6 - 1) * 600_000
    for module in (joined_up, learning, rule, staffing):
        assert module.__doc__
