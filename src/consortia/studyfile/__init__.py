"""The study file: read it, describe it, write a first one."""

from consortia.studyfile.door import StudyFile, json_schema, read_study

__all__ = ["StudyFile", "json_schema", "read_study"]
