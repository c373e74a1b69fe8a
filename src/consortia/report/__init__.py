"""The report: an Evaluation as a document (JSON) and as one self-contained page (HTML).

>>> from consortia.report import document, render_html, write

``document`` holds every number and sentence; ``render_html`` reads nothing else, so that the page
and the JSON agree by construction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from consortia.report.appraisal import appraisal_document
from consortia.report.comparison import comparison_document
from consortia.report.document import SCHEMA_VERSION, document
from consortia.report.files import Written, as_json, write_whole
from consortia.report.index import index_document
from consortia.report.overlap import overlap_document
from consortia.report.render import (
    render_appraisal,
    render_comparison,
    render_html,
    render_index,
    render_overlap,
    render_shares,
)
from consortia.report.shares import shares_document
from consortia.results import Evaluation

__all__ = [
    "SCHEMA_VERSION",
    "Written",
    "appraisal_document",
    "as_json",
    "comparison_document",
    "document",
    "index",
    "index_document",
    "overlap_document",
    "render_appraisal",
    "render_comparison",
    "render_html",
    "render_index",
    "render_overlap",
    "render_shares",
    "shares_document",
    "write",
    "write_appraisal",
    "write_comparison",
    "write_index",
    "write_overlap",
    "write_shares",
]


def write(evaluation: Evaluation | Mapping[str, Any], folder: Path | str) -> Written:
    """Write report.html and report.json into ``folder`` (made if need be), whole or not at all.

    Takes an Evaluation or its document. Raises OSError where the folder cannot be written.
    """
    made = _document(evaluation)
    return _put(Path(folder), "report", render_html(made), made)


def write_comparison(document: Mapping[str, Any], folder: Path | str) -> Written:
    """Write comparison.html and comparison.json into ``folder``. Raises OSError."""
    return _put(Path(folder), "comparison", render_comparison(document), document)


def write_shares(document: Mapping[str, Any], folder: Path | str) -> Written:
    """Write shares.html and shares.json into ``folder``. Raises OSError."""
    return _put(Path(folder), "shares", render_shares(document), document)


def index(
    evaluations: Sequence[Evaluation | Mapping[str, Any]],
    links: Sequence[str],
    *,
    title: str = "Does working together work?",
) -> str:
    """The page that lists several reports, each with the relative ``link`` to its own page.

    Raises ValueError for a link that is not a relative path below the index.
    """
    return render_index(index_document([_document(e) for e in evaluations], links, title=title))


def write_index(
    evaluations: Sequence[Evaluation | Mapping[str, Any]],
    links: Sequence[str],
    folder: Path | str,
    *,
    title: str = "Does working together work?",
) -> Written:
    """Write index.html and index.json into ``folder``, whole or not at all."""
    made = index_document([_document(e) for e in evaluations], links, title=title)
    return _put(Path(folder), "index", render_index(made), made)


def write_overlap(made: Mapping[str, Any], folder: Path | str) -> Written:
    """Write overlap.html and overlap.json into ``folder``, whole or not at all."""
    return _put(Path(folder), "overlap", render_overlap(made), made)


def write_appraisal(made: Mapping[str, Any], folder: Path | str) -> Written:
    """Write appraisal.html and appraisal.json into ``folder``, whole or not at all."""
    return _put(Path(folder), "appraisal", render_appraisal(made), made)


def _document(evaluation: Evaluation | Mapping[str, Any]) -> Mapping[str, Any]:
    return document(evaluation) if isinstance(evaluation, Evaluation) else evaluation


def _put(folder: Path, stem: str, page: str, made: Mapping[str, Any]) -> Written:
    written = Written(html=folder / f"{stem}.html", json=folder / f"{stem}.json")
    write_whole({written.html: page, written.json: as_json(made)})
    return written
