"""Write docs/exam.md: every method on every named difficulty.

python scripts/simulation/exam.py [--worlds 60] [--seed 1] [--workers -1] [--write PAGE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from consortia.appraisal.exam import page, sit

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description="the standing exam")
    parser.add_argument("--worlds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=-1)
    parser.add_argument("--write", type=Path, default=ROOT / "docs" / "exam.md")
    options = parser.parse_args()
    papers = sit(options.worlds, seed=options.seed, workers=options.workers)
    options.write.write_text(page(papers, options.worlds, options.seed), encoding="utf-8")
    print(f"{options.write} written")


if __name__ == "__main__":
    main()
