"""Effects of switching, for arms that may be left again: de Chaisemartin & D'Haultfoeuille (2024),
"Difference-in-differences estimators of intertemporal treatment effects", Review of Economics and
Statistics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from consortia.errors import NotIdentified
from consortia.estimators.flow import flow
from consortia.estimators.known import on_known_effects
from consortia.maths.influence import Influence
from consortia.maths.paths import moments
from consortia.panel import Arrays, FlowStep
from consortia.results import EffectKey, Fit
from consortia.specs import Switchers
from consortia.study import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_MANY_PATHS = 2048
"""With more distinct paths of exposure than this, each provider is taken by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Units:
    """Providers, or paths of providers that share stratum and exposure.

    ``V`` (U, T) outcome (mean), ``w`` (U,) weight, ``size`` (U,) providers, ``D`` (U, T) exposure,
    ``stratum`` (U,), ``first`` (U,) index of the first switch, T = never; ``seen`` (U, T).
    """

    V: Floats
    w: Floats
    size: Ints
    D: Bools
    stratum: Ints
    first: Ints
    seen: Bools

    @property
    def baseline(self) -> Bools:
        return self.D[:, 0]


@dataclass(slots=True)
class _Cell:
    """One group of switchers (stratum, baseline, first switch F) at one year t, against those of
    the same stratum and baseline that have not switched."""

    F: int
    t: int
    sign: float
    event: int
    mine: Ints
    theirs: Ints
    att: float = np.nan
    weight: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """``theta``; weights ``psi`` {cell: c} on the cells' influence, and ``own`` {cell:
    (U_mine,)} on the treated units themselves (from estimated shares and doses)."""

    key: EffectKey
    theta: float
    psi: dict[int, float]
    own: dict[int, Floats]
    cells: list[int]
    because: str = ""


def fit(arrays: Arrays, spec: Switchers, study: Study, rng: np.random.Generator) -> Fit:
    """Effects by years since the first switch (before it: placebos), the same per year of exposure
    gained, and averages. Raises NotIdentified. Takes no randomness."""
    units, path, M = _units(arrays)
    cells = _cells(arrays, units, spec)
    rows = _rows(arrays, units, cells, spec)
    head = [r.key.estimand for r in rows].index("per-exposed-year")
    if not np.isfinite(rows[head].theta):
        raise NotIdentified(rows[head].because)
    influence = (
        _dense(units, cells, rows)
        if path is None
        else _factored(arrays, units, cells, rows, path, M)
    )
    n_treated, n_control = _counts(units, cells, rows)
    return Fit(
        method="switchers",
        keys=tuple(r.key for r in rows),
        theta=_theta(rows),
        influence=influence,
        n_treated=n_treated,
        n_control=n_control,
        cautions=_cautions(rows, n_treated, n_control, spec),
        headline=head,
        small_sample="clusters",
        flow=_flow(arrays, units, cells, path, study),
        notes=_notes(arrays, units, spec),
    )


def truth(arrays: Arrays, spec: Switchers, study: Study, fit: Fit) -> Floats:
    """The same estimator on outcomes that are the known effect where exposed and 0 elsewhere."""

    def again(known: Arrays) -> Floats:
        units, _, _ = _units(known)
        return _theta(_rows(known, units, _cells(known, units, spec), spec))

    return on_known_effects(arrays, fit, again)


def _theta(rows: list[_Row]) -> Floats:
    return np.array([r.theta for r in rows])


def first_switch(D: Bools) -> Ints:
    """Index of the first year in which exposure differs from the first year's; T = never."""
    moved = D[:, 1:] != D[:, :1]
    return np.where(moved.any(axis=1), moved.argmax(axis=1) + 1, D.shape[1]).astype(np.int64)


