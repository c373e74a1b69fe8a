"""One method = one frozen spec + one function + one row + one page. The same for checks."""

import dataclasses
from pathlib import Path
from typing import get_args

import pytest

from consortia.estimators import METHODS
from consortia.sensitivity import CHECKS
from consortia.specs import CheckSpec, MethodSpec

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("table", "union"), [(METHODS, MethodSpec), (CHECKS, CheckSpec)], ids=["methods", "checks"]
)
def test_every_spec_has_a_row_and_every_row_a_spec(table, union) -> None:
    assert set(table) == set(get_args(union))
    for spec, row in table.items():
        assert dataclasses.is_dataclass(spec)
        assert spec.__dataclass_params__.frozen
        default = next(f.default for f in dataclasses.fields(spec) if f.name == "name")
        assert default == row.name
        for field in dataclasses.fields(row):
            if field.name != "failed":  # empty where failing withholds no words
                assert getattr(row, field.name), f"{row.name}: {field.name} is empty"
    with pytest.raises(TypeError):
        table[int] = None  # type: ignore[index]


@pytest.mark.parametrize("row", [*METHODS.values(), *CHECKS.values()], ids=lambda r: r.name)
def test_every_row_has_a_page_with_its_witness(row) -> None:
    page = ROOT / "docs" / "methods" / f"{row.name}.md"
    assert page.is_file(), f"write {page.relative_to(ROOT)}"
    text = page.read_text(encoding="utf-8")
    for heading in ("## Equation", "## Assumes", "## Edge cases", "## Witness"):
        assert heading in text, f"{page.name} lacks {heading}"
    assert f"methods/{row.name}.md" in (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
