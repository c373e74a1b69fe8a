"""Local projections difference-in-differences (Dube, Girardi, Jordà & Taylor 2025): each horizon
its own regression of long changes, joiners against those who have not joined by then."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from consortia.errors import NotIdentified
from consortia.estimators.flow import early, flow
from consortia.estimators.known import on_known_effects
from consortia.maths.influence import Influence
from consortia.maths.paths import Moments, moments, path_codes
from consortia.panel import Arrays, FlowStep
from consortia.results import EffectKey, Fit
from consortia.specs import LocalProjection
from consortia.study import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Units:
    """Providers, or paths of them (stratum and cohort): ``V`` (U, T) outcome, ``w`` (U,) weight,
    ``size`` (U,) providers, ``cohort``, ``stratum`` (U,), ``seen`` (U, T)."""

    V: Floats
    w: Floats
    size: Ints
    cohort: Ints
    stratum: Ints
    seen: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """Joiners of one cohort and stratum in one year against those who have not joined by then.

    ``gap`` difference in mean change; ``common`` weighted mean change of the comparison;
    ``inside``, ``outside`` summed weights.
    """

    event: int
    t: int
    base: int
    mine: Ints
    theirs: Ints
    gap: float
    common: float
    inside: float
    outside: float

    def by(self, rule: str) -> float:
        """The cell's weight in the average."""
        if rule == "joiners":
            return self.inside
        return self.inside * self.outside / (self.inside + self.outside)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    """What a cell adds to a row's influence: ``w_i up (change_i - up_off) + w_i own`` for
    joiners and ``w_i down (change_i - down_off)`` for the comparison."""

    up: float
    up_off: float
    own: float
    down: float
    down_off: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    key: EffectKey
    theta: float
    terms: tuple[tuple[int, _Term], ...]
    cells: tuple[int, ...]


def fit(arrays: Arrays, spec: LocalProjection, study: Study, rng: np.random.Generator) -> Fit:
    """Effects by years since joining (before it: placebos), their plain mean from joining on
    (headline), and the mean over all years since joining. Raises NotIdentified; takes no
    randomness.
    """
    units, path, M = _units(arrays)
    cells = _cells(arrays, units)
    rows = _rows(cells, spec)
    head = [r.key.estimand for r in rows].index("dynamic-overall")
    if not np.isfinite(rows[head].theta):
        raise NotIdentified("no joiner is seen before and after joining beside somebody outside")
    if path is None or M is None:
        influence = _dense(units, cells, rows)
    else:
        influence = _factored(arrays, units, cells, rows, path, M)
    n_treated, n_control = _counts(units, cells, rows)
    return Fit(
        method="local-projection",
        keys=tuple(r.key for r in rows),
        theta=_theta(rows),
        influence=influence,
        n_treated=n_treated,
        n_control=n_control,
        cautions=_cautions(rows, n_treated, n_control, spec),
        headline=head,
        small_sample="clusters",
        flow=_flow(arrays, units, cells, path, study),
        notes=_notes(arrays, spec),
    )


def truth(arrays: Arrays, spec: LocalProjection, study: Study, fit: Fit) -> Floats:
    """The same estimator on outcomes that are the known effect where exposed and 0 elsewhere."""
    return on_known_effects(
        arrays, fit, lambda known: _theta(_rows(_cells(known, _units(known)[0]), spec))
    )


def _theta(rows: list[_Row]) -> Floats:
    return np.array([r.theta for r in rows])


def _units(arrays: Arrays) -> tuple[_Units, Ints | None, Moments | None]:
    Y, w = arrays.Y, arrays.w
    if np.isfinite(Y.sum()) and (w > 0).all():
        path, cohort, stratum = path_codes(arrays.cohort, arrays.stratum, arrays.T)
        weight = None if (w == w[0]).all() else w
        M = moments(Y, weight, path, cohort.size, np.flatnonzero(cohort == 0))
        units = _Units(
            V=M.mean,
            w=M.weight,
            size=M.size,
            cohort=cohort,
            stratum=stratum,
            seen=np.repeat((cohort > 0)[:, None], arrays.T, axis=1),
        )
        return units, path, M
    seen = np.isfinite(Y) & ((w > 0) & (arrays.cohort > 0))[:, None]
    ones = np.ones(arrays.n, dtype=np.int64)
    units = _Units(V=Y, w=w, size=ones, cohort=arrays.cohort, stratum=arrays.stratum, seen=seen)
    return units, None, None