def _units(arrays: Arrays):
    """Units, with the path (n,) and moments of each provider when units are paths."""
    Y, w, D, T = arrays.Y, arrays.w, arrays.held, arrays.T
    if np.isfinite(Y.sum()) and T <= 40:
        bits = D.astype(np.float64) @ 2.0 ** np.arange(T) + arrays.stratum * 2.0**T
        present, one, path = np.unique(bits, return_index=True, return_inverse=True)
        path = path.reshape(-1).astype(np.int64)
        if present.size <= _MANY_PATHS:
            weight = None if (w == w[0]).all() else w
            M = moments(Y, weight, path, present.size)
            units = _Units(
                V=M.mean, w=M.weight, size=M.size, D=D[one], stratum=arrays.stratum[one],
                first=first_switch(D[one]), seen=np.ones((present.size, T), dtype=np.bool_),
            )  # fmt: skip
            return units, path, M
    units = _Units(
        V=Y, w=w, size=np.ones(arrays.n, dtype=np.int64), D=D, stratum=arrays.stratum,
        first=first_switch(D), seen=np.isfinite(Y) & (w > 0)[:, None],
    )  # fmt: skip
    return units, None, None


def _cells(arrays: Arrays, u: _Units, spec: Switchers) -> list[_Cell]:
    years, T = arrays.years, arrays.T
    out: list[_Cell] = []
    for s in np.unique(u.stratum).tolist():
        for b in (False, True):
            if (spec.direction == "in" and b) or (spec.direction == "out" and not b):
                continue
            group = np.flatnonzero((u.stratum == s) & (u.baseline == b))
            first = u.first[group]
            for F in np.unique(first[first < T]).tolist():
                for t in range(T):
                    event = int(years[t] - years[F])
                    if t == F - 1 or (spec.horizons and abs(event + (t < F)) >= spec.horizons):
                        continue
                    # A placebo mirrors the effect as many years on, with the same comparison.
                    until = t if t >= F else 2 * (F - 1) - t
                    if until >= T:
                        continue
                    both = u.seen[group, t] & u.seen[group, F - 1]
                    mine, theirs = group[both & (first == F)], group[both & (first > until)]
                    cell = _Cell(
                        F=F, t=t, sign=-1.0 if b else 1.0, event=event, mine=mine, theirs=theirs
                    )
                    if mine.size and theirs.size:
                        change = _change(u, cell, mine)
                        moved = _change(u, cell, theirs)
                        cell.weight = float(u.w[mine].sum())
                        cell.att = cell.sign * float(
                            np.average(change, weights=u.w[mine])
                            - np.average(moved, weights=u.w[theirs])
                        )
                    out.append(cell)
    return out


def _change(u: _Units, cell: _Cell, units: Ints) -> Floats:
    return u.V[units, cell.t] - u.V[units, cell.F - 1]


def _dose(arrays: Arrays, u: _Units, cell: _Cell) -> Floats:
    """Years of exposure gained (or lost) by year t since the first switch, of the treated units;
    years that were not measured count as the next one that was."""
    span = np.diff(arrays.years, prepend=arrays.years[0] - 1).astype(np.float64)
    span[cell.F] = 1.0
    part = slice(cell.F, cell.t + 1)
    gained = u.D[cell.mine, part] != u.D[cell.mine, :1]
    return gained @ span[part]


def _rows(arrays: Arrays, u: _Units, cells: list[_Cell], spec: Switchers) -> list[_Row]:
    known = [k for k, c in enumerate(cells) if np.isfinite(c.att)]
    rows: list[_Row] = []
    events = sorted({c.event for c in cells})
    by_event = {e: [k for k, c in enumerate(cells) if c.event == e] for e in events}
    means = [_mean(u, cells, by_event[e], _key("dynamic", e)) for e in events]
    after = [k for k, c in enumerate(cells) if c.event == 0]
    rows += [r for r in means if (r.key.event_time or 0) < 0]
    rows.append(_Row(key=_key("dynamic", -1), theta=0.0, psi={}, own={}, cells=after))
    rows += [r for r in means if (r.key.event_time or 0) >= 0]
    later = [r for r in means if (r.key.event_time or 0) >= 0]
    rows += [_per_dose(arrays, u, cells, row) for row in later]
    post = [k for k, c in enumerate(cells) if c.t >= c.F]
    rows.append(_evenly(later, _key("dynamic-overall")))
    rows.append(_mean(u, cells, post, _key("simple")))
    rows.append(_per_year(u, cells, post, known))
    return rows


def _key(estimand: str, event: int | None = None) -> EffectKey:
    return EffectKey(estimand=estimand, event_time=event)


_NOBODY = "no switcher is seen then beside somebody of the same standing who has not switched"


