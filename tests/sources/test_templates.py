"""The template files run as they stand, and their page names the columns that are read."""

import re
from pathlib import Path

import pytest

from consortia.sources import inspect_folder, read_panel
from consortia.sources.tables import OPTIONAL, PLACES, REQUIRED
from consortia.studyfile import init, read_study

TEMPLATES = Path(__file__).resolve().parents[2] / "examples" / "templates"


def sections() -> dict[str, list[tuple[str, bool]]]:
    """Role -> (column, required) as the page says."""
    out: dict[str, list[tuple[str, bool]]] = {}
    for part in (TEMPLATES / "README.md").read_text(encoding="utf-8").split("\n## ")[1:]:
        head, body = part.split("\n", 1)
        rows = [line.split("|")[1:3] for line in body.split("\n") if line.startswith("| `")]
        columns = [
            (name, "yes" in required)
            for names, required in rows
            for name in re.findall(r"`(\w+)`", names)
        ]
        for role in head.split(":")[0].split(" and "):
            out[role] = columns
    return out


@pytest.mark.parametrize("role", REQUIRED)
def test_the_page_names_the_columns_that_are_read(role: str) -> None:
    said = sections()[role]
    assert {c for c, yes in said if yes} == set(REQUIRED[role])
    known = {*REQUIRED[role], *OPTIONAL.get(role, ())}
    if role in ("providers", "places"):
        known |= set(PLACES)
    if role == "places":
        # Places and covariates share a table on the page; places have those of providers besides.
        assert {c for c, _ in sections()["providers"]} == known
    else:
        assert {c for c, _ in said} == known


def test_the_templates_are_guessed_and_run(tmp_path: Path) -> None:
    found = inspect_folder(TEMPLATES)
    assert found.open == ()
    roles = ("outcomes", "providers", "memberships", "statuses")
    assert {r: getattr(found.data, r) for r in roles} == {
        "outcomes": "outcomes.csv",
        "providers": "providers.csv",
        "memberships": "memberships.csv",
        "statuses": "statuses.csv",
    }  # fmt: skip
    file = read_study(init(found, TEMPLATES, tmp_path / "study.toml"))
    panel = read_panel(file.data, file.folder)
    assert (panel.providers.height, panel.outcomes.height) == (24, 24 * 7)
    arrays = panel.arrays(file.study[0])
    assert arrays.joiners.sum() == 8
    notes = {(n.column, n.found): n.count for n in panel.notes if n.what == "read as missing"}
    assert notes == {("score", "SUPP"): 2, ("score", "(empty)"): 1}
