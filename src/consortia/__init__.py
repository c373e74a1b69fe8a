"""consortia: does working together work?

The public API, loaded on first use so that ``import consortia`` stays light:

>>> import consortia as co
>>> panel = co.simulate(co.SchoolSector(), co.Streams(7))
>>> answer = co.evaluate(co.sector_study(), panel)
>>> co.write_report(answer, "out")

Real data come in by ``read_study`` and ``read_panel`` (files) or ``panel_from_frames``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from consortia.version import __version__

_WHERE = {
    "appraise": "consortia.appraisal",
    "evaluate": "consortia.evaluation",
    "compare": "consortia.comparison",
    "Scenario": "consortia.scenario",
    "read_scenario": "consortia.studyfile",
    "Panel": "consortia.panel",
    "Study": "consortia.study",
    "Evaluation": "consortia.results",
    "Diagnosis": "consortia.diagnosis",
    "Appraise": "consortia.specs",
    "Streams": "consortia.streams",
    "METHODS": "consortia.estimators",
    "CHECKS": "consortia.sensitivity",
    "SchoolSector": "consortia.world",
    "simulate": "consortia.world",
    "sector_study": "consortia.world",
    "panel_from_frames": "consortia.sources",
    "read_panel": "consortia.sources",
    "read_study": "consortia.studyfile",
    "write_report": "consortia.report",
}

__all__ = ["__version__", *_WHERE]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'consortia' has no attribute {name!r}")
    module = import_module(_WHERE[name])
    value = getattr(module, "write" if name == "write_report" else name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from consortia.appraisal import appraise as appraise
    from consortia.comparison import compare as compare
    from consortia.diagnosis import Diagnosis as Diagnosis
    from consortia.estimators import METHODS as METHODS
    from consortia.evaluation import evaluate as evaluate
    from consortia.panel import Panel as Panel
    from consortia.report import write

    write_report = write
    from consortia.results import Evaluation as Evaluation
    from consortia.scenario import Scenario as Scenario
    from consortia.sensitivity import CHECKS as CHECKS
    from consortia.sources import panel_from_frames as panel_from_frames
    from consortia.sources import read_panel as read_panel
    from consortia.specs import Appraise as Appraise
    from consortia.streams import Streams as Streams
    from consortia.study import Study as Study
    from consortia.studyfile import read_scenario as read_scenario
    from consortia.studyfile import read_study as read_study
    from consortia.world import SchoolSector as SchoolSector
    from consortia.world import sector_study as sector_study
    from consortia.world import simulate as simulate
