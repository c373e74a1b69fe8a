"""The report's tables: which rows and columns they show, and how each number is written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from consortia.report import words
from consortia.results import Estimate, Finding

ORDER = (
    "averages", "per-exposed-year", "direct", "direct-alone", "direct-beside", "spill-over",
    "spill-over-per-member", "area-total",
    "group-overall", "simple", "dynamic-overall", "calendar-overall", "two-way",
    "raw-gap", "only", "together", "others-only", "by-regime", "regime-contrast",
    "direct-dynamic", "spill-over-dynamic", "dynamic-normalised", "fit-before",
    "dynamic", "group", "calendar", "raw-gap-by-year", "att(g,t)", "att(g,t,r)",
)  # fmt: skip
AVERAGES = "averages"
EFFECT_COLUMNS = (
    "title", "regime", "cohort", "year", "event_time", "estimate", "estimate_sd", "std_error",
    "low", "high", "band_low", "band_high", "p_value", "truth", "n_treated", "n_control", "caution",
)  # fmt: skip
VERDICTS = {True: "Passed", False: "Failed", None: "Cannot tell"}
ICONS = {True: "pass", False: "fail", None: "note"}


def clean(value: Any) -> Any:
    """Plain JSON values: NaN and infinities become null, NumPy numbers Python's, dates ISO text."""
    match value:
        case None | bool() | str() | int():
            return value
        case np.bool_():
            return bool(value)
        case np.integer():
            return int(value)
        case float() | np.floating():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            return {str(key): clean(inner) for key, inner in value.items()}
        case date():
            return value.isoformat()
        case list() | tuple() | np.ndarray() | pl.Series():
            return [clean(inner) for inner in value]
        case _:
            return str(value)


def ratio(value: float | None, by: float | None) -> float | None:
    return None if value is None or by is None else value / by


def effect_rows(estimate: Estimate, sd: float | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for row in estimate.effects.iter_rows(named=True):
        made = {key: clean(value) for key, value in row.items()}
        for name in ("estimate", "low", "high"):
            made[f"{name}_sd"] = ratio(made[name], sd)
        made["caution"] = made["caution"] or ""
        made["title"] = words.estimand_title(made["estimand"])
        rows.append(made)
    return rows


def _rank(estimand: str) -> int:
    return ORDER.index(estimand) if estimand in ORDER else len(ORDER)


def effect_tables(
    effects: Sequence[Mapping[str, Any]], rules: Mapping[str, str]
) -> list[dict[str, Any]]:
    """One table per estimand, and one for all that are a single number: which rows of ``effects``
    each shows, and which columns."""
    places = ("cohort", "year", "event_time", "regime")

    def group(row: Mapping[str, Any]) -> str:
        single = all(row[place] is None for place in places)
        return AVERAGES if single else row["estimand"]

    present = list(dict.fromkeys(group(row) for row in effects))
    ranked = [n for n in ORDER if n in present] + [n for n in present if n not in ORDER]
    tables: list[dict[str, Any]] = []
    for name in ranked:
        rows = [i for i, row in enumerate(effects) if group(row) == name]
        if name == AVERAGES:
            rows.sort(key=lambda i: _rank(effects[i]["estimand"]))
        columns = [
            column
            for column in EFFECT_COLUMNS
            if any(effects[i].get(column) not in (None, "") for i in rows)
            and (column != "title" or name == AVERAGES)
        ]
        tables.append(
            {
                "estimand": name,
                "title": words.estimand_title(name),
                "meaning": words.capital(words.estimand_meaning(name)) + ".",
                "columns": [column_of(c, rules) for c in columns],
                "rows": rows,
                "n_rows": len(rows),
            }
        )
    return tables


def column_of(
    name: str, rules: Mapping[str, str], dtype: pl.DataType | None = None
) -> dict[str, str]:
    """A column as the page shows it: its heading and how its numbers are written."""
    labels = {
        "title": "Average",
        "cohort": "First year as member",
        "year": "Results of",
        "event_time": "Years since joining",
        "regime": "What else is held",
        "estimate": "Effect",
        "estimate_sd": "Effect in SD",
        "std_error": "Standard error",
        "low": "Low",
        "high": "High",
        "band_low": "Low, all at once",
        "band_high": "High, all at once",
        "p_value": "p",
        "truth": "True effect",
        "n_treated": "Joiners",
        "n_control": "Comparison",
        "caution": "Caution",
    }
    finer = f"fixed:{int(rules['plain'].split(':')[1]) + 1}"
    known = {
        "cohort": "year",
        "year": "year",
        "event_time": "fixed:0",
        "regime": "text",
        "estimate": rules["effect"],
        "estimate_sd": rules["sd"],
        "std_error": finer,
        "low": rules["effect"],
        "high": rules["effect"],
        "band_low": rules["effect"],
        "band_high": rules["effect"],
        "p_value": "p",
        "truth": rules["effect"],
        "n_treated": "count",
        "n_control": "count",
        "caution": "text",
        "title": "text",
    }
    label = labels.get(name, words.capital(name.replace("_", " ")))
    if name in known:
        return {"name": name, "label": label, "rule": known[name]}
    if dtype is None or dtype.is_float():
        rule = "general"
    elif dtype.is_integer():
        rule = "year" if name.endswith("year") else "count"
    else:
        rule = "text"
    return {"name": name, "label": label, "rule": rule}


def finding_table(finding: Finding, rules: Mapping[str, str]) -> dict[str, Any]:
    frame = finding.table
    columns = [column_of(name, rules, frame.schema[name]) for name in frame.columns]
    # A column that never holds anything tells nothing; the estimand is the same in all rows.
    columns = [
        c
        for c in columns
        if c["name"] not in ("estimand", "arm")
        and any(v not in (None, "") for v in clean(frame[c["name"]].to_list()))
    ]
    rows = [
        {c["name"]: _cell(value, c["rule"]) for c, value in ((c, row[c["name"]]) for c in columns)}
        for row in frame.iter_rows(named=True)
    ]
    return {
        "check": finding.check,
        "title": finding.title,
        "verdict": finding.verdict,
        "verdict_words": VERDICTS[finding.verdict],
        "icon": ICONS[finding.verdict],
        "sentence": finding.sentence,
        "numbers": [
            {"name": name, "label": words.number_label(name), "number": clean(value)}
            for name, value in finding.numbers.items()
        ],
        "columns": columns,
        "rows": rows,
    }


def _cell(value: Any, rule: str) -> Any:
    made = clean(value)
    if rule != "text":
        return made
    if isinstance(made, bool):
        return "yes" if made else "no"
    return "" if made is None else made if isinstance(made, str) else str(made)
