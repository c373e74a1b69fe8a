"""The labour market of a year: who leaves the sector, who moves, who comes in.

Every market is resolved where it is: a person weighs the colleges that their zone knows, and a
college decides among those who want it. There is no list of all vacancies, so that what happens far
away reaches nobody here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consortia.maths import matching
from consortia.streams import Keyed
from consortia.world.colleges.funding import worth_of_a_teacher
from consortia.world.colleges.ledger import Posting
from consortia.world.colleges.mechanisms.rule import Offers, Term
from consortia.world.colleges.people import People, Trainees, accepted
from consortia.world.colleges.pool import placed_in_turn
from consortia.world.colleges.setting import G, World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Words = NDArray[np.uint64]

SLOTS = 4
"""Most people of one zone who begin to look for a teaching post in one year."""


def leave(w: World, t: int, people: People, log_pay: Floats) -> tuple[People, Ints, Ints, Bools]:
    """Writes people, exits, starters_left, searching: the chance falls with service and pay."""
    s = w.p.staff
    hazard = s.exit_scale * np.array([s.exit_first, s.exit_second, s.exit_second, s.exit_later])
    # Pay that is usual for the type is in the hazard already; what differs from it acts.
    pull = np.exp(s.exit_pay * (log_pay - _standard(w)))
    chance = np.minimum(pull[:, None] * hazard, 1.0).ravel()
    u, v = w.draw("leave", t).two_uniforms(people.id)
    stage = np.minimum(people.service, 3)
    goes = u < chance[people.college * 4 + stage]
    exits = np.bincount(people.college[goes], minlength=w.n)
    by_service = np.bincount(np.minimum(people.service[goes], 40), minlength=41)
    stays = ~goes
    kept = people.take(stays)
    kept = People(
        id=kept.id,
        zone=kept.zone,
        college=kept.college,
        subject=kept.subject,
        service=kept.service + 1,
        tenure=kept.tenure + 1,
        bond=kept.bond,
    )
    searching = (v[stays] < s.search) & (kept.bond < t)
    return kept, exits, by_service, searching


def _standard(w: World) -> Floats:
    """(n,) usual log pay of the college's type."""
    return np.where(w.region.kind == "sixth form", w.p.staff.premium_sixth_form, 0.0)


def _taste(draw: Keyed, person: Words, college: Words) -> Floats:
    """Standard Gumbel numbers of (person, college)."""
    u = draw.uniform(person, college)
    np.log(u, out=u)
    np.negative(u, out=u)
    np.log(u, out=u)
    return np.negative(u, out=u)


def _many(room: Ints) -> Floats:
    """Log of the number of empty posts: each is an option with a taste of its own, and the best of
    r Gumbel numbers is one Gumbel number plus log r; none is no option."""
    return np.log(np.maximum(room, 0), out=np.full(room.size, -np.inf), where=room > 0)


def move(
    w: World,
    t: int,
    people: People,
    searching: Bools,
    posts: Ints,
    log_pay: Floats,
    joined: Bools,
    broke: Bools,
    tempted: Floats,
    protected: Floats,
) -> tuple[People, Ints, Ints, Floats, Floats, Floats, tuple[Posting, ...]]:
    """Writes people, moved_in, moved_out, pay_gain, tempted, protected, postings.

    Somebody who looks weighs pay, distance from home and taste of each college that has an empty
    post in the subject, and asks for the best if it beats staying by the threshold; the college
    takes as many as it has posts.
    """
    s, region, n = w.p.staff, w.region, w.n
    room = np.maximum(posts - people.heads(n, G), 0).ravel()
    who = np.flatnonzero(searching)
    zone, own, subject = people.zone[who], people.college[who], people.subject[who]
    draw = w.draw("taste", t)
    worth = log_pay / s.taste
    cell = w.cells.take(zone, axis=0)
    mine = cell == (own * G)[:, None]
    cell += subject[:, None]
    value = (np.repeat(worth, G) + _many(room)).take(cell)
    value -= w.far.take(zone, axis=0)
    value += _taste(draw, people.id[who][:, None], w.known.take(zone, axis=0))
    value[mine] = -np.inf
    home = np.sqrt(
        (region.zone_easting[zone] - region.easting[own]) ** 2
        + (region.zone_northing[zone] - region.northing[own]) ** 2
    )
    stay = worth[own] - home / 1_000 / s.travel + s.threshold
    stay = stay + _taste(draw, people.id[who], region.key[own])
    free = value.argmax(axis=1)
    rows = np.arange(who.size)
    wish = value[rows, free] > stay
    # Only those who would move anyway can be held back: a rule makes no offer better.
    ask = np.flatnonzero(wish)
    who, own, subject, stay, near = who[ask], own[ask], subject[ask], stay[ask], cell[ask] // G
    value, free = value[ask], free[ask]
    ruled = _under_rules(w, who, own, near, value, people, log_pay, joined, broke)
    best = value.argmax(axis=1)
    rows = np.arange(who.size)
    still = value[rows, best] > stay
    tempted, protected = _held_back(
        w, ruled, near[rows, free], own, free != best, still, tempted, protected, log_pay, posts,
        joined, broke,
    )  # fmt: skip
    keep = np.flatnonzero(still)
    who, own, subject = who[keep], own[keep], subject[keep]
    to = near[keep, best[keep]]
    luck = w.draw("shortlist", t).uniform(people.id[who], region.key[to])
    got = accepted(to * G + subject, luck, room)
    who, own, to, subject = who[got], own[got], to[got], subject[got]
    college, tenure = people.college.copy(), people.tenure.copy()
    college[who], tenure[who] = to, 0
    moved = People(
        id=people.id,
        zone=people.zone,
        college=college,
        subject=people.subject,
        service=people.service,
        tenure=tenure,
        bond=people.bond,
    )
    postings = _fees(w, moved, who, own, to, log_pay, joined, broke)
    gain = np.bincount(to, log_pay[to] - log_pay[own], minlength=n).astype(np.float64)
    return (
        moved,
        np.bincount(to, minlength=n),
        np.bincount(own, minlength=n),
        gain,
        tempted,
        protected,
        postings,
    )


