"""Real files and data frames in, a Panel out."""

from consortia.sources.look import inspect_folder
from consortia.sources.panels import panel_from_frames, read_panel
from consortia.sources.summary import DataSummary, check_data, summarise

__all__ = [
    "DataSummary",
    "check_data",
    "inspect_folder",
    "panel_from_frames",
    "read_panel",
    "summarise",
]
