"""Only streams.py makes random generators; nothing uses the global one."""

import re
from pathlib import Path

SRC = Path(__file__).resolve().parents[2] / "src" / "consortia"
MAKES = re.compile(
    r"default_rng|RandomState|np\.random\.(?!Generator\b)\w+|numpy\.random\.(?!Generator\b)\w+"
    r"|^\s*import random\b|^\s*from random import",
    re.MULTILINE,
)


def test_only_streams_makes_generators() -> None:
    for path in SRC.rglob("*.py"):
        if path.name == "streams.py":
            continue
        found = MAKES.findall(path.read_text(encoding="utf-8"))
        assert not found, f"{path.relative_to(SRC)} makes its own randomness: {found}"


def test_the_pattern_sees_offenders() -> None:
    for line in ("rng = np.random.default_rng(1)", "np.random.seed(2)", "import random\n"):
        assert MAKES.search(line)
    assert not MAKES.search("def f(rng: np.random.Generator) -> None: ...")
