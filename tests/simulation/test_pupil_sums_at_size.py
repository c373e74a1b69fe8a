"""Thirty million pupil rows are reduced in bounded memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from consortia.streams import Streams

PART, PARTS, SCHOOLS = 5_000_000, 6, 5_000

MEASURE = """
import sys, threading, time
from consortia.sources.pupil_sums import pupil_sums
peak, stop = [0.0], [False]
def watch():
    while not stop[0]:
        for line in open("/proc/self/status"):
            if line.startswith("RssAnon"):
                peak[0] = max(peak[0], int(line.split()[1]) / 1e3)
        time.sleep(0.01)
thread = threading.Thread(target=watch)
thread.start()
sums = pupil_sums(sys.argv[1], by=("school",), outcome="score", columns=("prior", "fsm"))
stop[0] = True
thread.join()
print(peak[0], int(sums.frame["rows"].sum()), float(sums.frame["1*fsm"].sum()))
"""


def _measure(pattern: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, pattern], capture_output=True, text=True, check=True
    )
    return [float(v) for v in done.stdout.split()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs /proc to see memory")
def test_memory_does_not_grow_with_rows(tmp_path: Path) -> None:
    fsm = 0
    for k in range(PARTS):
        rng = Streams(3).at("size", k).rng()
        school = rng.integers(0, SCHOOLS, PART).astype(np.int32)
        flag = (rng.random(PART) < 0.3).astype(np.int8)
        fsm += int(flag.sum())
        prior = rng.standard_normal(PART).astype(np.float32)
        score = (0.5 * prior + rng.standard_normal(PART)).astype(np.float32)
        pl.DataFrame({"school": school, "prior": prior, "fsm": flag, "score": score}).write_parquet(
            tmp_path / f"{k}.parquet", row_group_size=250_000
        )
    small, rows, _ = _measure(str(tmp_path / "0.parquet"))
    assert rows == PART
    large, rows, seen = _measure(str(tmp_path / "*.parquet"))
    assert rows == PART * PARTS
    assert seen == fsm
    # Six times the rows: rows held in memory would be some 400 MB more.
    assert large < small + 200
