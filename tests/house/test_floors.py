"""Imports run down: reads the FLOORS table of ARCHITECTURE.md and the imports of every module."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "consortia"


def floors() -> dict[str, tuple[int, str]]:
    """Room -> (height, floor); GROUND is 0."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text.split("## FLOORS")[1].split("\n## ")[0]
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| ")][1:]
    rows = [(name.strip(), re.findall(r"`(\w+)`", rooms)) for name, rooms in rows]
    assert [name for name, _ in rows] == ["FACES", "HALL", "ROOMS", "LANGUAGE", "GROUND"]
    height = len(rows)
    return {room: (height - 1 - k, name) for k, (name, rooms) in enumerate(rows) for room in rooms}


def room_of(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def imports(path: Path, source: str | None = None) -> list[str]:
    """Rooms of consortia that a module imports, at the top or inside functions."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source or path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "consortia":
                found += [parts[1]] if len(parts) > 1 else [a.name for a in node.names]
        elif isinstance(node, ast.Import):
            found += [a.name.split(".")[1] for a in node.names if a.name.startswith("consortia.")]
    return found


def faults(room: str, imported: list[str], table: dict[str, tuple[int, str]]) -> list[str]:
    here, floor = table[room]
    out = []
    for other in imported:
        if other == room:
            continue
        there, name = table[other]
        if there > here:
            out.append(f"{room} ({floor}) imports {other} ({name}): an arrow up")
        elif there == here and floor in ("ROOMS", "HALL"):
            out.append(f"{room} imports {other}: rooms never import one another")
    return out


MODULES = sorted(p for p in SRC.rglob("*.py") if p != SRC / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SRC)))
def test_imports_run_down(path: Path) -> None:
    table = floors()
    assert room_of(path) in table, f"{room_of(path)} is not in the FLOORS table"
    assert faults(room_of(path), imports(path), table) == []


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if floors().get(room_of(p), (9, ""))[1] == "GROUND"],
    ids=lambda p: str(p.relative_to(SRC)),
)
def test_ground_stands_on_numpy_and_scipy_alone(path: Path) -> None:
    import sys

    allowed = {"numpy", "scipy", "consortia", "__future__", *sys.stdlib_module_names}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        for name in names:
            assert name.split(".")[0] in allowed, f"{path.name} imports {name}"


def test_language_does_no_io() -> None:
    table = floors()
    for path in MODULES:
        if table[room_of(path)][1] != "LANGUAGE":
            continue
        text = path.read_text(encoding="utf-8")
        for word in ("open(", "read_csv", "scan_csv", "write_", "print(", "requests", "pathlib"):
            assert word not in text, f"{path.name} contains {word}"


def test_every_room_of_the_table_exists() -> None:
    for room in floors():
        assert (SRC / room).is_dir() or (SRC / f"{room}.py").is_file(), room


def test_the_test_sees_an_arrow_up() -> None:
    table = floors()
    up = imports(Path("x.py"), "def f():\n    from consortia.report import write\n")
    assert faults("estimators", up, table)
    assert faults("panel", imports(Path("x.py"), "import consortia.estimators.group_time"), table)
    assert not faults("evaluation", up, table)
