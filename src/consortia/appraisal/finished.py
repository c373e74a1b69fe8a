"""What is finished, on disk: one JSON line per world, so that a run that stops can go on.

The first line names the question and the worlds; a file of another study is refused. A line that
was cut off by the stop is dropped and run again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from consortia.appraisal.worlds import Run
from consortia.diagnosis import RUNS
from consortia.errors import DataInvalid, Problem

FORMAT = "consortia appraisal 1"


class Finished:
    """The answers so far, and the open file behind them (None: kept in memory alone)."""

    def __init__(self, rows: Iterable[Run] = (), file: IO[str] | None = None) -> None:
        self.rows: list[Run] = list(rows)
        self._file = file

    def add(self, rows: Iterable[Run]) -> None:
        """Keep some answers, on disk at once."""
        rows = list(rows)
        self.rows += rows
        if self._file is not None:
            self._file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            self._file.flush()

    def have(self) -> set[tuple[int, int, float, int, str]]:
        """Design, effect, world and method of every answer."""
        return {row[:5] for row in self.rows}


@contextmanager
def finished(path: Path | None, digest: str) -> Iterator[Finished]:
    """The answers in ``path`` (made if it is not there), open for more. Raises DataInvalid where it
    belongs to another study or other worlds, or is no such file."""
    if path is None:
        yield Finished()
        return
    rows: list[Run] = []
    if path.exists() and path.stat().st_size:
        rows, whole = _read(path, digest)
        with path.open("r+b") as file:
            file.truncate(whole)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"format": FORMAT, "digest": digest}) + "\n", encoding="utf-8")
    with path.open("a", encoding="utf-8", newline="\n") as file:
        yield Finished(rows, file)


def _read(path: Path, digest: str) -> tuple[list[Run], int]:
    """The answers, and the length in bytes of the part that is whole."""

    def refuse(problem: str, remedy: str, row: int | None = None) -> DataInvalid:
        return DataInvalid(
            [Problem(file=path.name, row=row, column="--resume", problem=problem, remedy=remedy)]
        )

    text = path.read_bytes()
    whole = text.rfind(b"\n") + 1
    lines = text[:whole].decode("utf-8", errors="replace").splitlines()
    try:
        head = json.loads(lines[0]) if lines else None
    except json.JSONDecodeError:
        head = None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise refuse("this is not a file of finished worlds", "Name another file")
    if head.get("digest") != digest:
        raise refuse(
            "these worlds were made for another study, other data or other settings",
            "Name another file, or go back to what it was made for",
        )
    rows: list[Run] = []
    for k, line in enumerate(lines[1:], start=2):
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            row = None
        if not isinstance(row, list) or len(row) != len(RUNS):
            raise refuse("this line is not an answer", "Delete the line", k)
        rows.append(tuple(row))
    return rows, whole
