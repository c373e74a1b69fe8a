"""Published tables of English schools in, tidy tables of a panel out."""

from consortia.sources.published.gathering import Gathered, gather
from consortia.sources.published.layouts import PHASES
from consortia.sources.published.writing import write_gathered

__all__ = ["PHASES", "Gathered", "gather", "write_gathered"]
