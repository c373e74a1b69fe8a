"""What a run stands on and does not change: the world of a seed, and the state it opens with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from consortia.streams import Keyed, Streams
from consortia.world.colleges.ledger import OUTSIDE, Books, pence
from consortia.world.colleges.mechanisms.rule import Accounts, Term
from consortia.world.colleges.parameters import SUBJECTS, Parameters
from consortia.world.colleges.people import People, nobody
from consortia.world.colleges.region import SIXTH_FORM, Region
from consortia.world.colleges.sector import CollegeSector, luck

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Words = NDArray[np.uint64]
Pence = NDArray[np.int64]
State = dict[str, Any]

G = len(SUBJECTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A sector under one root of luck, with what follows from both once and for all.

    * ``leadership`` (n,) unseen, standard normal; ``usual_pay`` (n,) log pay above the standard.
    * ``posts`` (n,) when the sector opens, ``shares`` (n, G) of subjects among them.
    * ``learners`` (n,), ``new`` (n,) learners when it opens; ``other_income``, ``running`` (n,)
      pence.
    * ``outside`` (Z,) weight of going elsewhere in each zone's choice.
    * ``queue`` (Z * K,) places in ``near.ravel()`` by college, nearest zone first; ``queue_first``
      (n + 1,) where each college's part begins.
    * ``cells`` (Z, K) first cell (college, subject) of each college that a zone knows, ``known``
      its key, ``far`` its distance in units of taste, ``fade`` what distance leaves of its appeal.
    * ``terms`` the mechanisms of this run, in their order.
    """

    sector: CollegeSector
    streams: Streams
    leadership: Floats
    usual_pay: Floats
    posts: Ints
    shares: Floats
    learners: Ints
    new: Ints
    other_income: Pence
    running: Pence
    outside: Floats
    queue: Ints
    queue_first: Ints
    between: Floats
    cells: Ints
    known: Words
    far: Floats
    fade: Floats
    terms: tuple[Term, ...] = ()

    @property
    def region(self) -> Region:
        return self.sector.region

    @property
    def p(self) -> Parameters:
        return self.sector.parameters

    @property
    def n(self) -> int:
        return self.sector.region.n

    def draw(self, decision: str, t: int) -> Keyed:
        """Luck of a decision in year ``t`` (burn-in counted), by identity."""
        return self.streams.at(decision, t).keyed()

    def once(self, decision: str) -> Keyed:
        """Luck that is drawn once."""
        return self.streams.at(decision).keyed()


def shares_of(region: Region, p: Parameters) -> Floats:
    """(n, G) subjects among the posts of each college."""
    s = p.subjects
    by_kind = np.array(
        [
            [getattr(s, f"{kind}_{subject}") for subject in SUBJECTS]
            for kind in ("general", "sixth_form")
        ]
    )
    by_kind = by_kind / by_kind.sum(axis=1, keepdims=True)
    return by_kind[(region.kind == SIXTH_FORM).astype(np.int64)]


def spread(total: Ints, shares: Floats) -> Ints:
    """(n, G) whole numbers that sum to ``total`` (n,) by row, as near to ``shares`` as can be."""
    exact = total[:, None] * shares
    out = np.floor(exact).astype(np.int64)
    left = total - out.sum(axis=1)
    rank = np.argsort(np.argsort(out - exact, axis=1, kind="stable"), axis=1, kind="stable")
    return out + (rank < left[:, None])


def world(sector: CollegeSector, streams: Streams) -> World:
    """The world of this sector under these streams, before any mechanism."""
    region, p = sector.region, sector.parameters
    below = luck(streams)
    key = region.key
    people = below.at("college").keyed()
    sixth = region.kind == SIXTH_FORM
    leadership = special.ndtri(people.uniform(key, 1))
    usual_pay = np.where(sixth, p.staff.premium_sixth_form, 0.0)
    usual_pay = usual_pay + p.staff.pay_spread * special.ndtri(people.uniform(key, 2))
    posts = np.maximum(np.rint(region.learners / p.staff.learners_per_post), G).astype(np.int64)
    new = np.rint(region.learners / (1 + p.learners.stay)).astype(np.int64)
    funded = p.money.rate * p.money.uplift * region.learners
    other = np.where(sixth, p.money.other_sixth_form, p.money.other_general)
    income = funded / (1 - other)
    margin = p.money.margin + p.money.margin_spread * special.ndtri(people.uniform(key, 3))
    teaching = posts * p.money.salary * p.money.on_cost * np.exp(usual_pay)
    weight = np.exp(region.appeal)[region.near] * np.exp(-p.learners.decay * region.km)
    odds = p.learners.outside / (1 - p.learners.outside)
    flat = region.near.ravel()
    zone = np.repeat(region.zone_key, region.near.shape[1])
    queue = np.lexsort((zone, region.km.ravel(), flat))
    return World(
        sector=sector,
        streams=below,
        leadership=leadership,
        usual_pay=usual_pay,
        posts=posts,
        shares=shares_of(region, p),
        learners=region.learners,
        new=new,
        other_income=pence(income - funded),
        running=pence(np.maximum(income * (1 - margin) - teaching, 0.0)),
        outside=odds * weight.sum(axis=1),
        queue=queue,
        queue_first=np.searchsorted(flat[queue], np.arange(region.n + 1)),
        between=region.between,
        cells=region.near * G,
        known=key[region.near],
        far=region.km / p.staff.travel,
        fade=np.exp(-p.learners.decay * region.km),
    )


