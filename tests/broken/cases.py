"""Ways in which the files of tests/broken/valid.py get broken, and what must be said about it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from valid import STUDY


@dataclass(frozen=True, kw_only=True)
class Case:
    """One broken input: how to break it, and the one problem that must be among those told."""

    name: str
    harm: Callable[[Path], None]
    file: str
    says: str
    remedy: str
    row: int | None = None
    column: str = ""
    found: str = ""
    only: bool = True  # nothing else is told


def cell(file: str, line: int, column: str, value: str) -> Callable[[Path], None]:
    """Another value in one cell; the header is line 1."""

    def harm(folder: Path) -> None:
        lines = (folder / file).read_text(encoding="utf-8").split("\n")
        at = lines[0].split(",").index(column)
        row = lines[line - 1].split(",")
        row[at] = value
        lines[line - 1] = ",".join(row)
        (folder / file).write_text("\n".join(lines), encoding="utf-8")

    return harm


def change(file: str, old: str, new: str) -> Callable[[Path], None]:
    """Another text for the first occurrence of ``old``, which must be there."""

    def harm(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return harm


def add(file: str, *lines: str) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        with (folder / file).open("a", encoding="utf-8") as out:
            out.write("".join(line + "\n" for line in lines))

    return harm


def content(file: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: void((folder / file).write_bytes(data))


def void(_: object) -> None:
    return None


def both(*harms: Callable[[Path], None]) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        for one in harms:
            one(folder)

    return harm


def columns(file: str, *names: str) -> Callable[[Path], None]:
    """Only these columns are kept."""

    def harm(folder: Path) -> None:
        rows = [
            line.split(",") for line in (folder / file).read_text(encoding="utf-8").splitlines()
        ]
        at = [rows[0].index(n) for n in names]
        text = "\n".join(",".join(r[k] for k in at) for r in rows) + "\n"
        (folder / file).write_text(text, encoding="utf-8")

    return harm


def cut_gzip(folder: Path) -> None:
    data = gzip.compress((folder / "outcomes.csv").read_bytes())
    (folder / "outcomes.csv.gz").write_bytes(data[: len(data) // 2])
    change("study.toml", '"outcomes.csv"', '"outcomes.csv.gz"')(folder)


def every_member_with_another_id(folder: Path) -> None:
    path = folder / "memberships.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("\nS", "\ns"), encoding="utf-8")


OUT, PRO, MEM, STA, STU = (
    "outcomes.csv", "providers.csv", "memberships.csv", "statuses.csv", "study.toml",
)  # fmt: skip

CASES = (
    # --- outcomes
    Case(name="duplicate provider-year", harm=add(OUT, "S03,2016,50,20"), file=OUT, row=72,
         column="provider", found="S03, 2016 (first on row 13)",
         says="a second row for the same provider and year", remedy="Keep one row"),
    Case(name="year is not a number", harm=cell(OUT, 4, "year", "20x7"), file=OUT, row=4,
         column="year", found="20x7", says="not a whole number", remedy="such as 2017"),
    Case(name="year with a fraction", harm=cell(OUT, 4, "year", "2017.5"), file=OUT, row=4,
         column="year", found="2017.5", says="not a whole number", remedy="such as 2017"),
    Case(name="year far away", harm=cell(OUT, 5, "year", "217"), file=OUT, row=5, column="year",
         found="217", says="outside 1900 to 2100", remedy="Correct it"),
    Case(name="academic year", harm=cell(OUT, 5, "year", "2017/18"), file=OUT, row=5,
         column="year", found="2017/18", says="academic year", remedy="2016/17 is 2017"),
    Case(name="academic year in six digits", harm=cell(OUT, 5, "year", "201718"), file=OUT, row=5,
         column="year", found="201718", says="academic year", remedy="2016/17 is 2017"),
    Case(name="year missing", harm=cell(OUT, 5, "year", ""), file=OUT, row=5, column="year",
         says="the year is missing", remedy="Fill it in"),
    Case(name="provider missing", harm=cell(OUT, 6, "provider", ""), file=OUT, row=6,
         column="provider", says="the provider is missing", remedy="Fill it in"),
    Case(name="unknown code among numbers", harm=cell(OUT, 7, "score", "ABSENT"), file=OUT, row=7,
         column="score", found="ABSENT", says="not a number", remedy="data.missing_codes"),
    Case(name="decimal comma", harm=cell(OUT, 7, "score", '"51,5"'), file=OUT, row=7,
         column="score", found="51,5", says="not a number", remedy="with a point"),
    Case(name="infinite value", harm=cell(OUT, 8, "score", "inf"), file=OUT, row=8, column="score",
         found="inf", says="infinite", remedy="Leave the cell empty"),
    Case(name="too large for a number", harm=cell(OUT, 8, "score", "1e999"), file=OUT, row=8,
         column="score", found="inf", says="infinite", remedy="Leave the cell empty"),
    Case(name="negative weight", harm=cell(OUT, 9, "pupils", "-3"), file=OUT, row=9,
         column="pupils", found="-3", says="the weight is below zero", remedy="counts such as"),
    Case(name="outcome is text", harm=both(change(STU, '[weights]\ncolumn = "pupils"\n', ""),
         content(OUT, b"provider,year,score\nS01,2016,good\nS01,2017,bad\n")),
         file=OUT, row=2, column="score", found="good", says="not a number", remedy="missing_codes",
         only=False),
    Case(name="year column misspelt", harm=change(OUT, "provider,year", "provider,yaer"), file=OUT,
         column="year", says="'year' is missing", remedy="Did you mean 'yaer'?"),
    Case(name="outcome column absent", harm=change(OUT, "score", "scores"), file=OUT,
         column="score", says="which the study uses, is missing", remedy="Did you mean 'scores'?"),
    Case(name="weight column absent", harm=change(OUT, "pupils", "pupil_count"), file=OUT,
         column="pupils", says="which the study uses, is missing", remedy="'pupil_count'"),
    Case(name="two columns of one name", harm=change(OUT, "pupils", "score"), file=OUT,
         column="score", says="the same name", remedy="Rename"),
    # --- providers
    Case(name="provider twice", harm=add(PRO, "S02,51,-1,A1"), file=PRO, row=16, column="provider",
         found="S02 (first on row 3)", says="a second row for the same", remedy="Keep one"),
    Case(name="latitude out of range", harm=cell(PRO, 3, "latitude", "503"), file=PRO, row=3,
         column="latitude", found="503", says="outside -90 to 90", remedy="exchanged"),
    Case(name="half a place", harm=cell(PRO, 3, "longitude", ""), file=PRO, row=3,
         column="longitude", says="half a place", remedy="Give both"),
    Case(name="latitude without longitude", harm=columns(PRO, "provider", "latitude"), file=PRO,
         column="latitude", says="needs both latitude and longitude", remedy="'longitude'"),
    Case(name="place is text", harm=cell(PRO, 4, "latitude", "north"), file=PRO, row=4,
         column="latitude", found="north", says="not a number", remedy="missing_codes", only=False),
    # --- memberships and statuses
    Case(name="spell ends before it starts", harm=cell(MEM, 3, "left", "2016-01-01"), file=MEM,
         row=3, column="left", found="2016-09-01 to 2016-01-01", says="ends before it starts",
         remedy="joined and left"),
    Case(name="no such day", harm=cell(MEM, 4, "joined", "2017-02-30"), file=MEM, row=4,
         column="joined", found="2017-02-30", says="no such day", remedy="Correct the day"),
    Case(name="31 November", harm=cell(MEM, 4, "joined", "31/11/2016"), file=MEM, row=4,
         column="joined", found="31/11/2016", says="no such day", remedy="Correct the day"),
    Case(name="month before day", harm=cell(MEM, 4, "joined", "09/30/2016"), file=MEM, row=4,
         column="joined", found="09/30/2016", says="no such day", remedy="looks like month/day"),
    Case(name="not a date", harm=cell(MEM, 4, "joined", "last autumn"), file=MEM, row=4,
         column="joined", found="last autumn", says="not a date", remedy="2016-09-01"),
    Case(name="only a year", harm=cell(MEM, 4, "joined", "2016"), file=MEM, row=4,
         column="joined", found="2016", says="only a year", remedy="Add day and month"),
    Case(name="only a month", harm=cell(MEM, 4, "joined", "2016-09"), file=MEM, row=4,
         column="joined", found="2016-09", says="has no day", remedy="Add the day"),
    Case(name="two-digit year", harm=cell(MEM, 4, "joined", "01/09/16"), file=MEM, row=4,
         column="joined", found="01/09/16", says="two digits", remedy="four digits"),
    Case(name="spreadsheet's day number", harm=cell(MEM, 4, "joined", "42614"), file=MEM, row=4,
         column="joined", found="42614", says="day number", remedy="42614 is 2016-09-01"),
    Case(name="date far away", harm=cell(MEM, 4, "joined", "0216-09-01"), file=MEM, row=4,
         column="joined", found="0216-09-01", says="outside 1850 to 2100", remedy="unknown_dates"),
    Case(name="unknown kind", harm=cell(MEM, 5, "kind", "trsut"), file=MEM, row=5, column="kind",
         found="trsut", says="unknown kind", remedy="Did you mean 'trust'?"),
    Case(name="kind missing", harm=cell(MEM, 5, "kind", ""), file=MEM, row=5, column="kind",
         says="the kind is missing", remedy="Fill it in"),
    Case(name="membership weight of zero", harm=cell(MEM, 8, "weight", "0"), file=MEM, row=8,
         column="weight", found="0", says="not above zero", remedy="for example 1"),
    Case(name="no member among the providers", harm=every_member_with_another_id, file=MEM,
         column="provider", found="s01", says="no provider of this file is in the outcomes file",
         remedy="capital letters"),
    Case(name="renamed column absent", harm=change(MEM, "joined", "date_joined"), file=MEM,
         column="joined", says="data.columns.memberships is not in the file",
         remedy="'date_joined'"),
    Case(name="unknown status", harm=cell(STA, 2, "status", "acadamy"), file=STA, row=2,
         column="status", found="acadamy", says="unknown status", remedy="'academy'"),
    # --- files
    Case(name="file not there", harm=lambda f: void((f / OUT).rename(f / "outcome.csv")), file=OUT,
         says="does not exist", remedy="Did you mean 'outcome.csv'?"),
    Case(name="empty file", harm=content(OUT, b""), file=OUT, says="the file is empty",
         remedy="Save the table again"),
    Case(name="header only", harm=content(OUT, b"provider,year,score,pupils\n"), file=OUT,
         says="a header and no rows", remedy="Add the rows"),
    Case(name="damaged gzip", harm=cut_gzip, file="outcomes.csv.gz", says="damaged or cut off",
         remedy="download it again"),
    Case(name="gzip by name alone", harm=both(lambda f: void((f / OUT).rename(f / "o.csv.gz")),
         change(STU, '"outcomes.csv"', '"o.csv.gz"')), file="o.csv.gz", says="is not gzip",
         remedy="without .gz"),
    Case(name="row with a value too many", harm=change(OUT, "S01,2016,", "S01,2016,9,"), file=OUT,
         row=3, found="5 values, header 4", says="more or fewer values", remedy="separator"),
    Case(name="row with a value too few", harm=change(MEM, "S02,T1,trust,", "S02,T1,"), file=MEM,
         row=3, found="5 values, header 6", says="more or fewer values", remedy="separator"),
    Case(name="header with a name too few", harm=change(OUT, "score,pupils", "score"), file=OUT,
         found="4 values, header 3", says="every row has more or fewer", remedy="line 1"),
    Case(name="no row of outcomes that can be used", harm=content(OUT,
         b"provider,year,score,pupils\n,2016,1,2\nS01,,3,4\n"), file=OUT, row=2,
         column="provider", says="the provider is missing", remedy="Fill it in", only=False),
    Case(name="quotation mark left open", harm=cell(MEM, 4, "collaboration", '"T1'), file=MEM,
         found="line 4", says="never closed", remedy="Close it"),
    Case(name="workbook", harm=content(OUT, b"PK\x03\x04" + b"\x00" * 40), file=OUT,
         says="spreadsheet workbook", remedy="CSV UTF-8"),
    Case(name="binary rubbish", harm=content(OUT, b"provider,year\nS01,\x00\x01\n"), file=OUT,
         found="a zero byte on line 2", says="bytes that no text has", remedy="CSV UTF-8"),
    Case(name="no known encoding", harm=content(OUT, b"provider,year\nS\x81,2016\n"), file=OUT,
         found="byte 0x81 on line 2", says="neither UTF-8 nor", remedy="CSV UTF-8"),
    Case(name="damaged parquet", harm=both(content("o.parquet", b"PAR1" + b"x" * 60 + b"PAR1"),
         change(STU, '"outcomes.csv"', '"o.parquet"')), file="o.parquet", says="Parquet file",
         remedy="save the table as CSV"),
    Case(name="line numbers under quoted line breaks", harm=both(
         cell(PRO, 3, "area", '"a\nb\nc"'), cell(PRO, 8, "latitude", "99")), file=PRO, row=8,
         column="latitude", found="99", says="outside -90 to 90", remedy="exchanged"),
    # --- the study file
    Case(name="not TOML", harm=change(STU, 'unit = "points"', "unit = points"), file=STU, row=19,
         found="unit = points", says="not valid TOML", remedy="quotation marks"),
    Case(name="unknown key", harm=change(STU, "few = 1", "fwe = 1"), file=STU, row=32,
         column="method.fwe", says="unknown key", remedy="Did you mean 'few'?"),
    Case(name="unknown table", harm=change(STU, "[weights]", "[wieghts]"), file=STU, row=27,
         column="wieghts", says="unknown key", remedy="Did you mean 'weights'?"),
    Case(name="unknown method", harm=change(STU, '"group-time"', '"grouptime"'), file=STU, row=31,
         column="method.name", found="grouptime", says="unknown method", remedy="'group-time'"),
    Case(name="unknown check", harm=change(STU, '"pre-trend"', '"pretrend"'), file=STU, row=35,
         column="checks[1].name", found="pretrend", says="unknown check", remedy="'pre-trend'"),
    Case(name="number in quotation marks", harm=change(STU, "draws = 99", 'draws = "99"'), file=STU,
         row=38, column="inference.draws", found="99", says="whole number",
         remedy="without quotation marks"),
    Case(name="out of range", harm=change(STU, "draws = 99", "draws = 9"), file=STU, row=38,
         column="inference.draws", found="9", says="from 99 to 100,000", remedy="Correct it"),
    Case(name="outcome not defined", harm=change(STU, 'outcome = "score"', 'outcome = "scor"'),
         file=STU, row=2, column="outcome", found="scor", says="not defined", remedy="'score'"),
    Case(name="arm not defined", harm=change(STU, 'arm = "trust"', 'arm = "trsut"'), file=STU,
         row=3, column="arm", found="trsut", says="not defined", remedy="'trust'"),
    Case(name="question missing", harm=change(STU, STUDY.split("\n")[0], ""), file=STU,
         column="question", says="is missing", remedy="in words"),
    Case(name="arm of two things", harm=change(STU, 'kinds = ["trust"]\n',
         'kinds = ["trust"]\nstatus = "academy"\n'), file=STU, row=21, column="arms.trust",
         says="one of the two", remedy="Correct it"),
    Case(name="kind that no data have", harm=both(change(STU, 'kinds = ["trust", "network"]', ""),
         change(STU, 'kinds = ["trust"]', 'kinds = ["turst"]')), file="study",
         column="arms.trust.kinds", found="turst", says="not in the data", remedy="'trust'"),
    Case(name="folder not there", harm=change(STU, "[data]\n", '[data]\nfolder = "nowhere"\n'),
         file="nowhere", says="folder does not exist", remedy="data.folder", only=False),
    Case(name="study file is not text", harm=content(STU, b"question = \"\xff\""), file=STU, row=1,
         found="byte 0xff", says="not UTF-8", remedy="Save it as UTF-8"),
)  # fmt: skip
