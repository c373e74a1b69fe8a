"""Where in a TOML text a key stands: the parser of the standard library does not say."""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_KEY = r'(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|\'[^\']*\')'
_DOTTED = re.compile(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*")
_PART = re.compile(_KEY)


def lines_of(text: str) -> dict[Path, int]:
    """Line (from 1) of every table header and key of a text that is valid TOML.

    A path is what leads to the value: ("data", "columns", "memberships", "from"), or
    ("checks", 1, "name") for the second ``[[checks]]``. Keys inside an inline table that spans one
    line have the line of the key that holds it, through :func:`line_at`.
    """
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    here: Path = ()
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        stripped = line.strip()
        if stripped.startswith("[["):
            match = _DOTTED.match(stripped[2:])
            parts = _resolved(_parts(match.group(1)), counts) if match else ()
            index = counts.get(parts, -1) + 1
            counts[parts] = index
            found.setdefault(parts, at + 1)
            here = (*parts, index)
            found[here] = at + 1
        elif stripped.startswith("["):
            match = _DOTTED.match(stripped[1:])
            here = _resolved(_parts(match.group(1)), counts) if match else ()
            for n in range(1, len(here) + 1):
                found.setdefault(here[:n], at + 1)
        elif stripped and not stripped.startswith("#"):
            match = _DOTTED.match(line)
            if match and line[match.end() :].startswith("="):
                path = (*here, *_parts(match.group(1)))
                for n in range(len(here) + 1, len(path) + 1):
                    found.setdefault(path[:n], at + 1)
                at = _end_of_value(lines, at, match.end() + 1)
        at += 1
    return found


def line_at(lines: dict[Path, int], path: Path) -> int | None:
    """The line of a path, or of the nearest thing around it that has one."""
    for n in range(len(path), 0, -1):
        if path[:n] in lines:
            return lines[path[:n]]
    return None


def _parts(dotted: str) -> Path:
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in _PART.findall(dotted))


def _resolved(parts: Path, counts: dict[Path, int]) -> Path:
    """With the index of the last ``[[...]]`` put in where a header reaches into one."""
    out: Path = ()
    for n, part in enumerate(parts):
        out = (*out, part)
        if out in counts and n < len(parts) - 1:
            out = (*out, counts[out])
    return out


def _end_of_value(lines: list[str], at: int, start: int) -> int:
    """The line on which the value that starts at ``lines[at][start:]`` ends."""
    depth = 0
    quote = ""
    i = start
    while True:
        line = lines[at]
        while i < len(line):
            if quote:
                if line[i] == "\\" and quote[0] == '"':
                    i += 2
                    continue
                if line.startswith(quote, i):
                    i += len(quote)
                    quote = ""
                    continue
            elif line[i] in "\"'":
                quote = line[i] * 3 if line.startswith(line[i] * 3, i) else line[i]
                i += len(quote)
                continue
            elif line[i] == "#":
                break
            elif line[i] in "[{":
                depth += 1
            elif line[i] in "]}":
                depth -= 1
            i += 1
        if (depth <= 0 and len(quote) != 3) or at + 1 >= len(lines):
            return at
        at, i = at + 1, 0
