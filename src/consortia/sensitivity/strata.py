"""Columns of the providers file as the parts within which paths may be exchanged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.errors import DataInvalid, Problem, did_you_mean


def codes_of(facts: pl.DataFrame, columns: Sequence[str], key: str) -> NDArray[np.int64]:
    """Code (n,) of the combination of values of ``columns``; an unknown value is one of its own.

    Raises DataInvalid, naming ``key`` of the study file, for columns that are not there.
    """
    known = [c for c in facts.columns if c != "provider"]
    problems = [
        Problem(
            file="study",
            column=key,
            found=name,
            problem="column is not in the providers file",
            remedy=did_you_mean(name, known),
        )
        for name in columns
        if name not in known
    ]
    if problems:
        raise DataInvalid(problems)
    if not columns:
        return np.zeros(facts.height, dtype=np.int64)
    text = facts.select(pl.col(name).cast(pl.String).fill_null("") for name in columns)
    return (
        text.select(pl.struct(pl.all()).rank("dense")).to_series().to_numpy().astype(np.int64) - 1
    )
