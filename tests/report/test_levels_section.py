"""Whether it depends on where, in the document and on the page."""

from dataclasses import replace

import polars as pl
import pytest

from consortia.report import document, levels, render_html
from consortia.results import LEVELS, ByLevel

ROWS = [
    ("lowest", None, 0.25, 40, 0.12, 0.1, -0.08, 0.32, 0.24, 20, 20, ""),
    ("middle", 0.25, 1.5, 41, None, None, None, None, None, 0, 21, "not identified, because no"),
    ("highest", 1.5, None, 39, 0.62, 0.1, 0.42, 0.82, 1e-5, 19, 20, "fewer than 5 treated"),
    ("highest less lowest", None, None, 79, 0.5, 0.14, 0.22, 0.78, 4e-4, 39, 40, ""),
]
SPLIT = ByLevel(
    by="pressure",
    label="competition nearby",
    table=pl.DataFrame(ROWS, schema=LEVELS, orient="row"),
    p_value=0.0004,
    before=(0.03, -0.2, 0.26),
    sentence="It is larger where competition nearby is highest.",
    notes=("3 providers without a known level before joining left out",),
)


def test_the_section_shows_every_level_and_the_difference(make) -> None:
    made = document(replace(make("plain"), by_level=SPLIT))
    split = made["by_level"]
    assert [r["label"] for r in split["rows"]] == [r[0] for r in ROWS]
    assert split["rows"][0]["estimate_sd"] == pytest.approx(0.12 / 1.9876543)
    assert split["before"] == {"estimate": 0.03, "low": -0.2, "high": 0.26}
    page = render_html(made)
    assert "Does it depend on where?" in page
    assert SPLIT.sentence in page
    assert "not identified, because no" in page
    assert "+0.62" in page
    assert page.count("highest less lowest") >= 2


def test_the_picture_leaves_out_what_has_no_answer(make) -> None:
    made = document(replace(make("plain"), by_level=SPLIT))
    rows = made["charts"]["levels"]["rows"]
    assert [r["label"] for r in rows] == ["Lowest", "Highest", "Highest less lowest"]
    assert [r["clear"] for r in rows] == [False, True, True]
    assert levels.chart(None, made["rules"]) is None


def test_a_refusal_stands_in_its_place(make) -> None:
    page = render_html(
        document(replace(make("plain"), by_level_not_identified="the fact is known for nobody"))
    )
    assert ">the fact is known for nobody<" in page


def test_nothing_where_nobody_asked(make) -> None:
    made = document(make("plain"))
    assert made["by_level"] is None
    assert "Does it depend on where?" not in render_html(made)
