"""Worlds in chunks, here or in workers: joblib's processes, or a cluster behind its backends.

A chunk is a design and the numbers of some worlds. The plan travels as one string of bytes that is
unpacked once in each worker, so that what is sent with a chunk costs a copy and no more.
"""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Iterator, Sequence

from consortia.appraisal.designs import Design, Plan
from consortia.appraisal.worlds import Bench, Run, Todo, answers
from consortia.errors import DataInvalid, Problem

Chunk = tuple[Design, tuple[Todo, ...]]

_BENCHES: dict[str, Bench] = {}
"""The plan that this worker is at, unpacked."""


def chunks(
    plan: Plan, done: set[tuple[int, int, float, int, str]], workers: int | None
) -> list[Chunk]:
    """What is still to be run. The first worlds of all designs come before the last ones of any, so
    that a run that is stopped has something to say about each."""
    wide = _width(workers)
    methods = [study.method.name for study in plan.studies]
    per_design: list[list[Chunk]] = []
    for design in plan.designs:
        todo: list[Todo] = []
        for world in range(plan.spec.worlds):
            pairs = tuple(
                (effect, name)
                for effect in plan.effects
                for name in methods
                if (design.providers, design.years, effect, world, name) not in done
            )
            if pairs:
                todo.append((world, pairs))
        size = max(1, min(25, -(-len(todo) // (8 * wide))))
        per_design.append([(design, tuple(todo[k : k + size])) for k in range(0, len(todo), size)])
    out: list[Chunk] = []
    for k in range(max(map(len, per_design), default=0)):
        out += [mine[k] for mine in per_design if k < len(mine)]
    return out


def _width(workers: int | None) -> int:
    """How many work at once: so that chunks are small enough for all to have some."""
    if workers == 1 or (workers is None and "joblib" not in sys.modules):
        return 1
    try:
        return max(int(importlib.import_module("joblib").effective_n_jobs(workers)), 1)
    except ImportError:
        return 1


def run(plan: Plan, todo: Sequence[Chunk], workers: int | None) -> Iterator[list[Run]]:
    """The answers chunk by chunk, in the order in which they come.

    ``workers``: processes (negative: all but so many less one, as joblib counts); None takes what
    ``joblib.parallel_config`` says, which is one where nobody said anything. Raises DataInvalid
    where workers are asked for and joblib is not there.
    """
    # Nobody can have set up a backend without having loaded joblib.
    if workers == 1 or (workers is None and "joblib" not in sys.modules):
        bench = Bench(plan)
        for design, worlds in todo:
            yield answers(bench, design, worlds)
        return
    try:
        joblib = importlib.import_module("joblib")
    except ImportError:
        raise DataInvalid(
            [
                Problem(
                    column="--workers",
                    found=str(workers),
                    problem="several workers need the library joblib, which is not installed",
                    remedy="Install joblib, or use one worker",
                )
            ]
        ) from None
    packed = pickle.dumps(plan, protocol=pickle.HIGHEST_PROTOCOL)
    digest = plan.digest + "/" + "/".join(study.digest for study in plan.studies)
    pool = joblib.Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)
    yield from pool(
        joblib.delayed(_in_worker)(packed, digest, design, worlds) for design, worlds in todo
    )


def _in_worker(packed: bytes, digest: str, design: Design, worlds: tuple[Todo, ...]) -> list[Run]:
    bench = _BENCHES.get(digest)
    if bench is None:
        _BENCHES.clear()
        bench = _BENCHES[digest] = Bench(pickle.loads(packed))
    return answers(bench, design, worlds)
