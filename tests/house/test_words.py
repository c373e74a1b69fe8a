"""The project speaks of itself alone: no machine paths, no registry hosts, nothing left open."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:tmp|work|root|home|Users)/\w"),
    "a registry host": re.compile(r"pypi\.org|pythonhosted|registry\.npmjs|deb\.debian"),
    "something left open": re.compile(r"\b(?:TODO|FIXME|XXX)\b"),
}
SUFFIXES = {".py", ".md", ".toml", ".html", ".css", ".cff", ".lock", ".json", ".yaml", ".R", ".txt"}
SKIP = {
    ".venv",
    ".venv-bench",
    ".git",
    "consortia-out",
    ".hypothesis",
    ".pytest_cache",
    "build",
    "dist",
}


def texts() -> list[Path]:
    return [
        p
        for p in sorted(ROOT.rglob("*"))
        if p.is_file()
        and (p.suffix in SUFFIXES or p.name in ("Makefile", "run"))
        and not SKIP & set(p.relative_to(ROOT).parts)
        and p != Path(__file__).resolve()
    ]


@pytest.mark.parametrize("what", PATTERNS)
def test_nothing_that_does_not_belong(what: str) -> None:
    offenders = [
        f"{p.relative_to(ROOT)}: {m.group(0)}"
        for p in texts()
        if (m := PATTERNS[what].search(p.read_text(encoding="utf-8", errors="replace")))
    ]
    assert offenders == []
