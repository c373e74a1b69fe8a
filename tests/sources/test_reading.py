"""consortia.sources.files and consortia.sources.findings: text as people have it, to the line."""

import csv
import gzip
import hashlib
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortia.errors import DataInvalid
from consortia.sources import read_panel
from consortia.sources.files import read_table
from consortia.sources.findings import Findings, Table
from consortia.specs import DataSpec

PLAIN = "provider,year,score,name\nS1,2016,1.5,Ä\nS1,2017,2.5,Ö\n"


def read(folder: Path, name: str = "t.csv") -> tuple[Table, Findings]:
    findings = Findings()
    table = read_table("outcomes", folder, name, findings)
    assert table is not None, findings.problems
    return table, findings


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (PLAIN.encode(), ""),
        (PLAIN.encode("utf-8-sig"), ""),
        (PLAIN.encode("utf-16"), "file read as UTF-16"),
        (PLAIN.encode("windows-1252"), "file read as Windows-1252"),
        (PLAIN.replace("\n", "\r\n").encode(), ""),
        (PLAIN.replace("\n", "\r").encode(), ""),
        (PLAIN.replace(",", ";").encode(), ""),
        (PLAIN.replace(",", "\t").encode(), ""),
        (PLAIN.rstrip("\n").encode(), ""),
        (PLAIN.replace(",", " , ").encode(), ""),
        (gzip.compress(PLAIN.encode()), ""),
    ],
    ids=["utf-8", "mark", "utf-16", "windows", "crlf", "cr", "semicolon", "tab", "no-end", "spaces",
         "gzip"],
)  # fmt: skip
def test_the_same_table_however_it_was_saved(content: bytes, note: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    table, findings = read(tmp_path)
    assert table.frame.columns == ["provider", "year", "score", "name"]
    assert table.frame.rows() == [("S1", "2016", "1.5", "Ä"), ("S1", "2017", "2.5", "Ö")]
    assert table.line.to_list() == [2, 3]
    assert [n.what for n in findings.notes] == ([note] if note else [])
    assert table.source.digest == hashlib.sha256(content).hexdigest()
    assert table.source.rows == 2
    assert table.source.name == "t.csv"


def test_parquet_counts_records_from_one(tmp_path: Path) -> None:
    frame = pl.DataFrame({"provider": ["a", "a"], "year": [2016, 2016], "score": [1.0, 2.0]})
    frame.write_parquet(tmp_path / "o.parquet")
    table, _ = read(tmp_path, "o.parquet")
    assert table.line.to_list() == [1, 2]
    with pytest.raises(DataInvalid) as caught:
        read_panel(DataSpec(outcomes="o.parquet"), tmp_path)
    assert caught.value.problems[0].row == 2


def test_blank_rows_are_skipped_and_counted_and_keep_the_lines(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("provider,year,score\nS1,2016,1\n\n,,\nS1,2017,2\n\n")
    table, findings = read(tmp_path)
    assert table.line.to_list() == [2, 5]
    assert [(n.what, n.count) for n in findings.notes] == [("blank rows skipped", 3)]


CELL = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), max_size=6
)
WILD = st.one_of(
    CELL, st.sampled_from(["a\nb", 'say "x"', "1,2", '"', "\n\n", "x\ny\nz", "", '"",\n"'])
)


