"""docs/methods/embedded-sector.md states the schedule and the defaults as they are."""

from dataclasses import fields, is_dataclass
from pathlib import Path

from consortia.world import SCHEDULE, SchoolSector

PAGE = Path(__file__).resolve().parents[2] / "docs" / "methods" / "embedded-sector.md"


def test_every_step_stands_on_the_page() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "| `" in line]
    steps = [line for line in lines if line.startswith(("| start", "| year"))]
    expected = [
        f"| {s.when} | `{s.name}` | {f'{s.draws} by {s.by}' if s.draws else 'none'} | {s.does} |"
        for s in SCHEDULE
    ]
    assert steps == expected


def test_every_default_stands_on_the_page() -> None:
    spec, expected = SchoolSector(), []
    for field in fields(spec):
        value = getattr(spec, field.name)
        inner = fields(value) if is_dataclass(value) else ()
        expected += [f"| `{field.name}.{f.name}` | {getattr(value, f.name)} |" for f in inner]
        if not inner:
            expected.append(f"| `{field.name}` | {value} |")
    text = PAGE.read_text(encoding="utf-8")
    assert [row for row in expected if row not in text] == []


def test_the_example_runs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {}
    exec(compile(code, str(PAGE), "exec"), names)  # the project's own page
    answer = names["answer"]
    assert answer.simulated  # type: ignore[attr-defined]
    assert answer.headline is not None  # type: ignore[attr-defined]
