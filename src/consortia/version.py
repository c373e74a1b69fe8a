"""The version, in one place that needs no package metadata at run time."""

__version__ = "0.1.0"
