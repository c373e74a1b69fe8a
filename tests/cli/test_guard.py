"""Errors become messages and exit codes in one place."""

import json

import pytest
import typer

from consortia.cli.guard import SHOWN, guarded
from consortia.errors import DataInvalid, NotIdentified, Problem


def problems(n: int) -> list[Problem]:
    return [
        Problem(
            file="o.csv",
            row=k + 2,
            column="year",
            found="x",
            problem="is not a year",
            remedy="Write four digits",
        )
        for k in range(n)
    ]


def test_every_problem_up_to_a_point_and_a_count_of_the_rest(capsys) -> None:
    with pytest.raises(typer.Exit) as caught, guarded(False):
        raise DataInvalid(problems(SHOWN + 5))
    assert caught.value.exit_code == 3
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.count("is not a year") == SHOWN
    assert "and 5 more of this kind" in seen.err
    assert f"{SHOWN + 5} problems in the input. Nothing was written." in seen.err


def test_json_has_them_all_on_stdout(capsys) -> None:
    with pytest.raises(typer.Exit), guarded(True):
        raise DataInvalid(problems(SHOWN + 5))
    seen = capsys.readouterr()
    error = json.loads(seen.out)["error"]
    assert seen.err == ""
    assert error["kind"] == "data-invalid"
    assert len(error["problems"]) == SHOWN + 5
    assert error["problems"][0] == {
        "file": "o.csv",
        "row": 2,
        "column": "year",
        "found": "x",
        "problem": "is not a year",
        "remedy": "Write four digits",
    }


def test_not_identified_and_unusable_folder(capsys) -> None:
    with pytest.raises(typer.Exit) as caught, guarded(False):
        raise NotIdentified("nobody joined")
    assert caught.value.exit_code == 3
    assert "Not identified, because nobody joined." in capsys.readouterr().err
    with pytest.raises(typer.Exit) as caught, guarded(True):
        raise PermissionError(13, "Permission denied", "out")
    assert caught.value.exit_code == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "cannot-write"


def test_faults_of_the_program_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), guarded(False):
        raise ZeroDivisionError
