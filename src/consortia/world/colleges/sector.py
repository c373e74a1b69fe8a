"""The sector as a value: a region, its numbers, how long, and the two switches of the market."""

from __future__ import annotations

from dataclasses import dataclass, field

from consortia.streams import Streams
from consortia.world.colleges.parameters import Parameters, parameters
from consortia.world.colleges.region import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class CollegeSector:
    """What is true of the sector before anybody draws a number.

    ``burn_in`` years run before ``first``, the first year that counts, and are forgotten.
    ``competition`` (1 = as it is, 0 = off): learners weigh quality, and money follows them;
    ``autonomy`` (1 = as it is, 0 = off): colleges set their own pay and recruit for themselves.

    Raises ValueError for numbers of years below one (``burn_in`` below two) or switches below zero.
    """

    region: Region
    parameters: Parameters = field(default_factory=parameters)
    years: int = 20
    burn_in: int = 15
    first: int = 2026
    competition: float = 1.0
    autonomy: float = 1.0

    def __post_init__(self) -> None:
        if self.years < 1 or self.burn_in < 2:
            raise ValueError("a sector runs for a year at least, after two years of burn-in")
        if self.competition < 0 or not 0 <= self.autonomy <= 1:
            raise ValueError("competition is zero or more, autonomy between 0 and 1")


def luck(streams: Streams) -> Streams:
    """Where the sector's streams begin below a root."""
    return streams.at("world", "colleges")
