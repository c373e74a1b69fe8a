"""Months of progress: a published table, never a formula, and never for the ends of an interval."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files

from consortia.report.numerals import rounded


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthsTable:
    """``rows``: (highest effect size, months), ascending; the rest says what the table is."""

    name: str
    short_name: str
    source: str
    status: str
    dated: str
    defined_for: str
    rows: tuple[tuple[Decimal, int], ...]


@cache
def table() -> MonthsTable:
    """The table shipped in params/months_of_progress.toml."""
    text = (files("consortia.report") / "params" / "months_of_progress.toml").read_text("utf-8")
    raw = tomllib.loads(text, parse_float=Decimal)
    return MonthsTable(
        name=raw["name"],
        short_name=raw["short_name"],
        source=raw["source"],
        status=raw["status"],
        dated=raw["dated"].isoformat(),
        defined_for=raw["defined_for"],
        rows=tuple((Decimal(row["to"]), int(row["months"])) for row in raw["row"]),
    )


def months(effect_sd: float) -> int | None:
    """Whole months for an effect in pupils' standard deviations, signed as the effect is.

    The effect is rounded to two decimals first, as the table asks. None beyond the table's end.
    """
    size = abs(rounded(effect_sd, 2))
    for highest, count in table().rows:
        if size <= highest:
            return count if effect_sd >= 0 else -count
    return None
