"""A small valid set of files that each broken case starts from."""

from pathlib import Path

YEARS = range(2015, 2020)
JOINED = {"S01": "2015-09-01", "S02": "2016-09-01", "S03": "2016-09-01", "S04": "2017-09-01",
          "S05": "01/09/2017", "S06": "01-09-2017"}  # fmt: skip
PROVIDERS = [f"S{k:02}" for k in range(1, 15)]

STUDY = """\
question = "Does joining {arm} raise {outcome}?"
outcome = "score"
arm = "trust"
alongside = ["academy"]

[data]
outcomes = "outcomes.csv"
providers = "providers.csv"
memberships = "memberships.csv"
statuses = "statuses.csv"
kinds = ["trust", "network"]
status_names = ["academy"]

[data.columns.memberships]
from = "joined"
to = "left"

[outcomes.score]
unit = "points"

[arms.trust]
kinds = ["trust"]

[arms.academy]
status = "academy"

[weights]
column = "pupils"

[method]
name = "group-time"
few = 1

[[checks]]
name = "pre-trend"

[inference]
draws = 99
"""


def write_valid(folder: Path) -> Path:
    """The files in ``folder``; returns the path of the study file."""
    outcomes = ["provider,year,score,pupils"]
    for k, provider in enumerate(PROVIDERS):
        for t, year in enumerate(YEARS):
            # Any smooth spread of numbers will do; nothing here is random.
            score = 50 + k + t + ((7 * k + 3 * t) % 5) / 2
            outcomes.append(f"{provider},{year},{score},{20 + k}")
    providers = ["provider,latitude,longitude,area"]
    providers += [f"{p},{50 + k / 10},{-1 - k / 10},A{k % 3}" for k, p in enumerate(PROVIDERS)]
    memberships = ["provider,collaboration,kind,joined,left,weight"]
    memberships += [f"{p},T1,trust,{day},,1" for p, day in JOINED.items()]
    memberships += ["S07,N1,network,2016-01-15,2018-07-31,0.5"]
    statuses = ["provider,status,since", "S01,academy,2015-09-01", "S08,academy,2014-09-01"]
    for name, lines in (
        ("outcomes.csv", outcomes),
        ("providers.csv", providers),
        ("memberships.csv", memberships),
        ("statuses.csv", statuses),
    ):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    study = folder / "study.toml"
    study.write_text(STUDY, encoding="utf-8")
    return study
