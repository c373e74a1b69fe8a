"""The first study file: valid TOML that runs where roles could be guessed, refused where not."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortia.errors import DataInvalid
from consortia.specs import DataSpec, Found, Renames
from consortia.studyfile import init, read_study, template

FOUND = Found(
    data=DataSpec(
        outcomes="o.csv",
        providers="p.csv",
        memberships="m.csv",
        statuses="s.csv",
        columns=Renames(memberships={"from": "Date joined"}),
    ),
    years=(2016, 2017, 2018),
    outcomes=("absence", "maths progress"),
    weights=("pupils",),
    kinds=(("multi-academy trust", 40), ("federation", 7)),
    statuses=(("academy", 20),),
    flags=("doubtful",),
    groups=("area",),
    files=("o.csv", "p.csv", "m.csv", "s.csv"),
)


def test_it_runs_as_it_stands(tmp_path: Path) -> None:
    path = init(FOUND, tmp_path)
    assert path == tmp_path / "study.toml"
    file = read_study(path)
    (study,) = file.study
    # A column that sounds like attainment comes before one that does not.
    assert study.outcome == "maths progress"
    assert study.question == "Does joining a multi-academy trust raise maths progress?"
    assert study.arms["multi-academy-trust"].kinds == ("multi-academy trust",)
    assert study.alongside == ("academy",)
    assert (study.window.first, study.window.last) == (2016, 2018)
    assert study.weights.column == "pupils"
    assert file.data.columns.memberships == {"from": "Date joined"}
    assert file.data.kinds == ("multi-academy trust", "federation")
    assert file.folder.resolve() == tmp_path.resolve()


def test_every_line_that_is_commented_out_is_valid_too(tmp_path: Path) -> None:
    """Removing the # of any commented key or table gives a file that still can be read."""
    text = template(FOUND)
    lines = text.split("\n")
    # Keys of a table that is itself commented out come back with it, below.
    each, flag = lines.index("# [each]"), lines.index("# [[checks]]")
    keys = [n for n, line in enumerate(lines) if line.startswith("# ") and " = " in line
            and line[2:].split(" = ")[0].replace("_", "").isalnum()
            and n not in (each + 1, each + 2, flag + 1, flag + 2)]  # fmt: skip
    assert len(keys) > 8
    for n in keys:
        changed = [line[2:] if k == n else line for k, line in enumerate(lines)]
        assert tomllib.loads("\n".join(changed)) != tomllib.loads(text), lines[n]
    text = text.replace("# [each]\n# outcome", "[each]\noutcome").replace(
        "\n# arm = [", "\narm = ["
    )
    text = text.replace("# [[checks]]\n# name", "[[checks]]\nname")
    text = text.replace('# column = "doubtful"', 'column = "doubtful"')
    path = tmp_path / "study.toml"
    path.write_text(text)
    studies = read_study(path).study
    assert len(studies) == 4
    assert [c.name for c in studies[0].checks] == [
            "pre-trend", "placebo-date", "honest-trends", "unseen-confounder", "regression-to-mean",
        "influence", "randomisation", "survivors", "leave-one-out", "without-flagged",
        ]  # fmt: skip


def test_it_never_writes_over_a_file_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text("mine")
    with pytest.raises(DataInvalid, match="exists already"):
        init(FOUND, tmp_path)
    assert path.read_text() == "mine"
    init(FOUND, tmp_path, force=True)
    assert path.read_text() != "mine"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataInvalid, match="cannot be written"):
        init(FOUND, tmp_path, tmp_path / "file" / "study.toml")


def test_elsewhere_the_folder_is_named_from_there(tmp_path: Path) -> None:
    data = tmp_path / "data" / "schools"
    data.mkdir(parents=True)
    path = init(FOUND, data, tmp_path / "studies" / "first.toml")
    assert read_study(path).folder.resolve() == data.resolve()
    assert 'folder = "../data/schools"' in path.read_text()


def test_what_could_not_be_guessed_is_refused_until_it_is_changed(tmp_path: Path) -> None:
    nothing = Found(data=DataSpec(), open=("no file has a provider",))
    path = init(nothing, tmp_path)
    assert "Not settled: no file has a provider" in path.read_text()
    with pytest.raises(DataInvalid) as caught:
        read_study(path)
    waiting = [p for p in caught.value.problems if "waits for your own words" in p.problem]
    assert {p.column for p in waiting} >= {
        "data.outcomes", "data.memberships", "outcome", "arms.collaboration.kinds[1]",
    }  # fmt: skip
    assert len(waiting) == len(caught.value.problems)


NAME = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)


@given(st.lists(NAME, min_size=1, max_size=4, unique=True), st.lists(NAME, max_size=3, unique=True),
       NAME)  # fmt: skip
def test_any_name_of_column_kind_or_file_gives_valid_toml(columns, kinds, file) -> None:
    found = Found(
        data=DataSpec(
            outcomes=file, memberships=file, columns=Renames(outcomes={"year": columns[0]})
        ),
        outcomes=tuple(columns),
        kinds=tuple((k, 1) for k in kinds),
        weights=(columns[0],),
        flags=(columns[-1],),
        groups=(columns[0],),
        files=(file,),
        open=(file,),
    )
    raw = tomllib.loads(template(found))
    assert raw["data"]["outcomes"] == file
    assert set(raw["outcomes"]) == set(columns)
    assert [v["kinds"] for v in raw["arms"].values()] == ([[k] for k in kinds] or [["CHANGE THIS"]])
    assert raw["weights"]["column"] == columns[0]
