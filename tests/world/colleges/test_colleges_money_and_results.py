"""Funding, training and outcomes, step by step and by hand."""

from dataclasses import replace

import numpy as np
import pytest

from consortia.streams import Streams
from consortia.world.colleges import (
    CollegeSector,
    LevyGrant,
    Start,
    funding,
    outcomes,
    parameters,
    run,
    training,
)
from consortia.world.colleges.mechanisms import terms
from consortia.world.colleges.people import nobody
from consortia.world.colleges.schedule import with_terms
from consortia.world.colleges.setting import membership_state


def test_a_rescue_comes_after_years_of_debt(small_start: Start) -> None:
    w, state = small_start.world, small_start.state
    income, running = state["income"], state["running"]
    deep = np.arange(w.n) == 2
    books = replace(state["books"], cash=np.where(deep, -(income // 9), 0))
    years = np.zeros(w.n, dtype=np.int64)
    for t in range(3):
        years, less, cut, (grant,) = funding.rescue(w, t, books, income, running, years)
        assert cut.any() == (t == 2)
    assert np.array_equal(cut, deep)
    assert grant.account == "treasury"
    assert np.array_equal(grant.pence, np.where(deep, income // 9, 0))
    assert less[2] == running[2] - round(0.03 * int(income[2]))
    assert np.array_equal(np.delete(less, 2), np.delete(running, 2))
    assert not years.any()
    # A little debt is nobody's business.
    shallow = replace(books, cash=np.where(deep, -(income // 20), 0))
    assert not funding.rescue(w, 0, shallow, income, running, years)[0].any()


def test_pay_answers_shortage_unless_in_debt(small_start: Start) -> None:
    w, state = small_start.world, small_start.state
    p = w.p.staff
    short = state["posts"] // 10
    cash = np.where(np.arange(w.n) == 1, -1, 0)
    args = (state["learners_before"], state["posts"], w.usual_pay, short)
    cut = np.zeros(w.n, dtype=np.bool_)
    books = replace(state["books"], cash=cash)
    joined = np.zeros((0, w.n), dtype=np.bool_)
    _, _, pay, _ = funding.fund(w, 3, *args, books, cut, joined)
    rate = short.sum(axis=1) / state["posts"].sum(axis=1)
    want = w.usual_pay + p.pay_response * (rate - w.p.outcomes.usual_vacancies)
    want[1] = w.usual_pay[1]
    assert np.allclose(pay, want)
    alone = replace(w, sector=replace(w.sector, autonomy=0.0))
    assert np.allclose(funding.fund(alone, 3, *args, books, cut, joined)[2], w.usual_pay)


def test_what_a_teacher_is_worth(small_start: Start) -> None:
    w, state = small_start.world, small_start.state
    spared, drawn = funding.worth_of_a_teacher(w, np.zeros(w.n), w.posts[:, None])
    # 34,500 x 1.25 x three fifths x one quarter.
    assert np.allclose(spared, 6_468.75)
    assert (drawn > 0).all()
    off = replace(w, sector=replace(w.sector, competition=0.0))
    assert not funding.worth_of_a_teacher(off, np.zeros(w.n), w.posts[:, None])[1].any()
    assert state["posts"].shape[0] == w.n


def test_trainees_begin_where_the_fund_pays_and_posts_are_empty(small: CollegeSector) -> None:
    spec = LevyGrant(members=("C03", "C07"), rate=0.02)
    h = run(small, Streams(5), [spec])
    trained = h.by_college["trainees"]
    assert trained[[3, 7]].sum() > 0
    assert not np.delete(trained, [3, 7], axis=0).any()
    short = h.by_college["vacancies"][[3, 7], 0]
    if short.sum():
        share = short / short.sum() * trained[[3, 7], 0].sum()
        assert (np.abs(trained[[3, 7], 0] - share) < 1).all()


def test_new_trainees_are_new_people_at_home_near_their_college(small_start: Start) -> None:
    region = small_start.world.sector.region
    spec = LevyGrant(members=("C03", "C07"))
    w = with_terms(small_start.world, terms([spec], region))
    many = np.zeros(w.n, dtype=np.int64)
    many[[3, 7]] = 400, 200
    vacancies = np.zeros((w.n, 5), dtype=np.int64)
    vacancies[3] = 3, 1, 0, 0, 0
    new = training._new(w, 8, 0, many, vacancies, small_start.state["posts"])
    assert new.size == 600 == np.unique(new.id).size
    assert (new.ready == 8 + w.p.money.train_years).all()
    assert set(region.around[new.zone]) == {3, 7}
    first = region.around[new.zone] == 3
    assert first.sum() == 400
    share = np.bincount(new.subject[first], minlength=5) / 400
    assert np.allclose(share, [0.75, 0.25, 0, 0, 0], atol=0.08)
    # The other has no vacancy: by its posts.
    posts = small_start.state["posts"][7]
    share = np.bincount(new.subject[~first], minlength=5) / 200
    assert np.allclose(share, posts / posts.sum(), atol=0.12)
    assert nobody().and_then(new) is not new
    assert new.and_then(nobody()) is new
    assert membership_state(w)["joined"].shape == (1, w.n)


def test_achievement_by_hand(small: CollegeSector, small_start: Start) -> None:
    quiet = replace(
        small, parameters=parameters().with_values({"outcomes.noise": 0.0}, wide=True), years=2
    )
    h = run(quiet, Streams(5))
    from consortia.world.colleges.setting import world

    w = world(quiet, Streams(5))
    o = w.p.outcomes
    rest = h.by_college["achievement"] - o.level - o.quality * h.by_college["quality"]
    rest = rest - o.leadership * w.leadership[:, None]
    # What is left is the deprivation of its learners: a mean of standard normals, times -1.5.
    assert np.abs(rest).max() < 1.5 * 2.5
    assert np.corrcoef(rest[:, 0], rest[:, 1])[0, 1] > 0.95
    q = h.by_college["quality"]
    # A post that an agency covers counts for 0.3 of an empty one; 0.6 are covered.
    covered = h.by_college["agency_posts"] / h.by_college["posts"]
    lost = h.by_college["vacancy_rate"] - 0.7 * covered - 0.58 * o.usual_vacancies
    lost = lost + o.newcomers * (h.by_college["newcomers"] - o.usual_newcomers)
    assert np.allclose(q[:, 1], 0.7 * q[:, 0] - 0.3 * lost[:, 1])


def test_distance_and_gap_by_hand(small_start: Start) -> None:
    w = small_start.world
    flows = Streams(1).rng().integers(0, 5, w.region.near.shape)
    result = np.linspace(70, 95, w.n)
    km, gap = outcomes.distance_and_gap(w, flows, result)
    people, far, poor, rich = 0, 0.0, [], []
    low, high = np.quantile(w.region.deprivation, [0.2, 0.8])
    for z in range(flows.shape[0]):
        for k in range(flows.shape[1]):
            people += flows[z, k]
            far += flows[z, k] * w.region.km[z, k]
            if w.region.deprivation[z] >= high:
                poor += [result[w.region.near[z, k]]] * flows[z, k]
            if w.region.deprivation[z] <= low:
                rich += [result[w.region.near[z, k]]] * flows[z, k]
    assert km == pytest.approx(far / people)
    assert gap == pytest.approx(np.mean(poor) - np.mean(rich))


def test_a_gap_is_covered_at_a_price_or_spares_its_pay(small: CollegeSector) -> None:
    """The books by hand: a covered post costs a quarter more than its teacher, one that is not
    covered costs no pay; only the first spares learners most of what an empty post costs them."""
    p = parameters()
    none, all_ = (
        replace(
            small,
            parameters=p.with_values({"money.cover_share": c, "outcomes.noise": 0.0}, wide=True),
            years=2,
        )
        for c in (0.0, 1.0)
    )
    bare, full = run(none, Streams(5)), run(all_, Streams(5))
    each = p.money.salary * p.money.on_cost * np.exp(full.by_college["log_pay"])
    short = full.by_college["vacancies"]
    assert np.array_equal(full.by_college["agency_posts"], short)
    assert short.sum() > 0
    assert np.allclose(-full.flows["agency"], 100 * 1.25 * each * short, atol=1)
    assert not bare.flows["agency"].any()
    staff = bare.by_college["staff"]
    each = p.money.salary * p.money.on_cost * np.exp(bare.by_college["log_pay"])
    assert np.allclose(-bare.flows["pay"], 100 * each * staff, atol=1)
    # The share of the loss that is left: all of it, and three tenths.
    assert funding.left_of_a_gap(none.parameters) == 1.0
    assert funding.left_of_a_gap(all_.parameters) == pytest.approx(0.3)


def test_agencies_buy_quality(small_start: Start) -> None:
    """The same empty posts, covered or not: learners lose three tenths where they are covered."""
    w, state = small_start.world, small_start.state
    quiet = replace(w, terms=())
    rest = {
        k: state[k]
        for k in ("people", "quality", "achievement", "learners", "posts", "log_pay", "paybill",
                  "income", "surplus", "running", "books")
    }  # fmt: skip
    total = state["posts"].sum(axis=1)
    gap = np.full(w.n, 4)
    shut = np.zeros((0, w.n), dtype=np.bool_)

    def quality(agency: int) -> np.ndarray:
        return outcomes.achieve(
            quiet, 3, flows=np.ones(w.region.near.shape, dtype=np.int64), joined=shut, pledged=shut,
            vacancies=gap[:, None], filled=1 - gap / total, agency=np.full(w.n, agency), **rest,
        )[0]  # fmt: skip

    bought = quality(4) - quality(0)
    np.testing.assert_allclose(bought, 0.3 * 0.7 * 4 / total)
