"""Guessing roles: the names people use for their columns, and files that are something else."""

from pathlib import Path

import pytest

from consortia.errors import DataInvalid
from consortia.sources import inspect_folder, read_panel

YEARS = (2016, 2017, 2018)


def write(folder: Path) -> None:
    rows = [f"{k},{y},{k + y / 10},{20 + k},Ofsted said" for k in range(100, 160) for y in YEARS]
    (folder / "results.csv").write_text("URN;Year;Maths score;Pupils;Note\n".replace(";", ",")
                                        + "\n".join(rows))  # fmt: skip
    (folder / "groups.csv").write_text(
        "URN,Group UID,Group Type,Date joined,Left\n"
        + "\n".join(
            f"{k},{k % 7},{'MAT' if k % 3 else 'Federation'},01/09/2016," for k in range(100, 140)
        )
    )
    (folder / "status.csv").write_text("URN,status,since\n101,academy,2015-09-01\n")
    (folder / "schools.csv").write_text(
        "URN,Lat,Lng,authority,flag\n"
        + "\n".join(f"{k},51.5,-0.1,LA{k % 10},{k % 2}" for k in range(100, 160))
    )
    (folder / "notes.txt").write_text("just some words\n and more words\n")


def test_roles_and_renames(tmp_path: Path) -> None:
    write(tmp_path)
    found = inspect_folder(tmp_path)
    data = found.data
    assert (data.outcomes, data.memberships, data.statuses, data.providers) == (
        "results.csv", "groups.csv", "status.csv", "schools.csv",
    )  # fmt: skip
    assert data.columns.outcomes == {"provider": "URN", "year": "Year"}
    assert data.columns.memberships == {
        "provider": "URN", "collaboration": "Group UID", "kind": "Group Type",
        "from": "Date joined", "to": "Left",
    }  # fmt: skip
    assert data.columns.providers == {"provider": "URN", "latitude": "Lat", "longitude": "Lng"}
    assert found.years == YEARS
    assert found.outcomes == ("Maths score",)
    assert found.weights == ("Pupils",)
    assert dict(found.kinds) == {"MAT": 27, "Federation": 13}
    assert dict(found.statuses) == {"academy": 1}
    assert found.flags == ("flag",)
    assert found.groups == ("authority",)
    assert any("notes.txt" in text for text in found.open)
    # What was guessed can be read as it stands.
    panel = read_panel(data, tmp_path)
    assert panel.outcomes.columns == ["provider", "year", "Maths score", "Pupils"]
    assert panel.memberships["from"].null_count() == 0
    assert panel.providers["latitude"].to_list() == [51.5] * 60


def test_of_two_candidates_the_longer_is_taken_and_it_is_said(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "old.csv").write_text("URN,year,score\n100,2015,1\n")
    found = inspect_folder(tmp_path)
    assert found.data.outcomes == "results.csv"
    assert any("old.csv could be outcomes too" in text for text in found.open)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("urn,year,score\n1,2016,3\n1,2017,4\n")
    found = inspect_folder(tmp_path)
    assert found.data.outcomes == "a.csv"
    assert any("memberships" in text for text in found.open)
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    assert any("outcomes" in text for text in inspect_folder(tmp_path).open)


def test_no_folder_no_tables_nothing_readable(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid, match="folder does not exist"):
        inspect_folder(tmp_path / "nowhere")
    with pytest.raises(DataInvalid, match="has no tables"):
        inspect_folder(tmp_path)
    (tmp_path / "a.csv").write_bytes(b"")
    with pytest.raises(DataInvalid, match="the file is empty"):
        inspect_folder(tmp_path)
