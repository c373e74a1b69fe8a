"""The market of colleges beside agent frameworks: the same rules, the same opening, one run.

``python bench/sector.py --out FILE`` writes the opening of our sector and times our years;
``--peer mesa``, ``agentpy`` or ``mesa-frames`` (in an environment that has them) times theirs from
that file. The peers run the rules of docs/methods/sector.md on objects, mesa-frames on columns:
learners choose by one number against
the cumulated chances of their zone, teachers leave, look, move, apply. Left out for them: places,
books, trust, distances. CPU seconds of the years; building apart. Aggregates show whether
it is the same market.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import time
from bisect import bisect_right
from pathlib import Path
from typing import Any

import numpy as np

KEEP = ("exit_rate", "move_rate", "vacancy_rate", "entries", "learners")


def ours(out: Path, colleges: int, years: int) -> dict[str, Any]:
    from consortia.streams import Streams
    from consortia.world.colleges import CollegeSector, embedded_region, opening, run
    from consortia.world.colleges.funding import left_of_a_gap

    sector = CollegeSector(region=embedded_region(colleges), years=years)
    start = opening(sector, Streams(1))
    best = math.inf
    for _ in range(3):
        began = time.process_time()
        h = run(sector, Streams(1), start=start)
        best = min(best, time.process_time() - began)
    w, state, people = start.world, start.state, start.state["people"]
    r, p = w.region, w.p
    applicants = p.subjects
    np.savez(
        out,
        near=r.near, km=r.km, cohort=r.cohort, appeal=r.appeal, outside=w.outside,
        zone_xy=np.column_stack([r.zone_easting, r.zone_northing]),
        xy=np.column_stack([r.easting, r.northing]),
        standard=np.where(r.kind == "sixth form", p.staff.premium_sixth_form, 0.0),
        usual=w.usual_pay, ratio=w.posts / w.learners, shares=w.shares,
        learners=state["learners"], new=state["new"], quality=state["quality"],
        posts=state["posts"], log_pay=state["log_pay"], cash=state["books"].cash,
        person=np.column_stack(
            [people.zone, people.college, people.subject, people.service, people.tenure]
        ),
        applicants=p.staff.applicants * w.posts.sum() / r.cohort.sum() * r.cohort,
        subject=np.array([getattr(applicants, f"applicant_{s}") for s in (
            "construction", "engineering", "digital", "health", "other")]),
        staff=np.array([getattr(p.staff, k) for k in STAFF]),
        learn=np.array([getattr(p.learners, k) for k in LEARN]),
        # The peers have no agencies: an empty post costs them what is left of it on average.
        outcomes=np.array(
            [
                getattr(p.outcomes, k) * (left_of_a_gap(p) if k == "vacancies" else 1)
                for k in OUTCOMES
            ]
        ),
        years=years,
    )  # fmt: skip
    return {
        "peer": "consortia",
        "cpu_s": best,
        "exit_rate": h.mean("exit_rate"),
        "move_rate": h.mean("move_rate"),
        "vacancy_rate": h.mean("sector_vacancy_rate"),
        "entries": h.mean("entries"),
        "learners": float(h.by_college["learners"].sum(axis=0).mean()),
    }


STAFF = (
    "exit_first", "exit_second", "exit_later", "exit_scale", "exit_pay", "search", "threshold",
    "taste", "travel", "accept", "accept_pay", "adjust", "pay_response", "pay_revert", "pay_band",
)  # fmt: skip
LEARN = ("decay", "quality", "stay")
OUTCOMES = ("persistence", "vacancies", "newcomers", "usual_vacancies", "usual_newcomers")


class Market:
    """The rules on plain objects; a framework's model holds one and its agents call it."""

    def __init__(self, d: Any, seed: int) -> None:
        self.d = d
        self.rng = random.Random(seed)
        self.s = dict(zip(STAFF, d["staff"].tolist(), strict=True))
        self.l = dict(zip(LEARN, d["learn"].tolist(), strict=True))
        self.o = dict(zip(OUTCOMES, d["outcomes"].tolist(), strict=True))
        self.near, self.km = d["near"].tolist(), (d["km"] / self.s["travel"]).tolist()
        self.zone_xy, self.xy = d["zone_xy"].tolist(), d["xy"].tolist()
        self.n = len(self.xy)
        self.learners, self.new = d["learners"].tolist(), d["new"].tolist()
        self.quality, self.log_pay = d["quality"].tolist(), d["log_pay"].tolist()
        self.posts = d["posts"].tolist()
        self.vacancies = [0.035] * self.n
        self.in_debt = (d["cash"] < 0).tolist()
        s = self.s
        self.hazard = [s["exit_scale"] * s[k] for k in
                       ("exit_first", "exit_second", "exit_second", "exit_later")]  # fmt: skip

    def gumbel(self) -> float:
        return -math.log(-math.log(self.rng.random()))

    def before_learners(self) -> None:
        d, l = self.d, self.l
        appeal = np.exp(d["appeal"] + l["quality"] * np.array(self.quality))
        weight = appeal[d["near"]] * np.exp(-l["decay"] * d["km"])
        edge = np.cumsum(weight, axis=1)
        self.edge = (edge / (edge[:, -1] + d["outside"])[:, None]).tolist()
        self.taken = [0] * self.n

    def learner_chooses(self, zone: int) -> None:
        k = bisect_right(self.edge[zone], self.rng.random())
        if k < len(self.edge[zone]):
            self.taken[self.near[zone][k]] += 1

    def after_learners(self, staff: Any) -> None:
        d, s = self.d, self.s
        before = self.learners
        self.learners = [t + round(self.l["stay"] * m) for t, m in
                         zip(self.taken, self.new, strict=True)]  # fmt: skip
        self.new = self.taken
        for j in range(self.n):
            total = sum(self.posts[j])
            want = before[j] * float(d["ratio"][j])
            want = round(min(max(want, (1 - s["adjust"]) * total), (1 + s["adjust"]) * total))
            exact = [want * x for x in d["shares"][j].tolist()]
            posts = [int(e) for e in exact]
            for g in sorted(range(5), key=lambda g: posts[g] - exact[g])[: want - sum(posts)]:
                posts[g] += 1
            self.posts[j] = posts
            up = s["pay_response"] * (self.vacancies[j] - self.o["usual_vacancies"])
            if self.in_debt[j]:
                up = min(up, 0.0)
            usual = float(d["usual"][j])
            pay = self.log_pay[j] + up + s["pay_revert"] * (usual - self.log_pay[j])
            self.log_pay[j] = min(max(pay, usual - s["pay_band"]), usual + s["pay_band"])
        self.pull = [
            math.exp(s["exit_pay"] * (w - float(d["standard"][j])))
            for j, w in enumerate(self.log_pay)
        ]
        self.heads = [[0] * 5 for _ in range(self.n)]
        self.count = {"exits": 0, "moves": 0, "entries": 0, "start": staff}

    def leaves(self, person: Any) -> bool:
        gone = self.rng.random() < self.hazard[min(person.service, 3)] * self.pull[person.college]
        if gone:
            self.count["exits"] += 1
        else:
            person.service += 1
            person.tenure += 1
            self.heads[person.college][person.subject] += 1
        return gone

    def before_moves(self) -> None:
        self.room = [
            [max(p - h, 0) for p, h in zip(a, b, strict=True)]
            for a, b in zip(self.posts, self.heads, strict=True)
        ]
        self.log_room = [[math.log(r) if r else -math.inf for r in a] for a in self.room]
        self.asked: dict[tuple[int, int], list[Any]] = {}

    def looks(self, person: Any) -> None:
        s = self.s
        if self.rng.random() >= s["search"]:
            return
        (a, b), (c, d) = self.zone_xy[person.zone], self.xy[person.college]
        best = (
            self.log_pay[person.college] / s["taste"]
            - math.hypot(a - c, b - d) / 1_000 / s["travel"]
            + s["threshold"]
            + self.gumbel()
        )
        to = -1
        for j, far in zip(self.near[person.zone], self.km[person.zone], strict=True):
            if j != person.college and self.room[j][person.subject]:
                v = self.log_pay[j] / s["taste"] - far + self.log_room[j][person.subject]
                v += self.gumbel()
                if v > best:
                    best, to = v, j
        if to >= 0:
            self.asked.setdefault((to, person.subject), []).append(person)

    def after_moves(self) -> None:
        for (j, g), queue in self.asked.items():
            self.rng.shuffle(queue)
            for person in queue[: self.room[j][g]]:
                self.heads[person.college][g] -= 1
                self.heads[j][g] += 1
                person.college, person.tenure = j, 0
                self.count["moves"] += 1

    def hired(self) -> list[tuple[int, int, int]]:
        """(zone, college, subject) of those who come in."""
        s, rng = self.s, self.rng
        self.before_moves()
        edge = np.cumsum(self.d["subject"] / self.d["subject"].sum()).tolist()
        for zone, many in enumerate(self.d["applicants"].tolist()):
            for _ in range(4):
                if rng.random() >= many / 4:
                    continue
                g = min(bisect_right(edge, rng.random()), 4)
                u = rng.random()
                best, to = -math.inf, -1
                for j, far in zip(self.near[zone], self.km[zone], strict=True):
                    pay = self.log_pay[j]
                    willing = s["accept"] * math.exp(
                        s["accept_pay"] * (pay - float(self.d["standard"][j]))
                    )
                    if self.room[j][g] and u < willing:
                        v = pay / s["taste"] - far + self.log_room[j][g] + self.gumbel()
                        if v > best:
                            best, to = v, j
                if to >= 0:
                    self.asked.setdefault((to, g), []).append((zone, to, g))
        out = []
        for (j, g), queue in self.asked.items():
            rng.shuffle(queue)
            got = queue[: self.room[j][g]]
            out += got
            self.heads[j][g] += len(got)
        self.count["entries"] = len(out)
        return out

    def results(self, people: Any) -> dict[str, float]:
        new, all_ = [0] * self.n, [0] * self.n
        for person in people:
            all_[person.college] += 1
            new[person.college] += person.tenure == 0
        return self.closes(new, all_)

    def closes(self, new: list[int], all_: list[int]) -> dict[str, float]:
        """The year's end, from the newcomers and all teachers of each college."""
        o = self.o
        short = 0
        for j in range(self.n):
            empty = sum(max(p - h, 0) for p, h in zip(self.posts[j], self.heads[j], strict=True))
            short += empty
            total = max(sum(self.posts[j]), 1)
            self.vacancies[j] = empty / total
            lost = o["vacancies"] * (empty / total - o["usual_vacancies"])
            lost += o["newcomers"] * (new[j] / max(all_[j], 1) - o["usual_newcomers"])
            keep = o["persistence"]
            self.quality[j] = keep * self.quality[j] - (1 - keep) * lost
        return {
            "exit_rate": self.count["exits"] / self.count["start"],
            "move_rate": self.count["moves"] / self.count["start"],
            "vacancy_rate": short / sum(map(sum, self.posts)),
            "entries": self.count["entries"],
            "learners": sum(self.learners),
        }


