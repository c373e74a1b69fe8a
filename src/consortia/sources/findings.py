"""The table as read, and what is found in it, a column at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from consortia.errors import Problem
from consortia.panel import Note, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table before its values are understood.

    ``frame`` has text columns (from a text file) or typed ones (from a data frame); ``line``
    (Int64, one per row) is the line of the file where the row starts, the header being line 1, or
    the record's number from 1 where there are no lines. ``called`` gives the column's name in the
    file where it differs.
    """

    role: str
    name: str
    frame: pl.DataFrame
    line: pl.Series
    source: Source
    called: dict[str, str] = field(default_factory=dict[str, str])

    def take(self, mask: pl.Series) -> Table:
        """The rows where ``mask`` is true."""
        return Table(
            role=self.role,
            name=self.name,
            frame=self.frame.filter(mask),
            line=self.line.filter(mask),
            source=self.source,
            called=self.called,
        )


@dataclass(slots=True)
class Findings:
    """Problems and notes in the order met; nothing stops at the first."""

    problems: list[Problem] = field(default_factory=list[Problem])
    notes: list[Note] = field(default_factory=list[Note])

    def wrong(
        self,
        table: Table,
        column: str,
        mask: pl.Series,
        problem: str,
        remedy: str,
        *,
        found: pl.Series | None = None,
    ) -> None:
        """One problem for every row where ``mask`` is true; ``problem`` is the same for all, so
        that problems can be counted by kind."""
        mask = mask.fill_null(False)
        if not mask.any():
            return
        shown = table.called.get(column, column)
        values = (table.frame[column] if found is None else found).filter(mask)
        text = values.cast(pl.String).fill_null("").to_list()
        self.problems.extend(
            Problem(
                file=table.name, row=row, column=shown, found=value, problem=problem, remedy=remedy
            )
            for row, value in zip(table.line.filter(mask).to_list(), text, strict=True)
        )

    def whole(
        self, file: str, problem: str, remedy: str, *, column: str = "", found: str = ""
    ) -> None:
        """A problem of the file and not of one row."""
        self.problems.append(
            Problem(file=file, column=column, found=found, problem=problem, remedy=remedy)
        )

    def note(self, role: str, what: str, count: int, *, column: str = "", found: str = "") -> None:
        if count:
            self.notes.append(
                Note(role=role, what=what, count=int(count), column=column, found=found)
            )
