"""Files are nouns or the verb they hold, and stay readable."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "base",
    "manager",
    "service",
    "mixin",
    "misc",
}
FILES = sorted(
    p for folder in ("src", "tests", "bench", "scripts") for p in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_file_has_a_name_and_room(path: Path) -> None:
    assert path.stem not in FORBIDDEN
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines < 800, f"{lines} lines: split it by noun"


def test_no_base_classes_or_mixins() -> None:
    import ast

    allowed = {"Exception", "ConsortiaError", "TypedDict", "NamedTuple", "Protocol", "HTMLParser"}
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names = {ast.unparse(b).split("[")[0].split(".")[-1] for b in node.bases}
                assert names <= allowed, f"{path.name}: {node.name}({', '.join(names)})"
