"""The shares section as part of a document: numbers, sentences, tables and pictures."""

from __future__ import annotations

from typing import Any

from consortia.report import words
from consortia.report.charts import shares as bars
from consortia.report.charts import standings
from consortia.report.numerals import decimals, shown
from consortia.report.tables import clean, column_of
from consortia.results import Shares, Standing
from consortia.study import Study
from consortia.version import __version__

PERCENT = "percent:1"
ALL, EDGE, MOST = 60, 10, 200
"""Tables of up to ALL levels are shown whole, of more the first and last EDGE and those named."""


def section(shares: Shares, study: Study) -> dict[str, Any]:
    """Everything that the page says about shares; effects in the outcome's unit."""
    unit = study.outcomes[study.outcome].unit
    parts = [
        {**row, "caution": row["caution"] or "", "label": _bare(row["label"])}
        for row in shares.parts.iter_rows(named=True)
    ]
    effects = [r for s in shares.standings for r in s.table["std_error"].to_list() if r]
    fine = decimals(min(effects) if effects else None, least=2)
    level = shown(shares.level, "percent")
    wide = decimals(max(p["sd"] for p in parts) / 10, least=2)
    labels = {
        "label": ("What the differences go with", "text"),
        "levels": ("How many", "count"),
        "sd": (f"Standard deviation, {unit}" if unit else "Standard deviation", f"fixed:{wide}"),
        "share": ("Share of the variance", PERCENT),
        "low": ("Low", PERCENT),
        "high": ("High", PERCENT),
        "alone": ("Main membership only", PERCENT),
        "caution": ("Caution", "text"),
    }
    columns = [
        {"name": name, "label": label, "rule": rule}
        for name, (label, rule) in labels.items()
        if any(p[name] not in (None, "") for p in parts)
    ]
    return clean(
        {
            "outcome": study.outcome_label,
            "unit": unit,
            "sentence": _sentence(shares, study),
            "held": _held(shares),
            "ignoring": _ignoring(shares),
            "intervals": f"{words.capital(shares.intervals)}; {level} intervals. Fitted by "
            + ("restricted maximum likelihood." if shares.reml else "maximum likelihood."),
            "rows": shares.rows,
            "rows_of": shares.rows_of,
            "providers": shares.providers,
            "several": shares.several,
            "level": shares.level,
            "criterion": shares.criterion,
            "exposure": shares.exposure,
            "cautions": list(shares.cautions),
            "parts": parts,
            "columns": columns,
            "chart": bars.data(parts, shares.rows_of, PERCENT),
            "standings": [_standing(s, unit, fine) for s in shares.standings],
        }
    )


def shares_document(shares: Shares, study: Study, command: str = "") -> dict[str, Any]:
    """A page of shares alone, as plain dicts."""
    return {
        "schema_version": "1.0",
        "generator": {"name": "consortia", "version": __version__},
        "title": f"Where the differences in {study.outcome_label} lie",
        "question": study.question,
        "command": command,
        "study_digest": study.digest,
        "shares": section(shares, study),
    }


def _sentence(shares: Shares, study: Study) -> str:
    rest = [r for r in shares.parts.iter_rows(named=True) if r["term"] != "residual"]
    ranked = sorted(rest, key=lambda r: -r["share"])
    said = [
        f"{shown(r['share'], PERCENT)} goes with the {_bare(r['label'])}"
        + (
            f" ({shown(r['low'], PERCENT)} to {shown(r['high'], PERCENT)})"
            if r["low"] is not None and r["high"] is not None
            else ""
        )
        for r in ranked
    ]
    return (
        f"Of the differences in {study.outcome_label} between {shares.rows_of}, "
        f"{words.listed(said)}; the rest, {shown(shares.part('residual')['share'], PERCENT)}, is "
        f"{shares.part('residual')['label']}."
    )


def _bare(label: str) -> str:
    return label.removeprefix("a ").removeprefix("an ")


