"""What members pay together: levies, grants, trainees, campaigns, and what a sponsor adds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consortia.world.colleges.ledger import Books, Posting, pence, post
from consortia.world.colleges.mechanisms.rule import Accounts
from consortia.world.colleges.people import Trainees
from consortia.world.colleges.setting import G, World, accounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Pence = NDArray[np.int64]


def train(
    w: World,
    t: int,
    trainees: Trainees,
    joined: Bools,
    pledged: Bools,
    learners: Ints,
    posts: Ints,
    vacancies: Ints,
    log_pay: Floats,
    paybill: Pence,
    income: Pence,
    surplus: Pence,
    running: Pence,
    achievement: Floats,
    filled: Floats,
    books: Books,
) -> tuple[Trainees, Ints, tuple[Posting, ...]]:
    """Writes trainees, trained (n,), postings: mechanisms one after the other, in their order."""

    def look(m: int, books: Books) -> Accounts:
        return accounts(
            w, m, t, joined=joined, pledged=pledged, learners=learners, posts=posts,
            vacancies=vacancies, log_pay=log_pay, paybill=paybill, income=income,
            surplus=surplus, running=running, achievement=achievement, filled=filled, books=books,
        )  # fmt: skip

    postings: list[Posting] = []
    trained = np.zeros(w.n, dtype=np.int64)
    for m, term in enumerate(w.terms):
        h, spec = term.hooks, term.spec
        if not pledged[m].any():
            continue

        mine: list[Posting] = []
        if h.bonus is not None:
            mine.append(
                Posting(flow="bonus", account="sponsor", pence=h.bonus(spec, look(m, books)))
            )
        if joined[m].any():
            if h.costs is not None:
                mine.append(
                    Posting(
                        flow="shared costs",
                        account="suppliers",
                        pence=-h.costs(spec, look(m, books)),
                    )
                )
            if h.levy is not None:
                mine.append(
                    Posting(flow="levy", account=term.fund, pence=-h.levy(spec, look(m, books)))
                )
        books = post(books, mine)
        postings += mine
        if not joined[m].any():
            continue
        mine = []
        if h.grant is not None:
            mine.append(
                Posting(flow="grant", account=term.fund, pence=h.grant(spec, look(m, books)))
            )
        if h.trainees is not None:
            many = h.trainees(spec, look(m, books))
            cost = many * int(pence(w.p.money.train_cost))
            mine.append(Posting(flow="grant", account=term.fund, pence=cost))
            mine.append(Posting(flow="training", account="suppliers", pence=-cost))
            trained = trained + many
            trainees = trainees.and_then(_new(w, t, m, many, vacancies, posts))
        books = post(books, mine)
        postings += mine
    return trainees, trained, tuple(postings)


def _new(w: World, t: int, m: int, many: Ints, vacancies: Ints, posts: Ints) -> Trainees:
    """Trainees of this year: in subjects in which their college is short, at home near it."""
    region = w.region
    order = np.argsort(region.key)
    college = np.repeat(order, many[order])
    slot = np.arange(college.size) - np.repeat(np.cumsum(many[order]) - many[order], many[order])
    draw = w.draw(f"trainee {m}", t)
    ids = draw.word(region.key[college], slot)
    short = np.where(vacancies.sum(axis=1, keepdims=True) > 0, vacancies, posts).astype(float)
    edge = np.cumsum(short, axis=1)[college]
    u = draw.uniform(ids, 1) * edge[:, -1]
    subject = np.minimum((edge <= u[:, None]).sum(axis=1), G - 1).astype(np.int64)
    by = np.argsort(region.around, kind="stable")
    first = np.searchsorted(region.around[by], np.arange(w.n + 1))
    count = first[college + 1] - first[college]
    zone = by[first[college] + (draw.uniform(ids, 2) * count).astype(np.int64)]
    size = college.size
    term = w.terms[m]
    return Trainees(
        id=ids,
        zone=zone,
        subject=subject,
        ready=np.full(size, t + w.p.money.train_years, dtype=np.int64),
        term=np.full(size, m, dtype=np.int64),
        pledged=np.full(size, term.hooks.pledged_trainees, dtype=np.bool_),
        bond=np.full(size, getattr(term.spec, "bond", 0), dtype=np.int64),
    )
