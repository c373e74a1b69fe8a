"""The study file: read it, describe it, write a first one."""

from consortia.studyfile.door import StudyFile, json_schema, read_study
from consortia.studyfile.scenario import ScenarioFile, read_scenario
from consortia.studyfile.template import init, template

__all__ = [
    "ScenarioFile",
    "StudyFile",
    "init",
    "json_schema",
    "read_scenario",
    "read_study",
    "template",
]
