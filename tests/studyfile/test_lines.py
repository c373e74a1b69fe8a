"""The line of every key, held against a text in which each value says its own line."""

import tomllib
from pathlib import Path

import pytest

from consortia.studyfile.lines import line_at, lines_of

ROOT = Path(__file__).resolve().parents[2]

TEXT = '''\
# a comment with [brackets] and = signs
top = 2
"quoted key" = 3
dotted.inner = 4
list = [ # 5
  "a ] b", # not the end
  "c = d",
]
after = 9
text = """10
[not.a.table]
key = "no"
"""
raw = \'\'\'14
x = 1\'\'\'
[table] # 16
key = 17
[table.sub."dots.in"]
key = 19
[[many]]
name = 21
[[many]]
name = 23
[many.inner]
key = 25
inline = { a = 26, b = "}" }
last = 27
'''


def leaves(value: object, path: tuple = ()):
    if isinstance(value, dict):
        for k, v in value.items():
            yield from leaves(v, (*path, k))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for n, v in enumerate(value):
            yield from leaves(v, (*path, n))
    else:
        yield path, value


def test_each_value_stands_on_the_line_it_names() -> None:
    lines = lines_of(TEXT)
    checked = 0
    for path, value in leaves(tomllib.loads(TEXT)):
        if isinstance(value, int):
            assert line_at(lines, path) == value, path
            checked += 1
    assert checked == 11
    assert lines[("list",)] == 5
    assert lines[("text",)] == 10
    assert lines[("raw",)] == 14
    assert lines[("table",)] == 16
    assert lines[("many", 1)] == 22
    assert ("not", "a", "table") not in lines


def test_the_nearest_thing_around_has_a_line() -> None:
    lines = lines_of(TEXT)
    assert line_at(lines, ("table", "absent")) == 16
    assert line_at(lines, ("many", 1, "absent")) == 22
    assert line_at(lines, ("absent",)) is None


@pytest.mark.parametrize(
    "path", [*sorted(ROOT.glob("examples/*/*.toml")), ROOT / "pyproject.toml"], ids=lambda p: p.name
)
def test_every_key_of_real_files_is_found_where_it_is_written(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines, written = lines_of(text), text.split("\n")
    for key, _ in leaves(tomllib.loads(text)):
        assert key in lines, key
        assert str(key[-1]) in written[lines[key] - 1]
