"""What learners get out of it: quality, achievement, distance, the gap of rich and poor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from consortia.world.colleges.funding import left_of_a_gap
from consortia.world.colleges.ledger import Books, Posting
from consortia.world.colleges.people import People
from consortia.world.colleges.setting import World, accounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Pence = NDArray[np.int64]


def achieve(
    w: World,
    t: int,
    people: People,
    flows: Ints,
    quality: Floats,
    achievement: Floats,
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
    filled: Floats,
    agency: Ints,
    books: Books,
) -> tuple[Floats, Floats, Floats, Floats, tuple[Posting, ...]]:
    """Writes quality, achievement, newcomers, specific_skill, postings.

    q <- rho q + (1 - rho) ( -(v - v*) b_v - (c - c*) b_c ), c the share of staff in their first
    year in the college, v the vacancy rate in which a post that an agency covers counts for
    ``covered`` of an empty one, v* the usual one with the usual share covered.
    """
    o, n = w.p.outcomes, w.n
    staff = np.bincount(people.college, minlength=n)
    many = np.maximum(staff, 1)
    newcomers = np.bincount(people.college[people.tenure == 0], minlength=n) / many
    # Knowledge of the own college: 1 - exp(-years / specific_years), a table of whole years.
    known = 1 - np.exp(-np.arange(61) / w.p.staff.specific_years)
    skill = np.bincount(people.college, known[np.minimum(people.tenure, 60)], minlength=n) / many
    total = np.maximum(posts.sum(axis=1), 1)
    untaught = 1 - filled - (1 - o.covered) * agency / total
    lost = o.vacancies * (untaught - left_of_a_gap(w.p) * o.usual_vacancies)
    lost = lost + o.newcomers * (newcomers - o.usual_newcomers)
    quality = o.persistence * quality - (1 - o.persistence) * lost
    size = np.maximum(_by_college(w, flows), 1)
    poor = _by_college(w, flows * w.region.deprivation[:, None]) / size
    luck = special.ndtri(w.draw("results", t).uniform(w.region.key))
    result = (
        o.level
        + o.leadership * w.leadership
        + o.quality * quality
        + o.deprivation * poor
        + o.rivalry * (w.sector.competition - 1)
        + o.noise * luck
    )
    postings: list[Posting] = []
    for m, term in enumerate(w.terms):
        h = term.hooks
        if not joined[m].any() or (h.gain is None and h.fund is None):
            continue
        look = accounts(
            w, m, t, joined=joined, pledged=pledged, learners=learners, posts=posts,
            vacancies=vacancies, log_pay=log_pay, paybill=paybill, income=income,
            surplus=surplus, running=running, achievement=achievement, filled=filled,
            books=books, gain=result - achievement,
        )  # fmt: skip
        if h.gain is not None:
            result = result + h.gain(term.spec, look)
        if h.fund is not None:
            net = h.fund(term.spec, look)
            if int(net.sum()) != 0:
                raise ValueError(f"{term.label}: a fund pays out what was paid in, to the penny")
            postings.append(
                Posting(flow="outcome fund", account=term.fund, pence=np.minimum(net, 0))
            )
            postings.append(
                Posting(flow="outcome fund", account=term.fund, pence=np.maximum(net, 0))
            )
    return quality, result, newcomers, skill, tuple(postings)


def _by_college(w: World, values: NDArray[np.float64] | Ints) -> Floats:
    return np.bincount(w.region.near.ravel(), values.ravel(), minlength=w.n).astype(np.float64)


def distance_and_gap(w: World, flows: Ints, achievement: Floats) -> tuple[float, float]:
    """Mean kilometres to college of new learners; achievement of the poorest fifth of zones less
    that of the richest."""
    region = w.region
    many = max(int(flows.sum()), 1)
    km = float((flows * region.km).sum()) / many
    low, high = np.quantile(region.deprivation, [0.2, 0.8])
    reached = (flows * achievement[region.near]).sum(axis=1)
    people = flows.sum(axis=1)

    def mean(zones: Bools) -> float:
        return float(reached[zones].sum()) / max(int(people[zones].sum()), 1)

    return km, mean(region.deprivation >= high) - mean(region.deprivation <= low)
