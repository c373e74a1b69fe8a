"""Money and what it buys: funding from last year's learners, posts, pay, and the year's bills."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consortia.world.colleges.ledger import Books, Posting, pence
from consortia.world.colleges.parameters import Parameters
from consortia.world.colleges.people import People
from consortia.world.colleges.setting import G, World, spread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Pence = NDArray[np.int64]


def fund(
    w: World,
    t: int,
    learners_before: Ints,
    posts: Ints,
    log_pay: Floats,
    vacancies: Ints,
    books: Books,
    cut: Bools,
    joined: Bools,
) -> tuple[Pence, Ints, Floats, tuple[Posting, ...]]:
    """Writes income, posts, log_pay, postings."""
    m, s = w.p.money, w.p.staff
    follows = min(w.sector.competition, 1.0)
    counted = follows * learners_before + (1 - follows) * w.learners
    grant = pence(m.rate * m.uplift * counted)
    total = posts.sum(axis=1)
    wanted = learners_before * (w.posts / w.learners)
    wanted = np.where(cut, 0.0, wanted)
    target = np.clip(wanted, (1 - s.adjust) * total, (1 + s.adjust) * total)
    new_posts = spread(np.maximum(np.rint(target), G).astype(np.int64), w.shares)
    short = vacancies.sum(axis=1) / np.maximum(total, 1)
    raise_ = s.pay_response * (short - w.p.outcomes.usual_vacancies)
    # A college in debt cannot bid.
    raise_ = np.where(books.cash < 0, np.minimum(raise_, 0.0), raise_) * w.sector.autonomy
    pay = log_pay + raise_ + s.pay_revert * (w.usual_pay - log_pay)
    pay = np.clip(pay, w.usual_pay - s.pay_band, w.usual_pay + s.pay_band)
    staff = np.maximum(total - vacancies.sum(axis=1), 0)
    for k, term in enumerate(w.terms):
        if term.hooks.pay is not None and joined[k].any():
            pay = term.hooks.pay(term.spec, pay, staff, joined[k], w.region.key)
    postings = (
        Posting(flow="funding", account="treasury", pence=grant),
        Posting(flow="other income", account="customers", pence=w.other_income),
    )
    return grant + w.other_income, new_posts, pay, postings


def cover(
    w: World,
    t: int,
    people: People,
    posts: Ints,
    log_pay: Floats,
    learners_before: Ints,
    running: Pence,
    moved_in: Ints,
    entered: Ints,
    placed: Ints,
) -> tuple[Ints, Floats, Ints, Pence, tuple[Posting, ...]]:
    """Writes vacancies, filled, agency, paybill, postings: what is still empty is covered in
    part."""
    m = w.p.money
    heads = people.heads(w.n, G)
    empty = np.maximum(posts - heads, 0)
    short = empty.sum(axis=1)
    agency = np.rint(m.cover_share * short).astype(np.int64)
    each = m.salary * m.on_cost * np.exp(log_pay)
    paybill = pence(each * heads.sum(axis=1))
    # Whom the pool or a pipeline places was not searched for.
    hires = moved_in + entered - placed
    grows = 1 - m.running_follows + m.running_follows * learners_before / w.learners
    postings = (
        Posting(flow="pay", account="staff", pence=-paybill),
        Posting(
            flow="agency", account="agency", pence=-pence(each * agency * (1 + m.cover_premium))
        ),
        Posting(flow="hiring", account="suppliers", pence=-pence(m.hire_cost * hires)),
        Posting(
            flow="running",
            account="suppliers",
            pence=-np.rint(running * grows).astype(np.int64),
        ),
    )
    filled = 1 - short / np.maximum(posts.sum(axis=1), 1)
    return empty, filled, agency, paybill, postings


def left_of_a_gap(p: Parameters) -> float:
    """Share of what empty posts cost in quality that is left once agencies have covered theirs."""
    return 1 - p.money.cover_share * (1 - p.outcomes.covered)


def worth_of_a_teacher(w: World, log_pay: Floats, posts: Ints) -> tuple[Floats, Floats]:
    """(n,) pounds that a filled post spares in cover, and brings in learners, a year.

    The first is what cover costs above own staff: a college that wants a post filled does not count
    the pay of one that stays empty as a saving. The second is competition times the choice weight
    of quality, times what one post moves quality by, times what a learner brings in beyond the
    teaching and running that they cost.
    """
    m, o = w.p.money, w.p.outcomes
    each = m.salary * m.on_cost * np.exp(log_pay)
    per_post = w.learners / w.posts
    left = m.rate * m.uplift - each / per_post - m.running_follows * w.running / 100 / w.learners
    now = w.learners / np.maximum(posts.sum(axis=1), 1)
    drawn = w.sector.competition * w.p.learners.quality * o.vacancies * left_of_a_gap(w.p) * now
    return each * m.cover_share * m.cover_premium, drawn * np.maximum(left, 0.0)


def rescue(
    w: World, t: int, books: Books, income: Pence, running: Pence, debt_years: Ints
) -> tuple[Ints, Pence, Bools, tuple[Posting, ...]]:
    """Writes debt_years, running, cut, postings: after years of debt the authority pays it off, and
    the college spends less and cuts posts."""
    m = w.p.money
    deep = books.cash < -m.rescue_level * income
    years = np.where(deep, debt_years + 1, 0)
    saved = years >= m.rescue_years
    grant = np.where(saved, np.maximum(-books.cash, 0), 0).astype(np.int64)
    less = np.where(saved, np.rint(m.rescue_cut * income), 0).astype(np.int64)
    return (
        np.where(saved, 0, years),
        np.maximum(running - less, 0),
        saved,
        (Posting(flow="rescue", account="treasury", pence=grant),),
    )
