"""One case in one fresh process: load, warm up, measure, print JSON.

Every bench of estimates and checks measures by ``timed``, is asked through ``alone`` and answers
through ``answer``. run.py's own cases are ``python bench/one.py '{"row": ..., "task": ..., "n":
..., "limit": ...}'``. A process refuses to measure unless threads are pinned to 1 in the
environment: a second BLAS thread that waits for a busy core costs CPU seconds that are not work.

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
import signal
import statistics
import subprocess
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

ROOT = Path(__file__).resolve().parents[1]
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
NO_MEMORY = "ended by the system (memory)"


def environment() -> dict[str, str]:
    """One thread for everything; the source tree first, so that no old installation is measured."""
    path = [str(ROOT / "src")] + [p for p in [os.environ.get("PYTHONPATH", "")] if p]
    return {
        **os.environ,
        **dict.fromkeys(THREADS, "1"),
        "PYTHONPATH": os.pathsep.join(path),
        "TQDM_DISABLE": "1",
        "PYTHONWARNINGS": "ignore",
    }


def alone(arguments: list[str], limit: float) -> dict[str, Any]:
    """What a fresh Python with these arguments says of its case; too slow, too large or failed is
    a result too."""
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            env=environment(),
            timeout=20 * limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"over": limit}
    if done.returncode == -signal.SIGXCPU:
        return {"over": limit}
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        last = lines[-1].replace(str(ROOT), ".") if lines else f"exit code {done.returncode}"
        killed = done.returncode in (-signal.SIGKILL, -signal.SIGABRT)
        memory = killed or "MemoryError" in last or "allocate" in last
        return {"failed": NO_MEMORY if memory else last[:300]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def answer(case: str, measure: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Measure the case in this process, which ``alone`` has started, and print what is found."""
    warnings.simplefilter("ignore")
    if any(os.environ.get(name) != "1" for name in THREADS):
        raise SystemExit("pin every library to one thread first: " + ", ".join(THREADS))
    print("\n" + json.dumps(measure(json.loads(case))))


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


def timed(
    work: Callable[[], Any], limit: float, look: Callable[[Any], dict[str, Any]]
) -> dict[str, Any]:
    """Seconds and memory of ``work``, at most ``limit`` CPU seconds a run, and what ``look`` sees
    in the result of the first."""
    stick = [yardstick()]
    seconds: list[float] = []
    walls: list[float] = []
    memory = 0.0
    seen: dict[str, Any] = {}
    while not seconds or len(seconds) < runs_for(seconds[0]):
        before = settle()
        allow(limit)
        wall, start = time.perf_counter(), cpu()
        result = work()
        seconds.append(cpu() - start)
        walls.append(time.perf_counter() - wall)
        if len(seconds) == 1:
            memory = status("VmHWM") - before
            seen = look(result)
        del result
    return {
        "cpu": statistics.median(seconds),
        "wall": statistics.median(walls),
        "memory": memory,
        "runs": [round(s, 5) for s in seconds],
        "yardstick": [*stick, yardstick()],
        **seen,
    }


def measure(case: dict[str, Any]) -> dict[str, Any]:
    """One of run.py's cases, in the process that it has for itself."""
    row, task = case["row"], case["task"]
    small = prepare(row, task, staggered(WARM_UP))
    if small is None:
        return {"skipped": "not the same work", "versions": versions(row)}
    allow(case["limit"])
    small()
    work = prepare(row, task, staggered(case["n"]))
    assert work is not None

    def look(result: Any) -> dict[str, Any]:
        # What the result itself says of its standard errors, never what this file believes.
        return {"table": read(row, result), "convention": getattr(result, "convention", "")}

    return {**timed(work, case["limit"], look), "versions": versions(row)}


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


if __name__ == "__main__":
    answer(sys.argv[1], measure)
