"""Sections of the document that only some evaluations have: what the raw difference is made of, the
weights of a joint regression, one collaboration at a time, what could overturn the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consortia.report.charts import drift as drift_chart
from consortia.report.tables import column_of, ratio
from consortia.results import Evaluation

SHOWN = 10
"""Collaborations shown at each end of the list; all are in the JSON."""


STANDINGS = {
    "overturns": "the answer does not stand",
    "close": "it barely stands",
    "open": "not known",
    "holds": "it stands",
}
_ICONS = {"overturns": "fail", "close": "note", "open": "note", "holds": "pass"}


def challenge(e: Evaluation) -> dict[str, Any] | None:
    """Threats, most dangerous first, and how strong the evidence is; null without an answer."""
    if not e.challenge.threats:
        return None
    s = e.challenge.strength
    return {
        "threats": [
            {
                "check": t.check,
                "title": t.title,
                "standing": t.standing,
                "standing_words": STANDINGS[t.standing],
                "icon": _ICONS[t.standing],
                "danger": t.danger,
                "sentence": t.sentence,
                "settles": t.settles,
            }
            for t in e.challenge.threats
        ],
        "strength": None
        if s is None
        else {
            "rating": s.rating,
            "initial": s.initial,
            "lowered": s.lowered,
            "reason": s.reason,
            "maryland": s.maryland,
            "maryland_reason": s.maryland_reason,
            "grid": s.grid,
            "criteria": [
                {"name": c.name, "value": c.value, "rating": c.rating, "sentence": c.sentence}
                for c in s.criteria
            ],
        },
    }


def drift(e: Evaluation, rules: Mapping[str, str]) -> dict[str, Any] | None:
    """The picture of the check honest-trends: its first rows, those of one target and kind."""
    found = next((f for f in e.findings if f.check == "honest-trends"), None)
    if found is None or found.table.height == 0:
        return None
    rows = list(found.table.iter_rows(named=True))
    first = [r for r in rows if all(r[k] == rows[0][k] for k in ("target", "restriction"))]
    return drift_chart.data(
        first,
        breakdown=found.numbers["breakdown_mbar"],
        unit=e.study.outcomes[e.study.outcome].unit,
        rule=rules["effect"],
    )


def gap(e: Evaluation, sd: float | None) -> dict[str, Any] | None:
    """The waterfall, with where each bar starts and ends."""
    if e.gap is None:
        return None
    rows: list[dict[str, Any]] = []
    here = 0.0
    for part in e.gap.parts:
        whole = part.kind in ("total", "answer")
        start = 0.0 if whole else here
        here = part.estimate if whole else here - part.estimate
        rows.append(
            {
                "name": part.name,
                "label": part.label,
                "kind": part.kind,
                "estimate": part.estimate,
                "estimate_sd": ratio(part.estimate, sd),
                "std_error": part.std_error,
                "low": part.low,
                "high": part.high,
                "start": start,
                "end": here,
                "caution": part.caution,
            }
        )
    return {
        "sentence": e.gap.sentence,
        "parts": rows,
        "convention": e.gap.convention,
        "notes": list(e.gap.notes),
    }


def contamination(e: Evaluation, rules: Mapping[str, str]) -> dict[str, Any] | None:
    if e.contamination is None:
        return None
    frame = e.contamination.table
    labels = {
        "coefficient": "Coefficient of",
        "effects_of": "Averages effects of",
        "total": "Weights in all",
        "positive": "Above zero",
        "negative": "Below zero",
        "cells": "Provider-years",
        "below": "With weight below zero",
    }
    columns = [
        column_of(name, rules, frame.schema[name])
        | {"label": label}
        | ({"rule": "fixed:2"} if name in ("total", "positive", "negative") else {})
        for name, label in labels.items()
    ]
    return {
        "sentence": e.contamination.sentence,
        "caption": "What each coefficient of one two-way regression with all arms would average: "
        "weights of its own effects sum to one, those of the others to zero without being zero",
        "columns": columns,
        "rows": frame.to_dicts(),
    }


def by_collaboration(e: Evaluation, rules: Mapping[str, str]) -> dict[str, Any] | None:
    """All collaborations in ``rows``, best first; ``shown`` says which the page lists."""
    found = e.by_collaboration
    if found is None:
        return None
    rows = found.table.to_dicts()
    n = len(rows)
    few = n <= 2 * SHOWN
    ends = set(range(n)) if few else {*range(SHOWN), *range(n - SHOWN, n)}
    out = [i for i, row in enumerate(rows) if row["stands_out"]]
    shown = sorted(ends | {*out[:SHOWN], *out[-SHOWN:]})
    labels = {
        "name": ("Collaboration", "text"),
        "joiners": ("Joiners", "count"),
        "estimate": ("Its own estimate", rules["effect"]),
        "std_error": ("Standard error (chance)", f"fixed:{rules['effect'].split(':')[1]}"),
        "shrunk": ("Drawn to the mean", rules["effect"]),
        "shrunk_low": ("Low", rules["effect"]),
        "shrunk_high": ("High", rules["effect"]),
        "p_value": ("p", "p"),
        "q_value": ("p, allowing for so many", "p"),
        "stands_out": ("Stands out", "text"),
    }
    return {
        "sentence": found.sentence,
        "mean": found.mean,
        "mean_std_error": found.mean_std_error,
        "spread": found.spread,
        "q": found.q,
        "dof": found.dof,
        "p_value": found.p_value,
        "reliability": found.reliability,
        "false_discovery": found.false_discovery,
        "better": found.better,
        "worse": found.worse,
        "collaborations": n,
        "columns": [{"name": k, "label": v, "rule": r} for k, (v, r) in labels.items()],
        "rows": rows,
        "shown": shown,
        "n_shown": len(shown),
        "caption": "One collaboration per row, best first"
        if few
        else "The best and the worst, and those that stand out; all the others are in the JSON",
        "notes": list(found.notes),
    }
