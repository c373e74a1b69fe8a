"""What a check may name as covariates: those of the study, columns of the providers, the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from consortia.errors import DataInvalid, Problem, did_you_mean
from consortia.panel import Arrays, Floats
from consortia.results import Trial
from consortia.sensitivity.changes import Change, filled

PRIOR = "prior-outcome"
"""The outcome in the base year, as a covariate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Covariates under one name: ``held`` in the study's model already, or not; ``of`` gives their
    columns (r, p) for one cohort; ``members`` the single names of a group."""

    name: str
    label: str
    held: bool
    members: tuple[str, ...]
    of: Callable[[Change], Floats]


def named(trial: Trial, names: Sequence[str], key: str) -> tuple[Named, ...]:
    """Resolve names, several joined by " + " as one. Raises DataInvalid for unknown ones."""
    known = [*trial.study.covariates, PRIOR, *(c for c in trial.facts.columns if c != "provider")]
    problems: list[Problem] = []
    for name in (m for n in names for m in members(n)):
        if name not in known:
            problems.append(
                Problem(
                    file="study",
                    column=key,
                    found=name,
                    problem="is neither a covariate of the study nor a column of the providers",
                    remedy=did_you_mean(name, list(dict.fromkeys(known))),
                )
            )
    if problems:
        raise DataInvalid(problems)
    return tuple(_named(trial, name) for name in names)


def members(name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in name.split("+"))


def _named(trial: Trial, name: str) -> Named:
    each = members(name)
    labels = [label(trial, m) for m in each]
    text = labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]} together"
    held = all(m in trial.study.covariates for m in each)
    parts = [_columns(trial, m) for m in each]

    def of(c: Change) -> Floats:
        return np.column_stack([part(c) for part in parts])

    return Named(name=name, label=text, held=held, members=each, of=of)


def label(trial: Trial, name: str) -> str:
    if name == PRIOR:
        return f"{trial.study.outcome_label} before joining"
    return name.replace("_", " ")


def _columns(trial: Trial, name: str) -> Callable[[Change], Floats]:
    a = trial.arrays
    if name == PRIOR:
        return lambda c: c.before[:, None]
    fixed, yearly = held_columns(a, name)
    if fixed:
        return lambda c: np.column_stack([filled(a.X[c.rows, j]) for j in fixed])
    if yearly:
        return lambda c: np.column_stack([filled(a.Z[c.rows, c.base, j]) for j in yearly])
    column = trial.facts[name]
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
        return lambda c: filled(values[c.rows])[:, None]
    text = column.cast(pl.String).fill_null("")
    codes = text.rank("dense").to_numpy().astype(np.int64) - 1

    def levels(c: Change) -> Floats:
        mine = codes[c.rows]
        # A level that nobody in the comparison has says nothing about it.
        seen = np.unique(mine[~c.D])[1:]
        return np.asarray((mine[:, None] == seen[None, :]).astype(np.float64))

    return levels


def held_columns(a: Arrays, name: str) -> tuple[list[int], list[int]]:
    """Columns of X and of Z that a covariate of the study has become."""
    fixed = [j for j, n in enumerate(a.X_names) if n == name or n.startswith(f"{name} = ")]
    yearly = [j for j, n in enumerate(a.Z_names) if n == name]
    return fixed, yearly
