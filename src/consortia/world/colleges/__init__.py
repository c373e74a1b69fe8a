"""A sector of colleges that compete for staff and learners, and mechanisms they could share."""

from __future__ import annotations

from consortia.world.colleges.calibration import Calibration, Target, calibrate, target_table
from consortia.world.colleges.experiments import (
    Accounting,
    Tipping,
    accounting,
    factorial,
    tipping,
)
from consortia.world.colleges.frames import Handed, Selection, evaluator_panel, twin
from consortia.world.colleges.history import METRICS, History, Metric
from consortia.world.colleges.loops import LOOPS, Loop
from consortia.world.colleges.mechanisms import (
    MECHANISMS,
    Assurance,
    DominantAssurance,
    Federation,
    JointCampaign,
    LevyGrant,
    LooseNetwork,
    Mechanism,
    MechanismSpec,
    Merger,
    NoPoach,
    Nothing,
    PooledOutcomeFund,
    SharedPipeline,
    SharedPool,
    TransferFee,
    Unlawful,
    leaving,
    load_mechanisms,
    mechanism,
    names,
    parameter_names,
    with_members,
)
from consortia.world.colleges.parameters import (
    UNKNOWN,
    Parameter,
    Parameters,
    Sweep,
    described,
    parameters,
    sweeps,
)
from consortia.world.colleges.region import CAUTION, Region, embedded_region, make_region
from consortia.world.colleges.region_file import read_region, region_from_frame
from consortia.world.colleges.running import Start, opening, run
from consortia.world.colleges.schedule import SCHEDULE, Step
from consortia.world.colleges.schedule import as_text as schedule_text
from consortia.world.colleges.sector import CollegeSector

NAMES = names()

__all__ = [
    "CAUTION",
    "LOOPS",
    "MECHANISMS",
    "METRICS",
    "NAMES",
    "SCHEDULE",
    "UNKNOWN",
    "Accounting",
    "Assurance",
    "Calibration",
    "CollegeSector",
    "DominantAssurance",
    "Federation",
    "Handed",
    "History",
    "JointCampaign",
    "LevyGrant",
    "Loop",
    "LooseNetwork",
    "Mechanism",
    "MechanismSpec",
    "Merger",
    "Metric",
    "NoPoach",
    "Nothing",
    "Parameter",
    "Parameters",
    "PooledOutcomeFund",
    "Region",
    "Selection",
    "SharedPipeline",
    "SharedPool",
    "Start",
    "Step",
    "Sweep",
    "Target",
    "Tipping",
    "TransferFee",
    "Unlawful",
    "accounting",
    "calibrate",
    "described",
    "embedded_region",
    "evaluator_panel",
    "factorial",
    "leaving",
    "load_mechanisms",
    "make_region",
    "mechanism",
    "names",
    "opening",
    "parameter_names",
    "parameters",
    "read_region",
    "region_from_frame",
    "run",
    "schedule_text",
    "sweeps",
    "target_table",
    "tipping",
    "twin",
    "with_members",
]
