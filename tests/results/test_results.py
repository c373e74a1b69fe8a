"""The nouns of what comes out."""

import numpy as np
import polars as pl
import pytest

from consortia import results
from consortia.maths.influence import Influence
from consortia.results import (
    EFFECTS,
    PARTS,
    STANDINGS,
    EffectKey,
    Estimate,
    Fit,
    Shares,
    Standing,
    answer,
    beside,
    rows,
    shares,
)


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


@pytest.mark.parametrize("module", [answer, beside, rows, shares], ids=lambda m: m.__name__)
def test_every_noun_is_found_at_the_door(module) -> None:
    """Nobody needs to know which file of the room a noun is in."""
    own = {
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ or name.isupper()
    }
    assert own
    assert own <= set(results.__all__)
    assert all(getattr(results, name) is getattr(module, name) for name in own)


def test_shares_are_asked_by_term_and_standings_by_side() -> None:
    blank = dict.fromkeys(PARTS)
    made = Shares(
        parts=pl.DataFrame(
            [
                {**blank, "term": "trust", "label": "trusts", "share": 0.25},
                {**blank, "term": "residual", "label": "all else", "share": 0.75},
            ],
            schema=PARTS,
        ),
        standings=(), rows=1_200, rows_of="pupils", providers=3, several=0, held=(),
        exposure=False, level=0.95, intervals="", criterion=0.0, reml=True,
    )  # fmt: skip
    assert made.part("residual")["share"] == 0.75
    with pytest.raises(ValueError, match="area"):
        made.part("area")
    assert "1,200 pupils" in repr(made)
    assert "trusts 25.0%, all else 75.0%" in repr(made)
    sides = ["above", "", "below", "above"]
    standing = Standing(
        term="trust", label="trusts", factor=1.4, rate=0.05,
        table=pl.DataFrame(
            [{**dict.fromkeys(STANDINGS), "level": str(i), "stands_out": side}
             for i, side in enumerate(sides)],
            schema=STANDINGS,
        ),
    )  # fmt: skip
    assert (standing.named("above"), standing.named("below")) == (2, 1)
