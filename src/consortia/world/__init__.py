"""The embedded sector: schools whose story is known, simulated under named streams."""

from __future__ import annotations

from dataclasses import replace

from consortia.panel import Panel
from consortia.streams import Streams
from consortia.world.frames import panel
from consortia.world.question import sector_study
from consortia.world.schedule import SCHEDULE, run
from consortia.world.sector import SchoolSector

__all__ = ["SCHEDULE", "SchoolSector", "sector_study", "simulate", "twin"]


def simulate(spec: SchoolSector, streams: Streams) -> Panel:
    """The sector's tables, with the true effect of joining a trust beside them.

    ``Panel.truth`` is Y(as it was) - Y(this school never gained from its trust, all else as it was)
    for every provider and year: 0 where not exposed.
    """
    return panel(spec, streams, *run(spec, streams))


def twin(spec: SchoolSector, streams: Streams) -> Panel:
    """The same schools, decisions and luck in a world in which being in a trust does nothing."""
    return simulate(replace(spec, trust=replace(spec.trust, first=0.0, growth=0.0)), streams)
