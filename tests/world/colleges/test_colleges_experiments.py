"""Accounting of vacancies, metrics, the switches, refusals of a run."""

from dataclasses import fields, replace

import numpy as np
import pytest

from consortia.streams import Streams
from consortia.world.colleges import (
    METRICS,
    CollegeSector,
    Merger,
    SharedPool,
    Start,
    accounting,
    factorial,
    parameters,
    run,
)
from consortia.world.colleges.experiments import Accounting
from consortia.world.colleges.history import History
from consortia.world.colleges.sector import luck
from consortia.world.colleges.setting import spread


def test_accounting_adds_up(small: CollegeSector, small_start: Start) -> None:
    h = run(small, Streams(5), start=small_start)
    a = accounting(h)
    assert isinstance(a, Accounting)
    assert a.moves == h.by_college["moved_in"].sum(axis=0).mean()
    assert a.from_inside == pytest.approx(a.moves / (a.moves + a.entries))
    assert a.chain == pytest.approx((a.moves + a.entries) / a.entries)
    assert f"{a.chain:.2f}" in a.sentence
    # Every post that was empty in a year was filled by an entrant or a mover, or is empty at its
    # end (posts cut with someone in them aside).
    ended = h.by_college["moved_in"] + h.by_college["entered"] + h.by_college["vacancies"]
    assert (h.by_college["spells"] <= ended + 1e-9).mean() > 0.95
    assert np.abs(h.by_college["spells"] - ended).mean() < 0.05 * ended.mean()


def test_every_metric_is_kept_and_only_those(small: CollegeSector, small_start: Start) -> None:
    h = run(small, Streams(5), start=small_start)
    assert set(h.by_college) | set(h.sector) == set(METRICS)
    for name, m in METRICS.items():
        table = h.by_college if m.by == "college" else h.sector
        assert table[name].shape == ((10, 4) if m.by == "college" else (4,))
        assert m.unit
        assert m.does
    assert isinstance(h, History)
    assert "not England" in repr(h)
    assert np.isnan(h.survival(4))
    assert np.array_equal(h.surplus(), h.by_college["surplus"].mean(axis=1))


def test_surplus_is_the_sum_of_flows(small: CollegeSector, small_start: Start) -> None:
    spec = Merger(members=("C01", "C02"), saving=0.02)
    h = run(small, Streams(5), [spec], start=small_start)
    total = sum(f for name, f in h.flows.items() if name != "rescue")
    assert np.allclose(h.by_college["surplus"], total / 100)
    assert np.array_equal(
        np.diff(h.balances["colleges"]), sum(f.sum(axis=0) for f in h.flows.values())[1:]
    )
    assert (sum(h.balances.values()) == 0).all()
    # One-off cost in the first year, saving from then on.
    shared = h.flows["shared costs"]
    assert shared[1, 0] < 0 < shared[1, 1]
    assert not shared[3:].any()


def test_switches(small: CollegeSector) -> None:
    spec = SharedPool(members=tuple(small.region.college.tolist()))
    arms = factorial(small, Streams(5), [spec])
    assert len(arms) == 8
    base = run(small, Streams(5))
    assert np.array_equal(arms[True, True, False].by_college["staff"], base.by_college["staff"])
    # Without competition money does not follow learners.
    still = arms[False, True, False].flows["funding"]
    assert (still == still[:, :1]).all()
    moving = arms[True, True, False].flows["funding"]
    assert not (moving == moving[:, :1]).all()
    # Without autonomy recruitment is one pool already: a pool of all adds nothing.
    alone, pooled = arms[True, False, False], arms[True, False, True]
    assert abs(alone.mean("sector_vacancy_rate") - pooled.mean("sector_vacancy_rate")) < 0.002
    assert alone.mean("sector_vacancy_rate") < base.mean("sector_vacancy_rate")


def test_a_start_of_something_else_is_refused(small: CollegeSector, small_start: Start) -> None:
    assert luck(Streams(5)) != luck(Streams(6))
    with pytest.raises(ValueError, match="other streams"):
        run(small, Streams(6), start=small_start)
    other = replace(small, parameters=parameters().with_values({"staff.search": 0.2}))
    with pytest.raises(ValueError, match="another sector"):
        run(other, Streams(5), start=small_start)
    with pytest.raises(ValueError, match="year"):
        CollegeSector(region=small.region, years=0)
    with pytest.raises(ValueError, match="autonomy"):
        CollegeSector(region=small.region, autonomy=1.5)


def test_funding_and_pay_by_hand(small: CollegeSector, small_start: Start) -> None:
    h = run(small, Streams(5), start=small_start)
    p = parameters().money
    pay = np.exp(h.by_college["log_pay"]) * h.by_college["staff"] * p.salary * p.on_cost
    assert np.allclose(-h.flows["pay"], pay * 100, atol=1)
    hires = h.by_college["moved_in"] + h.by_college["entered"]
    assert np.array_equal(-h.flows["hiring"], (hires * p.hire_cost * 100).astype(int))
    agency = h.by_college["agency_posts"] * (1 + p.cover_premium) * p.salary * p.on_cost
    agency = agency * np.exp(h.by_college["log_pay"])
    assert np.allclose(-h.flows["agency"], agency * 100, atol=1)


def test_posts_follow_learners_by_five_per_cent_at_most(
    small: CollegeSector, small_start: Start
) -> None:
    h = run(small, Streams(5), start=small_start)
    posts = h.by_college["posts"]
    assert (np.abs(np.diff(posts, axis=1)) <= 0.05 * posts[:, :-1] + 1).all()
    total = np.array([7, 100, 3])
    shares = np.array([[0.2, 0.3, 0.5], [0.335, 0.335, 0.33], [1.0, 0.0, 0.0]])
    got = spread(total, shares)
    assert np.array_equal(got.sum(axis=1), total)
    assert (np.abs(got - total[:, None] * shares) < 1).all()
    assert {f.name for f in fields(small_start)} == {"world", "state"}
