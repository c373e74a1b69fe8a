"""Shares of the variance of Progress 8, from the published tables to the page of the method."""

import re
from pathlib import Path

import pytest

from consortia.evaluation import divide
from consortia.sources import read_panel
from consortia.sources.published import gather, write_gathered
from consortia.studyfile import read_study

ROOT = Path(__file__).resolve().parents[2]
RAW = ROOT.parent / "shared" / "data" / "raw"


@pytest.mark.skipif(
    not RAW.is_dir(), reason="the published tables are not here (../shared/data/raw)"
)
def test_the_page_says_what_the_published_tables_give(tmp_path: Path) -> None:
    write_gathered(gather(RAW, "ks4"), tmp_path)
    file = read_study(ROOT / "examples" / "england-ks4" / "shares.toml", data_folder=tmp_path)
    found = divide(file.study[0], read_panel(file.data, file.folder))
    page = (ROOT / "docs" / "methods" / "mixed.md").read_text(encoding="utf-8")
    rows = page.split("Progress 8, 2016 to 2019")[1]
    for term, label in (
        ("provider", "school"),
        ("local_authority", "local authority"),
        ("trust", "multi-academy trust"),
        ("residual", "all else"),
    ):
        said = re.search(rf"\| {label}[^\n]*\| (\d+\.\d)% \|", rows)
        assert f"{found.part(term)['share']:.1%}" == f"{said.group(1)}%"
    trusts = next(s for s in found.standings if s.term == "trust")
    assert (
        f"{trusts.named('above')} trusts stand out above and {trusts.named('below')} below" in rows
    )
