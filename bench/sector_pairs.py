"""1,000 pairs of 20 years of 218 colleges: what some pairs take on two processes, and what a
thousand would.

``python bench/sector_pairs.py --pairs 20 --workers 2``: nine of 218 colleges, with a shared pool
and without, burn-in of ten years shared by the pair.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from dataclasses import replace

from consortia.comparison.asking import setting
from consortia.comparison.runs import NONE, Draws
from consortia.scenario import GroupAsked, MechanismAsked, RunsAsked, Scenario, SectorAsked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    scenario = Scenario(
        mechanisms=(MechanismAsked(name="shared-pool"),),
        sector=SectorAsked(colleges=218, years=20, burn_in=10),
        group=GroupAsked(size=9),
        runs=RunsAsked(workers=asked.workers),
    )
    at = setting(scenario)
    draws = Draws(setting=at, root=7, workers=asked.workers)
    arms = {NONE: (), **at.arms}
    # Start the processes and load what they need, apart from the measured pairs.
    Draws(setting=replace(at), root=8, workers=asked.workers).reach(
        arms, asked.workers, lambda k: None
    )
    began, busy = time.perf_counter(), time.process_time()
    draws.reach(arms, asked.pairs, lambda k: None)
    took = time.perf_counter() - began
    peak = [
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    kept = sum(
        getattr(k, name).nbytes
        for arm in draws.arms.values()
        for k in arm
        for name in ("surplus", "worth", "achievers", "vacancies", "group", "sector", "series")
    )
    print(
        json.dumps(
            {
                "pairs": asked.pairs,
                "workers": asked.workers,
                "seconds": round(took, 1),
                "a_thousand_pairs_minutes": round(took / asked.pairs * 1000 / 60, 1),
                "cpu_s_of_this_process": round(time.process_time() - busy, 1),
                "peak_mb_self": round(peak[0]),
                "kept_kb_a_pair": round(kept / asked.pairs / 1024, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
