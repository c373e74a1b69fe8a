"""Whatever is done to the bytes of an input, the answer is a panel or a list of problems."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from valid import write_valid

from consortia.errors import DataInvalid, Problem
from consortia.sources import check_data, inspect_folder, read_panel
from consortia.studyfile import init, read_study

FILES = ("outcomes.csv", "providers.csv", "memberships.csv", "statuses.csv")
PIECES = [
    b"", b",", b"\n", b'"', b"\x00", b"\xff", b"\r", b";", b"\t", b"inf", b"-", b"%", b"0", b"9",
    b"2017", b"SUPP", b"'", b"\xc3\xa9", b"=", b"[", b"]", b"#", b"{", b"1e400", b"\\",
]  # fmt: skip
EDITS = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),  # where, as a share of the file
        st.integers(0, 6),  # bytes taken out
        st.sampled_from(PIECES),  # put in instead
    ),
    min_size=1,
    max_size=5,
)


def edited(data: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    for where, out, piece in edits:
        at = int(where * len(data))
        data = data[:at] + piece + data[at + out :]
    return data


T = TypeVar("T")


def attempt(action: Callable[[], T]) -> tuple[T | None, tuple[Problem, ...]]:
    """What came out, and the problems told; any other error is a fault and goes through."""
    try:
        return action(), ()
    except DataInvalid as error:
        assert error.problems  # noqa: PT017
        assert all(p.problem and p.remedy for p in error.problems)  # noqa: PT017
        return None, error.problems


@settings(max_examples=120)
@given(st.sampled_from(FILES), EDITS)
def test_tables(tmp_path_factory, name: str, edits) -> None:
    folder: Path = tmp_path_factory.mktemp("m")
    file = read_study(write_valid(folder))
    path = folder / name
    path.write_bytes(edited(path.read_bytes(), edits))
    panel, problems = attempt(lambda: read_panel(file.data, folder))
    # What is wrong in the files first, then what the study names and the files no longer have.
    told = check_data(file.data, folder, file.study).problems
    assert told[: len(problems)] == problems
    assert all(p.file == "study" for p in told[len(problems) :])
    if panel is None:
        return
    # A panel that was let through keeps what a Panel promises.
    assert panel.outcomes.select("provider", "year").is_duplicated().sum() == 0
    assert panel.outcomes["year"].is_between(1900, 2100).all()
    assert panel.outcomes["score"].drop_nulls().is_finite().all()
    assert panel.providers["provider"].is_duplicated().sum() == 0
    spells = panel.memberships.drop_nulls(["from", "to"])
    assert (spells["from"] <= spells["to"]).all()
    assert (panel.memberships["weight"] > 0).all()


@settings(max_examples=80)
@given(EDITS)
def test_study_files(tmp_path_factory, edits) -> None:
    path = write_valid(tmp_path_factory.mktemp("m"))
    path.write_bytes(edited(path.read_bytes(), edits))
    file, problems = attempt(lambda: read_study(path))
    assert problems if file is None else file.study


@settings(max_examples=50)
@given(st.sampled_from(FILES), EDITS)
def test_looking_and_writing_a_first_study(tmp_path_factory, name: str, edits) -> None:
    folder: Path = tmp_path_factory.mktemp("m")
    write_valid(folder)
    path = folder / name
    path.write_bytes(edited(path.read_bytes(), edits))
    study = init(inspect_folder(folder), folder, folder / "first.toml")
    _, problems = attempt(lambda: read_study(study))
    # Only what could not be guessed may be refused.
    assert all("waits for your own words" in p.problem for p in problems), problems
