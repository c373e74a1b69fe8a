"""The section on whether the effect depends on a fact: its table and its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from consortia.report.numerals import decimals, shown, ticks
from consortia.report.tables import column_of, ratio
from consortia.results import ByLevel
from consortia.study import capital

COLUMNS = (
    "label", "above", "up_to", "providers", "estimate", "estimate_sd", "std_error", "low", "high",
    "p_value", "truth", "n_treated", "n_control", "caution",
)  # fmt: skip
LABELS = {
    "label": "Level",
    "above": "Above",
    "up_to": "Up to",
    "providers": "Providers",
    "n_treated": "Joiners",
}


def section(found: ByLevel | None, sd: float | None, rules: Mapping[str, str]) -> Any:
    """Rows from the lowest level to the highest, then the difference; None where nobody asked."""
    if found is None:
        return None
    rows = [
        row | {"caution": row["caution"] or ""}
        | {f"{k}_sd": ratio(row[k], sd) for k in ("estimate", "low", "high")}
        for row in found.table.to_dicts()
    ]  # fmt: skip
    edges = [float(e) for e in found.table["above"].drop_nulls().to_list()]
    gap = min((b - a for a, b in pairwise(edges)), default=None)
    size = gap or max((abs(e) for e in edges), default=None)
    edge = f"fixed:{decimals(None if not size else size / 20, most=4)}"
    own = {
        "label": "text",
        "above": edge,
        "up_to": edge,
        "providers": "count",
    }
    columns = [
        column_of(name, rules)
        | ({"label": LABELS[name]} if name in LABELS else {})
        | ({"rule": own[name]} if name in own else {})
        for name in COLUMNS
        if any(r.get(name) not in (None, "") for r in rows)
    ]
    return {
        "by": found.by,
        "label": found.label,
        "sentence": found.sentence,
        "p_value": found.p_value,
        "before": None
        if found.before is None
        else dict(zip(("estimate", "low", "high"), found.before, strict=True)),
        "caption": f"The effect by level of {found.label}",
        "columns": columns,
        "rows": rows,
        "notes": list(found.notes),
    }


def chart(made: Mapping[str, Any] | None, rules: Mapping[str, str]) -> dict[str, Any] | None:
    """Levels below one another on one scale (drawn as charts.forest); None without effects in
    standard deviations."""
    known: Sequence[Mapping[str, Any]] = (
        [] if made is None else [r for r in made["rows"] if r["estimate_sd"] is not None]
    )
    if made is None or len(known) < 2:
        return None
    ends = [r[k] for r in known for k in ("estimate_sd", "low_sd", "high_sd") if r[k] is not None]
    axis, digits = ticks(min(0.0, *ends), max(0.0, *ends), 6)
    said = "; ".join(f"{r['label']}: {shown(r['estimate_sd'], rules['sd'])}" for r in known)
    return {
        "title": f"The effect by level of {made['label']}",
        "description": f"Rows of a dot with its interval, in standard deviations. {said}.",
        "unit": "standard deviations (SD)",
        "ticks": axis,
        "tick_rule": f"fixed:{digits}",
        "rows": [
            {
                "label": capital(r["label"]),
                "words": "",
                "estimate_sd": r["estimate_sd"],
                "low_sd": r["low_sd"],
                "high_sd": r["high_sd"],
                "clear": r["low_sd"] is not None and not r["low_sd"] <= 0 <= r["high_sd"],
            }
            for r in known
        ],
    }
