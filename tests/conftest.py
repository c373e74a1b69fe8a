"""Small panels that are built by hand, so that every expected number can be read off."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, settings

from consortia.panel import Panel
from consortia.specs import Arm, Outcome, PlaceboDate, PreTrend
from consortia.study import Study

# Examples come from the code, not from the clock: a test run is the same run everywhere.
settings.register_profile(
    "project", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")

MEMBERSHIPS = {
    "provider": pl.String,
    "collaboration": pl.String,
    "kind": pl.String,
    "from": pl.Date,
    "to": pl.Date,
    "weight": pl.Float64,
    "first_seen": pl.Date,
    "last_seen": pl.Date,
}
STATUSES = {"provider": pl.String, "status": pl.String, "since": pl.Date, "until": pl.Date}


def day(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)


@pytest.fixture
def make_panel() -> Callable[..., Panel]:
    """make_panel(outcomes={(provider, year): y}, joins=[(provider, collaboration, kind, from, to)],
    statuses=[(provider, status, since)], facts={column: {provider: value}}, **outcome columns)."""

    def build(
        outcomes: dict[tuple[str, int], float | None],
        joins: list[tuple[Any, ...]] = (),
        statuses: list[tuple[str, str, str]] = (),
        facts: dict[str, dict[str, Any]] | None = None,
        **columns: dict[tuple[str, int], float | None],
    ) -> Panel:
        keys = list(outcomes)
        frame = pl.DataFrame(
            {
                "provider": [k[0] for k in keys],
                "year": pl.Series([k[1] for k in keys], dtype=pl.Int32),
                "score": pl.Series([outcomes[k] for k in keys], dtype=pl.Float64),
                **{
                    name: pl.Series([values.get(k) for k in keys], dtype=pl.Float64)
                    for name, values in columns.items()
                },
            }
        )
        names = sorted({k[0] for k in keys})
        rows = [(*j, *([None] * (5 - len(j)))) for j in joins]
        return Panel(
            outcomes=frame,
            providers=pl.DataFrame(
                {
                    "provider": names,
                    **{c: [v.get(p) for p in names] for c, v in (facts or {}).items()},
                }
            ),
            memberships=pl.DataFrame(
                [(r[0], r[1], r[2], day(r[3]), day(r[4]), 1.0, None, None) for r in rows],
                schema=MEMBERSHIPS,
                orient="row",
            ),
            statuses=pl.DataFrame(
                [(p, s, day(d), None) for p, s, d in statuses], schema=STATUSES, orient="row"
            ),
        )

    return build


@pytest.fixture
def make_study() -> Callable[..., Study]:
    def build(**changes: Any) -> Study:
        fields: dict[str, Any] = {
            "question": "Did joining help?",
            "outcome": "score",
            "arm": "trust",
            "outcomes": {"score": Outcome(unit="points")},
            "arms": {
                "trust": Arm(kinds=("trust",)),
                "club": Arm(kinds=("club",)),
                "academy": Arm(status="academy"),
            },
            # Two that are quick; the others have tests of their own.
            "checks": (PreTrend(), PlaceboDate()),
        }
        fields.update(changes)
        return Study(**fields)

    return build
