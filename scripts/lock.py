"""Resolve requirements/*.lock from pyproject.toml, for every platform and Python, with hashes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

for group in ("run", "dev"):
    subprocess.run(
        [
            sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--group", group,
            "--universal", "--generate-hashes", "--no-emit-index-url", "--no-annotate",
            "--no-header", "--python-version", "3.11", "-q", *sys.argv[1:],
            "-o", f"requirements/{group}.lock",
        ],
        cwd=ROOT,
        check=True,
    )  # fmt: skip
    print(f"requirements/{group}.lock written")
