"""Sections that only some evaluations have."""

from __future__ import annotations

from collections.abc import Callable

from consortia.report import document, render_html
from consortia.report.parts import SHOWN
from consortia.results import Evaluation


def test_gap_ends_where_the_next_total_starts(make: Callable[[str], Evaluation]) -> None:
    made = document(make("plain"))["gap"]
    ends = {p["name"]: p["end"] for p in made["parts"]}
    assert abs(ends["academy"] - ends["full"]) < 1e-9
    assert made["parts"][0]["start"] == 0
    assert made["parts"][0]["estimate_sd"] == -0.6123 / 1.9876543
    page = render_html(document(make("plain")))
    assert "What the raw difference is made of" in page
    assert made["sentence"] in page
    assert "What the raw difference is made of" not in render_html(document(make("bare")))


def test_contamination_is_in_the_audit_with_its_reason(make: Callable[[str], Evaluation]) -> None:
    made = document(make("plain"))
    page = render_html(made)
    assert page.index('id="contamination"') > page.index('id="audit"')
    assert made["contamination"]["sentence"] in page
    assert document(make("bare"))["contamination"] is None


def test_all_collaborations_in_the_json_and_the_ends_on_the_page(
    make: Callable[[str], Evaluation],
) -> None:
    made = document(make("plain"))["by_collaboration"]
    assert len(made["rows"]) == made["collaborations"] == 57
    assert made["shown"] == [*range(SHOWN), *range(57 - SHOWN, 57)]
    page = render_html(document(make("plain")))
    assert 'by_collaboration.rows.56.shrunk"' in page
    assert "by_collaboration.rows.30." not in page