def with_mesa(d: Any, seed: int) -> tuple[float, float, list[dict[str, float]]]:
    import mesa

    class Teacher(mesa.Agent):
        def __init__(self, model, zone, college, subject, service, tenure) -> None:
            super().__init__(model)
            self.zone, self.college, self.subject = zone, college, subject
            self.service, self.tenure = service, tenure

        def leave(self) -> None:
            if self.model.market.leaves(self):
                self.remove()

        def look(self) -> None:
            self.model.market.looks(self)

    class Learner(mesa.Agent):
        def __init__(self, model, zone) -> None:
            super().__init__(model)
            self.zone = zone

        def choose(self) -> None:
            self.model.market.learner_chooses(self.zone)

    class Sector(mesa.Model):
        def __init__(self, d) -> None:
            super().__init__(seed=seed)
            self.market = Market(d, seed)
            for row in d["person"].tolist():
                Teacher(self, *row)
            for zone, many in enumerate(d["cohort"].tolist()):
                for _ in range(many):
                    Learner(self, zone)

        def year(self) -> dict[str, float]:
            m = self.market
            m.before_learners()
            self.agents_by_type[Learner].do("choose")
            m.after_learners(len(self.agents_by_type[Teacher]))
            self.agents_by_type[Teacher].do("leave")
            m.before_moves()
            self.agents_by_type[Teacher].do("look")
            m.after_moves()
            for zone, college, subject in m.hired():
                Teacher(self, zone, college, subject, 0, 0)
            return m.results(self.agents_by_type[Teacher])

    began = time.process_time()
    model = Sector(d)
    built = time.process_time() - began
    began = time.process_time()
    yearly = [model.year() for _ in range(int(d["years"]))]
    return built, time.process_time() - began, yearly


