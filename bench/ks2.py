"""The whole command ``consortia evaluate`` on the England key stage 2 panel, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STUDY = ROOT / "examples" / "england-ks2" / "study.toml"
DATA = ROOT.parent / "shared" / "data" / "england_ks2"
OUTCOME, ARM = "maths_progress", "trust"


def command(arguments: list[str], env: dict[str, str]) -> tuple[float, float, float, int, str]:
    """CPU seconds, wall seconds, highest resident MB, exit code and stderr of one process."""
    with tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=err, env=env)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        err.seek(0)
        text = err.read().decode(errors="replace")
    mb = used.ru_maxrss * 1024 / 1e6
    return used.ru_utime + used.ru_stime, wall, mb, process.returncode, text


def whole_evaluate(env: dict[str, str]) -> dict[str, Any]:
    """Median of three runs (by CPU), beside what starting Python with the imports costs."""
    if not DATA.exists():
        return {"skipped": "the England panel is not beside the project"}
    if not STUDY.exists():
        return {"skipped": "examples/england-ks2/study.toml is not there"}
    bare = min(
        command([sys.executable, "-c", "import numpy, scipy.sparse, polars"], env) for _ in range(3)
    )
    runs: list[tuple[float, float, float]] = []
    with tempfile.TemporaryDirectory() as out:
        line = [sys.executable, "-m", "consortia", "evaluate", str(STUDY), "--data", str(DATA)]
        line += ["--outcome", OUTCOME, "--arm", ARM, "--out", out, "--quiet"]
        for _ in range(3):
            cpu, wall, mb, code, err = command(line, env)
            if code != 0:
                last = (err.strip().splitlines() or [""])[-1].replace(str(ROOT), ".")
                return {"skipped": f"exit code {code}: {last[:300]}"}
            runs.append((cpu, wall, mb))
        written = sum(p.stat().st_size for p in Path(out).rglob("*") if p.is_file())
    cpu, wall, mb = sorted(runs)[1]
    return {
        "study": f"{OUTCOME} x {ARM}",
        "cpu": cpu,
        "wall": wall,
        "peak_mb": mb,
        "imports_cpu": bare[0],
        "imports_mb": bare[2],
        "written_mb": written / 1e6,
    }
