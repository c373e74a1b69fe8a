"""One case in one fresh process: load, warm up, measure, print JSON.

Called by run.py as ``python bench/one.py '{"row": ..., "task": ..., "n": ..., "limit": ...}'``;
refuses to measure unless threads are pinned to 1 in the environment: a second BLAS thread that
waits for a busy core costs CPU seconds that are not work.

Memory is the highest resident size during the first run less the resident size just before it
(library imported, data loaded, a small warm-up done, free memory given back). CPU seconds are
user + system of the work itself, children included.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import ours
import peers
from staggered import Staggered, long_frame, staggered

WARM_UP = 200
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
LONG = 5.0
"""CPU seconds beyond which a case is measured once instead of three times."""
SHORT = 0.1
"""CPU seconds below which it is measured nine times."""


def prepare(row: str, task: str, panel: Staggered) -> Callable[[], Any] | None:
    if row in ours.OURS:
        return ours.OURS[row](panel, task)
    work = peers.PEERS[row].get(task)
    if work is None:
        return None
    frame = long_frame(panel)
    return lambda: work(frame)


def read(row: str, result: Any) -> dict[str, tuple[float, float]]:
    if row.startswith("bound"):
        return result
    return ours.read_ours(result) if row in ours.OURS else peers.READ[row](result)


def cpu() -> float:
    me = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return me.ru_utime + me.ru_stime + children.ru_utime + children.ru_stime


def status(name: str) -> float:
    """VmRSS or VmHWM of this process in MB (10^6 bytes)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"/proc/self/status has no {name}")


def settle() -> float:
    """Give free memory back, put the high-water mark at the present size, return that size."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def allow(seconds: float) -> None:
    """From here at most so many CPU seconds; the kernel then ends the process (SIGXCPU)."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu() + seconds) + 1, hard))


def yardstick() -> float:
    """CPU seconds of a fixed piece of NumPy work: how far other load moves figures."""
    a = np.arange(2_000_000, dtype=float)
    start = cpu()
    for _ in range(10):
        a = np.sqrt(a * 1.0001 + 1.0)
    a.sum()
    return cpu() - start


def runs_for(first: float) -> int:
    """How often a case is run whose first run took so many CPU seconds."""
    return 1 if first > LONG else 3 if first > SHORT else 9


def measure(row: str, task: str, n: int, limit: float) -> dict[str, Any]:
    small = prepare(row, task, staggered(WARM_UP))
    if small is None:
        return {"skipped": "not the same work"}
    allow(limit)
    small()
    work = prepare(row, task, staggered(n))
    assert work is not None
    stick = [yardstick()]
    seconds: list[float] = []
    walls: list[float] = []
    memory = 0.0
    table: dict[str, tuple[float, float]] = {}
    convention = ""
    while not seconds or len(seconds) < runs_for(seconds[0]):
        before = settle()
        allow(limit)
        wall, start = time.perf_counter(), cpu()
        result = work()
        seconds.append(cpu() - start)
        walls.append(time.perf_counter() - wall)
        if len(seconds) == 1:
            memory = status("VmHWM") - before
            table = read(row, result)
            # What the result itself says of its standard errors, never what this file believes.
            convention = getattr(result, "convention", "")
        del result
    return {
        "cpu": statistics.median(seconds),
        "wall": statistics.median(walls),
        "memory": memory,
        "runs": [round(s, 5) for s in seconds],
        "yardstick": [stick[0], yardstick()],
        "table": table,
        "convention": convention,
    }


def versions(row: str) -> dict[str, str]:
    names = ["numpy", "scipy", "pandas"]
    names += ["consortia", "polars"] if row.startswith("consortia") else []
    names += [peers.PACKAGES[row]] if row in peers.PACKAGES else []
    out: dict[str, str] = {}
    for name in names:
        if name == "consortia":
            from consortia.version import __version__

            out[name] = __version__
        else:
            out[name] = version(name)
    return out


def main() -> None:
    warnings.simplefilter("ignore")
    if any(os.environ.get(name) != "1" for name in THREADS):
        raise SystemExit("pin every library to one thread first: " + ", ".join(THREADS))
    case = json.loads(sys.argv[1])
    found = measure(case["row"], case["task"], case["n"], case["limit"])
    found["versions"] = versions(case["row"])
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