def with_agentpy(d: Any, seed: int) -> tuple[float, float, list[dict[str, float]]]:
    import agentpy as ap

    class Teacher(ap.Agent):
        def setup(self) -> None:
            self.service = self.tenure = self.college = self.subject = self.zone = 0
            self.gone = False

        def leave(self) -> None:
            self.gone = self.model.market.leaves(self)

        def look(self) -> None:
            self.model.market.looks(self)

    class Learner(ap.Agent):
        def setup(self) -> None:
            self.zone = 0

        def choose(self) -> None:
            self.model.market.learner_chooses(self.zone)

    class Sector(ap.Model):
        def setup(self) -> None:
            self.market = Market(d, seed)
            self.teachers = ap.AgentList(self, len(d["person"]), Teacher)
            for person, row in zip(self.teachers, d["person"].tolist(), strict=True):
                person.zone, person.college, person.subject, person.service, person.tenure = row
            self.learners = ap.AgentList(self, int(d["cohort"].sum()), Learner)
            zones = np.repeat(np.arange(d["cohort"].size), d["cohort"]).tolist()
            for learner, zone in zip(self.learners, zones, strict=True):
                learner.zone = zone

        def year(self) -> dict[str, float]:
            m = self.market
            m.before_learners()
            self.learners.choose()
            m.after_learners(len(self.teachers))
            self.teachers.leave()
            self.teachers = ap.AgentList(self, [p for p in self.teachers if not p.gone])
            m.before_moves()
            self.teachers.look()
            m.after_moves()
            new = m.hired()
            came = ap.AgentList(self, len(new), Teacher)
            for person, row in zip(came, new, strict=True):
                person.zone, person.college, person.subject = row
            self.teachers = ap.AgentList(self, [*self.teachers, *came])
            return m.results(self.teachers)

    began = time.process_time()
    model = Sector()
    model.sim_setup()
    built = time.process_time() - began
    began = time.process_time()
    yearly = [model.year() for _ in range(int(d["years"]))]
    return built, time.process_time() - began, yearly


