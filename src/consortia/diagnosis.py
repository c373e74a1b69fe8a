"""How often a study would be right: what an appraisal finds. One row per method and design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from consortia.study import Study

RUNS: dict[str, Any] = {
    "providers": pl.Int64,
    "years": pl.Int64,
    "effect": pl.Float64,
    "world": pl.Int64,
    "method": pl.String,
    "estimate": pl.Float64,
    "std_error": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "truth": pl.Float64,
    "joiners": pl.Int64,
    "words": pl.String,
    "failed": pl.String,
    "because": pl.String,
}
"""One answer: which design (providers, years, chosen effect), world and method. Null numbers where
the method refused, with ``because``; ``words`` are those of the verdict, ``failed`` the checks that
failed (null where none were run, "" where none failed)."""

DIAGNOSES: dict[str, Any] = {
    "providers": pl.Int64,
    "years": pl.Int64,
    "effect": pl.Float64,
    "method": pl.String,
    "worlds": pl.Int64,
    "refused": pl.Float64,
    "joiners": pl.Float64,
    "truth": pl.Float64,
    "estimate": pl.Float64,
    **{
        name + tail: pl.Float64
        for name in (
            "bias", "rmse", "sd", "std_error", "coverage", "power", "detectable", "wrong_sign",
            "exaggeration", "helps", "undecided", "false_helps", "false_useless",
            "failed",
        )
        for tail in ("", "_mc")
    },
    "detectable_plain": pl.Float64,
    "because": pl.String,
}  # fmt: skip
"""Diagnosands with their Monte Carlo standard errors (``_mc``).

``refused``: share of worlds in which the method says that the data cannot answer, ``because`` the
commonest reason. ``truth``: mean of what the method's answer should have been. ``detectable``
effect by the errors seen, ``detectable_plain`` as a multiple of the spread ``sd``. ``wrong_sign``
and ``exaggeration`` among significant answers. ``helps``: share called "probably helps";
``false_helps``: the same where the true effect is not worthwhile (null else); ``false_useless``:
share called harmful or of no worthwhile use where the true effect is worthwhile (null else);
``failed``: share in which a check failed (null where none were run).
"""

MOMENTS: dict[str, Any] = {
    "moment": pl.String,
    "label": pl.String,
    "data": pl.Float64,
    "worlds": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
"""The fit: a number of the data beside its mean over some worlds, and the range of the middle 90 %
of those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What a study finds on worlds whose truth is known.

    ``runs`` (RUNS) every answer; ``table`` (DIAGNOSES) what they come to; ``fit`` (MOMENTS) how
    like the data the worlds are, empty for the embedded sector. ``world``: what the worlds are, in
    words; ``worthwhile`` and ``sd`` in the outcome's unit; ``interrupted``: worlds are missing that
    were asked for.
    """

    study: Study
    title: str
    world: str
    truth: str
    runs: pl.DataFrame
    table: pl.DataFrame
    fit: pl.DataFrame
    parameters: dict[str, float]
    worthwhile: float
    sd: float
    level: float
    power: float
    seed: int
    world_digest: str
    version: str
    interrupted: bool = False
    notes: tuple[str, ...] = ()

    def row(self, method: str, **design: float) -> dict[str, Any]:
        """The row of a method and design: ``row("two-way", effect=0.0)``.

        Raises ValueError unless exactly one row is meant.
        """
        rows = self.table.filter(pl.col("method") == method)
        for name, value in design.items():
            rows = rows.filter(pl.col(name) == value)
        if rows.height != 1:
            raise ValueError(f"{rows.height} rows are meant; say providers, years and effect")
        return rows.row(0, named=True)

    def __repr__(self) -> str:
        methods = self.table["method"].n_unique()
        return (
            f"Diagnosis({self.study.arm} on {self.study.outcome}: {methods} methods,\n"
            f"          {self.runs.height:,} answers on {self.world})"
        )
