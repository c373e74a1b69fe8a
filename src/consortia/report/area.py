"""The section on members, those nearby and the area as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consortia.report.tables import column_of, ratio
from consortia.results import AreaReading

COLUMNS = ("label", "estimate", "estimate_sd", "std_error", "low", "high", "p_value", "providers",
           "caution")  # fmt: skip


def section(found: AreaReading | None, sd: float | None, rules: Mapping[str, str]) -> Any:
    """Who gains and who loses; None where the method does not look at neighbours."""
    if found is None:
        return None
    rows = [
        row | {"caution": row["caution"] or "", "estimate_sd": ratio(row["estimate"], sd)}
        for row in found.table.to_dicts()
    ]
    own = {
        "label": {"label": "Who", "rule": "text"},
        "providers": {"label": "Providers", "rule": "count"},
    }
    return {
        "sentence": found.sentence,
        "lost_elsewhere": found.lost_elsewhere,
        "caption": "What joining does to members, to their neighbours and to the area",
        "columns": [
            column_of(name, rules) | own.get(name, {})
            for name in COLUMNS
            if any(r[name] not in (None, "") for r in rows)
        ],
        "rows": rows,
    }
