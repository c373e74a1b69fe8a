"""A comparison of mechanisms as one JSON-ready document; its page is rendered from it alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from consortia.compared import CoalitionAnswer, Comparison, MechanismAnswer
from consortia.legal import LEVELS, NOT_ADVICE
from consortia.report.charts import courses, gains, holding, stocks, tipping, where
from consortia.report.tables import clean
from consortia.study import capital

MONEY, SIGNED = "fixed:0", "signed:0"
WHO = (
    ("learners", "Learners"),
    ("colleges", "Colleges"),
    ("staff", "Staff"),
    ("public purse", "Public purse"),
)
READS = {"better": "better", "worse": "worse", "changed": "changed", "unclear": "cannot tell",
         "none": "no change"}  # fmt: skip
MATRIX = (
    ("Members' surplus, £ thousand a year", "surplus", "members", 1e-3, SIGNED),
    ("Neighbours' surplus, £ thousand a year", "surplus", "neighbours", 1e-3, SIGNED),
    ("Members' learners: points of achievement", "achievement", "members", 1.0, "signed:2"),
    ("Members' empty posts, points", "vacancy_rate", "members", 100.0, "signed:2"),
    ("Staff: pay, per cent", "mean_log_pay", "sector", 100.0, "signed:2"),
    ("Treasury, £ thousand a year", "treasury", "sector", 1e-3, SIGNED),
)
"""Columns of the matrix: head, figure, of whom, factor, rule."""
COUNTED = (
    ("title", "", "text"), ("exits", "Leave the sector", "count"), ("entries", "Enter it", "count"),
    ("moves", "Move between colleges", "count"), ("spells", "Posts empty at some time", "count"),
    ("vacancy_rate", "Posts empty at the end", "percent:2"),
    ("exit_rate", "Exit rate", "percent:1"),
    ("move_rate", "Move rate", "percent:1"), ("share_inside", "Hires from inside", "percent:1"),
    ("chain", "Vacancies one makes in all", "fixed:2"),
)  # fmt: skip
ANSWERS = (
    ("title", "Mechanism", "text"), ("gain", "Members gain, £ a year", SIGNED),
    ("gain_low", "Low", SIGNED), ("gain_high", "High", SIGNED),
    ("empty", "Members' empty posts", "percent:2"),
    ("achievement", "Achievement, points", "signed:2"),
    ("achievers", "More learners who achieve", SIGNED),
    ("per_achiever", "Surplus given up for each, £", MONEY),
    ("losing", "Members that lose", "count"),
    ("unclear", "Cannot tell", "count"), ("moved", "Side payments so that none loses, £", MONEY),
    ("would_leave", "Better off leaving", "count"),
    ("together", "Break-even discount factor, gains shared", "fixed:2"),
    ("alone", "Not shared", "fixed:2"), ("others", "Other colleges gain, £ a year", SIGNED),
    ("exposure", "A sponsor may pay up to, £", MONEY),
    ("pairing", "Seeds saved by the same luck, times", "count"), ("verdict", "In words", "text"),
)  # fmt: skip
MEMBER = (
    ("college", "Member", "text"), ("gain", "Gain, £ a year", SIGNED), ("low", "Low", SIGNED),
    ("high", "High", SIGNED), ("p_gain", "Chance of a gain", "chance"),
    ("vacancies", "Empty posts", "signed:2"),
    ("beside_leaving", "Gain beside leaving alone, £", SIGNED), ("leaving_low", "Low", SIGNED),
    ("leaving_high", "High", SIGNED), ("free_ride", "Gains by leaving, £", MONEY),
    ("side_payment", "Side payment, £", SIGNED),
    ("patience", "Break-even discount factor", "fixed:2"), ("stays", "Would stay", "text"),
)  # fmt: skip
CHANGE = (
    ("does", "What", "text"), ("of", "Of", "text"), ("unit", "Unit", "text"),
    ("without", "With nothing shared", "general"), ("estimate", "Change", "general"),
    ("low", "Low", "general"), ("high", "High", "general"), ("says", "Reads", "text"),
)  # fmt: skip


def comparison_document(c: Comparison, *, digest: str = "") -> dict[str, Any]:
    """Everything that the page says, as plain dicts."""
    titles = {a.key: a.title for a in c.answers} | {"none": "nothing shared"}
    heads = {key: capital(title) for key, title in titles.items()}
    answers = [_answer(a, heads) for a in c.answers]
    changed = [
        {**r, "title": heads[r["mechanism"]], "says": READS[r["reads"]]}
        for r in c.changes.iter_rows(named=True)
    ]
    return clean(
        {
            "schema_version": "1.0",
            "generator": {"name": "consortia", "version": c.version},
            "title": c.scenario.title,
            "caution": c.caution,
            "counterfactual": c.scenario.counterfactual,
            "not_advice": NOT_ADVICE,
            "sentence": c.sentence,
            "sentences": re.split(r"(?<=\.) (?=[A-Z])", c.sentence),
            "members": list(c.members),
            "colleges": c.colleges,
            "first_year": c.years[0],
            "last_year": c.years[1],
            "seeds": c.seeds,
            "level": c.scenario.runs.level,
            "stopped": c.stopped,
            "narrow": c.narrow,
            "counted": [
                {f: getattr(k, f) for f in k.__slots__} | {"title": heads[k.mechanism]}
                for k in c.counted
            ],
            "counted_columns": _columns(COUNTED),
            "answers": answers,
            "answer_columns": _columns(ANSWERS),
            "member_columns": _columns(MEMBER),
            "changes": changed,
            "change_columns": _columns(CHANGE),
            "stakeholders": [
                {"who": who, "label": label} for who, label in WHO
            ],
            "mechanisms": [_one(c, a, changed, heads) for a in c.answers],
            "colleges_by_mechanism": c.college_rows.to_dicts(),
            "series": c.series.to_dicts(),
            "value_of_achiever": c.scenario.group.value_of_achiever,
            "hinge": _hinge(c, heads),
            "tipping": _tipping(c, heads),
            "coalitions": _coalitions(c.coalitions, heads),
            "ranking": _ranking(c, heads),
            "factorial": _factorial(c, heads),
            "candidates": _candidates(c, heads),
            "schedule": [
                {
                    "name": s["name"],
                    "does": s["does"],
                    "hooks": ", ".join(s["hooks"]).replace("_", " "),
                    "reads": ", ".join(s["reads"]),
                    "writes": ", ".join(s["writes"]),
                }
                for s in c.schedule
            ],
            "schedule_columns": _columns(
                (("name", "Step", "text"), ("does", "What happens", "text"),
                 ("hooks", "Where mechanisms act", "text"))
            ),
            "loops": [dict(x) for x in c.loops],
            "loop_columns": _columns(
                (("name", "Loop", "text"), ("sign", "Kind", "text"), ("does", "How", "text"),
                 ("through", "Through", "text"))
            ),
            "targets": [dict(x) for x in c.targets],
            "target_columns": _columns(
                (("name", "Figure", "text"), ("wanted", "In the sources", "general"),
                 ("low", "From", "general"), ("high", "To", "general"),
                 ("got", "In this model", "general"), ("source", "Source", "text"))
            ),
            "charts": {
                "gains": gains.data([h for h, *_ in MATRIX], _matrix(c, heads)),
                "vacancies": _course(c, heads, "vacancy_rate",
                                     "Members' empty posts, change from nothing shared",
                                     "share of posts", "percent:2"),
                "stocks": stocks.data(c.schedule),
            },
            "notes": list(c.notes),
            "command": c.command,
            "scenario_digest": digest,
        }
    )  # fmt: skip


def _columns(rows: Sequence[tuple[str, str, str]]) -> list[dict[str, str]]:
    return [{"name": n, "label": label, "rule": rule} for n, label, rule in rows]


def _answer(a: MechanismAnswer, heads: Mapping[str, str]) -> dict[str, Any]:
    plain = ("key", "name", "does", "entry", "exit", "enforcement", "losing", "unclear", "moved",
             "would_leave", "together", "alone", "exposure", "sponsor", "pairing", "members_in",
             "sentence", "verdict")  # fmt: skip
    return {
        **{f: getattr(a, f) for f in plain},
        "title": heads[a.key],
        "gain": a.gain["estimate"],
        "gain_low": a.gain["low"],
        "gain_high": a.gain["high"],
        "others": a.others["estimate"],
        "others_low": a.others["low"],
        "others_high": a.others["high"],
        "empty": a.empty["estimate"],
        "achievement": a.achievement["estimate"],
        "achievers": a.achievers["estimate"],
        "achievers_low": a.achievers["low"],
        "achievers_high": a.achievers["high"],
        "per_achiever": a.per_achiever,
        "legal": a.legal.level,
        "banner": a.legal.banner,
        "worry": LEVELS.index(a.legal.level),
        "red": a.legal.counterfactual_only,
    }


def _one(
    c: Comparison, a: MechanismAnswer, changed: list[dict[str, Any]], heads: Mapping[str, str]
) -> dict[str, Any]:
    """The section of one mechanism: members, changes by whom they matter to, the map."""
    mine = [r for r in changed if r["mechanism"] == a.key and r["reads"] != "none"]
    rows = c.college_rows.filter(pl.col("mechanism") == a.key).to_dicts()
    return {
        "key": a.key,
        "title": heads[a.key],
        "members": c.member_rows.filter(pl.col("mechanism") == a.key).to_dicts(),
        "changes": [
            {"label": label, "rows": [r for r in mine if r["who"] == who]} for who, label in WHO
        ],
        "map": where.data(rows, f"Who gains and who loses: {a.title}"),
    }


def _matrix(
    c: Comparison, heads: Mapping[str, str]
) -> list[tuple[str, list[tuple[float | None, str, str]]]]:
    by = {(r["mechanism"], r["metric"], r["of"]): r for r in c.changes.iter_rows(named=True)}
    out: list[tuple[str, list[tuple[float | None, str, str]]]] = []
    for a in c.answers:
        cells: list[tuple[float | None, str, str]] = []
        for _, metric, of, factor, rule in MATRIX:
            r = by.get((a.key, metric, of))
            cells.append(
                (None, rule, "none") if r is None else (factor * r["estimate"], rule, r["reads"])
            )
        out.append((heads[a.key], cells))
    return out


def _course(
    c: Comparison, heads: Mapping[str, str], metric: str, title: str, unit: str, rule: str
) -> dict[str, Any] | None:
    rows = c.series.filter((pl.col("metric") == metric) & (pl.col("of") == "members"))
    return courses.data(
        [
            (heads[a.key], rows.filter(pl.col("mechanism") == a.key).sort("year").to_dicts())
            for a in c.answers
        ],
        title=title,
        unit=unit,
        rule=rule,
    )


def _coalitions(found: CoalitionAnswer | None, heads: Mapping[str, str]) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "mechanism": found.mechanism,
        "title": heads[found.mechanism],
        "players": list(found.players),
        "seeds": found.seeds,
        "sampled": found.sampled,
        "looked_at": found.coalitions,
        "sentence": found.sentence,
        "stable_sizes": list(found.stable),
        "internal_sizes": list(found.internal),
        "external_sizes": list(found.external),
        "potential_sizes": list(found.potential),
        "stable_chance": found.stable_chance,
        "convex": found.convex,
        "sizes": found.sizes.to_dicts(),
        "size_columns": _present(
            found.sizes,
            (("size", "Joined", "count"), ("coalitions", "Groups looked at", "count"),
             ("member", "A member gets, £ a year", SIGNED),
             ("outsider", "An outsider gets, £ a year", SIGNED),
             ("worth", "The group gets, £ a year", SIGNED),
             ("internal", "No member would leave", "count"),
             ("external", "No outsider would join", "count"), ("stable", "Both", "count"),
             ("potential", "Could be with side payments", "count")),
        ),
        "values": found.values.to_dicts(),
        "value_columns": _present(
            found.values,
            (("college", "College", "text"), ("gain", "Gains without side payments, £", SIGNED),
             ("p_gain", "Resamples in which it gains", "percent"),
             ("shapley", "Its fair share (Shapley), £", SIGNED),
             ("shapley_error", "Standard error", MONEY),
             ("nucleolus", "Nucleolus, £", SIGNED)),
        ),
        "core": found.core.to_dicts(),
        "core_columns": _present(
            found.core,
            (("rest", "When a group forms,", "text"),
             ("epsilon", "Leaving would have to cost, £ a year", SIGNED), ("low", "Low", SIGNED),
             ("high", "High", SIGNED), ("nonempty", "Core not empty in", "count"),
             ("draws", "of resamples", "count")),
        ),
        "worths": found.worths.to_dicts(),
        "chart": holding.data(found.sizes.to_dicts()),
    }  # fmt: skip


def _present(frame: pl.DataFrame, rows: Sequence[tuple[str, str, str]]) -> list[dict[str, str]]:
    return _columns([r for r in rows if r[0] in frame.columns])


def _ranking(c: Comparison, heads: Mapping[str, str]) -> dict[str, Any] | None:
    if c.ranking is None:
        return None
    return {
        "sentence": c.ranking.sentence,
        "first": c.ranking.first,
        "turns": list(c.ranking.turns),
        "seeds": c.ranking.seeds,
        "rows": [
            {**r, "title": heads[r["mechanism"]]} for r in c.ranking.table.iter_rows(named=True)
        ],
        "columns": _columns(
            (("parameter", "Number", "text"), ("end", "End of its range", "text"),
             ("value", "Value", "general"), ("title", "Mechanism", "text"),
             ("gain", "Members gain, £ a year", SIGNED), ("low", "Low", SIGNED),
             ("high", "High", SIGNED), ("rank", "Rank", "count"))
        ),
    }  # fmt: skip


def _hinge(c: Comparison, heads: Mapping[str, str]) -> dict[str, Any] | None:
    if c.hinge is None:
        return None
    return {
        "sentence": c.hinge.sentence,
        "assumed": c.hinge.assumed,
        "seeds": c.hinge.seeds,
        "rows": [
            {**r, "title": heads[r["mechanism"]], "turns": c.hinge.turns.get(r["mechanism"])}
            for r in c.hinge.table.iter_rows(named=True)
        ],
        "columns": _columns(
            (("title", "Mechanism", "text"), ("share", "Empty posts covered", "percent"),
             ("gain", "Members gain, £ a year", SIGNED), ("low", "Low", SIGNED),
             ("high", "High", SIGNED), ("turns", "Turns at", "percent"))
        ),
    }  # fmt: skip


def _tipping(c: Comparison, heads: Mapping[str, str]) -> dict[str, Any] | None:
    if c.tipping is None:
        return None
    rows = c.tipping.table.to_dicts()
    times = tipping.rule([r["intensity"] for r in rows])
    return {
        "mechanism": c.tipping.mechanism,
        "title": heads[c.tipping.mechanism],
        "sentence": c.tipping.sentence,
        "point": c.tipping.point,
        "seeds": c.tipping.seeds,
        "years": c.tipping.years,
        "rows": rows,
        "columns": _columns(
            (("intensity", "Competition, times today's", times),
             ("apart", "Runs that come apart", "percent"),
             ("year", "After so many years", "fixed:1"),
             ("still_in", "Members left at the end", "percent"),
             ("breaches", "Years in which a member breaks the rule", "percent"))
        ),
        "chart": tipping.data(rows),
    }  # fmt: skip


def _candidates(c: Comparison, heads: Mapping[str, str]) -> dict[str, Any] | None:
    if c.candidates is None:
        return None
    return {
        "mechanism": c.candidates.mechanism,
        "title": heads[c.candidates.mechanism],
        "sentence": c.candidates.sentence,
        "modularity": c.candidates.modularity,
        "seeds": c.candidates.seeds,
        "rows": c.candidates.table.to_dicts(),
        "columns": _columns(
            (("colleges", "Colleges", "text"), ("members", "Members", "count"),
             ("km", "Widest apart, km", "count"), ("gain", "They gain, £ a year", SIGNED),
             ("low", "Low", SIGNED), ("high", "High", SIGNED), ("gain_each", "Each", SIGNED),
             ("others", "All others", SIGNED))
        ),
    }  # fmt: skip


def _factorial(c: Comparison, heads: Mapping[str, str]) -> dict[str, Any] | None:
    if c.factorial is None:
        return None
    return {
        "mechanism": c.factorial.mechanism,
        "title": heads[c.factorial.mechanism],
        "sentence": c.factorial.sentence,
        "seeds": c.factorial.seeds,
        "effects": c.factorial.effects.to_dicts(),
        "effect_columns": _columns(
            (("does", "Figure", "text"), ("term", "Switch or interaction", "text"),
             ("estimate", "Effect", "general"), ("low", "Low", "general"),
             ("high", "High", "general"), ("share", "Its share of the whole change", "general"))
        ),
        "cells": c.factorial.cells.to_dicts(),
    }  # fmt: skip
