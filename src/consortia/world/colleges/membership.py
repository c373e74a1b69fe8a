"""Who is in what this year, who keeps the rules, who trusts whom, and who leaves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consortia.world.colleges.funding import worth_of_a_teacher
from consortia.world.colleges.ledger import Books
from consortia.world.colleges.mechanisms.rule import Invited
from consortia.world.colleges.setting import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Pence = NDArray[np.int64]


def announce(
    w: World,
    t: int,
    left: Bools,
    joined: Bools,
    trust: Floats,
    vacancies: Ints,
    posts: Ints,
    log_pay: Floats,
    learners: Ints,
    tempted: Floats,
    protected: Floats,
    books: Books,
    income: Pence,
) -> tuple[Bools, Bools, Bools]:
    """Writes joined, pledged, broke, from what was known at the end of last year.

    A member keeps a rule that rests on trust as long as what breaking it would bring in this year
    is no more than delta / (1 - delta) times detection times trust times what the rule spares it a
    year (MacLeod & Malcomson 1989; Levin 2003, each member for itself).
    """
    p = w.p.trust
    # Who is deep in debt counts next year less.
    debt = np.clip(-books.cash / (w.p.money.rescue_level * np.maximum(income, 1)), 0.0, 1.0)
    delta = p.delta * (1 - p.distress * debt)
    year = t - w.sector.burn_in
    now, pledged = np.zeros_like(joined), np.zeros_like(joined)
    broke = np.zeros_like(joined)
    for m, term in enumerate(w.terms):
        if year < term.spec.first:
            continue
        invited = term.invited & ~left[m] & (term.since <= year)
        if not invited.any():
            continue
        if term.hooks.joins is None:
            now[m] = pledged[m] = invited
        else:
            spared, drawn = worth_of_a_teacher(w, log_pay, posts)
            now[m], pledged[m] = term.hooks.joins(
                term.spec,
                Invited(
                    year=year,
                    invited=invited,
                    joined=joined[m],
                    trust=mean_trust(w, trust, invited),
                    cost_of_vacancies=vacancies.sum(axis=1) * (spared + drawn),
                    learners=learners,
                    luck=w.draw(f"pledge {m}", t).uniform(w.region.key),
                    parameters=w.p,
                ),
            )
        if term.on_trust and year > term.spec.first:
            patience = delta / (1 - delta)
            hold = patience * p.detection * mean_trust(w, trust, now[m])
            slips = w.draw(f"slip {m}", t).uniform(w.region.key) < p.slip
            slips &= term.since < year
            broke[m] = now[m] & ((tempted[m] > hold * protected[m]) | slips)
    return now, pledged, broke


def mean_trust(w: World, trust: Floats, members: Bools) -> Floats:
    """(n,) mean trust of each towards the other members; 0 where there are none."""
    order = np.argsort(w.region.key)
    rows = order[members[order]]
    # Summed in the order of keys: the same bits however the colleges are listed.
    towards = np.zeros(w.n)
    for k in rows:
        towards = towards + np.where(np.arange(w.n) == k, 0.0, trust[:, k])
    others = rows.size - members
    return np.where(others > 0, towards / np.maximum(others, 1), 0.0)


def trusting(
    w: World, t: int, joined: Bools, broke: Bools, trust: Floats, left: Bools
) -> tuple[Floats, Bools]:
    """Writes trust, left: partners that keep the rule gain trust, those seen to break it lose it.

    Where a fellow member's breach is seen by one it is known to that one alone.
    """
    p = w.p.trust
    key = w.region.key
    for m, term in enumerate(w.terms):
        inside = joined[m]
        if not inside.any():
            continue
        pair = inside[:, None] & inside
        np.fill_diagonal(pair, False)
        seen = np.zeros_like(pair)
        if broke[m].any():
            sees = w.draw(f"detect {m}", t).uniform(key[:, None], key) < p.detection
            seen = pair & broke[m] & sees
        trust = np.where(pair & ~seen, trust + p.gain * (1 - trust), trust)
        trust = np.where(seen, trust * (1 - p.loss), trust)
        if term.row.leaves and term.on_trust:
            gone = inside & (mean_trust(w, trust, inside) < p.leave) & (inside.sum() > 1)
            left = left.copy()
            left[m] |= gone
    return trust, left
