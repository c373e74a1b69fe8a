"""The panel that an evaluator would see, as files, with the truth in a folder apart."""

from __future__ import annotations

import json
from pathlib import Path

from consortia.report.files import write_whole
from consortia.world.colleges.frames import Handed

STUDY = """# What an evaluator would see of a simulated sector of colleges. {caution}
# The truth stands apart, in truth/, and is not read by this study.

question = {question}
outcome = "achievement"
arm = "mechanism"
comparison = "not-yet"

[data]
outcomes = "outcomes.csv"
providers = "providers.csv"
memberships = "memberships.csv"

[outcomes.achievement]
unit = "points"
sd = 10.0

[arms.mechanism]
label = {kind}
kinds = [{kind}]

[exposure]
leavers = "censor"

[method]
name = "group-time"
aggregate = "simple"
"""


def write_handed(handed: Handed, folder: Path) -> Path:
    """Write outcomes, providers, memberships and a study file into ``folder``, and what is true
    into ``folder``/truth: effects on members, and on those outside. Returns the study file.

    Raises OSError where the folder cannot be written.
    """
    panel, study = handed.panel, handed.study
    assert panel.truth is not None
    kind = study.arms[study.arm].label or study.arm
    spells = panel.memberships.drop("first_seen", "last_seen", "weight", strict=False)
    text = STUDY.format(
        caution="Not England.",
        question=json.dumps(study.question),
        kind=json.dumps(kind),
    )
    files = {
        "study.toml": text,
        "outcomes.csv": panel.outcomes.write_csv(),
        "providers.csv": panel.providers.write_csv(),
        "memberships.csv": spells.write_csv(),
        "truth/members.csv": panel.truth.write_csv(),
        "truth/spill-over.csv": handed.spill_over.write_csv(),
    }
    write_whole({folder / name: body for name, body in files.items()})
    return folder / "study.toml"
