"""docs/comparison-json.md names every key of the document, and of an answer in it, and no other."""

import re
from pathlib import Path

from consortia.comparison import compare
from consortia.report import comparison_document
from consortia.scenario import GroupAsked, MechanismAsked, RunsAsked, Scenario, SectorAsked

PAGE = Path(__file__).resolve().parents[2] / "docs" / "comparison-json.md"


def _named(text: str) -> set[str]:
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for cell in rows for name in re.findall(r"`(\w+)`", cell)}


def test_every_key_is_on_the_page_and_no_other() -> None:
    made = comparison_document(
        compare(
            Scenario(
                mechanisms=(MechanismAsked(name="shared-pool"),),
                sector=SectorAsked(colleges=10, years=2, burn_in=2),
                group=GroupAsked(size=2),
                runs=RunsAsked(least=2, most=2, without_me=0, hinge=0),
            )
        )
    )
    whole, row = PAGE.read_text(encoding="utf-8").split("## A row of `answers`")
    assert _named(whole) == set(made)
    assert _named(row) == set(made["answers"][0])
