"""What can be wrong with what a user hands in, and how it is said.

Nothing here does I/O: a Problem is a value, the faces decide how to show it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

SHOWN = 20
"""Problems of one kind that are listed in a message; ``problems`` has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with an input, with the place and the remedy.

    ``row`` counts lines of the file as an editor shows them (the header is line 1);
    for a frame handed in from Python it counts records from 1.
    """

    problem: str
    remedy: str
    file: str = ""
    row: int | None = None
    column: str = ""
    found: str = ""

    def __str__(self) -> str:
        place = ", ".join(
            part
            for part in (
                self.file,
                f"row {self.row}" if self.row is not None else "",
                f"column {self.column}" if self.column else "",
            )
            if part
        )
        found = f" (found {self.found!r})" if self.found else ""
        head = f"{place}: " if place else ""
        return f"{head}{self.problem}{found}. {self.remedy}"


class ConsortiaError(Exception):
    """Base of every error that is the input's fault and not the program's."""

    exit_code = 1


class DataInvalid(ConsortiaError):
    """The data or the study file cannot be used; carries every problem found, not the first."""

    exit_code = 3

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self._text())

    def _text(self) -> str:
        n = len(self.problems)
        head = "1 problem" if n == 1 else f"{n:,} problems"
        lines = [f"{head} in the input:"]
        kinds: dict[tuple[str, str, str], list[Problem]] = {}
        for p in self.problems:
            kinds.setdefault((p.file, p.column, p.problem), []).append(p)
        for same in kinds.values():
            lines += [f"- {p}" for p in same[:SHOWN]]
            if len(same) > SHOWN:
                lines.append(f"- and {len(same) - SHOWN:,} more of this kind")
        return "\n".join(lines)


class NotIdentified(ConsortiaError):
    """The question cannot be answered from these data; the message says why."""

    exit_code = 3

    def __init__(self, because: str) -> None:
        self.because = because
        super().__init__(f"not identified, because {because}")


def attempt(run: Callable[[], T]) -> tuple[T | None, str]:
    """What ``run`` gives, or None and why the data cannot answer."""
    try:
        return run(), ""
    except NotIdentified as error:
        return None, error.because


def nearest(name: str, known: Sequence[str]) -> str:
    """The known name closest to a misspelt one, or '' when none is close."""
    folded = {k.casefold(): k for k in known}
    match = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
    return folded[match[0]] if match else ""


_NAMED = 40
"""Known names that a remedy lists; the values of a column can be thousands."""


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Remedy for an unknown name: the nearest known one first, then all of them."""
    close = nearest(name, known)
    listed = ", ".join(known[:_NAMED]) if known else "none"
    if len(known) > _NAMED:
        listed += f" and {len(known) - _NAMED:,} more"
    return (f"Did you mean {close!r}? " if close else "") + f"Known: {listed}"
