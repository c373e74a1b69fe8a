"""The real panel of English primary schools, held to the counts published with it."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from consortia.exposure import NEVER_YEAR, spans, spells_of
from consortia.panel import Arrays, Panel
from consortia.sources import check_data, read_panel
from consortia.studyfile import StudyFile, read_study

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "england_ks2"
EXAMPLE = ROOT / "examples" / "england-ks2" / "study.toml"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the key stage 2 panel is not beside the project (../shared/data)"
)


@pytest.fixture(scope="module")
def file() -> StudyFile:
    return read_study(EXAMPLE)


@pytest.fixture(scope="module")
def panel(file: StudyFile) -> Panel:
    return read_panel(file.data, file.folder)


def arrays(file: StudyFile, panel: Panel, arm: str) -> Arrays:
    return panel.arrays(next(s for s in file.study if s.arm == arm))


def test_the_example_finds_the_data_from_its_own_place(file: StudyFile) -> None:
    assert file.folder.resolve() == DATA.resolve()
    assert [(s.outcome, s.arm) for s in file.study] == [
        (outcome, arm)
        for outcome in ("maths_progress", "reading_progress", "writing_progress")
        for arm in ("trust", "federation")
    ]
    assert len({s.digest for s in file.study}) == 6


def test_sizes(panel: Panel) -> None:
    assert panel.providers.height == 14_046
    assert panel.outcomes.height == 56_184
    assert panel.memberships.height == 11_673
    assert panel.statuses.height == 5_584
    assert panel.outcomes.group_by("provider").len()["len"].unique().to_list() == [4]


def test_notes_count_what_is_known_to_be_odd(panel: Panel) -> None:
    notes = {(n.role, n.column, n.what, n.found): n.count for n in panel.notes}
    assert notes[("outcomes", "pupils", "read as missing", "(empty)")] == 14_046
    assert notes[("memberships", "joined", "placeholder date read as unknown", "1900-01-01")] == 35
    assert panel.memberships["from"].null_count() == 35


def test_exposure_to_a_trust(file: StudyFile, panel: Panel) -> None:
    a = arrays(file, panel, "trust")
    assert a.years.tolist() == [2016, 2017, 2018, 2019]
    assert a.D.sum(axis=0).tolist() == [1_859, 2_415, 3_186, 3_874]
    assert a.joiners.sum() == 2_015
    assert (a.cohort == a.T).sum() == 10_172


def test_exposure_to_a_federation(file: StudyFile, panel: Panel) -> None:
    a = arrays(file, panel, "federation")
    assert a.D.sum(axis=0).tolist() == [300, 352, 397, 438]
    assert a.joiners.sum() == 138
    assert any(c.startswith("35 providers joined a federation at an unknown") for c in a.cautions)


def test_joining_a_trust_and_becoming_an_academy(file: StudyFile, panel: Panel) -> None:
    a = arrays(file, panel, "trust")
    academy = next(h for h in a.alongside if h.name == "academy")
    joined = a.joiners
    assert (academy.cohort[joined] < a.cohort[joined]).sum() == 83
    assert (academy.cohort[joined] == a.cohort[joined]).sum() == 1_932
    assert (academy.cohort[joined] > a.cohort[joined]).sum() == 0


def test_links_no_longer_seen_in_the_later_snapshot(panel: Panel) -> None:
    latest = panel.memberships["last_seen"].max()
    assert str(latest) == "2022-07-01"
    assert (panel.memberships["last_seen"] < latest).sum() == 960


def test_the_trap_of_a_single_snapshot(file: StudyFile, panel: Panel) -> None:
    """The later snapshot alone loses members of the early years; the panel must not."""
    study = next(s for s in file.study if s.arm == "trust")
    spells = spells_of(study.arms["trust"], panel.memberships, panel.statuses)
    index = panel.providers.select("provider").sort("provider").with_row_index("row")
    both = spans(spells, index, study.exposure)
    late = spans(spells.filter(spells["last_seen"] > spells["first_seen"].min()), index,
                 study.exposure)  # fmt: skip
    assert (both.first <= 2016).sum() == 1_859
    assert (late.first <= 2016).sum() < 1_859


def test_flagged_schools(panel: Panel) -> None:
    assert panel.providers["trust_date_ambiguous"].sum() == 32
    assert panel.providers["rebrokered"].sum() == 331
    # Codes of authorities are names, also where they look like numbers.
    assert panel.providers["local_authority"].to_list()[0] == "201"


def test_counts_by_plain_python_agree(panel: Panel) -> None:
    """The exposure counts again, from the memberships row by row with no frame operation."""
    first: dict[str, int] = {}
    ours = set(panel.providers["provider"].to_list())
    for row in panel.memberships.iter_rows(named=True):
        if row["kind"] != "multi-academy trust" or row["provider"] not in ours:
            continue
        day = row["from"]
        year = -9999 if day is None else day.year + 1 + ((day.month, day.day) > (9, 30))
        first[row["provider"]] = min(year, first.get(row["provider"], NEVER_YEAR))
    counts = Counter(first.values())
    exposed = [sum(n for y, n in counts.items() if y <= year) for year in range(2016, 2020)]
    assert exposed == [1_859, 2_415, 3_186, 3_874]


def test_check_data_prints_the_same_counts(file: StudyFile) -> None:
    summary = check_data(file.data, file.folder, file.study)
    assert summary.problems == ()
    rows = {r["held"]: r for r in summary.exposure}
    years = ["2016", "2017", "2018", "2019"]
    assert [rows["multi-academy trust"][y] for y in years] == [1_859, 2_415, 3_186, 3_874]
    assert rows["multi-academy trust"]["join"] == 2_015
    assert [rows["federation"][y] for y in years] == [300, 352, 397, 438]
    assert summary.providers == 14_046
    same = next(
        r for r in summary.overlaps if (r["held"], r["and"]) == ("multi-academy trust", "academy")
    )
    assert same["of them began in the same year"] == 1_932


def test_the_worthwhile_effect_stands_on_what_the_comment_says(panel: Panel) -> None:
    """The study file derives the spread between pupils from the year-to-year changes of schools."""
    frame = panel.outcomes.sort("provider", "year")
    found = []
    for column in ("maths_progress", "reading_progress", "writing_progress"):
        score = frame[column].to_numpy().reshape(-1, 4)
        pupils = frame["pupils"].fill_null(np.nan).to_numpy().reshape(-1, 4)
        half = np.diff(score, axis=1) ** 2 / 2
        inverse = (1 / pupils[:, 1:] + 1 / pupils[:, :-1]) / 2
        use = np.isfinite(half) & np.isfinite(inverse)
        y, x = half[use], inverse[use]
        root = np.sqrt(1 / x)
        X = np.column_stack([np.ones_like(x), x])
        _, slope = np.linalg.lstsq(X * root[:, None], y * root, rcond=None)[0]
        found.append(round(float(np.sqrt(slope)), 1))
    assert min(found) == 6.4
    assert max(found) == 6.9
