"""By what fact an effect is split: does it depend on local competition?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from consortia.specs.ranges import CLOSED, need


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The answer by level of a fact, and whether it differs between levels.

    ``by``: a column of numbers in the outcomes file (those made by [competition] too) or in the
    providers file. A provider's level is set by its first known value before joining and never
    changes. ``cuts``: upper edges of the levels but the last, ascending, a value on an edge belongs
    below it; without them ``count`` levels of equally many providers (3: thirds).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    by: str
    label: str = ""
    count: int = 3
    cuts: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        need(bool(self.by), "by must name a column of numbers")
        need(2 <= self.count <= 10, "count must lie between 2 and 10")
        need(
            all(a < b for a, b in pairwise(self.cuts)) and len(self.cuts) < 10,
            "cuts must be ascending, nine at most",
        )

    @property
    def title(self) -> str:
        """The fact in words."""
        return self.label or self.by.replace("_", " ")
