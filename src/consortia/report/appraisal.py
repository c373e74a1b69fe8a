"""A Diagnosis as one JSON-ready document; its page is rendered from it alone."""

from __future__ import annotations

from typing import Any

import polars as pl

from consortia.diagnosis import Diagnosis
from consortia.report.charts import curves, misses
from consortia.report.numerals import decimals, shown
from consortia.report.tables import clean
from consortia.study import capital, listed
from consortia.version import __version__

SHARE = "percent:1"


def appraisal_document(found: Diagnosis, command: str = "") -> dict[str, Any]:
    """Everything that the page says; effects in the outcome's unit.

    ``groups``: one for each size and true effect, with a row for each method in ``rows`` (keys of
    diagnosis.DIAGNOSES); ``charts.curves`` over sizes where several were asked for; ``fit`` how
    like the data the worlds are.
    """
    study = found.study
    unit = study.outcomes[study.outcome].unit
    fine = decimals(min((r for r in found.table["sd"].drop_nulls()), default=None), least=2)
    rules = {"effect": f"fixed:{fine}", "signed": f"signed:{fine}", "share": SHARE}
    rows = found.table.to_dicts()
    designs = found.table.select("providers", "years").unique(maintain_order=True).rows()
    effects = sorted({r["effect"] for r in rows})
    groups = [
        _group(found, [r for r in rows if (r["providers"], r["years"], r["effect"]) == (n, t, e)],
               several=len(designs) > 1, unit=unit, rules=rules)
        for n, t in designs for e in effects
        if any((r["providers"], r["years"], r["effect"]) == (n, t, e) for r in rows)
    ]  # fmt: skip
    largest = max(effects, key=abs)
    last = [
        r for r in rows if (r["providers"], r["years"]) == designs[-1] and r["effect"] == largest
    ]
    return clean(
        {
            "schema_version": "1.0",
            "generator": {"name": "consortia", "version": __version__},
            "title": "How often would it be right?",
            "question": found.title,
            "command": command,
            "sentences": sentences(found),
            "world": found.world,
            "truth": found.truth,
            "notes": list(found.notes),
            "interrupted": found.interrupted,
            "outcome": study.outcome_label,
            "unit": unit,
            "worthwhile": found.worthwhile,
            "sd": found.sd,
            "level": found.level,
            "power": found.power,
            "seed": found.seed,
            "worlds": max((r["worlds"] for r in rows), default=0),
            "rules": rules,
            "groups": groups,
            "columns": _shown(_columns(rules), found),
            "error_columns": _shown(_error_columns(rules), found),
            "fit": found.fit.to_dicts(),
            "fit_columns": [
                {"name": "label", "label": "Of results without exposure", "rule": "text"},
                {"name": "data", "label": "Data", "rule": "general"},
                {"name": "worlds", "label": "Worlds, mean", "rule": "general"},
                {"name": "low", "label": "9 in 10 of them from", "rule": "general"},
                {"name": "high", "label": "to", "rule": "general"},
            ],
            "parameters": found.parameters,
            "charts": {
                "misses": misses.data([_miss(r) for r in last], unit=unit, rule=rules["signed"]),
                "curves": _curves(found, rows, designs, largest, unit, rules),
            },
            "misses_note": f"True effect {shown(largest, rules['signed'])} {unit}."
            + (
                f" {designs[-1][0]:,} providers, {designs[-1][1]} years."
                if len(designs) > 1
                else ""
            ),
            "study_digest": study.digest,
            "world_digest": found.world_digest,
            "version": found.version,
        }
    )


def sentences(found: Diagnosis) -> list[str]:
    """What the study's own method would do, in words, at the first size asked for."""
    table, study = found.table, found.study
    if not table.height:
        return ["No world was finished."]
    unit = study.outcomes[study.outcome].unit
    first = table.filter(
        (pl.col("providers") == table["providers"][0]) & (pl.col("years") == table["years"][0])
    )
    own = first.filter(pl.col("method") == study.method.name).to_dicts()
    fine = decimals(min((r["sd"] for r in own if r["sd"]), default=None), least=2)
    out = [
        f"{study.method.name}, {own[0]['providers']:,} providers and {own[0]['years']} years, on "
        f"{own[0]['worlds']:,} worlds."
    ]
    for r in own:
        if r["bias"] is None:
            out.append(
                f"Where the true effect is {r['effect']:g} {unit}, it cannot answer: "
                f"{r['because']}."
            )
            continue
        if r["effect"] == 0:
            said = (
                f"If joining did nothing, it would still say that joining probably helps in "
                f"{shown(r['helps'], SHARE)} of worlds"
            )
        else:
            said = (
                f"If joining were worth {r['effect']:g} {unit}, it would find so in "
                f"{shown(r['power'], SHARE)} of worlds"
            )
            if r["exaggeration"] is not None and r["power"] < 0.8:
                said += (
                    f", and where it does, the answer is {r['exaggeration']:.1f} times the truth "
                    "on average"
                )
        said += f"; its intervals hold the truth in {shown(r['coverage'], SHARE)}."
        if abs(r["bias"]) > 2 * (r["bias_mc"] or 0) and abs(r["bias"]) > 0.25 * (r["sd"] or 0):
            side = "high" if r["bias"] > 0 else "low"
            said += f" Its answers are {abs(r['bias']):.{fine}f} {unit} too {side} on average."
        if r["refused"]:
            said += f" It refuses in {shown(r['refused'], SHARE)}, because {r['because']}."
        out.append(said)
    known = [r for r in own if r["detectable"] is not None]
    if known:
        r = known[-1]
        out.append(
            f"An effect of {r['detectable']:.{fine}f} {unit} would be found in "
            f"{shown(found.power, 'percent')} of worlds (smallest worthwhile effect: "
            f"{found.worthwhile:.3g} {unit})."
        )
    return out


