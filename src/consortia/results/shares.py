"""Where the differences lie, and who stands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

PARTS: dict[str, Any] = {
    "term": pl.String,
    "label": pl.String,
    "levels": pl.Int64,
    "sd": pl.Float64,
    "variance": pl.Float64,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "alone": pl.Float64,
    "caution": pl.String,
}
"""How the variance divides, one row per term, the residual last.

``sd``: standard deviation of the effects of levels; ``variance``: what they contribute to an
average row (with weights w of several levels, the variance times sum w squared); ``share`` of the
sum, with its interval; ``alone``: the share if only each row's main membership were known, null
where nobody has several.
"""

STANDINGS: dict[str, Any] = {
    "level": pl.String,
    "name": pl.String,
    "providers": pl.Int64,
    "effect": pl.Float64,
    "std_error": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "rank": pl.Float64,
    "rank_low": pl.Float64,
    "rank_high": pl.Float64,
    "p_wrong": pl.Float64,
    "stands_out": pl.String,
}
"""The levels of one term, largest effect first.

``level`` identifies, ``name`` is what people call it; ``effect``: predicted, shrunk towards zero;
``low``/``high``: intervals for comparing two levels by
eye; ``rank`` mean rank (1 = largest) with its interval; ``p_wrong``: probability that the effect
has the other sign; ``stands_out``: "above", "below" or "".
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the levels of one term compare: ``table`` (STANDINGS).

    ``factor``: multiple of the standard error in low and high. ``collaborations``: whether the
    levels are collaborations (and not places or other labels). Of the levels named as standing out
    a share of at most ``rate`` is expected to be named wrongly.
    """

    term: str
    label: str
    table: pl.DataFrame
    factor: float
    rate: float
    collaborations: bool = False

    def named(self, side: str) -> int:
        """How many stand out "above" or "below"."""
        return int((self.table["stands_out"] == side).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Where the differences lie: variance components of one outcome, and who stands out.

    ``parts`` (PARTS); ``rows`` counts ``rows_of`` ("pupils" or "provider-years"); ``held`` is what
    the model holds equal, in words; ``several`` counts the rows with more than one membership of a
    term; ``exposure``: whether the effect of being a member is taken out first.
    """

    parts: pl.DataFrame
    standings: tuple[Standing, ...]
    rows: int
    rows_of: str
    providers: int
    several: int
    held: tuple[str, ...]
    exposure: bool
    level: float
    intervals: str
    criterion: float
    reml: bool
    cautions: tuple[str, ...] = ()

    def part(self, term: str) -> dict[str, Any]:
        """The row of a term. Raises ValueError for a term that is not there."""
        names = self.parts["term"].to_list()
        return self.parts.row(names.index(term), named=True)

    def __repr__(self) -> str:
        said = ", ".join(
            f"{label} {share:.1%}"
            for label, share in zip(self.parts["label"], self.parts["share"], strict=True)
        )
        return f"Shares of the variance of {self.rows:,} {self.rows_of}:\n       {said}"
