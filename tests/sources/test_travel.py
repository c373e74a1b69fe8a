"""Travel times from a file: what is read, and what is told."""

import polars as pl
import pytest

from consortia.errors import DataInvalid
from consortia.sources.travel import read_travel_times

INDEX = pl.DataFrame({"provider": ["1", "2", "3"], "row": [0, 1, 2]})


def write(folder, text):
    (folder / "times.csv").write_text(text, encoding="utf-8")
    return folder


def test_pairs_of_the_panel_within_reach(tmp_path):
    text = "From,to,Minutes\n1,2,10\n2,1,12.5\n1,3,45\n2,3,NA\n3,9,5\n"
    pairs, notes = read_travel_times(write(tmp_path, text), "times.csv", INDEX, 30.0)
    assert sorted(zip(pairs.row, pairs.other, pairs.distance, strict=True)) == [
        (0, 1, 10.0),
        (1, 0, 12.5),
    ]
    assert pairs.unit == "minutes"
    assert ("pairs with a provider that is not in the panel", 1) in {
        (n.what, n.count) for n in notes
    }
    assert ("read as missing", 1) in {(n.what, n.count) for n in notes}


def test_every_problem_is_told(tmp_path):
    text = "from,to,minutes\n1,,10\n2,1,soon\n1,3,-4\n"
    with pytest.raises(DataInvalid) as caught:
        read_travel_times(write(tmp_path, text), "times.csv", INDEX, 30.0)
    places = {(p.row, p.column) for p in caught.value.problems}
    assert places == {(2, "to"), (3, "minutes"), (4, "minutes")}
    with pytest.raises(DataInvalid, match="'minutes' is missing"):
        read_travel_times(write(tmp_path, "from,to\n1,2\n"), "times.csv", INDEX, 30.0)
    with pytest.raises(DataInvalid):
        read_travel_times(tmp_path, "nowhere.csv", INDEX, 30.0)