def _rules(w: World) -> list[tuple[int, Term]]:
    return [
        (m, term)
        for m, term in enumerate(w.terms)
        if term.hooks.eligible is not None or term.hooks.offer_cost is not None
    ]


def _pay(w: World, log_pay: Floats) -> Floats:
    return w.p.money.salary * np.exp(log_pay)


def _under_rules(
    w: World,
    who: Ints,
    own: Ints,
    near: Ints,
    value: Floats,
    people: People,
    log_pay: Floats,
    joined: Bools,
    broke: Bools,
) -> dict[int, Bools]:
    """Lowers ``value`` (m, K) where rules among members hold; says by mechanism where (m, K)."""
    out: dict[int, Bools] = {}
    for m, term in _rules(w):
        if not joined[m].any():
            continue
        # A member that breaks the rule makes its offers as if there were none.
        inside = joined[m][own][:, None] & joined[m][near] & ~broke[m][near]
        inside &= near != own[:, None]
        i, k = np.nonzero(inside)
        offers = Offers(
            frm=own[i],
            to=near[i, k],
            pay=_pay(w, log_pay)[near[i, k]],
            service=people.service[who[i]],
            tenure=people.tenure[who[i]],
            subject=people.subject[who[i]],
        )
        if term.hooks.offer_cost is not None:
            cost = term.hooks.offer_cost(term.spec, offers) / offers.pay
            value[i, k] -= cost / w.p.staff.taste
        if term.hooks.eligible is not None:
            barred = ~term.hooks.eligible(term.spec, offers)
            value[i[barred], k[barred]] = -np.inf
        out[m] = inside
    return out


def _held_back(
    w: World,
    ruled: dict[int, Bools],
    wanted: Ints,
    own: Ints,
    diverted: Bools,
    still: Bools,
    tempted: Floats,
    protected: Floats,
    log_pay: Floats,
    posts: Ints,
    joined: Bools,
    broke: Bools,
) -> tuple[Floats, Floats]:
    """What each member gains or would have gained by breaking each rule, and what the rule spared
    it (pounds a year, means over about two years)."""
    if not ruled:
        return tempted, protected
    tempted, protected = tempted.copy(), protected.copy()
    spared, drawn = worth_of_a_teacher(w, log_pay, posts)
    held = diverted | ~still
    for m in ruled:
        among = joined[m][own] & joined[m][wanted]
        # Whoever breaks the rule already holds nothing back, and gains all the same.
        to = np.bincount(wanted[among & (held | broke[m][wanted])], minlength=w.n)
        frm = np.bincount(own[among & held], minlength=w.n)
        # Part of what the rival's learners lose comes here too: that is what competition adds.
        gain = to * (spared + drawn * (1 + 1 / max(int(joined[m].sum()) - 1, 1)))
        kept = frm * (spared + drawn + w.p.money.hire_cost)
        tempted[m] = 0.5 * tempted[m] + 0.5 * gain
        protected[m] = 0.5 * protected[m] + 0.5 * kept
    return tempted, protected


