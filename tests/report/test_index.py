from __future__ import annotations

from collections.abc import Callable

import pytest

from consortia.report import document, index
from consortia.report.index import index_document
from consortia.results import Evaluation


def test_one_row_for_each_report(make: Callable[[str], Evaluation]) -> None:
    documents = [document(make(n)) for n in ("plain", "not-identified")]
    made = index_document(documents, ["a b/report.html", "c/report.html"], title="All")
    first, second = made["reports"]
    assert first["estimate"] == documents[0]["headline"]["estimate"]
    assert first["words"] == "probably helps"
    assert (first["failed"], first["checks"]) == (1, 3)
    assert first["link"] == "a%20b/report.html"
    assert second["estimate"] is None
    assert not second["identified"]
    assert len(made["chart"]["rows"]) == 1
    assert made["simulated"] is False


@pytest.mark.parametrize(
    "link", ["https://example.org/x.html", "/etc/x.html", "../x.html", "javascript:alert(1)"]
)
def test_links_stay_below_the_index(make: Callable[[str], Evaluation], link: str) -> None:
    with pytest.raises(ValueError, match="relative path"):
        index([make("plain")], [link])


def test_as_many_links_as_reports(make: Callable[[str], Evaluation]) -> None:
    with pytest.raises(ValueError, match="1 reports but 0 links"):
        index([make("plain")], [])
