"""Shares of the variance in English primary schools, as the page of the method states them."""

from pathlib import Path

import pytest

from consortia.evaluation import divide
from consortia.sources import read_panel
from consortia.studyfile import read_study

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "england_ks2"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the key stage 2 panel is not beside the project (../shared/data)"
)


def test_where_the_differences_in_maths_progress_lie() -> None:
    file = read_study(ROOT / "examples" / "england-ks2" / "shares.toml")
    got = divide(file.study[0], read_panel(file.data, file.folder))
    page = (ROOT / "docs" / "methods" / "mixed.md").read_text(encoding="utf-8")
    page = page.split("English primary schools")[1].split("English mainstream secondary")[0]
    table = {
        cells[0]: cells
        for line in page.splitlines()
        if line.startswith("| ") and len(cells := [c.strip() for c in line.split("|")[1:-1]]) == 5
    }
    names = {
        "school": "provider", "local authority": "local_authority", "multi-academy trust": "trust",
        "federation": "federation", "year": "year",
        "all else, with the noise of small numbers": "residual",
    }  # fmt: skip
    assert set(names) < set(table)
    for label, term in names.items():
        _, levels, sd, share, interval = table[label]
        row = got.part(term)
        assert f"{row['share']:.1%}" == share, label
        assert f"{row['low']:.1%} to {row['high']:.1%}" == interval, label
        if levels:
            assert f"{row['levels']:,}" == levels
            assert f"{row['sd']:.2f}" == sd
    assert got.several == 188
    trusts = next(s for s in got.standings if s.term == "trust")
    assert (trusts.named("above"), trusts.named("below")) == (67, 32)
