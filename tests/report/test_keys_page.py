"""docs/report-json.md names every key of the document."""

import re
from pathlib import Path

from consortia.evaluation import evaluate
from consortia.report import document
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate

PAGE = Path(__file__).resolve().parents[2] / "docs" / "report-json.md"


def test_every_key_is_on_the_page_and_no_other() -> None:
    made = document(evaluate(sector_study(), simulate(SchoolSector(providers=300), Streams(7))))
    rows = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines()[7:]]
    named = {name for cell in rows for name in re.findall(r"`(\w+)`", cell)}
    assert set(made) == named