def _fees(
    w: World,
    people: People,
    who: Ints,
    frm: Ints,
    to: Ints,
    log_pay: Floats,
    joined: Bools,
    broke: Bools,
) -> tuple[Posting, ...]:
    out: list[Posting] = []
    for m, term in enumerate(w.terms):
        if term.hooks.on_move is None or not joined[m].any():
            continue
        inside = joined[m][frm] & joined[m][to] & ~broke[m][to]
        i = np.flatnonzero(inside)
        offers = Offers(
            frm=frm[i],
            to=to[i],
            pay=_pay(w, log_pay)[to[i]],
            service=people.service[who[i]],
            tenure=people.tenure[who[i]],
            subject=people.subject[who[i]],
        )
        fee = term.hooks.on_move(term.spec, offers)
        net = np.zeros(w.n, dtype=np.int64)
        np.add.at(net, frm[i], fee)
        np.subtract.at(net, to[i], fee)
        # Into the fund first, then out of it, so that it is never overdrawn.
        out.append(Posting(flow="fees", account=term.fund, pence=np.minimum(net, 0)))
        out.append(Posting(flow="fees", account=term.fund, pence=np.maximum(net, 0)))
    return tuple(out)


def enter(
    w: World,
    t: int,
    people: People,
    trainees: Trainees,
    posts: Ints,
    log_pay: Floats,
    joined: Bools,
) -> tuple[People, Trainees, Ints, Ints, int, int]:
    """Writes people, trainees, entered, placed, applicants, unplaced.

    Pledged trainees are placed among the members that paid for them; then everybody else who looks
    for a post applies to the best of the colleges they know; then the pools.
    """
    n = w.n
    room = np.maximum(posts - people.heads(n, G), 0).ravel()
    ready = (trainees.ready <= t) & (
        w.once("additional").uniform(trainees.id) < w.p.money.additional
    )
    graduates = trainees.take(ready)
    placed = np.zeros(n, dtype=np.int64)
    hired: list[People] = []
    for m, term in enumerate(w.terms):
        mine = graduates.take(graduates.pledged & (graduates.term == m))
        if mine.size == 0 or not joined[m].any():
            continue
        rule = getattr(term.spec, "rule", "equal")
        to = placed_in_turn(mine.subject, joined[m], room.reshape(n, G), w.region.key, rule)
        new = _hired(mine.id, mine.zone, mine.subject, to, t + mine.bond - 1)
        np.subtract.at(room, new.college * G + new.subject, 1)
        placed += np.bincount(new.college, minlength=n)
        hired.append(new)
    done = np.concatenate([h.id for h in hired]) if hired else np.zeros(0, dtype=np.uint64)
    free = graduates.take(~np.isin(graduates.id, done))
    ids, zone, subject = _applicants(w, t)
    ids = np.concatenate([ids, free.id])
    zone = np.concatenate([zone, free.zone])
    subject = np.concatenate([subject, free.subject])
    to, known, near = _apply(w, t, ids, zone, subject, room, log_pay)
    pooled = _pools(w, t, ids, subject, near, known, to, room, joined)
    placed = placed + np.bincount(pooled[pooled >= 0], minlength=n)
    to = np.where(to < 0, pooled, to)
    hired.append(_hired(ids, zone, subject, to, np.full(ids.size, -1)))
    for new in hired:
        people = people.and_then(new)
    entered = np.bincount(np.concatenate([h.college for h in hired]), minlength=n)
    return (
        people,
        trainees.take(trainees.ready > t),
        entered,
        placed,
        int(ids.size) + done.size,
        int((to < 0).sum()),
    )


def _hired(ids: Words, zone: Ints, subject: Ints, to: Ints, bond: Ints) -> People:
    got = np.flatnonzero(to >= 0)
    got = got[np.argsort(ids[got])]
    none = np.zeros(got.size, dtype=np.int64)
    return People(
        id=ids[got],
        zone=zone[got],
        college=to[got],
        subject=subject[got],
        service=none,
        tenure=none.copy(),
        bond=bond[got],
    )


def _applicants(w: World, t: int) -> tuple[Words, Ints, Ints]:
    """Those outside who look for a teaching post this year: identity, zone, subject."""
    region, s = w.region, w.p.staff
    each = s.applicants * w.posts.sum() / region.cohort.sum() * region.cohort / SLOTS
    slot = np.arange(SLOTS, dtype=np.uint64)
    draw = w.draw("applicant", t)
    ids = draw.word(region.zone_key[:, None], slot)
    there, kind = draw.two_uniforms(ids)
    zone, at = np.nonzero(there.reshape(ids.shape) < each[:, None])
    p = w.p.subjects
    edges = np.cumsum(
        [
            p.applicant_construction,
            p.applicant_engineering,
            p.applicant_digital,
            p.applicant_health,
            p.applicant_other,
        ]
    )
    subject = np.searchsorted(edges / edges[-1], kind.reshape(ids.shape)[zone, at])
    return ids[zone, at], zone, np.minimum(subject, G - 1)