def _mean(u: _Units, cells: list[_Cell], asked: list[int], key: EffectKey) -> _Row:
    """Mean over switchers, with the part of the influence from estimated shares."""
    found = [k for k in asked if np.isfinite(cells[k].att)]
    total = sum(cells[k].weight for k in found)
    if not found or total <= 0:
        return _Row(key=key, theta=np.nan, psi={}, own={}, cells=asked, because=_NOBODY)
    theta = sum(cells[k].weight * cells[k].att for k in found) / total
    return _Row(
        key=key,
        theta=theta,
        psi={k: cells[k].weight / total for k in found},
        own={k: np.full(cells[k].mine.size, (cells[k].att - theta) / total) for k in found},
        cells=found,
    )


def _per_dose(arrays: Arrays, u: _Units, cells: list[_Cell], row: _Row) -> _Row:
    """The effect divided by the mean years of exposure gained: a ratio, both sides estimated."""
    key = _key("dynamic-normalised", row.key.event_time)
    if not np.isfinite(row.theta):
        return replace(row, key=key)
    total = sum(cells[k].weight for k in row.cells)
    doses = {k: _dose(arrays, u, cells[k]) for k in row.cells}
    mean = sum(float(u.w[cells[k].mine] @ doses[k]) for k in row.cells) / total
    theta = row.theta / mean
    return _Row(
        key=key,
        theta=theta,
        psi={k: c / mean for k, c in row.psi.items()},
        own={k: (row.own[k] - theta * (doses[k] - mean) / total) / mean for k in row.cells},
        cells=row.cells,
    )


def _evenly(rows: list[_Row], key: EffectKey) -> _Row:
    found = [r for r in rows if np.isfinite(r.theta)]
    if not found:
        return _Row(key=key, theta=np.nan, psi={}, own={}, cells=[], because=_NOBODY)
    m = len(found)
    # Every cell belongs to one year since switching, so that nothing is added twice.
    return _Row(
        key=key,
        theta=sum(r.theta for r in found) / m,
        psi={k: c / m for r in found for k, c in r.psi.items()},
        own={k: o / m for r in found for k, o in r.own.items()},
        cells=[k for r in found for k in r.cells],
    )


def _per_year(u: _Units, cells: list[_Cell], post: list[int], known: list[int]) -> _Row:
    """Total effect over all years since switching by total exposure gained in those years."""
    key = _key("per-exposed-year")
    found = [k for k in post if k in set(known)]
    differs = {k: u.D[cells[k].mine, cells[k].t] != u.D[cells[k].mine, 0] for k in found}
    total = sum(float(u.w[cells[k].mine] @ differs[k]) for k in found)
    if total <= 0:
        return _Row(key=key, theta=np.nan, psi={}, own={}, cells=post, because=_NOBODY)
    theta = sum(cells[k].weight * cells[k].att for k in found) / total
    return _Row(
        key=key,
        theta=theta,
        psi={k: cells[k].weight / total for k in found},
        own={k: (cells[k].att - theta * differs[k]) / total for k in found},
        cells=found,
    )


def _parts(u: _Units, cell: _Cell) -> tuple[Floats, Floats, Floats, Floats]:
    """Lift of the change of treated and comparison units in the cell's influence, and the value
    that is taken off it: psi_i = w_i lift (change_i - off), for treated and for comparison."""
    up = np.full(cell.mine.size, cell.sign / cell.weight)
    down = np.full(cell.theirs.size, -cell.sign / float(u.w[cell.theirs].sum()))
    moved = float(np.average(_change(u, cell, cell.theirs), weights=u.w[cell.theirs]))
    mine = np.full(cell.mine.size, moved + cell.sign * cell.att)
    return up, mine, down, np.full(cell.theirs.size, moved)


def _dense(u: _Units, cells: list[_Cell], rows: list[_Row]) -> Influence:
    psi = np.zeros((u.w.size, len(rows)))
    for k, users in _users(rows).items():
        cell = cells[k]
        up, off, down, base = _parts(u, cell)
        mine = u.w[cell.mine] * up * (_change(u, cell, cell.mine) - off)
        theirs = u.w[cell.theirs] * down * (_change(u, cell, cell.theirs) - base)
        for r in users:
            psi[cell.mine, r] += rows[r].psi[k] * mine + u.w[cell.mine] * rows[r].own[k]
            psi[cell.theirs, r] += rows[r].psi[k] * theirs
    return Influence(psi=psi)