def opening_state(w: World) -> State:
    """The first state, before the burn-in: staff with a stationary spread of service."""
    n, p = w.n, w.p
    posts = spread(w.posts, w.shares)
    people = _first_staff(w, np.rint(posts * (1 - p.outcomes.usual_vacancies)).astype(np.int64))
    funded = pence(p.money.rate * p.money.uplift * w.learners)
    teaching = pence(w.posts * p.money.salary * p.money.on_cost * np.exp(w.usual_pay))
    none = np.zeros(n, dtype=np.int64)
    return {
        "people": people,
        "trainees": nobody(),
        "posts": posts,
        "log_pay": w.usual_pay.copy(),
        "learners": w.learners.copy(),
        "learners_before": w.learners.copy(),
        "new": w.new.copy(),
        "places": np.ceil(w.new * p.learners.headroom).astype(np.int64),
        "quality": np.zeros(n),
        "achievement": np.full(n, p.outcomes.level) + p.outcomes.leadership * w.leadership,
        "vacancies": np.maximum(posts - people.heads(n, G), 0),
        "filled": np.ones(n),
        "income": funded + w.other_income,
        "surplus": none,
        "paybill": teaching,
        "running": w.running.copy(),
        "books": Books(cash=none.copy(), accounts=dict.fromkeys(OUTSIDE, 0)),
        "debt_years": none.copy(),
        "cut": np.zeros(n, dtype=np.bool_),
    }


def membership_state(w: World) -> State:
    """Nobody has joined anything; trust is where it begins."""
    M, n = len(w.terms), w.n
    never = np.zeros((M, n), dtype=np.bool_)
    return {
        "trust": np.full((n, n), w.p.trust.start),
        "joined": never,
        "pledged": never.copy(),
        "broke": never.copy(),
        "left": never.copy(),
        "tempted": np.zeros((M, n)),
        "protected": np.zeros((M, n)),
    }


def _first_staff(w: World, heads: Ints) -> People:
    n, p, region = w.n, w.p, w.region
    cell = np.repeat(np.arange(n * G), heads.ravel())
    college, subject = cell // G, cell % G
    slot = np.arange(cell.size) - np.repeat(np.cumsum(heads.ravel()) - heads.ravel(), heads.ravel())
    draw = w.once("first staff")
    ids = draw.word(region.key[college], subject, slot)
    # Years of service as survival leaves them: the chain of exits at its stationary state.
    stay = np.array([1 - p.staff.exit_first, *[1 - p.staff.exit_second] * 2])
    alive = np.concatenate([[1.0], np.cumprod(stay), stay.prod() * (1 - p.staff.exit_later)
                            ** np.arange(1, 41)])  # fmt: skip
    service = np.searchsorted(np.cumsum(alive / alive.sum()), draw.uniform(ids, 1))
    service = np.minimum(service, alive.size - 1).astype(np.int64)
    # At home in one of the zones around the college, by their size.
    order = np.argsort(region.around, kind="stable")
    first = np.searchsorted(region.around[order], np.arange(n + 1))
    many = first[college + 1] - first[college]
    zone = order[first[college] + (draw.uniform(ids, 2) * many).astype(np.int64)]
    people = People(
        id=ids,
        zone=zone,
        college=college,
        subject=subject,
        service=service,
        tenure=service.copy(),
        bond=np.full(cell.size, -1, dtype=np.int64),
    )
    # By id, not by row: sums over staff do not know how colleges are listed.
    return people.take(np.argsort(people.id))


def accounts(
    w: World,
    m: int,
    t: int,
    *,
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
    gain: Floats | None = None,
) -> Accounts:
    """What mechanism ``m`` may look at."""
    total = posts.sum(axis=1)
    short = vacancies.sum(axis=1)
    return Accounts(
        year=t - w.sector.burn_in,
        since=w.terms[m].since,
        joined=joined[m],
        pledged=pledged[m],
        key=w.region.key,
        learners=learners,
        posts=total,
        staff=np.maximum(total - short, 0),
        vacancies=short,
        log_pay=log_pay,
        paybill=paybill,
        income=income,
        surplus=surplus,
        running=running,
        achievement=achievement,
        gain=np.zeros(w.n) if gain is None else gain,
        filled=filled,
        between=w.between,
        fund=books.accounts.get(w.terms[m].fund, 0),
        parameters=w.p,
    )
