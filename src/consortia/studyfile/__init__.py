"""The study file: read it, describe it, write a first one."""

from consortia.studyfile.door import StudyFile, json_schema, read_study
from consortia.studyfile.template import init, template

__all__ = ["StudyFile", "init", "json_schema", "read_study", "template"]
