"""Tests mirror the source, room for room, so that one knows where to look."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "consortia"
MODULES = sorted(
    p for p in SRC.rglob("*.py") if p.name not in ("__init__.py", "__main__.py", "version.py")
)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SRC)))
def test_module_has_a_test_file(path: Path) -> None:
    place = path.relative_to(SRC)
    room = ROOT / "tests" / place.parent
    own = room / f"test_{path.stem}.py"
    text_of_room = "".join(p.read_text(encoding="utf-8") for p in room.glob("test_*.py"))
    module = ".".join(("consortia", *place.with_suffix("").parts))
    package, _, name = module.rpartition(".")
    # A small module may share a test file of its own room, if that file imports it.
    shared = re.compile(
        rf"{re.escape(module)}\b|from {re.escape(package)} import [^\n]*\b{name}\b"
        rf"|from {re.escape(package)} import \([^)]*\b{name}\b"
    )
    assert own.is_file() or shared.search(text_of_room), f"write {own.relative_to(ROOT)}"
