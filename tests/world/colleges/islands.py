"""Regions that are laid out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from consortia.world.colleges import Region, make_region


def island(first: int, count: int, east: float) -> dict[str, list[Any]]:
    """Colleges in a row, five kilometres apart, of different sizes."""
    return {
        "college": [f"C{k:02d}" for k in range(first, first + count)],
        "easting": [east + 5_000.0 * k for k in range(count)],
        "northing": [1_000.0 * (k % 3) for k in range(count)],
        "learners": [600 + 150 * k for k in range(count)],
        "kind": ["sixth form" if k % 5 == 4 else "general" for k in range(count)],
    }


def region_of(*islands: dict[str, list[Any]]) -> Region:
    joined = {key: [v for i in islands for v in i[key]] for key in islands[0]}
    return make_region(
        joined["college"],
        np.array(joined["easting"]),
        np.array(joined["northing"]),
        np.array(joined["learners"]),
        joined["kind"],
    )
