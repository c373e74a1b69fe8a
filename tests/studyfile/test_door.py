"""The door: what a study file becomes, and everything wrong with one, told at once."""

import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from consortia.errors import DataInvalid
from consortia.specs import (
    STANDARD,
    CheckSpec,
    Competition,
    GroupTime,
    MethodSpec,
    Neighbours,
    PlaceboDate,
    TwoWay,
)
from consortia.studyfile import json_schema, read_study
from consortia.studyfile.door import Door

SMALL = """\
question = "Does joining {arm} raise {outcome}?"
outcome = "maths"
arm = "trust"
alongside = ["academy"]
[data]
folder = "files"
outcomes = "o.csv"
memberships = "m.csv"
statuses = "s.csv"
[outcomes.maths]
label = "maths at eleven"
worthwhile = 0.5
[outcomes.reading]
[arms.trust]
kinds = ["trust"]
label = "a trust"
[arms.network]
kinds = ["network"]
[arms.academy]
status = "academy"
"""


def write(folder: Path, text: str = SMALL) -> Path:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str, **more: object):
    with pytest.raises(DataInvalid) as caught:
        read_study(write(folder, text), **more)
    return caught.value.problems


def test_one_study(tmp_path: Path) -> None:
    file = read_study(write(tmp_path))
    (study,) = file.study
    assert study.question == "Does joining a trust raise maths at eleven?"
    assert (study.outcome, study.arm, study.alongside) == ("maths", "trust", ("academy",))
    assert study.method == GroupTime()
    assert study.checks == STANDARD
    assert file.folder == tmp_path / "files"
    assert read_study(write(tmp_path), data_folder="elsewhere").folder == Path("elsewhere")


def test_each_makes_every_combination_and_an_arm_is_not_alongside_itself(tmp_path: Path) -> None:
    text = SMALL.replace('alongside = ["academy"]', 'alongside = ["academy", "trust", "network"]')
    text = text.replace(
        "[data]", '[each]\noutcome = ["reading", "maths"]\narm = ["network", "trust"]\n[data]'
    )
    studies = read_study(write(tmp_path, text)).study
    assert [(s.outcome, s.arm, s.alongside) for s in studies] == [
        ("reading", "network", ("academy", "trust")),
        ("reading", "trust", ("academy", "network")),
        ("maths", "network", ("academy", "trust")),
        ("maths", "trust", ("academy", "network")),
    ]
    assert studies[0].question == "Does joining network raise reading?"
    assert len({s.digest for s in studies}) == 4


def test_what_the_study_uses_as_numbers_is_passed_to_the_reader(tmp_path: Path) -> None:
    file = read_study(write(tmp_path, SMALL + '[weights]\ncolumn = "pupils"\n'))
    assert file.data.numbers == ("maths",)
    assert file.data.weights == ("pupils",)


def test_competition_by_its_table(tmp_path: Path) -> None:
    text = SMALL + '[competition]\nradius_km = 3.5\nsize = "pupils"\nkernel = "even"\n'
    file = read_study(write(tmp_path, text))
    assert file.study[0].competition == Competition(radius_km=3.5, size="pupils", kernel="even")
    # Sizes are counts: the reader refuses what is below zero.
    assert file.data.weights == ("pupils",)
    assert read_study(write(tmp_path)).study[0].competition is None


@pytest.mark.parametrize(
    ("line", "column", "says"),
    [
        ("radius = 3.5", "competition.radius", "radius_km"),
        ("radius_km = -1.0", "competition.radius_km", "above zero"),
        ('kernel = "liner"', "competition.kernel", "linear"),
    ],
)
def test_faults_of_competition(tmp_path: Path, line: str, column: str, says: str) -> None:
    (problem,) = problems(tmp_path, SMALL + f"[competition]\n{line}\n")
    assert problem.column == column
    assert says in problem.problem + problem.remedy


def test_rings_and_spatial_errors(tmp_path: Path) -> None:
    text = SMALL + '[method]\nname = "neighbours"\nrings = [1, 2.5]\n[inference]\nspatial_km = 20\n'
    (study,) = read_study(write(tmp_path, text)).study
    assert study.method == Neighbours(rings=(1.0, 2.5))
    assert study.inference.spatial_km == 20.0


def test_methods_and_checks_by_name(tmp_path: Path) -> None:
    text = SMALL + '[method]\nname = "two-way"\n[[checks]]\nname = "placebo-date"\nyears = 2\n'
    (study,) = read_study(write(tmp_path, text)).study
    assert study.method == TwoWay()
    assert study.checks == (PlaceboDate(years=2),)


def test_every_method_and_check_can_be_named(tmp_path: Path) -> None:
    for spec in get_args(MethodSpec):
        name = next(f.default for f in fields(spec) if f.name == "name")
        file = read_study(write(tmp_path, SMALL + f'[method]\nname = "{name}"\n'))
        assert isinstance(file.study[0].method, spec)
    for spec in get_args(CheckSpec):
        name = next(f.default for f in fields(spec) if f.name == "name")
        more = {
            "without-flagged": 'column = "flag"\n',
            "placebo-outcome": 'outcome = "writing"\n',
            "negative-control": 'arm = "federation"\n',
            "specification-curve": 'comparisons = ["never", "not-yet"]\n',
        }.get(name, "")
        file = read_study(write(tmp_path, SMALL + f'[[checks]]\nname = "{name}"\n{more}'))
        assert isinstance(file.study[0].checks[0], spec)


