"""Simulated moments: the few numbers that nobody knows, set so that the sector shows what is known.

Source: McFadden (1989), "A method of simulated moments"; steps of Broyden (1965), "A class of
methods for solving nonlinear simultaneous equations". All runs share their luck, so that the
moments are nearly smooth in the parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consortia.errors import NotIdentified
from consortia.streams import Streams
from consortia.world.colleges.history import History
from consortia.world.colleges.parameters import Parameter, Parameters, described, targets
from consortia.world.colleges.running import run
from consortia.world.colleges.sector import CollegeSector

Floats = NDArray[np.float64]

FREE = ("staff.exit_scale", "staff.threshold", "staff.applicants")
"""Free by default: they set exits, moves and vacancies, in this order."""
FITTED = ("exit_rate", "move_rate", "vacancy_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What was wanted of the sector (with the range that would do) and what it shows."""

    name: str
    wanted: float
    low: float
    high: float
    got: float
    source: str
    does: str

    @property
    def met(self) -> bool:
        return self.low <= self.got <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The parameters found, every target with what it came to, and at what price."""

    parameters: Parameters
    changed: Mapping[str, float]
    fit: tuple[Target, ...]
    runs: int
    met: bool

    def __repr__(self) -> str:
        said = ", ".join(f"{k} = {v:.4g}" for k, v in self.changed.items())
        return f"Calibration({'met' if self.met else 'not met'} in {self.runs} runs\n  {said})"


def shown(history: History, name: str) -> float:
    """What a run shows of a target; NaN where it is too short."""
    if name.startswith("survival_"):
        return history.survival(int(name.removeprefix("survival_")))
    return history.mean("sector_vacancy_rate" if name == "vacancy_rate" else name)


def target_table(history: History, wanted: Sequence[Parameter] | None = None) -> tuple[Target, ...]:
    """Every target beside what this run shows."""
    return tuple(
        Target(
            name=p.name.removeprefix("targets."),
            wanted=p.value,
            low=p.low,
            high=p.high,
            got=shown(history, p.name.removeprefix("targets.")),
            source=f"{p.source} ({p.year})",
            does=p.does,
        )
        for p in (targets() if wanted is None else wanted)
    )


def calibrate(
    sector: CollegeSector,
    streams: Streams,
    wanted: Mapping[str, float] | None = None,
    free: Sequence[str] = FREE,
    *,
    runs: int = 30,
    within: float = 0.01,
) -> Calibration:
    """Values of the ``free`` parameters at which the sector shows ``wanted``.

    ``wanted`` names targets (default: exits, moves and vacancies of the default sector); the search
    ends when each is met ``within`` a share of itself, or after ``runs`` runs. It never leaves the
    ranges of the parameters. Raises NotIdentified for more free parameters than targets.
    """
    known = {p.name.removeprefix("targets."): p for p in targets()}
    goal = {name: known[name].value for name in FITTED} if wanted is None else dict(wanted)
    if len(free) > len(goal):
        raise NotIdentified(
            f"{len(free)} free parameters cannot be told apart by {len(goal)} targets"
        )
    ranges = {p.name: p for p in described()}
    low = np.log([max(ranges[f].low, 1e-6) for f in free])
    high = np.log([ranges[f].high for f in free])
    aim = np.array(list(goal.values()))
    done = 0
    last: History | None = None

    def off(x: NDArray[Any]) -> Floats:
        """Relative distance of every moment from its aim."""
        nonlocal done, last
        done += 1
        values = {f: float(np.exp(v)) for f, v in zip(free, x, strict=True)}
        changed = sector.parameters.with_values(values, wide=True)
        last = run(replace(sector, parameters=changed), streams)
        return np.array([shown(last, name) for name in goal]) / aim - 1

    x = np.clip(np.log([sector.parameters.get(f) for f in free]), low, high)
    r = off(x)
    best = (float(np.abs(r).max()), x, last)
    # First differences once, then what each step teaches.
    J = np.empty((r.size, x.size))
    for k in range(x.size):
        step = np.zeros(x.size)
        step[k] = 0.05 if x[k] + 0.05 <= high[k] else -0.05
        J[:, k] = (off(x + step) - r) / step[k]
    while best[0] > within and done < runs:
        move = np.clip(-np.linalg.lstsq(J, r, rcond=1e-6)[0], -0.3, 0.3)
        to = np.clip(x + move, low, high)
        move = to - x
        if np.abs(move).max() < 1e-9:
            break
        new = off(to)
        J += np.outer(new - r - J @ move, move) / (move @ move)
        x, r = to, new
        if np.abs(r).max() < best[0]:
            best = (float(np.abs(r).max()), x, last)
    values = {f: float(np.exp(v)) for f, v in zip(free, best[1], strict=True)}
    assert best[2] is not None
    fit = target_table(best[2])
    fit = tuple(replace(row, wanted=goal[row.name]) if row.name in goal else row for row in fit)
    return Calibration(
        parameters=sector.parameters.with_values(values, wide=True),
        changed=values,
        fit=fit,
        runs=done,
        met=best[0] <= within,
    )
