"""From bytes on a disk to a Table of text columns that knows the line of every row.

CSV as people have it: comma, semicolon or tab; UTF-8 with or without a mark, UTF-16 as a
spreadsheet exports it, Windows-1252 as a last resort (noted); gzip; quoted line breaks. A row with
too many or too few values is told with its line and left out of what follows.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import zlib
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.errors import nearest
from consortia.panel import Source
from consortia.sources.findings import Findings, Table

_NEWLINE, _QUOTE = 10, 34
_DELIMITERS = ",;\t|"


def read_table(
    role: str, folder: Path, name: str, findings: Findings, *, licence: str = ""
) -> Table | None:
    """The file ``name`` in ``folder`` as a Table, or None with the reason among the problems."""
    path = folder / name
    shown = path.name
    if not path.is_file():
        _not_there(folder, name, findings)
        return None
    try:
        stored = path.read_bytes()
    except OSError as error:
        findings.whole(
            shown,
            "the file cannot be read",
            "Check that you may open it",
            found=error.strerror or "",
        )
        return None
    digest = hashlib.sha256(stored).hexdigest()
    content = _unpacked(shown, stored, findings)
    if content is None:
        return None
    if content[:4] == b"PAR1":
        frame = _parquet(shown, content, findings)
        if frame is None:
            return None
        line = pl.Series("line", np.arange(1, frame.height + 1), dtype=pl.Int64)
    else:
        text = _decoded(role, shown, content, findings)
        if text is None:
            return None
        read = _separated(role, shown, text, findings)
        if read is None:
            return None
        frame, line = read
    if frame.height == 0:
        findings.whole(
            shown, "the file has a header and no rows", "Add the rows, or leave the file out"
        )
        return None
    source = Source(role=role, name=shown, rows=frame.height, digest=digest, licence=licence)
    return Table(role=role, name=shown, frame=frame, line=line, source=source)


def _not_there(folder: Path, name: str, findings: Findings) -> None:
    if not folder.is_dir():
        findings.whole(
            folder.name or str(folder),
            "the data folder does not exist",
            "Correct data.folder in the study file, or name the folder on the command line",
        )
        return
    if (folder / name).is_dir():
        findings.whole(name, "this is a folder and not a file", "Name the file inside it")
        return
    there = sorted(p.name for p in folder.iterdir() if p.is_file())
    close = nearest(name, there)
    listed = ", ".join(there[:12]) + (f" and {len(there) - 12} more" if len(there) > 12 else "")
    hint = f"Did you mean {close!r}? " if close else ""
    findings.whole(name, "the file does not exist", f"{hint}The folder has: {listed or 'no files'}")


def _unpacked(name: str, stored: bytes, findings: Findings) -> bytes | None:
    if stored[:2] != b"\x1f\x8b":
        if name.endswith(".gz") and stored:
            findings.whole(
                name,
                "the name ends in .gz and the content is not gzip",
                "Rename the file without .gz, or compress it again",
            )
            return None
        return stored
    try:
        return gzip.decompress(stored)
    except (OSError, EOFError, zlib.error):
        findings.whole(
            name,
            "the gzip file is damaged or cut off",
            "Copy or download it again and compare its size with the original",
        )
        return None


def _parquet(name: str, content: bytes, findings: Findings) -> pl.DataFrame | None:
    try:
        return pl.read_parquet(io.BytesIO(content))
    except (Exception, pl.exceptions.PanicException) as error:  # a panic is no Exception
        findings.whole(
            name,
            "the Parquet file cannot be read",
            "Write it again, or save the table as CSV",
            found=str(error).splitlines()[0][:120],
        )
        return None


def _decoded(role: str, name: str, content: bytes, findings: Findings) -> bytes | None:
    """The content as UTF-8 bytes with ``\\n`` at the end of lines."""
    if not content.strip():
        findings.whole(name, "the file is empty", "Save the table again, with a header line")
        return None
    if content[:4] == b"PK\x03\x04" or content[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        findings.whole(
            name,
            "this is a spreadsheet workbook and not a text file",
            "Open it and save the sheet as 'CSV UTF-8'",
        )
        return None
    if content.startswith(codecs.BOM_UTF8):
        content = content[3:]
    elif content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            content = content.decode("utf-16").encode()
        except UnicodeDecodeError:
            findings.whole(name, "the file starts as UTF-16 and is not", "Save it as 'CSV UTF-8'")
            return None
        findings.note(role, "file read as UTF-16", 1, found=name)
    if b"\x00" in content:
        line = content[: content.index(b"\x00")].count(b"\n") + 1
        findings.whole(
            name,
            "the file holds bytes that no text has",
            "It is perhaps not a CSV file; save the table as 'CSV UTF-8'",
            found=f"a zero byte on line {line}",
        )
        return None
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as first:
        line = content[: first.start].count(b"\n") + 1
        try:
            content = content.decode("windows-1252").encode()
        except UnicodeDecodeError as second:
            line = content[: second.start].count(b"\n") + 1
            findings.whole(
                name,
                "the text is neither UTF-8 nor Windows-1252",
                "Save the file as 'CSV UTF-8'",
                found=f"byte 0x{content[second.start]:02x} on line {line}",
            )
            return None
        findings.note(role, "file read as Windows-1252", 1, found=f"{name}, line {line}")
    if b"\r" in content:
        # Every convention of ending a line counts one line, as an editor shows it.
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return content


def _separated(
    role: str, name: str, text: bytes, findings: Findings
) -> tuple[pl.DataFrame, pl.Series] | None:
    first = text[: text.find(b"\n")] if b"\n" in text else text
    if first.count(b'"') % 2:
        findings.whole(
            name,
            "a column name goes over more than one line, or a quotation mark in it is left open",
            "Write the header on one line",
            found="line 1",
        )
        return None
    delimiter = max(_DELIMITERS, key=lambda d: first.count(d.encode()))
    header = next(csv.reader([first.decode()], delimiter=delimiter, skipinitialspace=True), [])
    header = [h.strip() for h in header]
    read = _quickly(text, delimiter, len(header))
    if read is None:
        read = _slowly(name, text, delimiter, len(header), findings)
    if read is None or not _header_is_sound(name, header, findings):
        return None
    frame, lines, fields = read
    frame.columns = [h or f"column {i}" for i, h in enumerate(header, 1)]
    line = pl.Series("line", lines[1:], dtype=pl.Int64)
    frame = frame.with_columns(pl.all().str.strip_chars(" \t\r\n\u00a0\ufeff"))
    frame = frame.with_columns(
        pl.when(pl.col(c) == "").then(None).otherwise(pl.col(c)).alias(c) for c in frame.columns
    )
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    counts = fields[1:]
    # An all-empty row is a blank line of a spreadsheet whatever its number of commas.
    ragged = pl.Series(counts != len(header)) & ~blank
    if ragged.any() and (ragged | blank).all() and len(set(counts[ragged.to_numpy()])) == 1:
        findings.whole(
            name,
            "every row has more or fewer values than the header",
            "Look at the separators on line 1",
            found=f"{counts[ragged.to_numpy()][0]} values, header {len(header)}",
        )
        return None
    if ragged.any():
        shape = pl.Series([f"{c} values, header {len(header)}" for c in counts[ragged.to_numpy()]])
        table = Table(
            role=role,
            name=name,
            frame=frame.filter(ragged),
            line=line.filter(ragged),
            source=Source(role=role, name=name, rows=0, digest=""),
        )
        findings.wrong(
            table,
            "",
            pl.Series([True] * table.line.len()),
            "the row has more or fewer values than the header",
            "Look for a missing or extra separator; put a value that has one in quotation marks",
            found=shape,
        )
    findings.note(role, "blank rows skipped", int(blank.sum()))
    keep = ~(blank | ragged)
    if ragged.any() and not keep.any():
        return None
    return frame.filter(keep), line.filter(keep)


def _header_is_sound(name: str, header: list[str], findings: Findings) -> bool:
    twice = sorted({h for h in header if h and header.count(h) > 1})
    for column in twice:
        findings.whole(
            name,
            "two columns have the same name",
            "Rename or remove one of them",
            column=column,
            found=column,
        )
    if not any(header):
        findings.whole(name, "the first line has no column names", "Write the header on line 1")
        return False
    return not twice


def _quickly(
    text: bytes, delimiter: str, width: int
) -> tuple[pl.DataFrame, NDArray[np.int64], NDArray[np.int64]] | None:
    """Text columns without the header, and of every record (header first) its line and number of
    fields; None where quotation marks stand so that only the careful reader can tell.

    A line break or separator counts only outside quotation marks, that is after an even number of
    them (a doubled mark inside a value toggles twice).
    """
    a = np.frombuffer(text, dtype=np.uint8)
    mark = ord(delimiter)
    newline = a == _NEWLINE
    separator = a == mark
    every_line = np.flatnonzero(newline)
    if b'"' in text:
        inside = np.bitwise_xor.accumulate((a == _QUOTE).view(np.uint8)).view(np.bool_)
        if inside[-1] or not _quotes_at_edges(a, inside, mark):
            return None
        newline = newline & ~inside
        separator = separator & ~inside
    ends = np.flatnonzero(newline)
    if not ends.size or ends[-1] != a.size - 1:
        ends = np.append(ends, a.size)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lines = np.searchsorted(every_line, starts) + 1
    at = np.flatnonzero(separator)
    fields = np.searchsorted(at, ends) - np.searchsorted(at, starts) + 1
    try:
        frame = pl.read_csv(
            io.BytesIO(text),
            separator=delimiter,
            has_header=True,
            infer_schema=False,
            truncate_ragged_lines=True,
        )
    except pl.exceptions.PolarsError:
        return None
    if frame.shape != (lines.size - 1, width):
        return None
    return frame, lines, fields


def _quotes_at_edges(a: NDArray[np.uint8], inside: NDArray[np.bool_], delimiter: int) -> bool:
    """Whether every mark that opens stands at the start of a value, and every mark that closes at
    its end (or beside another mark, as in a doubled one)."""
    at = np.flatnonzero(a == _QUOTE)
    opens = at[inside[at]]
    closes = at[~inside[at]]
    before = a[opens[opens > 0] - 1]
    after = a[closes[closes < a.size - 1] + 1]
    edge = np.array([delimiter, _NEWLINE, _QUOTE], dtype=np.uint8)
    return bool(np.isin(before, edge).all() and np.isin(after, edge).all())


def _slowly(
    name: str, text: bytes, delimiter: str, width: int, findings: Findings
) -> tuple[pl.DataFrame, NDArray[np.int64], NDArray[np.int64]] | None:
    """As _quickly, by the reader of the standard library: a quotation mark in the middle of a value
    is read as it stands; one that is never closed, or followed by more text, is a problem."""
    reader = csv.reader(
        io.StringIO(text.decode(), newline=""),
        delimiter=delimiter,
        skipinitialspace=True,
        strict=True,
    )
    records: list[list[str]] = []
    lines: list[int] = []
    start = 1
    try:
        for record in reader:
            records.append(record)
            lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        # A value beyond the reader's limit of size is one that was never closed.
        open_ = "end of data" in str(error) or "field limit" in str(error)
        findings.whole(
            name,
            "a quotation mark is opened and never closed"
            if open_
            else "text follows after a closing quotation mark",
            "Close it, or write a quotation mark inside a value twice",
            found=f"line {start}",
        )
        return None
    body = [(r + [""] * width)[:width] for r in records[1:]]
    # A blank line has no value at all; elsewhere it is one empty value.
    fields = np.array([max(1, len(r)) for r in records], dtype=np.int64)
    columns = list(zip(*body, strict=True)) if body else [()] * width
    frame = pl.DataFrame(
        {f"c{k}": pl.Series(values, dtype=pl.String) for k, values in enumerate(columns)}
    )
    return frame, np.array(lines, dtype=np.int64), fields
