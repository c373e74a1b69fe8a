"""Bias, coverage and power of every method on many embedded sectors.

    python scripts/simulation/coverage.py [--worlds 200] [--providers 1200] [--write PAGE]

PAGE is docs/methods/coverage.md where not given. World k is ``Streams(10_000 + k)``, so that any
row can be made again, whatever the number of workers.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from consortia.estimators.estimate import estimate
from consortia.specs import GroupTime, Inference, RawGap, TwoWay
from consortia.streams import Streams
from consortia.study import Study
from consortia.world import SchoolSector, sector_study, simulate
from consortia.world.sector import Competition, TrustEffect

ROOT = Path(__file__).resolve().parents[2]
FIRST_SEED = 10_000


def questions() -> Mapping[str, Study]:
    """The same question by each method and with each right choice left out in turn."""
    right = sector_study().with_(inference=Inference(draws=0), alongside=())
    alone = right.with_(hold=(), covariates=())

    def by(adjust: str) -> GroupTime:
        return GroupTime(anticipation=1, adjust=adjust)  # pyright: ignore[reportArgumentType]

    return {
        "raw-gap": alone.with_(method=RawGap()),
        "two-way": alone.with_(method=TwoWay()),
        "two-way, autonomy held": right.with_(method=TwoWay(), covariates=()),
        "group-time, nothing else": alone.with_(method=GroupTime()),
        "group-time, autonomy not held": right.with_(hold=()),
        "group-time, base year in the dip": right.with_(method=GroupTime()),
        "group-time, no covariates": right.with_(covariates=()),
        "group-time, right": right,
        "group-time, right, never-joiners": right.with_(comparison="never"),
        "group-time, right, regression": right.with_(method=by("regression")),
        "group-time, right, weighting": right.with_(method=by("weighting")),
    }


def sectors(providers: int) -> Mapping[str, SchoolSector]:
    """The sector as it is; without an effect of joining; with nothing but that effect."""
    whole = SchoolSector(providers=providers)
    return {
        "as it is": whole,
        "joining does nothing": replace(whole, trust=TrustEffect(first=0.0, growth=0.0)),
        "nothing else changes": replace(
            whole,
            selection=replace(whole.selection, dip=0.0),
            autonomy=replace(whole.autonomy, effect=0.0),
            competition=Competition(effect=0.0),
            results=replace(whole.results, trend=0.0),
        ),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One method over all worlds; ``mc`` is the Monte Carlo standard error of what it stands by."""

    method: str
    truth: float
    mean: float
    bias: float
    bias_mc: float
    rmse: float
    spread: float
    std_error: float
    coverage: float
    coverage_mc: float
    power: float
    joiners: float
    worlds: int


def one_world(seed: int, sector: SchoolSector, names: tuple[str, ...]) -> np.ndarray:
    """(methods, 6): estimate, standard error, truth, low, high, joiners in the answer."""
    panel = simulate(sector, Streams(seed))
    asked = questions()
    rows: list[list[float]] = []
    for name in names:
        study = asked[name]
        row = estimate(panel.arrays(study), study, Streams(seed).at("inference").rng()).row()
        rows.append(
            [row[c] for c in ("estimate", "std_error", "truth", "low", "high", "n_treated")]
        )
    return np.array(rows, dtype=float)


def many_worlds(
    worlds: int, sector: SchoolSector, names: tuple[str, ...] = (), workers: int = 1
) -> dict[str, Line]:
    """Each named question (all if none is named) on ``worlds`` worlds of the sector."""
    names = names or tuple(questions())
    seeds = range(FIRST_SEED, FIRST_SEED + worlds)
    run = partial(one_world, sector=sector, names=names)
    if workers > 1:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            found = np.stack(list(pool.map(run, seeds, chunksize=5)))
    else:
        found = np.stack([run(seed) for seed in seeds])
    return {name: _line(name, found[:, k]) for k, name in enumerate(names)}


def _line(name: str, rows: np.ndarray) -> Line:
    estimates, errors, truth, low, high, joiners = rows.T
    off = estimates - truth
    held = (low <= truth) & (truth <= high)
    n = len(rows)
    coverage = float(held.mean())
    return Line(
        method=name,
        truth=float(truth.mean()),
        mean=float(estimates.mean()),
        bias=float(off.mean()),
        bias_mc=float(off.std(ddof=1) / np.sqrt(n)),
        rmse=float(np.sqrt((off**2).mean())),
        spread=float(off.std(ddof=1)),
        std_error=float(errors.mean()),
        coverage=coverage,
        coverage_mc=float(np.sqrt(coverage * (1 - coverage) / n)),
        power=float(((low > 0) | (high < 0)).mean()),
        joiners=float(joiners.mean()),
        worlds=n,
    )


