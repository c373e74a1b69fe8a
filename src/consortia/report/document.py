"""An Evaluation as one JSON-ready document: every number and every sentence of the report.

The page is rendered from this document alone, so that the two cannot disagree. Keys are stable
within a ``schema_version``; a missing or undefined number is null.
"""

from __future__ import annotations

import json
import math
from typing import Any

from consortia.report import area, levels, parts, words
from consortia.report.charts import (
    caterpillar,
    cohorts,
    contour,
    event_study,
    flow,
    ladder,
    specification_curve,
    waterfall,
)
from consortia.report.months import months, table
from consortia.report.numerals import decimals, shown
from consortia.report.shares import section
from consortia.report.tables import clean, effect_rows, effect_tables, finding_table, ratio
from consortia.results import Evaluation
from consortia.study import canonical

SCHEMA_VERSION = "1.0"
CONTRAST_RULES = {
    "regime": "text",
    "cohort": "year",
    "joiners": "count",
    "keep": "count",
    "compared": "count",
    "comparison": "count",
    "years": "count",
    "overlap": "percent",
    "exists": "text",
    "why": "text",
}
"""Columns of the table of contrasts and how each is written."""
REFERENCE = "reference year"
"""Caution by which an estimator marks the effect that is zero by construction."""


def document(evaluation: Evaluation) -> dict[str, Any]:
    """The report of one evaluation as plain dicts, lists, texts, numbers and nulls.

    Effects are in the outcome's own unit; keys that end in ``_sd`` are in standard deviations.
    The main keys: ``answer`` (the words and the chances behind them), ``headline`` (the effect that
    answers the question; null when not identified), ``ladder``, ``findings``, ``coincidences``,
    ``identification`` (what the data can tell apart; null when no other arm is named), ``flow``,
    ``cautions``, ``effects`` (one record per row of the effect table, EFFECTS in results.py, with
    ``effect_tables`` saying which rows belong together), ``charts`` (what each picture shows),
    ``sources``, ``notes``, ``reproduce``, ``study`` (the canonical form whose digest names the
    question). ``rules`` and every column's ``rule`` say how numbers are written.
    """
    e = evaluation
    outcome = e.study.outcomes[e.study.outcome]
    head = None if e.estimate is None else e.estimate.row()
    sd = e.sd if math.isfinite(e.sd) and e.sd > 0 else None
    se = None if head is None else _number(head["std_error"])
    level = e.study.inference.level
    rules = {
        "level": "percent" if abs(100 * level - round(100 * level)) < 1e-9 else "percent:1",
        "worthwhile": _fine(e.verdict.worthwhile),
        "worthwhile_sd": _fine(ratio(e.verdict.worthwhile, sd)),
        "effect": f"signed:{decimals(se)}",
        "plain": f"fixed:{decimals(se)}",
        "sd": f"signed:{decimals(None if se is None or sd is None else se / sd, least=2)}",
        "spread": f"fixed:{decimals(None if sd is None else sd / 20, most=3)}",
    }
    effects = [] if e.estimate is None else effect_rows(e.estimate, sd)
    rungs = _ladder(e, sd)
    answer = next((i for i, r in enumerate(rungs) if r["name"] == "answer"), None)
    identified = head is not None
    joiners = None if head is None else _whole(head["n_treated"])
    compared = None if head is None else _whole(head["n_control"])
    steps = [
        {
            "kind": s.kind,
            "step": s.step,
            "providers": s.providers,
            "provider_years": s.provider_years,
            "why": s.why,
        }
        for s in e.flow
    ]
    raw = next((r["estimate"] for r in rungs if r["name"] == "raw-gap"), None)
    story: tuple[str, float | None] | None = None
    if head is not None and raw is not None and e.study.method.name != "raw-gap":
        failed = any(f.verdict is False for f in e.findings)
        interval = None if head["low"] is None else (head["low"], head["high"])
        story = words.gap(raw, head["estimate"], outcome.unit, rules["effect"], failed, interval)
    dynamic = [r for r in effects if r["estimand"] in ("dynamic", "direct-dynamic")]
    reference = next((r["event_time"] for r in dynamic if r["caution"].startswith(REFERENCE)), None)
    pre = next((i for i, f in enumerate(e.findings) if f.check == "pre-trend"), None)
    arm = e.study.arm_label
    carried = parts.gap(e, sd)
    each = parts.by_collaboration(e, rules)
    findings = [finding_table(f, rules) for f in e.findings]
    split = levels.section(e.by_level, sd, rules)
    made: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "generator": {"name": "consortia", "version": e.version},
        "title": e.title,
        "question": e.study.question,
        "outcome": {
            "name": e.study.outcome,
            "label": e.study.outcome_label,
            "unit": outcome.unit,
            "sd": sd,
            "sd_source": e.sd_source,
            "sd_meaning": words.standard_deviation(e.study),
        },
        "arm": {"name": e.study.arm, "label": arm},
        "rules": rules,
        "identified": identified,
        "not_identified": e.not_identified,
        "answer": {
            "words": e.verdict.words,
            "sentence": e.verdict.sentence,
            "p_positive": e.verdict.p_positive,
            "p_worthwhile": e.verdict.p_worthwhile,
            "worthwhile": e.verdict.worthwhile,
            "worthwhile_sd": ratio(e.verdict.worthwhile, sd),
            "worthwhile_stated": outcome.worthwhile is not None,
            "thresholds": e.verdict.thresholds,
        },
        "level": level,
        "headline": None if head is None else _headline(e, head, sd),
        "simulated": _simulated(e, head, sd),
        "ladder": {
            "rungs": rungs,
            "sentence": story[0] if story else "",
            "share_never": story[1] if story else None,
        },
        "gap": carried,
        "contamination": parts.contamination(e, rules),
        "by_collaboration": each,
        "by_level": split,
        "by_level_not_identified": e.by_level_not_identified,
        "area": area.section(e.area, sd, rules),
        "main_caution": _main_caution(e, head),
        "coincidences": [
            {
                "arm": c.arm,
                "label": c.label,
                "joiners": c.joiners,
                "same_year": c.same_year,
                "before": c.before,
                "after": c.after,
                "never": c.never,
                "sentence": c.sentence,
            }
            for c in e.coincidences
        ],
        "identification": _identification(e),
        "pre_trend": pre,
        "flow": steps,
        "checks": {
            "run": len(e.findings),
            "passed": sum(f.verdict is True for f in e.findings),
            "failed": sum(f.verdict is False for f in e.findings),
            "cannot_tell": sum(f.verdict is None for f in e.findings),
        },
        "findings": findings,
        "challenge": parts.challenge(e),
        "cautions": list(e.cautions),
        "effects": effects,
        "effect_tables": effect_tables(effects, rules),
        "charts": {
            "ladder": ladder.data(rungs, unit=outcome.unit, rule=rules["effect"], answer=answer)
            if identified
            else None,
            "waterfall": None
            if carried is None
            else waterfall.data(carried["parts"], unit=outcome.unit, rule=rules["effect"]),
            "caterpillar": None
            if each is None
            else caterpillar.data(each["rows"], unit=outcome.unit, mean=each["mean"]),
            "specification_curve": specification_curve.of_findings(e.findings, outcome),
            "event_study": event_study.data(
                dynamic, unit=outcome.unit, rule=rules["effect"], reference=reference, joining=arm
            ),
            "drift": parts.drift(e, rules),
            "levels": levels.chart(split, rules),
            "flow": flow.data(steps, joiners=joiners, compared=compared),
            "cohorts": cohorts.data(
                [
                    r
                    for r in effects
                    if r["estimand"] == "att(g,t)" and not r["caution"].startswith(REFERENCE)
                ],
                unit=outcome.unit,
                joining=arm,
            ),
            "hidden_cause": contour.of_findings(findings, unit=outcome.unit, rule=rules["effect"]),
        },
        "asked": _asked(e),
        "assumes": e.assumes,
        "inference": _inference(e),
        "limits": words.limits(e.study, joiners, e.simulated),
        "notes": [
            {
                "role": n.role,
                "column": n.column,
                "what": n.what,
                "found": n.found,
                "count": n.count,
            }
            for n in e.notes
        ],
        "shares": None if e.shares is None else section(e.shares, e.study),
        "shares_not_identified": e.shares_not_identified,
        "sources": [
            {
                "role": s.role,
                "name": s.name,
                "rows": s.rows,
                "digest": s.digest,
                "licence": s.licence,
            }
            for s in e.sources
        ],
        "reproduce": {
            "command": e.command,
            "study_digest": e.study_digest,
            "panel_digest": e.panel_digest,
            "version": e.version,
            "seed": e.study.inference.seed,
        },
        "study": json.loads(canonical(e.study)),
    }
    return clean(made)


