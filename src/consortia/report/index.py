"""Several reports on one page: one row for each outcome and arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from consortia.report.document import SCHEMA_VERSION


def index_document(
    documents: Sequence[Mapping[str, Any]], links: Sequence[str], *, title: str
) -> dict[str, Any]:
    """The index as a JSON-ready document; ``links`` are relative addresses, one per report.

    Raises ValueError when there are not as many links as documents, or a link leaves the folder.
    """
    if len(documents) != len(links):
        raise ValueError(f"{len(documents)} reports but {len(links)} links")
    for link in links:
        if ":" in link or link.startswith("/") or ".." in link.split("/"):
            raise ValueError(f"the link {link!r} must be a relative path below the index")
    return {
        "schema_version": SCHEMA_VERSION,
        "title": title,
        "simulated": any(d["simulated"] for d in documents),
        "reports": [
            {
                "question": d["title"],
                "outcome": d["outcome"]["label"],
                "arm": d["arm"]["label"],
                "words": d["answer"]["words"],
                "sentence": d["answer"]["sentence"],
                "identified": d["identified"],
                "unit": d["outcome"]["unit"],
                "level": d["level"],
                "estimate": (d["headline"] or {}).get("estimate"),
                "low": (d["headline"] or {}).get("low"),
                "high": (d["headline"] or {}).get("high"),
                "estimate_sd": (d["headline"] or {}).get("estimate_sd"),
                "low_sd": (d["headline"] or {}).get("low_sd"),
                "high_sd": (d["headline"] or {}).get("high_sd"),
                "p_worthwhile": d["answer"]["p_worthwhile"],
                "n_treated": (d["headline"] or {}).get("n_treated"),
                "rules": d["rules"],
                "failed": sum(1 for f in d["findings"] if f["verdict"] is False),
                "checks": len(d["findings"]),
                "link": link,
                "study_digest": d["reproduce"]["study_digest"],
                "panel_digest": d["reproduce"]["panel_digest"],
            }
            for d, link in zip(documents, links, strict=True)
        ],
    }