def _cells(arrays: Arrays, u: _Units) -> list[_Cell]:
    T, years = arrays.T, arrays.years
    out: list[_Cell] = []
    for s in np.unique(u.stratum).tolist():
        group = np.flatnonzero(u.stratum == s)
        cohort = u.cohort[group]
        for g in np.unique(cohort[(cohort > 0) & (cohort < T)]).tolist():
            for t in range(T):
                if t == g - 1:
                    continue
                both = u.seen[group, t] & u.seen[group, g - 1]
                mine = group[both & (cohort == g)]
                theirs = group[both & (cohort > max(t, g))]
                if mine.size == 0 or theirs.size == 0:
                    continue
                change = u.V[mine, t] - u.V[mine, g - 1]
                moved = u.V[theirs, t] - u.V[theirs, g - 1]
                common = float(np.average(moved, weights=u.w[theirs]))
                out.append(
                    _Cell(
                        event=int(years[t] - years[g]),
                        t=t,
                        base=g - 1,
                        mine=mine,
                        theirs=theirs,
                        gap=float(np.average(change, weights=u.w[mine])) - common,
                        common=common,
                        inside=float(u.w[mine].sum()),
                        outside=float(u.w[theirs].sum()),
                    )
                )
    return out


def _rows(cells: list[_Cell], spec: LocalProjection) -> list[_Row]:
    events = sorted({c.event for c in cells})
    means = [
        _mean(cells, [k for k, c in enumerate(cells) if c.event == e], spec, _key("dynamic", e))
        for e in events
    ]
    joined = tuple(k for k, c in enumerate(cells) if c.event == 0)
    reference = _Row(key=_key("dynamic", -1), theta=0.0, terms=(), cells=joined)
    before = [r for r, e in zip(means, events, strict=True) if e < 0]
    after = [r for r, e in zip(means, events, strict=True) if e >= 0]
    post = [k for k, c in enumerate(cells) if c.event >= 0]
    return [
        *before,
        reference,
        *after,
        _evenly(after, _key("dynamic-overall")),
        _mean(cells, post, spec, _key("simple")),
    ]


def _key(estimand: str, event: int | None = None) -> EffectKey:
    return EffectKey(estimand=estimand, event_time=event)


def _mean(cells: list[_Cell], asked: list[int], spec: LocalProjection, key: EffectKey) -> _Row:
    """The coefficient of joining in the stacked regression with an effect for each cell, and the
    score of each provider; or the mean over joiners, with their estimated shares."""
    total = sum(cells[k].by(spec.weights) for k in asked)
    if total <= 0:
        return _Row(key=key, theta=np.nan, terms=(), cells=())
    theta = sum(cells[k].by(spec.weights) * cells[k].gap for k in asked) / total
    terms: list[tuple[int, _Term]] = []
    for k in asked:
        c = cells[k]
        if spec.weights == "joiners":
            term = _Term(
                up=1 / total, up_off=c.common + c.gap, own=(c.gap - theta) / total,
                down=-c.inside / c.outside / total, down_off=c.common,
            )  # fmt: skip
        else:
            joined = c.inside / (c.inside + c.outside)
            level = c.common + joined * (c.gap - theta)
            term = _Term(
                up=(1 - joined) / total, up_off=level + theta, own=0.0,
                down=-joined / total, down_off=level,
            )  # fmt: skip
        terms.append((k, term))
    return _Row(key=key, theta=theta, terms=tuple(terms), cells=tuple(asked))