@given(st.lists(st.tuples(CELL, WILD, WILD), min_size=1, max_size=12), st.sampled_from("\n\r"))
def test_lines_agree_with_the_reader_of_the_standard_library(tmp_path_factory, rows, end) -> None:
    """Whatever csv.writer writes is read back, each row on the line where it starts."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n" if end == "\r" else "\n")
    writer.writerow(["a", "b", "c"])
    # The first cell is never empty or a number, so that no row is blank.
    rows = [("k" + a, b, c) for a, b, c in rows]
    starts = []
    for row in rows:
        starts.append(text.getvalue().count("\n") + 1)
        writer.writerow(row)
    folder = tmp_path_factory.mktemp("csv")
    (folder / "t.csv").write_bytes(text.getvalue().encode())
    table, findings = read(folder)
    assert findings.problems == []
    assert table.line.to_list() == starts
    seen = [tuple("" if v is None else v for v in r) for r in table.frame.rows()]
    strip = " \t\r\n\u00a0\ufeff"
    assert seen == [tuple(v.strip(strip) for v in row) for row in rows]


def test_ragged_rows_are_told_with_their_line_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b\n1,"x\ny"\n1\n2,3,4\n5,6\n')
    findings = Findings()
    table = read_table("outcomes", tmp_path, "t.csv", findings)
    assert [(p.row, p.found) for p in findings.problems] == [
        (4, "1 values, header 2"),
        (5, "3 values, header 2"),
    ]
    assert table is not None
    assert table.line.to_list() == [2, 6]


@pytest.mark.parametrize("marks", [1, 2, 3])
def test_a_quotation_mark_in_the_middle_of_a_value_is_a_character(marks, tmp_path: Path) -> None:
    """As spreadsheets and the standard library read it; counting marks would join the rows."""
    rows = [f"{k}{chr(34) if k < marks else ''} pipe" for k in range(4)]
    text = "a,b\n" + "".join(f"{r},{k}\n" for k, r in enumerate(rows))
    (tmp_path / "t.csv").write_text(text)
    table, findings = read(tmp_path)
    assert table.frame["a"].to_list() == rows
    assert table.line.to_list() == [2, 3, 4, 5]
    assert findings.problems == []


def test_a_space_before_the_quotation_mark(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a, b\n1, "x, y"\n2, z\n')
    table, _ = read(tmp_path)
    assert table.frame.rows() == [("1", "x, y"), ("2", "z")]


def test_text_after_a_closing_mark_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b\n1,2\n"x" y,3\n')
    findings = Findings()
    assert read_table("outcomes", tmp_path, "t.csv", findings) is None
    assert findings.problems[0].found == "line 3"


def test_no_message_tells_where_the_machine_keeps_its_files(tmp_path: Path) -> None:
    findings = Findings()
    assert read_table("outcomes", tmp_path, "sub/missing.csv", findings) is None
    assert read_table("outcomes", tmp_path / "nowhere", "x.csv", findings) is None
    assert len(findings.problems) == 2
    assert not any(str(tmp_path) in str(p) for p in findings.problems)


def test_a_problem_for_every_row_and_the_same_words_for_all(tmp_path: Path) -> None:
    rows = "".join(f"S{k},2016,bad{k}\n" for k in range(500))
    (tmp_path / "o.csv").write_text("provider,year,score\n" + rows + "T,2016,1\n")
    with pytest.raises(DataInvalid) as caught:
        read_panel(DataSpec(outcomes="o.csv"), tmp_path)
    assert len(caught.value.problems) == 500
    assert len({p.problem for p in caught.value.problems}) == 1
    assert [p.row for p in caught.value.problems] == list(range(2, 502))
    lines = str(caught.value).split("\n")
    assert len(lines) == 22
    assert lines[-1] == "- and 480 more of this kind"


SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.mark.skipif(
    not SHARED.is_dir(), reason="the published files are not beside the project (../shared/data)"
)
def test_published_files_are_read_as_the_standard_library_reads_them() -> None:
    """Every real file, cell by cell and line by line."""
    seen = 0
    for path in sorted(SHARED.rglob("*.csv.gz")):
        findings = Findings()
        table = read_table("outcomes", path.parent, path.name, findings)
        content = gzip.decompress(path.read_bytes())
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("windows-1252")
        reader = csv.reader(io.StringIO(text, newline=""))
        header = next(reader)
        if len(set(filter(None, map(str.strip, header)))) < len([h for h in header if h.strip()]):
            assert table is None
            continue
        rows, lines, start = [], [], reader.line_num + 1
        for row in reader:
            cells = [c.strip(" \t\r\n\u00a0\ufeff") or None for c in row]
            if len(row) == len(header) and any(cells):
                rows.append(tuple(cells))
                lines.append(start)
            start = reader.line_num + 1
        assert table is not None, path.name
        assert table.line.to_list() == lines, path.name
        assert table.frame.rows() == rows, path.name
        seen += len(rows)
    assert seen > 300_000