def table(lines: Mapping[str, Line]) -> str:
    """Markdown."""
    head = (
        "method", "true effect", "mean estimate", "bias (MC error)", "RMSE", "SD of error",
        "mean SE", "coverage of 95 % intervals (MC error)", "interval excludes 0", "joiners used",
    )  # fmt: skip
    rows = [
        (
            line.method,
            f"{line.truth:.2f}",
            f"{line.mean:.2f}",
            f"{line.bias:+.3f} ({line.bias_mc:.3f})",
            f"{line.rmse:.2f}",
            f"{line.spread:.2f}",
            f"{line.std_error:.2f}",
            f"{line.coverage:.3f} ({line.coverage_mc:.3f})",
            f"{line.power:.2f}",
            f"{line.joiners:.0f}",
        )
        for line in lines.values()
    ]
    return _markdown(head, rows, words=1)


def _markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], words: int) -> str:
    """A table whose first ``words`` columns are words and whose others are numbers."""
    rule = ("---",) * words + ("---:",) * (len(head) - words)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def page(lines: Mapping[str, Line], apart: Mapping[str, Mapping[str, Line]], providers: int) -> str:
    worlds = next(iter(lines.values())).worlds
    last, error = FIRST_SEED + worlds - 1, np.sqrt(0.95 * 0.05 / worlds)
    return f"""# Coverage on embedded sectors

{worlds} worlds of the [embedded sector](embedded-sector.md) with {providers:,} schools each
(seeds {FIRST_SEED:,} to {last:,}), in points (a pupil's standard deviation is 10). Made by
`make coverage-table`; `make test-slow` asserts it. The Monte Carlo error of a coverage of 0.95 is
{error:.3f}.

"True effect" is the mean known effect over the exposed provider-years that a method uses; for
group-time it is what the method makes of the known effects alone, on the providers that it uses.

{table(lines)}

How to read it:

* **raw-gap** has the wrong sign: schools with weak leadership and poor intakes join, and the gap
  was there before.
* **two-way** takes the recovery from the dip, the autonomy that came on the same day and the trend
  of disadvantaged schools for the trust's work, and subtracts what earlier joiners go on to gain
  when it compares later ones with them. Holding autonomy removes one of these errors only.
* **group-time** alone is no better: each right choice left out moves the answer by what that choice
  is for.
* **group-time, right** holds autonomy, takes its base year before the dip and compares like
  intakes.

## The errors apart

The same schools, joining for the same reasons, where joining does nothing, and where nothing but
joining matters for how results change ({apart_worlds(apart)} worlds each).

{apart_table(apart)}

Where joining does nothing, two-way still reports a gain; where joining is all there is, it reports
too little. In the sector as it is the two errors partly cancel, which is luck and not a property.
"""


def apart_worlds(apart: Mapping[str, Mapping[str, Line]]) -> int:
    return next(iter(next(iter(apart.values())).values())).worlds


def apart_table(apart: Mapping[str, Mapping[str, Line]]) -> str:
    head = ("sector", "method", "true effect", "mean estimate", "bias (MC error)", "coverage")
    rows = [
        (
            sector,
            line.method,
            f"{line.truth:.2f}",
            f"{line.mean:.2f}",
            f"{line.bias:+.3f} ({line.bias_mc:.3f})",
            f"{line.coverage:.2f}",
        )
        for sector, lines in apart.items()
        for line in lines.values()
    ]
    return _markdown(head, rows, words=2)


def main() -> None:
    parser = argparse.ArgumentParser(description="bias, coverage and power on embedded sectors")
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--providers", type=int, default=1_200)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write", type=Path, default=ROOT / "docs" / "methods" / "coverage.md")
    options = parser.parse_args()
    worlds, workers = options.worlds, options.workers
    kinds = sectors(options.providers)
    lines = many_worlds(worlds, kinds["as it is"], workers=workers)
    names = ("raw-gap", "two-way", "group-time, right")
    apart = {
        kind: many_worlds(max(worlds // 2, 2), sector, names, workers)
        for kind, sector in kinds.items()
    }
    text = page(lines, apart, options.providers)
    print(table(lines), apart_table(apart), sep="\n\n")
    options.write.parent.mkdir(parents=True, exist_ok=True)
    options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
