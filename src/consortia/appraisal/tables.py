"""From answers to diagnosands: one row per design, effect and method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import polars as pl

from consortia.appraisal.worlds import Run
from consortia.diagnosis import DIAGNOSES, RUNS
from consortia.maths.diagnosands import NOTHING, diagnose, mean, share

HELPS, UNDECIDED = "probably helps", "cannot tell yet"
AGAINST = ("probably harms", "probably no worthwhile use")
KEYS = ("providers", "years", "effect", "method")


def runs_table(rows: Iterable[Run]) -> pl.DataFrame:
    """RUNS, sorted by design, effect and world; methods stay in the order they were asked in."""
    table = pl.DataFrame(list(rows), schema=RUNS, orient="row")
    return table.sort("providers", "years", "effect", "world", maintain_order=True)


def diagnoses(
    runs: pl.DataFrame, methods: Iterable[str], *, worthwhile: float, level: float, power: float
) -> pl.DataFrame:
    """DIAGNOSES of RUNS, in the order of ``methods`` within each design and effect."""
    place = {name: k for k, name in enumerate(methods)}
    out = [
        _row(dict(zip(KEYS, key, strict=True)), rows, worthwhile, level, power)
        for key, rows in runs.group_by(KEYS, maintain_order=True)
    ]
    out.sort(key=lambda r: (r["providers"], r["years"], r["effect"], place[str(r["method"])]))
    return pl.DataFrame(out, schema=DIAGNOSES)


def _row(
    key: dict[str, object], rows: pl.DataFrame, worthwhile: float, level: float, power: float
) -> dict[str, object]:
    good = rows.filter(pl.col("because").is_null())
    why = Counter(rows["because"].drop_nulls().to_list())
    made: dict[str, object] = {
        **key,
        "worlds": rows.height,
        "refused": (rows.height - good.height) / rows.height,
        "because": why.most_common(1)[0][0] if why else None,
    }
    if good.height < 2:
        return made
    letters = ("estimate", "std_error", "low", "high", "truth")
    estimate, se, low, high, truth = (good[c].to_numpy() for c in letters)
    d = diagnose(estimate, se, low, high, truth, level=level, power_wanted=power)
    words = good["words"].to_numpy()
    # Means of equal effects may fall short of them by a rounding.
    worth = truth >= worthwhile - 1e-9 * max(abs(worthwhile), 1.0)
    helps = words == HELPS
    failed = good["failed"]
    measures = {
        "bias": d.bias, "rmse": d.rmse, "sd": d.spread, "std_error": d.std_error,
        "coverage": d.coverage, "power": d.power, "detectable": d.detectable,
        "wrong_sign": d.wrong_sign, "exaggeration": d.exaggeration,
        "helps": share(helps), "undecided": share(words == UNDECIDED),
        "false_helps": share(helps[~worth]) if (~worth).any() else NOTHING,
        "failed": NOTHING if failed.null_count() else share((failed != "").to_numpy()),
        "false_useless": share(np.isin(words, AGAINST)[worth]) if worth.any() else NOTHING,
    }  # fmt: skip
    for name, m in measures.items():
        made |= {name: _number(m.value), f"{name}_mc": _number(m.mc)}
    made |= {
        "joiners": mean(good["joiners"].to_numpy().astype(np.float64)).value,
        "truth": d.truth,
        "estimate": d.estimate,
        "detectable_plain": d.detectable_plain,
    }
    return made


def _number(x: float) -> float | None:
    return None if not np.isfinite(x) else float(x)
