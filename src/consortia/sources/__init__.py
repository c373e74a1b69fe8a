"""Real files and data frames in, a Panel out."""

from consortia.sources.panels import panel_from_frames, read_panel

__all__ = ["panel_from_frames", "read_panel"]