def _number(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _fine(value: float | None) -> str:
    """Decimals for a size that has no standard error of its own; two at least."""
    return f"fixed:{decimals(value, least=2)}"


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _headline(e: Evaluation, head: dict[str, Any], sd: float | None) -> dict[str, Any]:
    assert e.estimate is not None
    effect = {name: _number(head[name]) for name in ("estimate", "std_error", "low", "high")}
    in_sd = {f"{name}_sd": ratio(value, sd) for name, value in effect.items()}
    size = in_sd["estimate_sd"]
    return {
        "at": e.estimate.headline,
        "estimand": head["estimand"],
        "meaning": words.estimand(e.study, head["estimand"]),
        **effect,
        **in_sd,
        "p_value": _number(head["p_value"]),
        "n_treated": _whole(head["n_treated"]),
        "n_control": _whole(head["n_control"]),
        "caution": head["caution"] or "",
        "months": _months(size) if e.study.outcomes[e.study.outcome].months_table else None,
    }


def _months(effect_sd: float | None) -> dict[str, Any] | None:
    """Only for the estimate itself; the ends of an interval are never turned into months."""
    if effect_sd is None:
        return None
    t = table()
    count = months(effect_sd)
    return {
        "count": count,
        "size": None if count is None else abs(count),
        "more": effect_sd >= 0,
        "table": t.short_name,
        "table_name": t.name,
        "source": t.source,
        "status": t.status,
        "dated": t.dated,
        "defined_for": t.defined_for,
    }


def _simulated(
    e: Evaluation, head: dict[str, Any] | None, sd: float | None
) -> dict[str, Any] | None:
    if not e.simulated:
        return None
    truth = None if head is None else _number(head.get("truth"))
    held = None
    if head is not None and truth is not None and _number(head["low"]) is not None:
        held = bool(head["low"] <= truth <= head["high"])
    return {"truth": truth, "truth_sd": ratio(truth, sd), "interval_holds_truth": held}


def _ladder(e: Evaluation, sd: float | None) -> list[dict[str, Any]]:
    return [
        {
            "name": r.name,
            "label": r.label,
            "estimate": _number(r.estimate),
            "low": _number(r.low),
            "high": _number(r.high),
            "estimate_sd": ratio(_number(r.estimate), sd),
            "n_treated": r.n_treated,
            "note": r.note,
        }
        for r in e.ladder
    ]


def _identification(e: Evaluation) -> dict[str, Any] | None:
    """What can be told apart: the sentences, a few numbers, and the table of contrasts."""
    i = e.identification
    if i is None:
        return None
    columns = [
        {"name": name, "label": words.CONTRAST_LABELS[name], "rule": rule}
        for name, rule in CONTRAST_RULES.items()
        if name not in ("overlap", "why") or any(v not in (None, "") for v in i.table[name])
    ]
    return {
        "arm": i.arm,
        "held": list(i.held),
        "sentence": i.sentence,
        "speaks_for": i.speaks_for,
        "silent_on": i.silent_on,
        "joiners": i.joiners,
        "identified": i.identified,
        "share": _number(i.share),
        "price": _number(i.price),
        "inflation": _number(i.inflation),
        "inflation_meaning": words.inflation(i),
        "correlations": [
            {"label": label, "correlation": _number(value)} for label, value in i.correlations
        ],
        "columns": columns,
        "rows": [
            row | {"exists": "yes" if row["exists"] else "no"}
            for row in i.table.iter_rows(named=True)
        ],
    }


def _main_caution(e: Evaluation, head: dict[str, Any] | None) -> str:
    """The one caution of page one: a failed check, an answer that holds other arms and so rests on
    fewer than half of the joiners, the answer's own, then the evaluation's order.

    Notes on how the estimate was made are for the audit, unless nothing else is to be said.
    """
    for finding in e.findings:
        if finding.verdict is False and finding.sentence not in e.verdict.sentence:
            return f"A check failed. {finding.sentence}"
    told = e.identification
    if head is not None and told is not None and e.study.hold and told.share < 0.5:
        return told.sentence
    own = "" if head is None else head["caution"] or ""
    technical = set() if e.estimate is None else set(e.estimate.notes)
    held = [c.sentence for c in e.coincidences if c.same_year]
    ranked = [own, *(c for c in e.cautions if c not in technical), *held, *e.cautions]
    return next((c for c in ranked if c), "")


def _asked(e: Evaluation) -> list[dict[str, str]]:
    """The question and the estimand, line by line, in words."""
    study = e.study
    name = None if e.estimate is None else e.estimate.row()["estimand"]
    lines = [
        ("Question", study.question),
        (
            "Outcome",
            f"{words.capital(study.outcome_label)}, in {study.outcomes[study.outcome].unit}.",
        ),
        ("Effect", "" if name is None else words.estimand(study, name)),
        ("Providers", words.sample(study)),
        ("Years", words.years(study.window.first, study.window.last)),
        ("Who counts as a member, and when", words.membership(study)),
        ("Compared with", words.comparison(study)),
        ("Base year", words.base(study)),
        ("Held equal", words.held(study)),
        ("Weights", words.weighting(study)),
        ("Method", study.method.name),
        ("The answer in words follows", e.verdict.thresholds),
    ]
    return [{"label": label, "text": text} for label, text in lines if text]


def _inference(e: Evaluation) -> dict[str, Any]:
    fitted = e.estimate
    inference = e.study.inference
    return {
        "convention": "" if fitted is None else fitted.convention,
        "clusters": "" if fitted is None else words.clusters(e.study, fitted.n_clusters),
        "n_clusters": None if fitted is None else fitted.n_clusters or None,
        "critical": None if fitted is None else _number(fitted.critical),
        "level": inference.level,
        "draws": inference.draws,
        "multiplier": inference.multiplier,
        "bands": "" if fitted is None or not inference.draws else (
            "“All at once” bounds hold every effect of their table together with probability "
            f"{shown(inference.level, 'percent')}; the others hold one effect at a time."
        ),
        "notes": [] if fitted is None else list(fitted.notes),
    }  # fmt: skip
