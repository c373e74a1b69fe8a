"""A small invented country: the published layouts with their traps, every number known."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

FILES = {
    # 100001 stays; 100002 converts to 140002 before the results of 2018; 100003 and 100004 merge
    # into 140005; 100006 converts to 140006 after the last results; 100009 is withheld.
    "performance/ks4_2017.csv.gz": """URN,KS4 Pupils,Progress 8,Attainment 8,Academic Year
100001,100,0.10,50.0,2017
100002,80,-0.20,45.5,2017
100003,60,0.00,46.0,2017
100004,40,0.30,48.0,2017
100006,120,0.50,55.0,2017
100009,,,,2017
""",
    "performance/ks4_2018.csv.gz": """URN,KS4 Pupils,Progress 8,Attainment 8,Academic Year
100001,101,0.11,50.1,2018
100002,,,,2018
140002,81,-0.10,46.5,2018
140005,99,0.05,47.0,2018
100006,121,0.51,55.1,2018
100009,30,,40.0,2018
""",
    "performance/england_ks4final_2019.csv.gz": (
        "RECTYPE,URN,SCHNAME,PCODE,P8MEA,ATT8SCR,PTL2BASICS_95,SCHTYPE,LATITUDE,LONGITUDE\n"
        "1,100001,Ash,AB1 2CD,0.12,50.2,40%,Maintained school,51.5,-0.1\n"
        "1,140002,Birch,AB1 2CE,0.00,47.5,35.5%,Academy,51.6,-0.2\n"
        "1,140005,Cedar,AB1 2CF,LOWCOV,47.1,33%,Academy,51.7,-0.3\n"
        "1,100006,Dogwood,AB1 2CG,0.52,55.2,60%,Maintained school,51.8,-0.4\n"
        "2,100009,Elm,AB1 2CH,SUPP,SUPP,NE,Special school,51.9,-0.5\n"
        "4,,,,0.01,46.7,43%,,,\n"
        "7,NAT,,,0.00,46.7,43%,,,\n"
    ),
    "performance/england_ks4provisional_2019.csv.gz": (
        "RECTYPE,LEA,URN,NFTYPE,TPUP,P8PUP,P8MEA,ATT8SCR\n"
        "1,201,100001,CY,102,98,0.99,99.9\n"
        "1,201,140002,ACC,82,80,0.01,47.6\n"
        "1,202,140005,ACC,NA,NA,NA,NA\n"
        "1,202,100006,CY,122,120,0.53,55.3\n"
        "1,202,100777,CY,55,50,0.20,44.0\n"
        "5,,,,9999,9000,0.0,46.7\n"
    ),
    "gias/establishment_links_2022-07.csv.gz": (
        ",URN,LinkURN,LinkName,LinkType,LinkEstablishedDate\n"
        "0,140002,100002,Birch,Predecessor,2017-09-01\n"
        "1,100002,140002,Birch,Successor,2017-09-01\n"
        "2,140005,100003,Cedar,Predecessor,2017-09-01\n"
        "3,140005,100004,Cedar,Predecessor,2017-09-01\n"
        "4,100006,140006,Dogwood,Successor,2021-04-01\n"
        "5,140006,100999,Fir,Predecessor - merged,\n"
    ),
    "gias/grouplinks_academies_2017-01.csv.gz": (
        "URN,Linked UID,Group Name,Group Type,Joined date\n"
        "140005,500,Oak Trust,Multi-academy trust,01-09-2016\n"
    ),
    "gias/group_links_2022-07.csv.gz": (
        ",URN,Group UID,Group Name,Group Type,Joined date,LA (code),PhaseOfEducation (name)\n"
        "0,140002,501,Pine Trust,Multi-academy trust,2017-09-01,201,Secondary\n"
        "1,140002,600,Pine Sponsor,School sponsor,2018-01-15,201,Secondary\n"
        "2,140005,502,Yew Trust,Multi-academy trust,2020-02-01,202,All-through\n"
        "3,140006,501,Pine Trust,Multi-academy trust,2021-04-01,202,Secondary\n"
        "4,100001,700,Ash Federation,Federation,1900-01-01,201,Secondary\n"
        "5,100001,800,Ash Centre,Children's Centres Group,1900-01-01,201,Not applicable\n"
    ),
    "gias/groups_2022-07.csv.gz": (
        "Group UID,Group Name,Group Type,Closed Date\n"
        "500,Oak Trust,Multi-academy trust,2020-01-31\n"
        "501,Pine Trust,Multi-academy trust,\n"
    ),
    "performance/england_census_2019.csv.gz": (
        "URN,LA,NOR,PNUMEAL,PNUMFSMEVER\n"
        "100001,201,900,10.5,20\n"
        "140002,201,NA,NA,NA\n"
        "NAT,NAT,8000000,20,20\n"
    ),
    "performance/la_and_region_codes_meta_2019.csv.gz": (
        "LEA,LA Name,REGION,REGION NAME\n201,Northshire,1,North\n202,Southshire,2,South\n"
    ),
    "notes.csv": "a,b\n1,2\n",
}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = text.encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder


@pytest.fixture
def change(raw: Path) -> Callable[[str, str, str], None]:
    """Replace a piece of text in one file of the folder; the piece must be there."""

    def do(name: str, old: str, new: str) -> None:
        path = raw / name
        text = gzip.decompress(path.read_bytes()).decode()
        assert old in text
        path.write_bytes(gzip.compress(text.replace(old, new).encode()))

    return do