def with_mesa_frames(d: Any, seed: int) -> tuple[float, float, list[dict[str, float]]]:
    """People as columns of agent sets; the 250 colleges keep their books in the same Market."""
    # Before the first import of polars, which reads it once: the others use one thread too.
    os.environ["POLARS_MAX_THREADS"] = "1"
    import polars as pl
    from mesa_frames import AgentSetPolars, ModelDF

    near, wide = pl.Series(d["near"].ravel()), d["near"].shape[1]
    km = pl.Series(d["km"].ravel() / float(d["staff"][STAFF.index("travel")]))
    zone_x, zone_y = (pl.Series(c) for c in d["zone_xy"].T)
    x, y = (pl.Series(c) for c in d["xy"].T)
    steps = pl.Series(range(wide), dtype=pl.Int64).to_frame("step")

    def counted(frame: Any) -> list[list[int]]:
        """Heads by college and subject."""
        cell = (frame["college"] * 5 + frame["subject"]).to_numpy()
        return np.bincount(cell, minlength=d["posts"].size).reshape(-1, 5).tolist()

    def flat(rows: Any) -> Any:
        return pl.Series([v for row in rows for v in row])

    def best(model: Any, who: Any, allowed: Any) -> Any:
        """Each row's best college in reach (`to`) and its value; -inf where none has room."""
        m, s = model.market, model.market.s
        long = who.with_row_index("row").join(steps, how="cross", maintain_order="left_right")
        slot = long["zone"] * wide + long["step"]
        to = near.gather(slot)
        value = (
            pl.Series(m.log_pay).gather(to) / s["taste"]
            - km.gather(slot)
            + flat(m.log_room).gather(to * 5 + long["subject"])
            + pl.Series(model.random.gumbel(size=len(long)))
        )
        value = pl.select(pl.when(allowed(long, to)).then(value).otherwise(-math.inf)).to_series()
        value = value.reshape((len(who), wide))
        at = pl.Series(range(len(who)), dtype=pl.Int64) * wide + value.arr.arg_max().cast(pl.Int64)
        return who.with_columns(to=to.gather(at), value=value.arr.max())

    def seated(model: Any, asked: Any) -> Any:
        """Those whom the posts suffice for, drawn by lot within college and subject."""
        room = flat(model.market.room).gather(asked["to"] * 5 + asked["subject"])
        return asked.with_columns(lot=pl.Series(model.random.random(len(asked))), room=room).filter(
            pl.col("lot").rank("ordinal").over("to", "subject") <= pl.col("room")
        )

    class Teachers(AgentSetPolars):
        def step(self) -> None:
            self.leave()
            self.model.market.before_moves()
            self.look()
            self.come()

        def leave(self) -> None:
            m, a = self.model.market, self.agents
            chance = pl.Series(m.hazard).gather(a["service"].clip(0, 3))
            chance *= pl.Series(m.pull).gather(a["college"])
            gone = a.filter(pl.Series(self.model.random.random(len(a))) < chance)["unique_id"]
            m.count["exits"] = len(gone)
            self.remove(gone)
            self.agents = self.agents.with_columns(pl.col("service", "tenure") + 1)
            m.heads = counted(self.agents)

        def look(self) -> None:
            model, m, s = self.model, self.model.market, self.model.market.s
            who = self.agents.with_row_index("at").filter(
                pl.Series(model.random.random(len(self.agents))) < s["search"]
            )
            away = (zone_x.gather(who["zone"]) - x.gather(who["college"])).pow(2)
            away += (zone_y.gather(who["zone"]) - y.gather(who["college"])).pow(2)
            stay = (
                pl.Series(m.log_pay).gather(who["college"]) / s["taste"]
                - away.sqrt() / 1_000 / s["travel"]
                + s["threshold"]
                + pl.Series(model.random.gumbel(size=len(who)))
            )
            found = best(model, who, lambda long, to: to != long["college"])
            moved = seated(model, found.filter(found["value"] > stay))
            a = self.agents
            self.agents = a.with_columns(
                a["college"].scatter(moved["at"], moved["to"]),
                a["tenure"].scatter(moved["at"], 0),
            )
            m.heads = counted(self.agents)
            m.count["moves"] = len(moved)

        def come(self) -> None:
            model, m, s = self.model, self.model.market, self.model.market.s
            m.before_moves()
            many = pl.Series(np.repeat(d["applicants"] / 4, 4))
            zone = pl.Series(np.repeat(np.arange(d["applicants"].size), 4))
            zone = zone.filter(pl.Series(model.random.random(len(many))) < many)
            edge = pl.Series(d["subject"] / d["subject"].sum()).cum_sum()
            draw = pl.Series(model.random.random(len(zone)))
            subject = edge.search_sorted(draw, side="right").cast(pl.Int64).clip(0, 4)
            who = pl.DataFrame({"zone": zone, "subject": subject}).with_columns(
                u=pl.Series(model.random.random(len(zone)))
            )
            ahead = pl.Series(np.array(m.log_pay) - d["standard"])
            willing = s["accept"] * (s["accept_pay"] * ahead).exp()
            found = best(model, who, lambda long, to: long["u"] < willing.gather(to))
            got = seated(model, found.filter(pl.col("value") > -math.inf))
            zero = pl.lit(0, dtype=pl.Int64)
            self.add(
                got.select(
                    pl.Series("unique_id", model.ids(len(got))),
                    "zone", pl.col("to").alias("college"), "subject",
                    service=zero, tenure=zero,
                )
            )  # fmt: skip
            m.heads = counted(self.agents)
            m.count["entries"] = len(got)

        def counts(self) -> tuple[list[int], list[int]]:
            """(newcomers, all) by college."""
            a = self.agents
            new = a.filter(pl.col("tenure") == 0)["college"].to_numpy()
            every = a["college"].to_numpy()
            n = self.model.market.n
            return np.bincount(new, minlength=n).tolist(), np.bincount(every, minlength=n).tolist()

    class Learners(AgentSetPolars):
        def step(self) -> None:
            self.choose()

        def choose(self) -> None:
            m, zone = self.model.market, self.agents["zone"]
            # Edges rise within a zone from 0 to below 1, so that zone + edge is one sorted column.
            edge = pl.Series((np.arange(len(m.edge))[:, None] + np.array(m.edge)).ravel())
            draw = zone + pl.Series(self.model.random.random(len(zone)))
            slot = edge.search_sorted(draw, side="right").cast(pl.Int64)
            taken = near.gather(slot.filter(slot < (zone + 1) * wide))
            m.taken = np.bincount(taken.to_numpy(), minlength=m.n).tolist()

    class Sector(ModelDF):
        def __init__(self, d) -> None:
            super().__init__(seed)
            self.market, self.last = Market(d, seed), 0
            self.teachers, self.learners = Teachers(self), Learners(self)
            rows = d["person"]
            names = ("zone", "college", "subject", "service", "tenure")
            columns = {k: rows[:, i] for i, k in enumerate(names)}
            self.teachers.add(pl.DataFrame({"unique_id": self.ids(len(rows)), **columns}))
            zones = np.repeat(np.arange(d["cohort"].size), d["cohort"])
            self.learners.add(pl.DataFrame({"unique_id": self.ids(len(zones)), "zone": zones}))
            self.agents.add([self.teachers, self.learners])

        def ids(self, n: int) -> Any:
            self.last += n
            return np.arange(self.last - n, self.last)

        def year(self) -> dict[str, float]:
            m = self.market
            m.before_learners()
            self.learners.step()
            m.after_learners(len(self.teachers))
            self.teachers.step()
            return m.closes(*self.teachers.counts())

    began = time.process_time()
    model = Sector(d)
    built = time.process_time() - began
    began = time.process_time()
    yearly = [model.year() for _ in range(int(d["years"]))]
    return built, time.process_time() - began, yearly


PEERS = {"mesa": with_mesa, "agentpy": with_agentpy, "mesa-frames": with_mesa_frames}


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--out", type=Path, required=True, help="file of the opening (.npz)")
    args.add_argument("--peer", choices=tuple(PEERS))
    args.add_argument("--seed", type=int, default=1, help="of a peer's luck")
    args.add_argument("--colleges", type=int, default=250)
    args.add_argument("--years", type=int, default=20)
    chosen = args.parse_args()
    if chosen.peer is None:
        said = ours(chosen.out, chosen.colleges, chosen.years)
    else:
        with np.load(chosen.out) as held:
            d = {name: held[name] for name in held.files}
        built, cpu, yearly = PEERS[chosen.peer](d, chosen.seed)
        said = {"peer": chosen.peer, "cpu_s": cpu, "build_s": built}
        said |= {k: float(np.mean([y[k] for y in yearly])) for k in KEEP}
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in said.items()}))


if __name__ == "__main__":
    main()
