"""Make the reference numbers again with R and compare them with those that the tests hold.

Needs Rscript with the package sandwich; says so and stops where it is not there.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TEST = HERE.parents[1] / "tests" / "reference" / "test_witness.py"
SCRIPTS = ("two_way.R", "group_time.R")
NUMBER = re.compile(r"-?\d+\.\d{6,}")


def main() -> int:
    rscript = shutil.which("Rscript")
    if rscript is None:
        print("Rscript is not installed: the numbers in tests/reference stand as they were made")
        return 0
    held = [float(x) for x in NUMBER.findall(TEST.read_text(encoding="utf-8"))]
    missing = 0
    for name in SCRIPTS:
        done = subprocess.run(
            [rscript, str(HERE / name)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"{name}: {done.stderr.strip()}", file=sys.stderr)
            return 1
        print(f"{name}\n{done.stdout}", end="")
        for found in map(float, NUMBER.findall(done.stdout)):
            if min(abs(found - x) for x in held) > 1e-11:
                missing += 1
                print(f"  {found:.15g} is not what {TEST.name} holds", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
