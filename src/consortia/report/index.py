"""Several reports on one page: one row for each outcome and arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from consortia.report.charts import forest
from consortia.report.document import SCHEMA_VERSION


def index_document(
    documents: Sequence[Mapping[str, Any]], links: Sequence[str], *, title: str
) -> dict[str, Any]:
    """The index as a JSON-ready document; ``links`` are relative paths, one per report.

    Raises ValueError when there are not as many links as documents, or a link leaves the folder.
    """
    if len(documents) != len(links):
        raise ValueError(f"{len(documents)} reports but {len(links)} links")
    for link in links:
        if ":" in link or link.startswith("/") or ".." in link.split("/"):
            raise ValueError(f"the link {link!r} must be a relative path below the index")
    rows = [_row(d, link) for d, link in zip(documents, links, strict=True)]
    return {
        "schema_version": SCHEMA_VERSION,
        "title": title,
        "simulated": any(d["simulated"] for d in documents),
        "chart": forest.data(rows),
        "reports": rows,
    }


def _row(d: Mapping[str, Any], link: str) -> dict[str, Any]:
    head = d["headline"] or {}
    kept = ("estimate", "low", "high", "estimate_sd", "low_sd", "high_sd", "n_treated")
    return {
        "question": d["title"],
        "outcome": d["outcome"]["label"],
        "arm": d["arm"]["label"],
        "words": d["answer"]["words"],
        "sentence": d["answer"]["sentence"],
        "identified": d["identified"],
        "unit": d["outcome"]["unit"],
        "level": d["level"],
        **{name: head.get(name) for name in kept},
        "p_worthwhile": d["answer"]["p_worthwhile"],
        "rules": d["rules"],
        "failed": d["checks"]["failed"],
        "checks": d["checks"]["run"],
        "link": quote(link),
        "study_digest": d["reproduce"]["study_digest"],
        "panel_digest": d["reproduce"]["panel_digest"],
    }
