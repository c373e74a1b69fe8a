"""Trials of real evaluations on small panels: what a check is handed."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from consortia import evaluation
from consortia.panel import Panel
from consortia.results import Trial
from consortia.specs import Arm, Inference, Outcome, PreTrend
from consortia.streams import Streams
from consortia.study import Study


def trial_of(study: Study, panel: Panel) -> Trial:
    """The Trial that an evaluation hands to its checks."""
    caught: list[Trial] = []
    real = evaluation.trial

    def catch(*parts: Any, **named: Any) -> Trial:
        caught.append(real(*parts, **named))
        return caught[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "trial", catch)
        evaluation.evaluate(study.with_(checks=(PreTrend(),)), panel)
    assert caught, "the study has no answer on this panel"
    return caught[0]


SCORE = {"score": Outcome(unit="points", worthwhile=0.5), "other": Outcome(unit="points")}


def made(
    Y: np.ndarray,
    joined: np.ndarray,
    facts: dict[str, list[Any]] | None = None,
    other: np.ndarray | None = None,
    clubs: np.ndarray | None = None,
    **changes: Any,
) -> tuple[Study, Panel]:
    """A panel from outcomes Y (n, T) for 2001..., first exposed years ``joined`` (n,), 0 = never;
    ``clubs`` likewise for a second arm."""
    n, T = Y.shape
    names = [f"p{i:04d}" for i in range(n)]
    years = 2001 + np.arange(T)
    columns: dict[str, Any] = {
        "provider": np.repeat(names, T),
        "year": pl.Series(np.tile(years, n), dtype=pl.Int32),
        "score": pl.Series(Y.ravel()).fill_nan(None),
        "other": pl.Series((Y if other is None else other).ravel()).fill_nan(None),
    }
    rows = [
        (names[i], f"{kind}{i % 40}", kind, f"{y - 1}-09-01")
        for kind, when in (("trust", joined), ("club", clubs))
        if when is not None
        for i, y in enumerate(when.tolist())
        if y
    ]
    memberships = pl.DataFrame(
        {
            "provider": [r[0] for r in rows],
            "collaboration": [r[1] for r in rows],
            "kind": [r[2] for r in rows],
            "from": pl.Series([r[3] for r in rows]).str.to_date(),
            "to": pl.Series([None] * len(rows), dtype=pl.Date),
            "weight": 1.0,
            "first_seen": pl.Series([None] * len(rows), dtype=pl.Date),
            "last_seen": pl.Series([None] * len(rows), dtype=pl.Date),
        }
    )
    statuses = {"provider": pl.String, "status": pl.String, "since": pl.Date, "until": pl.Date}
    panel = Panel(
        outcomes=pl.DataFrame(columns),
        providers=pl.DataFrame({"provider": names, **(facts or {})}),
        memberships=memberships,
        statuses=pl.DataFrame(schema=statuses),
    )
    fields: dict[str, Any] = {
        "question": "Did joining help?",
        "outcome": "score",
        "arm": "trust",
        "outcomes": SCORE,
        "arms": {"trust": Arm(kinds=("trust",)), "club": Arm(kinds=("club",))},
        "inference": Inference(draws=0, small_sample="none"),
    }
    fields.update(changes)
    return Study(**fields), panel


def noise(seed: int, n: int, T: int, spread: float = 1.0) -> np.ndarray:
    """Levels of providers' own and independent chance around them."""
    rng = Streams(seed).at("noise").rng()
    return rng.normal(size=(n, 1)) + spread * rng.normal(size=(n, T))