def _apply(
    w: World, t: int, ids: Words, zone: Ints, subject: Ints, room: Ints, log_pay: Floats
) -> tuple[Ints, Floats, Ints]:
    """Who is hired where ((m,), -1 nowhere), what each thinks of each college it knows (m, K), and
    that college (m, K); ``room`` (n * G,) is used up."""
    s, region = w.p.staff, w.region
    near = region.near.take(zone, axis=0)
    key = w.known.take(zone, axis=0)
    value = (log_pay / s.taste).take(near)
    value -= w.far.take(zone, axis=0)
    value += _taste(w.draw("taste", t), ids[:, None], key)
    # Who would not take a post at this pay does not apply for it.
    willing = s.accept * np.exp(s.accept_pay * (log_pay - _standard(w)))
    value[w.draw("accept", t).uniform(ids)[:, None] >= willing.take(near)] = -np.inf
    known = value
    cell = near * G + subject[:, None]
    value = value.copy() if s.applications > 1 else value
    to = np.full(ids.size, -1, dtype=np.int64)
    luck = w.draw("shortlist", t)
    looking = np.arange(ids.size)
    for _ in range(s.applications):
        options = value[looking] + _many(room).take(cell[looking])
        best = options.argmax(axis=1)
        some = options[np.arange(looking.size), best] > -np.inf
        looking, best = looking[some], best[some]
        if looking.size == 0:
            break
        asked = near[looking, best]
        wanted = cell[looking, best]
        got = accepted(wanted, luck.uniform(ids[looking], region.key[asked]), room)
        to[looking[got]] = asked[got]
        np.subtract.at(room, wanted[got], 1)
        if s.applications > 1:
            value[looking[~got], best[~got]] = -np.inf
        looking = looking[~got]
    return to, known, near


def _pools(
    w: World,
    t: int,
    ids: Words,
    subject: Ints,
    near: Ints,
    known: Floats,
    to: Ints,
    room: Ints,
    joined: Bools,
) -> Ints:
    """(m,) college at which a pool places those that nobody hired, -1 nowhere; uses up ``room``."""
    out = np.full(ids.size, -1, dtype=np.int64)
    clubs = [
        (joined[m], getattr(term.spec, "rule", "greedy"), getattr(term.spec, "quota", None))
        for m, term in enumerate(w.terms)
        if term.hooks.pools and int(joined[m].sum()) >= 2
    ]
    if w.sector.autonomy < 0.5:
        clubs.append((np.ones(w.n, dtype=np.bool_), "greedy", None))
    luck = w.draw("shortlist", t)
    for members, rule, quota in clubs:
        most = np.full(w.n, np.iinfo(np.int64).max if quota is None else quota, dtype=np.int64)
        for g in range(G):
            waiting = np.flatnonzero((to < 0) & (out < 0) & (subject == g))
            quotas = np.minimum(np.where(members, room[g::G], 0), most)
            open_ = (quotas[near[waiting]] > 0) & (known[waiting] > -np.inf)
            waiting, open_ = waiting[open_.any(axis=1)], open_[open_.any(axis=1)]
            if waiting.size == 0:
                continue
            got = _cleared(
                ids[waiting], near[waiting], known[waiting], open_, quotas, rule, luck,
                w.region.key,
            )  # fmt: skip
            out[waiting] = got
            taken = np.bincount(got[got >= 0], minlength=w.n)
            room[g::G] -= taken
            most -= taken
    return out


def _cleared(
    ids: Words,
    near: Ints,
    known: Floats,
    open_: Bools,
    quotas: Ints,
    rule: str,
    luck: Keyed,
    key: Words,
) -> Ints:
    """(m,) rows of colleges, -1 nobody: applicants rank by what they think, colleges by their own
    (independent) liking."""
    order = np.argsort(-np.where(open_, known, -np.inf), axis=1, kind="stable")
    wishes = np.take_along_axis(near, order, axis=1)
    listed = np.take_along_axis(open_, order, axis=1)
    liking = luck.uniform(ids[:, None], key[wishes])
    matched = matching.on_lists if rule == "deferred-acceptance" else matching.greedy
    # In the order of identities, as proposals are made and ties would fall.
    by = np.argsort(ids)
    out = np.empty(ids.size, dtype=np.int64)
    out[by] = matched(
        np.where(listed, wishes, -1)[by], np.where(listed, liking, np.nan)[by], quotas
    ).post
    return out
