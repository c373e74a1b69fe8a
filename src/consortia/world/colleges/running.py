"""Runs: burn in once, then as many arms as one likes under the same luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from consortia.streams import Streams
from consortia.world.colleges.history import History, history, kept
from consortia.world.colleges.mechanisms import MECHANISMS, Mechanism, MechanismSpec, terms
from consortia.world.colleges.schedule import one_year, with_terms
from consortia.world.colleges.sector import CollegeSector, luck
from consortia.world.colleges.setting import (
    State,
    World,
    membership_state,
    opening_state,
    world,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The sector after its burn-in: what all arms under the same luck have in common."""

    world: World
    state: State


def opening(sector: CollegeSector, streams: Streams) -> Start:
    """Burn in, without any mechanism."""
    w = world(sector, streams)
    state = opening_state(w) | membership_state(w)
    for t in range(sector.burn_in):
        state, _ = one_year(w, t, state)
    return Start(world=w, state=state)


def run(
    sector: CollegeSector,
    streams: Streams,
    mechanisms: Sequence[MechanismSpec] = (),
    *,
    start: Start | None = None,
    counterfactual: bool = False,
    table: Mapping[type, Mechanism] = MECHANISMS,
    since: Sequence[NDArray[np.int64] | None] = (),
) -> History:
    """The sector's years under these mechanisms, in the order given.

    The same streams give the same luck to every person and college in every arm. ``start`` is
    ``opening`` of a sector with the same region, parameters and burn-in, to save its time; switches
    may differ. ``since`` has for each mechanism the year index from which each college is a member,
    (n,), where they do not all begin together.

    Raises Unlawful for a mechanism with a red note unless ``counterfactual``; DataInvalid for
    members that the region does not have; ValueError for a start of another sector.
    """
    at_work = terms(
        mechanisms, sector.region, counterfactual=counterfactual, table=table, since=since
    )
    if start is None:
        start = opening(sector, streams)
    was = start.world.sector
    same = was.region is sector.region or was.region.college.tolist() == (
        sector.region.college.tolist()
    )
    if not same or was.parameters != sector.parameters or was.burn_in != sector.burn_in:
        raise ValueError("the start belongs to another sector")
    if start.world.streams != luck(streams):
        raise ValueError("the start belongs to other streams")
    w = replace(with_terms(start.world, at_work), sector=sector)
    state = start.state | membership_state(w)
    yearly = []
    for t in range(sector.burn_in, sector.burn_in + sector.years):
        before = state
        state, flows = one_year(w, t, before)
        yearly.append(kept(w, before, state, flows))
    return history(w, yearly)
