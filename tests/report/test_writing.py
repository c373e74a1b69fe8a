from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from jinja2.exceptions import UndefinedError

import consortia.report.files as files
from consortia.report import document, write, write_index
from consortia.results import Evaluation


def test_writes_page_and_document(make: Callable[[str], Evaluation], tmp_path: Path) -> None:
    written = write(make("plain"), tmp_path / "new" / "folder")
    assert sorted(p.name for p in written.html.parent.iterdir()) == ["report.html", "report.json"]
    stored = json.loads(written.json.read_text(encoding="utf-8"))
    assert stored == document(make("plain"))
    assert written.html.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_same_evaluation_same_bytes(make: Callable[[str], Evaluation], tmp_path: Path) -> None:
    a, b = write(make("months"), tmp_path / "a"), write(document(make("months")), tmp_path / "b")
    assert a.html.read_bytes() == b.html.read_bytes()
    assert a.json.read_bytes() == b.json.read_bytes()


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_failure_leaves_what_was_there(
    make: Callable[[str], Evaluation],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: str,
) -> None:
    write(make("plain"), tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="disk full"):
        write(make("months"), tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_page_that_cannot_be_made_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UndefinedError, match="no attribute"):
        write({"title": "not a report"}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_written_files_can_be_read_by_others(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        files.write_whole({tmp_path / "x.txt": "x"})
    finally:
        os.umask(mask)
    assert (tmp_path / "x.txt").stat().st_mode & 0o777 == 0o644


def test_nan_never_reaches_the_json() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        files.as_json({"x": float("nan")})


def test_index_links_its_reports(make: Callable[[str], Evaluation], tmp_path: Path) -> None:
    names = ["plain", "months"]
    for n in names:
        write(make(n), tmp_path / n)
    written = write_index(
        [make(n) for n in names], [f"{n}/report.html" for n in names], tmp_path, title="Two"
    )
    for link in json.loads(written.json.read_text(encoding="utf-8"))["reports"]:
        assert (tmp_path / link["link"]).is_file()