def _group(
    found: Diagnosis, rows: list[dict[str, Any]], *, several: bool, unit: str, rules: dict[str, str]
) -> dict[str, Any]:
    r = rows[0]
    effect = (
        "joining does nothing"
        if r["effect"] == 0
        else f"joining is worth {shown(r['effect'], rules['signed'])} {unit}"
    )
    size = f"{r['providers']:,} providers, {r['years']} years: " if several else ""
    title = f"{size}{effect}"
    refusals = [f"{x['method']}: {x['because']}" for x in rows if x["because"]]
    return {
        "title": capital(title),
        "providers": r["providers"],
        "years": r["years"],
        "effect": r["effect"],
        "worthwhile": r["effect"] >= found.worthwhile,
        "rows": rows,
        "refusals": listed(refusals),
    }


def _columns(rules: dict[str, str]) -> list[dict[str, str]]:
    effect, signed = rules["effect"], rules["signed"]
    named = (
        ("method", "Method", "text"),
        ("worlds", "Worlds", "count"),
        ("refused", "Refuses", SHARE),
        ("truth", "True effect", signed),
        ("bias", "Bias", signed),
        ("rmse", "Root mean squared error", effect),
        ("coverage", "Intervals hold the truth", SHARE),
        ("power", "Significant", SHARE),
        ("sd", "Spread of errors", effect),
        ("std_error", "Standard error, mean", effect),
        ("detectable", "Detectable effect", effect),
        ("detectable_plain", "The same from the spread", effect),
        ("wrong_sign", "Wrong sign, if significant", SHARE),
        ("exaggeration", "Times too large, if significant", "fixed:1"),
        ("failed", "A check fails", SHARE),
        ("helps", "Says it probably helps", SHARE),
        ("false_helps", "Says so wrongly", SHARE),
        ("false_useless", "Says no use, wrongly", SHARE),
    )
    return [{"name": n, "label": label, "rule": rule} for n, label, rule in named]


def _shown(columns: list[dict[str, str]], found: Diagnosis) -> list[dict[str, str]]:
    """Without the checks, where none were run."""
    run = found.runs["failed"].drop_nulls().len() > 0
    return [c for c in columns if run or not c["name"].startswith("failed")]


def _error_columns(rules: dict[str, str]) -> list[dict[str, str]]:
    return [
        {"name": c["name"] if c["rule"] == "text" else f"{c['name']}_mc", "label": c["label"],
         "rule": c["rule"].replace("signed", "fixed")}
        for c in _columns(rules)
        if c["name"] not in ("worlds", "refused", "truth", "detectable_plain")
    ]  # fmt: skip


def _miss(r: dict[str, Any]) -> dict[str, Any]:
    known = r["bias"] is not None
    return {
        "label": r["method"],
        "bias": r["bias"],
        "low": r["bias"] - 1.96 * r["sd"] if known else None,
        "high": r["bias"] + 1.96 * r["sd"] if known else None,
    }


CURVES = (
    ("power", "Share of worlds in which the effect is found", SHARE, 1.0),
    ("coverage", "Share of worlds in which the interval holds the truth", SHARE, 1.0),
    ("detectable", "Smallest effect that is found often enough", "effect", None),
)


def _curves(
    found: Diagnosis,
    rows: list[dict[str, Any]],
    designs: list[tuple[Any, ...]],
    effect: float,
    unit: str,
    rules: dict[str, str],
) -> list[dict[str, Any]]:
    """Pictures over the number of providers, or of years where only those differ."""
    providers, years = ({d[k] for d in designs} for k in (0, 1))
    if len(designs) < 2:
        return []
    over = "providers" if len(providers) > 1 else "years"
    out: list[dict[str, Any] | None] = []
    for key, title, rule, ceiling in CURVES:
        series: dict[str, list[tuple[float, float | None]]] = {}
        for r in rows:
            if r["effect"] != effect:
                continue
            several = over == "providers" and len(years) > 1
            name = r["method"] + (f", {r['years']} years" if several else "")
            series.setdefault(name, []).append((r[over], r[key]))
        guide = {"power": found.power, "coverage": found.level, "detectable": found.worthwhile}
        share = rule == SHARE
        out.append(
            curves.data(
                series,
                title=title + (
                    f", true effect {shown(effect, rules['signed'])} {unit}"
                    if key != "detectable" else ""
                ),
                x_label=f"number of {over}",
                unit="share of worlds" if share else unit,
                rule=rule if share else rules["effect"],
                ceiling=ceiling,
                guide=guide[key],
            )
        )  # fmt: skip
    return [c for c in out if c is not None]