def test_overrides_come_before_the_checks(tmp_path: Path) -> None:
    file = read_study(
        write(tmp_path), overrides={"inference.draws": 0, "method": {"name": "raw-gap"}}
    )
    assert file.study[0].inference.draws == 0
    assert file.study[0].method.name == "raw-gap"
    (problem,) = problems(tmp_path, SMALL, overrides={"inference.draws": 7})
    assert (problem.file, problem.row, problem.column) == ("command line", None, "inference.draws")


def test_everything_wrong_is_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = SMALL.replace('"trust"\nalong', '"trsut"\nalong').replace("label", "lable", 1)
    text = text.replace("worthwhile = 0.5", "worthwhile = -1")
    text += '[inference]\ncluster = 3\nlevl = 0.9\n[[where]]\ncolumn = "a"\n[windw]\n'
    found = problems(tmp_path, text)
    assert [(p.row, p.column) for p in found] == [
        (3, "arm"),
        (11, "outcomes.maths.lable"),
        (22, "inference.cluster"),
        (23, "inference.levl"),
        (24, "where[1]"),
        (26, "windw"),
    ]
    assert "Did you mean 'label'?" in found[1].remedy
    assert "Did you mean 'level'?" in found[3].remedy
    assert "Did you mean 'window'?" in found[5].remedy
    # Ranges are looked at once the keys of their table are right.
    assert problems(tmp_path, SMALL.replace("= 0.5", "= -1"))[0].row == 12


@pytest.mark.parametrize(
    ("old", "new", "column", "says"),
    [
        ('folder = "files"', "folder = 3", "data.folder", "must be text"),
        ("worthwhile = 0.5", 'worthwhile = "0.5"', "outcomes.maths.worthwhile", "must be a number"),
        ('alongside = ["academy"]', 'alongside = "academy"', "alongside", "must be a list"),
        ('alongside = ["academy"]', "alongside = [1]", "alongside[1]", "must be text"),
        ("[outcomes.reading]", "[outcomes]\nreading = 1\n[arms.x]\nkinds = ['trust']",
         "outcomes.reading", "must be a table"),
        ('alongside = ["academy"]', 'comparison = "none"', "comparison", "known values"),
        ('alongside = ["academy"]', 'alongside = ["acadamy"]', "alongside[1]", "not defined"),
        ('alongside = ["academy"]', 'alongside = ["academy"]\nhold = ["academy"]', "alongside",
         "both hold and alongside"),
        ("{arm}", "{amr}", "question", "unknown placeholder"),
        ('statuses = "s.csv"\n', "", "arms.academy.status", "needs a statuses file"),
        ('outcomes = "o.csv"\n', "", "data.outcomes", "no outcomes file"),
        ('arm = "trust"\n', "", "arm", "is missing"),
        ('label = "a trust"', 'status = "academy"', "arms.trust", "one of the two"),
    ],
)  # fmt: skip
def test_faults_have_place_and_words(tmp_path: Path, old, new, column, says) -> None:
    if new.startswith("[outcomes]"):
        text = SMALL.replace('[outcomes.maths]\nlabel = "maths at eleven"\nworthwhile = 0.5\n', "")
        text = text.replace(old, new).replace('outcome = "maths"', 'outcome = "reading"')
    else:
        assert old in SMALL
        text = SMALL.replace(old, new)
    found = problems(tmp_path, text)
    assert any(p.column == column and says in p.problem for p in found), [str(p) for p in found]
    assert all(p.remedy for p in found)


def test_tables_that_are_missing(tmp_path: Path) -> None:
    found = problems(tmp_path, "")
    assert {p.column for p in found} >= {"question", "data", "outcomes", "arms"}
    assert all(p.remedy for p in found)


def test_a_place_left_to_fill_in_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, SMALL.replace('"o.csv"', '"CHANGE THIS: outcomes.csv"'))
    assert (problem.row, problem.column) == (7, "data.outcomes")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(DataInvalid, match=r"Did you mean 'study\.toml'"):
        read_study(tmp_path / "studdy.toml")
    with pytest.raises(DataInvalid, match="this is a folder"):
        read_study(tmp_path)
    with pytest.raises(DataInvalid, match="does not exist"):
        read_study(tmp_path / "no" / "study.toml")


def test_windows_line_ends_and_mark(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert read_study(path).study[0].arm == "trust"


def test_a_duplicate_key_is_told_with_its_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, SMALL + 'status = "x"\n')
    assert problem.row == 21
    assert "once" in problem.remedy


def test_the_schema_names_every_key(tmp_path: Path) -> None:
    schema = json_schema()
    json.dumps(schema)
    assert set(schema["properties"]) == {f.name for f in fields(Door)}
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"question", "data", "outcomes", "arms"}
    methods = schema["properties"]["method"]["discriminator"]["mapping"]
    assert set(methods) == {
        next(f.default for f in fields(spec) if f.name == "name") for spec in get_args(MethodSpec)
    }
    for key in tomllib.loads(SMALL):
        assert key in schema["properties"]
    # An editor has something to show beside every key, and every table refuses unknown ones.
    assert all(p["description"] for p in schema["properties"].values())
    for name, table in schema["$defs"].items():
        assert table["additionalProperties"] is False, name
        assert table["description"], name