def _evenly(rows: list[_Row], key: EffectKey) -> _Row:
    if not rows:
        return _Row(key=key, theta=np.nan, terms=(), cells=())
    m = len(rows)
    terms = tuple(
        (k, replace(t, up=t.up / m, down=t.down / m, own=t.own / m))
        for r in rows
        for k, t in r.terms
    )
    cells = tuple(k for r in rows for k in r.cells)
    return _Row(key=key, theta=sum(r.theta for r in rows) / m, terms=terms, cells=cells)


def _dense(u: _Units, cells: list[_Cell], rows: list[_Row]) -> Influence:
    psi = np.zeros((u.w.size, len(rows)))
    for r, row in enumerate(rows):
        for k, term in row.terms:
            c = cells[k]
            change = u.V[c.mine, c.t] - u.V[c.mine, c.base]
            psi[c.mine, r] += u.w[c.mine] * (term.up * (change - term.up_off) + term.own)
            moved = u.V[c.theirs, c.t] - u.V[c.theirs, c.base]
            psi[c.theirs, r] += u.w[c.theirs] * term.down * (moved - term.down_off)
    return Influence(psi=psi)


def _factored(
    arrays: Arrays, u: _Units, cells: list[_Cell], rows: list[_Row], path: Ints, M: Moments
) -> Influence:
    T = arrays.T
    B = np.zeros((u.w.size, len(rows), T + 1))
    for r, row in enumerate(rows):
        for k, term in row.terms:
            c = cells[k]
            for units, lift, off, own in (
                (c.mine, term.up, term.up_off, term.own),
                (c.theirs, term.down, term.down_off, 0.0),
            ):
                change = u.V[units, c.t] - u.V[units, c.base]
                B[units, r, c.t] += lift
                B[units, r, c.base] -= lift
                B[units, r, T] += lift * (change - off) + own
    w = arrays.w
    return Influence(
        Z=arrays.Y,
        path=path,
        B=B,
        centre=M.mean,
        scale=None if (w == w[0]).all() else w,
        moments=M.cross,
        order=(M.order, M.starts),
    )


def _counts(u: _Units, cells: list[_Cell], rows: list[_Row]) -> tuple[Ints, Ints]:
    out = np.zeros((2, len(rows)), dtype=np.int64)
    for r, row in enumerate(rows):
        hit = np.zeros((2, u.w.size), dtype=np.bool_)
        for k in row.cells:
            hit[0, cells[k].mine] = True
            hit[1, cells[k].theirs] = True
        out[:, r] = hit @ u.size
    return out[0], out[1]


def _cautions(
    rows: list[_Row], n_treated: Ints, n_control: Ints, spec: LocalProjection
) -> tuple[str, ...]:
    out: list[str] = []
    for r, row in enumerate(rows):
        if not np.isfinite(row.theta):
            out.append("not identified, because no joiner is seen then beside somebody outside")
            continue
        if row.key.event_time == -1:
            out.append("reference year")
            continue
        parts: list[str] = []
        if n_treated[r] < spec.few:
            parts.append(f"fewer than {spec.few} treated")
        if n_control[r] < spec.few:
            parts.append(f"fewer than {spec.few} to compare with")
        out.append("; ".join(parts))
    return tuple(out)


def _flow(
    arrays: Arrays, u: _Units, cells: list[_Cell], path: Ints | None, study: Study
) -> tuple[FlowStep, ...]:
    hit = np.zeros(u.w.size, dtype=np.bool_)
    for c in cells:
        hit[c.mine] = hit[c.theirs] = True
    used = hit if path is None else hit[path]
    return flow(
        arrays,
        (
            early(arrays),
            ("not compared", ~used, "not seen in both years, or nobody like it"),
        ),
        f"joiners of {study.arm_label} and those who had not joined by then",
    )


def _notes(arrays: Arrays, spec: LocalProjection) -> tuple[str, ...]:
    notes = [
        "cohorts weigh as in the plain regression, by joiners times comparison over both"
        if spec.weights == "regression"
        else "cohorts weigh by their joiners"
    ]
    if arrays.X_names or arrays.Z_names:
        notes.append("covariates are not used; hold arms, or use group-time")
    return tuple(notes)
