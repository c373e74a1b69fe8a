"""Competition, autonomy and collaboration, each off and on, under the same luck."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from consortia.compared import FactorialAnswer
from consortia.comparison import sentences
from consortia.comparison.runs import BY_GROUP, GROUPS, NONE, Draws, Floats, Setting
from consortia.maths.games.shapley import shapley
from consortia.maths.stopping import paired
from consortia.scenario import Scenario

Progress = Callable[[str], None]
SWITCHES = ("competition", "autonomy", "collaboration")
WATCHED = (
    ("surplus", "members", "members' surplus, pounds a year"),
    ("vacancy_rate", "members", "members' posts empty at the end of the year, share"),
    ("achievement", "members", "members' learners who achieve, per cent"),
)
"""Figures whose change is shared out."""


def factorial(
    setting: Setting, scenario: Scenario, key: str, progress: Progress
) -> FactorialAnswer:
    """The eight cells of the three switches, effects and interactions, and Shapley shares.

    A main effect is the mean over the other switches of on less off; an interaction of two the
    mean change of the one's effect by the other; of three likewise. Shapley shares of the change
    from all off to all on sum to it exactly.
    """
    asked = scenario.factorial
    assert asked is not None
    cells: dict[int, Floats] = {}
    for mask in range(8):
        on = [bool(mask >> i & 1) for i in range(3)]
        progress("switches " + ", ".join(s for s, o in zip(SWITCHES, on, strict=True) if o))
        at = replace(
            setting,
            sector=replace(setting.sector, competition=float(on[0]), autonomy=float(on[1])),
        )
        draws = Draws(setting=at, root=scenario.runs.seed, workers=scenario.runs.workers)
        arm = {NONE: ()} if not on[2] else {key: setting.arms[key]}
        draws.reach(arm, asked.seeds, lambda k: None)
        cells[mask] = _watched(draws, next(iter(arm)))
    Y = np.stack([cells[m] for m in range(8)], axis=1)  # seeds, cells, figures
    level = scenario.runs.level
    rows: list[dict[str, Any]] = []
    for f, (name, _, does) in enumerate(WATCHED):
        y = Y[:, :, f]
        shares = paired(np.array([shapley(v - v[0]) for v in y]), level)
        for term in _terms():
            found = paired(contrast(y, term), level)
            main = len(term) == 1
            rows.append(
                {
                    "metric": name,
                    "does": does,
                    "term": " x ".join(SWITCHES[i] for i in term),
                    "order": len(term),
                    "estimate": float(found.estimate),
                    "low": float(found.low),
                    "high": float(found.high),
                    "share": float(shares.estimate[term[0]]) if main else None,
                    "share_low": float(shares.low[term[0]]) if main else None,
                    "share_high": float(shares.high[term[0]]) if main else None,
                }
            )
    table = pl.DataFrame(rows, schema_overrides={"share": pl.Float64, "share_low": pl.Float64,
                                                 "share_high": pl.Float64})  # fmt: skip
    means = Y.mean(axis=0)
    cell_rows = [
        {"metric": name, **{s: bool(m >> i & 1) for i, s in enumerate(SWITCHES)},
         "mean": float(means[m, f])}
        for f, (name, _, _) in enumerate(WATCHED) for m in range(8)
    ]  # fmt: skip
    return FactorialAnswer(
        mechanism=key,
        effects=table,
        cells=pl.DataFrame(cell_rows),
        seeds=asked.seeds,
        sentence=_sentence(table),
    )


def contrast(y: Floats, term: tuple[int, ...]) -> Floats:
    """The effect of a term by seed (R,) from cells y (R, 8): main effects on less off; an
    interaction is a difference of differences, averaged over the switches not in it."""
    k = len(term)
    signs = np.array(
        [np.prod([1.0 if m >> i & 1 else -1.0 for i in term]) for m in range(8)], dtype=np.float64
    )
    return y @ signs / 2 ** (3 - k)


def _terms() -> Iterator[tuple[int, ...]]:
    for k in (1, 2, 3):
        yield from combinations(range(3), k)


def _watched(draws: Draws, key: str) -> Floats:
    group = draws.of(key, "group")
    return np.stack(
        [group[:, BY_GROUP.index(name), GROUPS.index(of)] for name, of, _ in WATCHED], axis=1
    )


def _sentence(table: pl.DataFrame) -> str:
    rows = table.filter((pl.col("metric") == "surplus") & (pl.col("order") == 1)).to_dicts()
    said = ", ".join(f"{r['term']} {sentences.signed(r['share'])}" for r in rows)
    total = sum(r["share"] for r in rows)
    return (
        "From a sector without any of the three to one with all, the members' surplus changes by "
        f"{sentences.signed(total)} a year; shared out fairly among them: {said}."
    )
