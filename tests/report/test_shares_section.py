"""The shares section: the page says what the document says, at any number of collaborations."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import reading
from test_render import agree

from consortia.report import document, render_html, render_shares, shares_document
from consortia.report.shares import section
from consortia.results import PARTS, STANDINGS, Shares, Standing


def made(n: int, several: int = 3) -> Shares:
    effect = np.linspace(1.2, -1.2, n)
    table = pl.DataFrame(
        {"level": [f"C{k}" for k in range(n)], "name": [f"Club {k}" for k in range(n)],
         "providers": [3] * n, "effect": effect,
         "std_error": [0.3] * n, "low": effect - 0.42, "high": effect + 0.42,
         "rank": np.arange(n) + 1.0, "rank_low": [1.0] * n, "rank_high": [float(n)] * n,
         "p_wrong": [0.01] * n,
         "stands_out": ["above" if e > 1 else "below" if e < -1 else "" for e in effect]},
        schema=STANDINGS,
    )  # fmt: skip
    parts = pl.DataFrame(
        [("provider", "provider", 900, 1.5, 2.25, 0.6, 0.55, 0.65, 0.62, ""),
         ("trust", "a trust", n, 0.5, 0.1, 0.1, 0.05, 0.2, 0.08, ""),
         ("network", "a network", 4, 0.0, 0.0, 0.0, None, None, 0.0, "estimated at zero"),
         ("residual", "all else", None, 1.0, 1.0, 0.3, 0.25, 0.35, 0.3, "")],
        schema=PARTS, orient="row",
    )  # fmt: skip
    return Shares(
        parts=parts, standings=(Standing(term="trust", label="a trust", table=table, factor=1.4,
                                         rate=0.05),),
        rows=3600, rows_of="provider-years", providers=900, several=several, held=("the year",),
        exposure=False, level=0.95, intervals="delta method", criterion=1.0, reml=True,
        cautions=("four networks say little",),
    )  # fmt: skip


@pytest.mark.parametrize("n", [3, 45, 1000])
def test_pages_agree_with_their_documents(make, n: int) -> None:
    from dataclasses import replace

    e = replace(make("plain"), shares=made(n))
    doc = document(e)
    page = render_html(doc)
    alone = shares_document(e.shares, e.study, "consortia shares study.toml")
    for text, said in ((page, doc), (render_shares(alone), alone)):
        root = reading.tree(text)
        assert agree(text, said) > 60
        assert reading.loose_digits(root) == []
        ids = [x.get("id") for x in root.iter() if x.get("id")]
        assert len(ids) == len(set(ids))
        assert "Shares: where the differences lie" in text
    assert len(page) < 700_000


def test_a_long_list_shows_its_ends_and_those_that_stand_out(make) -> None:
    said = section(made(1000), make("plain").study)["standings"][0]
    assert len(said["rows"]) == 1000
    rows = [said["rows"][i]["stands_out"] for i in said["shown"]]
    assert rows.count("above") == said["above"] > 50
    assert said["shown"][:3] == [0, 1, 2]
    assert said["shown"][-1] == 999
    assert "1,000" in said["shown_sentence"]
    assert section(made(45), make("plain").study)["standings"][0]["shown_sentence"] == ""


def test_labels_drop_their_article_and_deviations_tell_their_unit(make) -> None:
    study = make("plain").study
    said = section(made(3), study)
    assert [p["label"] for p in said["parts"]][1:3] == ["trust", "network"]
    head = next(c["label"] for c in said["columns"] if c["name"] == "sd")
    assert study.outcomes[study.outcome].unit in head


def test_what_ignoring_overlap_would_have_said(make) -> None:
    study = make("plain").study
    told = section(made(9), study)["ignoring"]
    assert "trust 8.0% instead of 10.0%" in told
    assert "all else" not in told
    assert "Nobody belongs to several" in section(made(9, several=0), study)["ignoring"]


def test_not_identified_is_said(make) -> None:
    from dataclasses import replace

    e = replace(make("plain"), shares_not_identified="two terms divide the providers alike")
    assert "two terms divide the providers alike" in render_html(document(e))