def _held(shares: Shares) -> str:
    text = f"From {shares.rows:,} {shares.rows_of} of {shares.providers:,} providers. "
    text += (
        f"Held equal first: {words.listed(shares.held)}."
        if shares.held
        else "Nothing was held equal first."
    )
    if shares.exposure:
        text += " The average difference that membership makes is taken out as well."
    return text + (
        " A collaboration counts in the share only for the rows that belong to it: a kind with few "
        "members has a small share even where its collaborations differ widely; their standard "
        "deviation says how widely."
    )


def _ignoring(shares: Shares) -> str:
    if not shares.several:
        return "Nobody belongs to several of a kind at once, so nothing is lost by one each."
    told = [
        f"{_bare(r['label'])} {shown(r['alone'], PERCENT)} instead of {shown(r['share'], PERCENT)}"
        for r in shares.parts.iter_rows(named=True)
        if r["alone"] is not None and shown(r["alone"], PERCENT) != shown(r["share"], PERCENT)
    ]
    many = f"{shares.several:,} {'row' if shares.several == 1 else 'rows'} of provider and year"
    return (
        f"{many} belong to several of a kind at once. Counting only the main membership of each "
        + (f"would have said: {words.listed(told)}." if told else "would have said the same.")
    )


def _standing(s: Standing, unit: str, fine: int) -> dict[str, Any]:
    rows = [dict(r) for r in s.table.iter_rows(named=True)]
    for r in rows:
        r["stands_out"] = {"above": "above", "below": "below"}.get(r["stands_out"], "")
    n = len(rows)
    label = _bare(s.label)
    up, down = s.named("above"), s.named("below")
    if up + down:
        sentence = (
            f"Of {n:,}, {up:,} stand out above and {down:,} below the rest; of those named, about "
            f"{shown(s.rate, 'percent')} or fewer are expected to be named wrongly."
        )
    else:
        sentence = f"Of {n:,}, none stands out from the rest beyond doubt."
    named = [i for i, r in enumerate(rows) if r["stands_out"]]
    edge = [*range(min(EDGE, n)), *range(max(0, n - EDGE), n)]
    shown_rows = list(range(n)) if n <= ALL else sorted({*edge, *named[: MOST // 2],
                                                         *named[-MOST // 2 :]})  # fmt: skip
    rules = {"effect": f"signed:{fine}", "plain": f"fixed:{fine}", "sd": "signed:2"}
    heads = {
        "name": (words.capital(label), "text"), "providers": ("Providers", "count"),
        "effect": ("Predicted effect", f"signed:{fine}"),
        "std_error": ("Standard error", f"fixed:{fine}"),
        "low": ("Low", f"signed:{fine}"), "high": ("High", f"signed:{fine}"),
        "rank": ("Mean rank", "fixed:0"), "rank_low": ("Rank from", "fixed:0"),
        "rank_high": ("to", "fixed:0"),
        "p_wrong": ("Chance that the sign is wrong", "chance"),
        "stands_out": ("Stands out", "text"),
    }  # fmt: skip
    columns = [
        {**column_of(name, rules), "label": head, "rule": rule}
        for name, (head, rule) in heads.items()
    ]
    return {
        "term": s.term,
        "label": s.label,
        "title": f"Each {label} beside the others",
        "sentence": sentence,
        "reading": f"Effects in {unit}, shrunk towards zero by how little is known of each. "
        "Intervals are for comparing two by eye: where they do not overlap, the two differ.",
        "shown_sentence": ""
        if len(shown_rows) == n
        else f"{len(shown_rows):,} of {n:,}: the first and last {EDGE} and those that stand out. "
        "The JSON document beside this page has all.",
        "above": up,
        "below": down,
        "rate": s.rate,
        "factor": s.factor,
        "caption": f"Predicted effect of each {label}, with its rank",
        "columns": columns,
        "rows": rows,
        "shown": shown_rows,
        "chart": standings.data(rows, label, unit, sentence),
    }
