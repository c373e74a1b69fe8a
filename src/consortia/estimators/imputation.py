"""Imputation of Borusyak, Jaravel & Spiess (2024): what joiners would have had without joining,
from the years and providers without it; one arm, or several at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from consortia.errors import NotIdentified
from consortia.estimators.flow import early, flow
from consortia.maths.imputation import Imputed, factor, from_cells, from_moments
from consortia.panel import Arrays, FlowStep, Held
from consortia.results import EffectKey, Fit
from consortia.specs import Imputation
from consortia.study import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

OVERALL = {
    "simple": "simple",
    "group": "group-overall",
    "calendar": "calendar-overall",
    "dynamic": "dynamic-overall",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paths:
    """Providers by (stratum, joining years of every arm): ``code`` (n,), and by path the stratum
    (P,), the joining index of every arm (P, A), the first of them ``start`` (P,)."""

    code: Ints
    stratum: Ints
    joined: Ints
    start: Ints


@dataclass(slots=True)
class _Rows:
    keys: list[EffectKey]
    F: list[Floats]
    because: list[str]

    def add(
        self, key: EffectKey, F: Floats | None, because: str = "", like: Floats | None = None
    ) -> None:
        self.keys.append(key)
        self.because.append("" if F is not None else because)
        self.F.append(F if F is not None else np.zeros_like(cast(Floats, like)))


def fit(arrays: Arrays, spec: Imputation, study: Study, rng: np.random.Generator) -> Fit:
    """Every effect by cohort and year with its averages, or additive effects of several arms.

    Raises NotIdentified when no effect can be told. Takes no randomness.
    """
    others = arrays.alongside if spec.alongside == "joint" else ()
    _refuse(arrays)
    paths = _paths(arrays, others)
    found = _impute(arrays, spec, paths, others)
    rows = _rows(arrays, found, paths, others)
    head = [k.estimand for k in rows.keys].index(_headline(spec, others))
    if rows.because[head]:
        raise NotIdentified(rows.because[head])
    F = np.array(rows.F)
    known = np.array([not b for b in rows.because])
    theta = np.where(known, found.theta(F), np.nan)
    n_treated, n_control, single = _counts(arrays, found, F)
    return Fit(
        method="imputation",
        keys=tuple(rows.keys),
        theta=theta,
        influence=found.influence(F),
        n_treated=n_treated,
        n_control=n_control,
        cautions=_cautions(rows, n_treated, n_control, single, spec.few),
        headline=head,
        small_sample="clusters",
        flow=_flow(arrays, found, paths, study),
        notes=_notes(arrays, spec, found, paths, others),
    )


def truth(arrays: Arrays, spec: Imputation, study: Study, fit: Fit) -> Floats:
    """The same averages of the known effects; NaN for effects of other arms, which are not
    known."""
    if arrays.truth is None:
        return np.full(fit.theta.size, np.nan)
    others = arrays.alongside if spec.alongside == "joint" else ()
    paths = _paths(arrays, others)
    found = _impute(arrays, spec, paths, others)
    F = np.array(_rows(arrays, found, paths, others).F)
    inside = (arrays.W > 0) & np.isfinite(arrays.Y) & arrays.D & (arrays.cohort > 0)[:, None]
    if found.seen is not None:
        inside &= found.seen
    W = np.where(inside, arrays.W, 0.0)
    P, T = found.effect.shape
    effect = np.where(inside, np.nan_to_num(arrays.truth), 0.0)
    sums = np.zeros((2, P, T))
    for t in range(T):
        sums[0, :, t] = np.bincount(paths.code, W[:, t] * effect[:, t], P)
        sums[1, :, t] = np.bincount(paths.code, W[:, t], P)
    mean = np.divide(sums[0], sums[1], out=np.zeros((P, T)), where=sums[1] > 0)
    value = np.einsum("rpt,pt->r", F, mean)
    own = np.array([" of " not in k.estimand for k in fit.keys])
    return np.where(np.isfinite(fit.theta) & own, value, np.nan)


def _headline(spec: Imputation, others: tuple[Held, ...]) -> str:
    # Several arms have no cohorts of their own: the average over everybody's years of membership.
    return "simple" if others else OVERALL[spec.aggregate]


def _refuse(arrays: Arrays) -> None:
    cohort = arrays.cohort
    if not ((cohort > 0) & (cohort < arrays.T)).any():
        raise NotIdentified(
            "every provider that ever joined had joined before the first year"
            if (cohort == 0).any()
            else "nobody joins within the years studied"
        )


def _paths(arrays: Arrays, others: tuple[Held, ...]) -> _Paths:
    T = arrays.T
    joined = [arrays.cohort, *(h.cohort for h in others)]
    key = arrays.stratum
    size = int(arrays.stratum.max()) + 1
    for c in joined:
        key = key * (T + 1) + c
        size *= T + 1
    if size <= 1 << 20:
        present = np.flatnonzero(np.bincount(key, minlength=1))
        lookup = np.zeros(size, dtype=np.int64)
        lookup[present] = np.arange(present.size)
        code = lookup[key]
    else:
        present, code = np.unique(key, return_inverse=True)
        code = code.reshape(-1).astype(np.int64)
    digits = np.empty((present.size, len(joined)), dtype=np.int64)
    left = present.copy()
    for a in range(len(joined) - 1, -1, -1):
        digits[:, a] = left % (T + 1)
        left //= T + 1
    return _Paths(code=code, stratum=left, joined=digits, start=digits.min(axis=1))


def _impute(arrays: Arrays, spec: Imputation, paths: _Paths, others: tuple[Held, ...]) -> Imputed:
    Y, W, w, T = arrays.Y, arrays.W, arrays.w, arrays.T
    leave = spec.residuals == "leave-one-out"

    def additive(effect: Floats, weight: Floats) -> Floats:
        return _additive(arrays.years, paths, weight).fitted(effect)

    # Few providers share the joining years of all arms: the effects that the model gives leave
    # their chance in the residuals, the mean of a handful takes part of it out.
    around = additive if others and not leave else None
    plain = arrays.X.shape[1] == 0 and arrays.Z.shape[2] == 0
    if plain and _whole(arrays, others):
        weight = None if (w == w[0]).all() else w
        if weight is None or not leave:
            # Equal weights other than 1 cancel out of every average.
            return from_moments(
                Y, weight, paths.code, paths.start, paths.stratum, leave_out=leave, around=around
            )
    start = paths.start[paths.code]
    on = arrays.D.copy()
    gone = (np.arange(T) >= arrays.cohort[:, None]) & ~arrays.D
    for h in others:
        on |= h.on
        gone |= (np.arange(T) >= h.cohort[:, None]) & ~h.on
    usable = (W > 0) & np.isfinite(Y)
    if not plain:
        fixed = np.asarray(np.isfinite(arrays.X).all(axis=1))
        usable &= fixed[:, None] & np.isfinite(arrays.Z).all(axis=2)
    before = np.arange(T) < start[:, None]
    W0 = np.where(usable & before, W, 0.0)
    W1 = np.where(usable & on & ~gone, W, 0.0)
    return from_cells(
        Y, W0, W1, paths.code, paths.start, paths.stratum, arrays.X, arrays.Z,
        leave_out=leave, around=around,
    )  # fmt: skip


def _whole(arrays: Arrays, others: tuple[Held, ...]) -> bool:
    """No gaps, one weight per provider, and nobody leaves an arm."""
    Y, W, w, T = arrays.Y, arrays.W, arrays.w, arrays.T
    if not np.isfinite(Y.sum()) or not (w > 0).all():
        return False
    if not all(np.array_equal(W[:, t], w) for t in range(T)):
        return False
    arms = [(arrays.cohort, arrays.D), *((h.cohort, h.on) for h in others)]
    return all(int(on.sum()) == int((T - cohort).sum()) for cohort, on in arms)


def _key(
    estimand: str,
    arm: str = "",
    cohort: int | None = None,
    year: int | None = None,
    event: int | None = None,
) -> EffectKey:
    name = f"{estimand} of {arm}" if arm else estimand
    return EffectKey(estimand=name, cohort=cohort, year=year, event_time=event)


def _rows(arrays: Arrays, found: Imputed, paths: _Paths, others: tuple[Held, ...]) -> _Rows:
    rows = _Rows(keys=[], F=[], because=[])
    if others:
        _joint_rows(arrays, found, paths, others, rows)
    else:
        _single_rows(arrays, found, paths, rows)
    return rows


def _mean(weight: Floats, inside: Bools) -> Floats | None:
    """Weights of a mean over path-years, or None when there is nothing to average."""
    picked = np.where(inside, weight, 0.0)
    total = picked.sum()
    return picked / total if total > 0 else None


def _over(parts: list[Floats | None], by: list[float] | None = None) -> Floats | None:
    """Mean of the rows that are identified, evenly or with weights."""
    have = [(f, 1.0 if by is None else by[i]) for i, f in enumerate(parts) if f is not None]
    total = sum(b for _, b in have)
    if not have or total <= 0:
        return None
    out = np.zeros_like(have[0][0])
    for f, b in have:
        out += f * (b / total)
    return out


def _single_rows(arrays: Arrays, found: Imputed, paths: _Paths, rows: _Rows) -> None:
    years, A, T = arrays.years, found.weight, arrays.T
    g, t = paths.joined[:, :1], np.arange(T)[None, :]
    why = _why(found)
    post = (t >= g) & (g > 0)
    event = years[t] - years[np.minimum(g, T - 1)]
    cohorts = [int(c) for c in np.unique(g) if 0 < c < T]
    cells: dict[tuple[int, int], Floats | None] = {}

    def put(key: EffectKey, F: Floats | None, because: str) -> Floats | None:
        rows.add(key, F, because, like=A)
        return F

    for c in cohorts:
        for s in range(c, T):
            cells[c, s] = put(
                _key("att(g,t)", "", int(years[c]), int(years[s]), int(years[s] - years[c])),
                _mean(A, post & (g == c) & (t == s)),
                why(post & (g == c) & (t == s)),
            )
    put(_key("simple"), _mean(A, post), why(post))
    by_cohort = [
        put(
            _key("group", "", int(years[c])),
            _over([cells[c, s] for s in range(c, T)]),
            why(post & (g == c)),
        )
        for c in cohorts
    ]
    size = [float(A[(g == c)[:, 0]].max(axis=1).sum()) for c in cohorts]
    put(_key("group-overall"), _over(by_cohort, size), why(post))
    seen = sorted({s for c in cohorts for s in range(c, T)})
    by_year = [
        put(_key("calendar", year=int(years[s])), _mean(A, post & (t == s)), why(post & (t == s)))
        for s in seen
    ]
    put(_key("calendar-overall"), _over(by_year), why(post))
    events = sorted({int(years[s] - years[c]) for c in cohorts for s in range(c, T)})
    by_event = [
        put(_key("dynamic", event=e), _mean(A, post & (event == e)), why(post & (event == e)))
        for e in events
    ]
    put(_key("dynamic-overall"), _over(by_event), why(post))


def _joint_rows(
    arrays: Arrays, found: Imputed, paths: _Paths, others: tuple[Held, ...], rows: _Rows
) -> None:
    """Effects by path-year projected on years since joining each arm (weighted least squares, exact
    because the columns depend on the path-year alone), then means by membership."""
    A = found.weight
    labels = ["", *(h.name for h in others)]
    model = _additive(arrays.years, paths, A)
    on, owner, null, G = model.on, model.owner, model.null, model.G
    a = A.ravel()
    for arm, label in enumerate(labels):
        mine = [j for j, (b, _) in enumerate(owner) if b == arm]
        held = "the arm in question" if not label else others[arm - 1].label
        size = np.array([a @ model.D[:, j] for j in mine])

        def combine(u: Floats, mine: list[int] = mine) -> Floats | None:
            c = np.zeros(len(owner))
            c[mine] = u
            if null.size and np.abs(c @ null).max() > 1e-7:
                return None
            return (c @ G).reshape(A.shape)

        why = (
            f"{held} and another arm are always taken up together, so that their effects cannot be "
            "told apart"
            if mine
            else f"no year with {held} has a like one without any arm to compare with"
        )
        F = combine(size / size.sum()) if mine else None
        rows.add(_key("simple", label), F, why, like=A)
        for j, k in enumerate(mine):
            F = combine(np.eye(len(mine))[j])
            rows.add(_key("dynamic", label, event=owner[k][1]), F, why, like=A)
        after = np.array([1.0 if owner[k][1] >= 0 else 0.0 for k in mine])
        F = combine(after / after.sum()) if mine else None
        rows.add(_key("dynamic-overall", label), F, why, like=A)
    # Without additivity: mean effects by what is held, each against years without any arm.
    any_other = np.zeros(A.shape, dtype=np.bool_)
    for b in on[1:]:
        any_other |= b
    names = " and ".join(h.label for h in others)
    for name, inside in (
        ("only", on[0] & ~any_other),
        ("others-only", any_other & ~on[0]),
        ("together", on[0] & any_other),
    ):
        F = _mean(A, inside)
        rows.add(_key(name), F, f"no provider-year of that kind is seen ({names})", like=A)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Additive:
    """Weighted least squares of effects by path-year on years since joining each arm.

    ``on`` the path-years (P, T) with each arm; ``D`` (P T, J) the columns, each ``owner`` (arm,
    years since joining); ``G`` (J, P T) takes effects to coefficients, ``null`` (J, d) is what
    cannot be told.
    """

    on: list[Bools]
    D: Floats
    owner: list[tuple[int, int]]
    G: Floats
    null: Floats

    def fitted(self, effect: Floats) -> Floats:
        return (self.D @ (self.G @ effect.ravel())).reshape(effect.shape)


def _additive(years: Ints, paths: _Paths, weight: Floats) -> _Additive:
    T = years.size
    t = np.arange(T)[None, :]
    on: list[Bools] = []
    columns: list[Floats] = []
    owner: list[tuple[int, int]] = []
    for a in range(paths.joined.shape[1]):
        joined = paths.joined[:, a : a + 1]
        on.append(np.asarray((t >= joined) & (weight > 0)))
        event = years[t] - years[np.minimum(joined, T - 1)]
        for e in np.unique(event[on[a]]).tolist():
            columns.append(np.where(on[a] & (event == e), 1.0, 0.0).ravel())
            owner.append((a, int(e)))
    w = weight.ravel()
    D = np.array(columns).T if columns else np.zeros((w.size, 0))
    inverse, null = np.zeros((0, 0)), np.zeros((0, 0))
    if columns:
        inverse, null = factor(D.T @ (w[:, None] * D))
    return _Additive(on=on, D=D, owner=owner, G=inverse @ (D * w[:, None]).T, null=null)


def _why(found: Imputed):
    def because(inside: Bools) -> str:
        lost = int(found.lost[np.broadcast_to(inside, found.lost.shape)].sum())
        if lost:
            return "no untreated provider is left in those years to tell what they would have been"
        return "no joiner with a year before joining is seen then"

    return because


def _counts(arrays: Arrays, found: Imputed, F: Floats) -> tuple[Ints, Ints, Bools]:
    """Treated and comparison providers by row, and whether one treated provider carries it."""
    picked = F != 0
    R = F.shape[0]
    treated = np.zeros(R, dtype=np.int64)
    P = found.start.size
    rows_of = picked.any(axis=2)
    if found.seen is None:
        size = found.count.max(axis=1)
        treated = rows_of @ size
    else:
        order, starts = found.order
        for p in range(P):
            rows = order[starts[p] : starts[p + 1]]
            here = found.seen[rows]
            if here.any():
                hit = here.astype(np.float32) @ picked[:, p].T.astype(np.float32) > 0
                treated += hit.sum(axis=0)
    control = found.informing.sum() - rows_of @ found.informing
    single = ((found.alone[None] & picked).any(axis=(1, 2))) & (treated > 0)
    return treated, control, single


def _cautions(
    rows: _Rows, n_treated: Ints, n_control: Ints, single: Bools, few: int
) -> tuple[str, ...]:
    out: list[str] = []
    for i, because in enumerate(rows.because):
        if because:
            out.append(f"not identified, because {because}")
            continue
        parts: list[str] = []
        if n_treated[i] < few:
            parts.append(f"fewer than {few} treated")
        if single[i]:
            parts.append(
                "one treated provider: no standard error"
                if n_treated[i] == 1
                else "a cohort of one provider: its own chance is not in the standard error"
            )
        if n_control[i] < few:
            parts.append(f"fewer than {few} to compare with")
        out.append("; ".join(parts))
    return tuple(out)


def _flow(arrays: Arrays, found: Imputed, paths: _Paths, study: Study) -> tuple[FlowStep, ...]:
    seen = np.isfinite(arrays.Y) & (arrays.W > 0)
    start = paths.start[paths.code]
    untreated = (seen & (np.arange(arrays.T) < start[:, None])).any(axis=1)
    *dropped, end = flow(
        arrays,
        (
            early(arrays),
            (
                "no untreated year",
                np.asarray(~untreated),
                "nothing tells what it would have had without joining",
            ),
        ),
        f"joiners of {study.arm_label} and everybody with untreated years",
        seen=seen,
    )
    lost = int(found.lost.sum())
    if lost:
        dropped.append(
            FlowStep(
                step="years without anybody untreated",
                providers=0,
                provider_years=lost,
                why="what these years would have been cannot be told",
                kind="cells",
            )
        )
    return (*dropped, replace(end, provider_years=end.provider_years - lost))


def _notes(
    arrays: Arrays, spec: Imputation, found: Imputed, paths: _Paths, others: tuple[Held, ...]
) -> tuple[str, ...]:
    too_large = ", which can only overstate it when effects differ"
    if spec.residuals == "leave-one-out":
        around = "the mean of the others of their cohort and year"
    elif others:
        around = "what the effects of the arms add up to" + too_large
    else:
        around = "the mean of their cohort and year" + too_large
    notes: list[str] = [f"standard error: residuals of treated years around {around}"]
    if arrays.X_names:
        notes.append(f"{', '.join(arrays.X_names)}: with their own effect in every year")
    if int(paths.stratum.max()) > 0:
        notes.append("year effects of their own for each combination of held arms")
    if others:
        notes.append(
            "untreated years are those without "
            + ", ".join(h.label for h in others)
            + " and without the arm itself; effects of several arms held at once are added up"
        )
    gone = ((np.arange(arrays.T) >= arrays.cohort[:, None]) & ~arrays.D).any(axis=1)
    if gone.any():
        notes.append(
            f"{int(gone.sum()):,} providers left again; their years after leaving are not used"
        )
    return tuple(notes)
