"""The nouns of what comes out."""

import numpy as np
import polars as pl

from consortia.maths.influence import Influence
from consortia.results import EFFECTS, EffectKey, Estimate, Fit


def test_fit_shows_itself_in_two_plain_lines() -> None:
    fit = Fit(
        method="group-time",
        keys=(EffectKey(estimand="simple"), EffectKey(estimand="dynamic", event_time=0)),
        theta=np.array([0.5, np.nan]),
        influence=Influence(psi=np.zeros((3, 2))),
        n_treated=np.array([1, 0]),
        n_control=np.array([2, 2]),
        cautions=("", "not identified, because nobody is seen"),
        headline=0,
        small_sample="none",
    )
    text = repr(fit)
    assert len(text.splitlines()) == 2
    assert "1 of 2 effects identified" in text
    assert "simple = 0.5000" in text


def test_row_is_the_headline_unless_asked() -> None:
    effects = pl.DataFrame(
        {c: [None, None] for c in EFFECTS} | {"estimate": [1.0, 2.0]}, schema=EFFECTS
    )
    estimate = Estimate(
        method="m",
        effects=effects,
        covariance=np.eye(2),
        headline=1,
        n_clusters=5,
        convention="",
        critical=1.96,
    )
    assert estimate.row()["estimate"] == 2.0
    assert estimate.row(0)["estimate"] == 1.0