def _factored(
    arrays: Arrays, u: _Units, cells: list[_Cell], rows: list[_Row], path: Ints, M
) -> Influence:
    T = arrays.T
    B = np.zeros((u.w.size, len(rows), T + 1))
    for k, users in _users(rows).items():
        cell = cells[k]
        up, off, down, base = _parts(u, cell)
        for units, lift, less in ((cell.mine, up, off), (cell.theirs, down, base)):
            left = lift * (_change(u, cell, units) - less)
            for r in users:
                c = rows[r].psi[k]
                B[units, r, cell.t] += c * lift
                B[units, r, cell.F - 1] -= c * lift
                B[units, r, T] += c * left
        for r in users:
            B[cell.mine, r, T] += rows[r].own[k]
    w = arrays.w
    return Influence(
        Z=arrays.Y, path=path, B=B, centre=M.mean, scale=None if (w == w[0]).all() else w,
        moments=M.cross, order=(M.order, M.starts),
    )  # fmt: skip


def _users(rows: list[_Row]) -> dict[int, list[int]]:
    """Which rows use a cell."""
    out: dict[int, list[int]] = {}
    for r, row in enumerate(rows):
        for k in row.psi:
            out.setdefault(k, []).append(r)
    return out


def _counts(u: _Units, cells: list[_Cell], rows: list[_Row]) -> tuple[Ints, Ints]:
    def count(pick: Callable[[_Cell], Ints], row: _Row) -> int:
        hit = np.zeros(u.w.size, dtype=np.bool_)
        for k in row.cells:
            if np.isfinite(cells[k].att):
                hit[pick(cells[k])] = True
        return int(u.size[hit].sum())

    treated = [count(lambda c: c.mine, r) for r in rows]
    control = [count(lambda c: c.theirs, r) for r in rows]
    return np.array(treated, dtype=np.int64), np.array(control, dtype=np.int64)


def _cautions(
    rows: list[_Row], n_treated: Ints, n_control: Ints, spec: Switchers
) -> tuple[str, ...]:
    out: list[str] = []
    for r, row in enumerate(rows):
        if row.because:
            out.append(f"not identified, because {row.because}")
            continue
        if row.key.event_time == -1:
            out.append("reference year")
            continue
        parts: list[str] = []
        if n_treated[r] < spec.few:
            parts.append(f"fewer than {spec.few} treated")
            if n_treated[r] == 1:
                parts.append("one treated provider: no standard error")
        if n_control[r] < spec.few:
            parts.append(f"fewer than {spec.few} to compare with")
        out.append("; ".join(parts))
    return tuple(out)


def _flow(
    arrays: Arrays, u: _Units, cells: list[_Cell], path: Ints | None, study: Study
) -> tuple[FlowStep, ...]:
    used = np.zeros(u.w.size, dtype=np.bool_)
    for c in cells:
        if np.isfinite(c.att):
            used[c.mine] = used[c.theirs] = True
    mine = used if path is None else used[path]
    first = u.first if path is None else u.first[path]
    return flow(
        arrays,
        (
            (
                "switched, but cannot be compared",
                ~mine & (first < arrays.T),
                "not seen in both years of a comparison, or nobody of the same standing left",
            ),
            (
                "never switched, and cannot serve as comparison",
                ~mine,
                "nobody of the same standing in the first year switches",
            ),
        ),
        f"providers whose {study.arm_label} changes, and those of the same standing",
    )


def _notes(arrays: Arrays, u: _Units, spec: Switchers) -> tuple[str, ...]:
    notes = [
        "an effect by years since the first switch is that of the path taken since, stays and "
        "returns included; normalised, it is per year of exposure gained or lost"
    ]
    back = (np.diff(u.D.astype(np.int8), axis=1) != 0).sum(axis=1) > 1
    if back.any():
        notes.append(f"{int(u.size[back].sum()):,} providers switched more than once")
    if arrays.X_names or arrays.Z_names:
        notes.append("covariates are not used; hold arms, or use group-time")
    return tuple(notes)
