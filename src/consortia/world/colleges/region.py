"""Where colleges and learners are: the geography a market happens in.

A region is fixed while luck varies: colleges with a persistent key each, zones of learners around
them, and for every zone the colleges it knows. All of it follows from the colleges' names, places,
sizes and types, so that one more college far away moves nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.spatial import KDTree

from consortia.errors import DataInvalid, Problem, did_you_mean
from consortia.streams import Streams
from consortia.world.colleges.parameters import Parameters, parameters

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

CAUTION = (
    "A simulated sector: colleges, staff and learners are invented, only magnitudes are borrowed "
    "from public sources. It is not England, and no college in it is a real one."
)
GENERAL = "general"
SIXTH_FORM = "sixth form"
KINDS = (GENERAL, SIXTH_FORM)

_GEOGRAPHY = Streams(0).at("colleges", "geography")


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """n colleges, Z zones, K colleges known to each zone.

    * ``college`` (n,) names; ``key`` (n,) persistent 64-bit identity, from the name alone;
      ``easting``, ``northing`` (n,) metres; ``kind`` (n,) one of KINDS; ``learners`` (n,) aged
      16-18, both years.
    * ``zone_key`` (Z,), ``zone_easting``, ``zone_northing`` (Z,), ``cohort`` (Z,) people who reach
      16 each year, ``deprivation`` (Z,) standard normal, ``around`` (Z,) row of the college the
      zone lies around.
    * ``near`` (Z, K) rows of the nearest colleges, nearest first; ``km`` (Z, K).
    * ``appeal`` (n,) the constant at which the choice of learners fills every college to its size.
    """

    college: NDArray[np.str_]
    key: Words
    easting: Floats
    northing: Floats
    kind: NDArray[np.str_]
    learners: Ints
    zone_key: Words
    zone_easting: Floats
    zone_northing: Floats
    cohort: Ints
    deprivation: Floats
    around: Ints
    near: Ints
    km: Floats
    appeal: Floats

    def __repr__(self) -> str:
        return (
            f"Region({self.n} colleges, {self.learners.sum():,} learners, {self.cohort.size:,} "
            f"zones)\n       {CAUTION}"
        )

    @property
    def n(self) -> int:
        return int(self.college.size)

    @property
    def between(self) -> Floats:
        """(n, n) kilometres between colleges."""
        east = self.easting[:, None] - self.easting
        north = self.northing[:, None] - self.northing
        return np.sqrt(east**2 + north**2) / 1_000

    def select(self, ids: Sequence[str]) -> Ints:
        """Rows of these colleges.

        Raises DataInvalid for a name the region does not have, or one named twice.
        """
        row = {name: k for k, name in enumerate(self.college.tolist())}
        problems = [
            Problem(
                problem="no such college in the region",
                remedy=did_you_mean(i, tuple(row)[:12]) if i not in row else "Name it once.",
                found=i,
            )
            for k, i in enumerate(ids)
            if i not in row or i in ids[:k]
        ]
        if problems:
            raise DataInvalid(problems)
        return np.array([row[i] for i in ids], dtype=np.int64)

    def neighbours(self, college: str, count: int) -> tuple[str, ...]:
        """The college and its nearest, ``count`` in all, nearest first."""
        here = int(self.select([college])[0])
        order = np.lexsort((self.key, self.between[here]))
        order = np.concatenate([[here], order[order != here]])
        return tuple(self.college[order[:count]].tolist())

    def permuted(self, order: Ints) -> Region:
        """The same region with its colleges listed in another order."""
        back = np.empty(order.size, dtype=np.int64)
        back[order] = np.arange(order.size)
        return Region(
            college=self.college[order],
            key=self.key[order],
            easting=self.easting[order],
            northing=self.northing[order],
            kind=self.kind[order],
            learners=self.learners[order],
            zone_key=self.zone_key,
            zone_easting=self.zone_easting,
            zone_northing=self.zone_northing,
            cohort=self.cohort,
            deprivation=self.deprivation,
            around=back[self.around],
            near=back[self.near],
            km=self.km,
            appeal=self.appeal[order],
        )


def keys_of(names: Sequence[str]) -> Words:
    """A persistent identity for each name, the same in every region."""
    return np.array([Streams(0).at("college", name).seed() for name in names], dtype=np.uint64)


def make_region(
    college: Sequence[str],
    easting: Floats,
    northing: Floats,
    learners: Ints,
    kind: Sequence[str],
    p: Parameters | None = None,
) -> Region:
    """A region from what is known of its colleges; zones are laid around each, as many as it needs.

    Raises DataInvalid for fewer than two colleges or a name that occurs twice.
    """
    p = parameters() if p is None else p
    names = list(college)
    if len(names) < 2 or len(set(names)) < len(names):
        raise DataInvalid(
            [
                Problem(
                    problem="a region needs two colleges at least, each named once",
                    remedy="List every college on a row of its own.",
                )
            ]
        )
    key = keys_of(names)
    learners = np.asarray(learners, dtype=np.int64)
    people = np.rint(learners / (1 + p.learners.stay) / (1 - p.learners.outside)).astype(np.int64)
    people = np.maximum(people, 2)
    count = -(-people // p.learners.cohort)
    # Sorted by key, not by row: then the order of zones does not know how colleges are listed.
    order = np.argsort(key)
    around = np.repeat(order, count[order])
    slot = np.arange(around.size) - np.repeat(np.cumsum(count[order]) - count[order], count[order])
    cohort = people[around] // count[around] + (slot < people[around] % count[around])
    draw = _GEOGRAPHY.keyed()
    owner, place = key[around], slot.astype(np.uint64)
    # Two exponentials make a Gamma(2): few zones on the doorstep, a long way for some.
    first, second = draw.uniform(owner, place, 1), draw.uniform(owner, place, 2)
    far = -0.5e3 * p.learners.reach * np.log(first * second)
    angle = 2 * np.pi * draw.uniform(owner, place, 3)
    zone_easting = easting[around] + far * np.cos(angle)
    zone_northing = northing[around] + far * np.sin(angle)
    town = special.ndtri(draw.uniform(key, 4))
    deprivation = 0.6 * town[around] + 0.8 * special.ndtri(draw.uniform(owner, place, 5))
    near, km = _known(
        key, easting, northing, zone_easting, zone_northing, min(p.learners.choices, len(names))
    )
    return Region(
        college=np.array(names, dtype=np.str_),
        key=key,
        easting=np.asarray(easting, dtype=np.float64),
        northing=np.asarray(northing, dtype=np.float64),
        kind=np.array(list(kind), dtype=np.str_),
        learners=learners,
        zone_key=draw.word(owner, place, 6),
        zone_easting=zone_easting,
        zone_northing=zone_northing,
        cohort=cohort,
        deprivation=deprivation,
        around=around,
        near=near,
        km=km,
        appeal=_appeal(near, km, cohort, learners / (1 + p.learners.stay), p),
    )


def _known(
    key: Words, easting: Floats, northing: Floats, east: Floats, north: Floats, K: int
) -> tuple[Ints, Floats]:
    """The K nearest colleges of each zone, nearest first; ties go by key, not by row."""
    order = np.argsort(key)
    tree = KDTree(np.column_stack([easting, northing])[order])
    metres, near = tree.query(np.column_stack([east, north]), k=K)
    metres = np.asarray(metres).reshape(east.size, K)
    near = np.asarray(near, dtype=np.int64).reshape(east.size, K)
    return order[near], metres / 1_000


def _appeal(near: Ints, km: Floats, cohort: Ints, wanted: Floats, p: Parameters) -> Floats:
    """Constants of the logit at which expected choices equal the wanted numbers.

    Source: contraction of Berry, Levinsohn & Pakes (1995), "Automobile prices in market
    equilibrium", without its random coefficients.
    """
    n = wanted.size
    xi = np.log(wanted / wanted.mean())
    far = np.exp(-p.learners.decay * (km - km[:, :1]))
    inside = (1 - p.learners.outside) * cohort
    for _ in range(200):
        weight = far * np.exp(xi)[near]
        share = weight / weight.sum(axis=1, keepdims=True)
        got = np.bincount(near.ravel(), (share * inside[:, None]).ravel(), minlength=n)
        step = np.log(wanted) - np.log(np.maximum(got, 1e-9))
        xi = xi + step
        xi = xi - xi.mean()
        if np.abs(step - step.mean()).max() < 1e-6:
            break
    return xi


def embedded_region(colleges: int = 218, seed: int = 1, p: Parameters | None = None) -> Region:
    """Invented colleges in invented towns; one in five is a sixth form college.

    Sizes are lognormal (sd of the logarithm 0.55), 661,000 learners in 218 colleges as in the IFS's
    count. ``seed`` is that of the geography, which stays while luck varies. Raises DataInvalid for
    fewer than two.
    """
    streams = Streams(seed).at("colleges", "map")
    slot = np.arange(colleges, dtype=np.uint64)
    draw = streams.keyed()
    towns = max(2, round(colleges / 3.5))
    width = 330_000.0 * np.sqrt(colleges / 218)
    at = np.arange(towns, dtype=np.uint64)
    town_east = 100_000 + width * draw.uniform(at, 101)
    town_north = 100_000 + width * draw.uniform(at, 102)
    # Towns differ in size as ranks do (Zipf), so that some colleges have many rivals, some few.
    share = np.cumsum(1 / (2.0 + np.arange(towns)))
    town = np.searchsorted(share / share[-1], draw.uniform(slot, 1))
    spread = 9_000.0
    easting = np.round(town_east[town] + spread * special.ndtri(draw.uniform(slot, 2)))
    northing = np.round(town_north[town] + spread * special.ndtri(draw.uniform(slot, 3)))
    sixth = draw.uniform(slot, 4) < 0.20
    size = np.exp(0.55 * special.ndtri(draw.uniform(slot, 5))) * np.where(sixth, 2_000.0, 3_290.0)
    size *= 661_000 * (colleges / 218) / size.sum()
    return make_region(
        [f"College {k + 1:03d}" for k in range(colleges)],
        easting,
        northing,
        np.maximum(np.rint(size), 300).astype(np.int64),
        np.where(sixth, SIXTH_FORM, GENERAL).tolist(),
        p,
    )
