"""Sufficient statistics of a linear mixed model: one pass, then nothing of size n.

Everything that likelihood, estimates and small-sample inference need is a function of ``[Z X y]' W
[Z X y]``. Here it is kept before memberships and terms enter: per unit of each code, and per pair
of units of two codes. So one pass serves many models, rows may come in chunks, and sums per
provider made inside a secure setting are as good as its pupil rows.

X and y are shifted by a constant before they are multiplied (where X has a column of ones), so
that a column such as a calendar year costs no digits; estimates are shifted back at the end."""

# The paper's letters are capitals.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from consortia.maths.influence import Floats, Ints
from consortia.maths.mixed.model import ONE, Term, check_codes

Table = sparse.csr_array | NDArray[np.float64]
_DENSE_FILL = 0.10
"""Share of occupied cells from which a table of pairs is kept dense."""
_ROWS = 65_536
"""Rows whose columns are multiplied at once."""
_MIDDLE = 10_000
_DENSE_CELLS = 50_000_000
_COUNT_CELLS = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Sums per unit of one code: ``ZZ`` (u, s, s) of the random columns, ``ZD`` (u, s, p + 1)."""

    columns: tuple[str, ...]
    ZZ: Floats
    ZD: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Cross-products of a data set.

    ``fixed`` names the p columns of X. ``n`` rows with weight above zero, ``weight`` the sum of
    weights, ``log_weight`` the sum of their logarithms. ``D`` (p + 1, p + 1) is ``[X y]'W[X y]``
    with ``shift`` (p + 1,) taken off beforehand. ``units`` by code; ``pairs`` by two codes (first
    before second in the order of ``units``): (u_a s_a, u_b s_b), unit by unit, column by column.
    ``one`` is the place of the column of ones in X, -1 without one (then nothing is shifted)."""

    fixed: tuple[str, ...]
    n: int
    weight: float
    log_weight: float
    shift: Floats
    D: Floats
    units: Mapping[str, Unit]
    pairs: Mapping[tuple[str, str], Table]
    one: int = -1

    @property
    def p(self) -> int:
        return len(self.fixed)

    def __repr__(self) -> str:
        codes = ", ".join(f"{k} ({u.ZZ.shape[0]:,})" for k, u in self.units.items())
        return f"Statistics of {self.n:,} rows\n  fixed: {', '.join(self.fixed)}; units: {codes}"


def from_rows(
    X: Floats,
    y: Floats,
    codes: Mapping[str, Ints],
    *,
    units: Mapping[str, int] | None = None,
    fixed: tuple[str, ...] | None = None,
    random: Mapping[str, Mapping[str, Floats]] | None = None,
    weights: Floats | None = None,
    shift: Floats | None = None,
) -> Statistics:
    """Statistics of rows.

    ``X`` (n, p), ``y`` (n,), ``codes`` name -> (n,) integers from 0. ``units`` gives the number of
    units of each code (default: the highest code + 1). ``random`` gives, by code, random columns
    beside the intercept, name -> (n,). ``weights`` (n,) are precisions: the residual variance of a
    row is s2 / w; rows of weight zero are left out. ``shift`` (p + 1,): default the means of the
    columns that are not constant, if X has a column of ones, else zero. Chunks that are to be
    merged must be given the same ``units`` and ``shift``.

    Raises ValueError on shapes that do not agree, values that are not finite, negative weights.
    """
    X = np.asarray(X, dtype=np.float64)
    y = np.asarray(y, dtype=np.float64)
    n, p = X.shape
    if y.shape != (n,):
        raise ValueError(f"y has shape {y.shape}, expected ({n},)")
    units = {k: (units or {}).get(k, int(c.max()) + 1 if n else 0) for k, c in codes.items()}
    codes = {k: check_codes(np.asarray(c), n, units[k], k) for k, c in codes.items()}
    fixed = fixed or tuple(f"x{j}" for j in range(p))
    if len(fixed) != p:
        raise ValueError(f"{len(fixed)} names for {p} columns of X")
    columns: dict[str, dict[str, Floats | None]] = {
        k: {ONE: None, **{c: np.asarray(v, float) for c, v in (random or {}).get(k, {}).items()}}
        for k in codes
    }
    weight, log_weight = float(n), 0.0
    if weights is not None:
        w = np.asarray(weights, dtype=np.float64)
        if w.shape != (n,) or not np.isfinite(w).all() or (w < 0).any():
            raise ValueError("weights must be (n,), finite and not negative")
        if not (w > 0).all():
            keep = w > 0
            return from_rows(
                X[keep], y[keep], {k: c[keep] for k, c in codes.items()}, units=units,
                fixed=fixed, shift=shift, weights=w[keep],
                random={
                    k: {c: v[keep] for c, v in cs.items() if v is not None}
                    for k, cs in columns.items()
                },
            )  # fmt: skip
        weight, log_weight = float(w.sum()), float(np.log(w).sum())
    else:
        w = None
    one = _one(X)
    shift = _shift(X, y, one) if shift is None else np.asarray(shift, dtype=np.float64)
    if shift.shape != (p + 1,) or (one < 0 and shift.any()) or (one >= 0 and shift[one] != 0):
        raise ValueError("a shift is (p + 1,), zero for the column of ones and without one")
    D, made = np.zeros((p + 1, p + 1)), dict[str, Unit]()
    # In pieces that stay in the cache, each as columns: bincount reads one column at a time.
    step = max(_ROWS, 8 * max(units.values(), default=0))
    V = np.empty((p + 1, min(n, step)))
    for start in range(0, max(n, 1), step):
        rows = slice(start, min(start + step, n))
        v = V[:, : rows.stop - start]
        np.subtract(X[rows].T, shift[:p, None], out=v[:p])
        np.subtract(y[rows], shift[p], out=v[p])
        part = None if w is None else w[rows]
        wv = v if part is None else v * part
        D += wv @ v.T
        for k, code in codes.items():
            random_here = {c: None if z is None else z[rows] for c, z in columns[k].items()}
            found = _unit(code[rows], units[k], random_here, wv, part)
            if k in made:
                np.add(made[k].ZZ, found.ZZ, out=made[k].ZZ)
                np.add(made[k].ZD, found.ZD, out=made[k].ZD)
            else:
                made[k] = found
    if not np.isfinite(D).all():
        raise ValueError("X and y must be finite")
    for k, unit in made.items():
        if not np.isfinite(unit.ZZ).all():
            raise ValueError(f"random columns by {k!r} must be finite")
    pairs: dict[tuple[str, str], Table] = {}
    names = list(codes)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            pairs[a, b] = _pair(
                codes[a], codes[b], units[a], units[b], columns[a], columns[b], w
            )  # fmt: skip
    return Statistics(
        fixed=fixed, n=n, weight=weight, log_weight=log_weight, shift=shift,
        D=(D + D.T) / 2, units=made, pairs=pairs, one=one,
    )  # fmt: skip


def _one(X: Floats) -> int:
    """Place of the column of ones, -1 without one."""
    for j in range(X.shape[1]):
        if X.shape[0] and X[0, j] == 1.0 and (X[:, j] == 1.0).all():
            return j
    return -1


def _shift(X: Floats, y: Floats, one: int) -> Floats:
    shift = np.zeros(X.shape[1] + 1)
    if one >= 0:
        # Any constant near the middle would do: the mean of some ten thousand rows, evenly spread.
        every = max(1, y.size // _MIDDLE)
        shift[:-1] = X[::every].mean(axis=0)
        shift[one] = 0.0
        shift[-1] = y[::every].mean()
    return shift


def _unit(
    code: Ints, u: int, columns: Mapping[str, Floats | None], WV: Floats, w: Floats | None
) -> Unit:
    names = tuple(columns)
    s, m = len(names), WV.shape[0]
    ZZ, ZD = np.empty((u, s, s)), np.empty((u, s, m))
    for a, na in enumerate(names):
        za = columns[na]
        for j in range(m):
            value = WV[j] if za is None else WV[j] * za
            ZD[:, a, j] = np.bincount(code, weights=value, minlength=u)
        wz = za if w is None else w if za is None else w * za
        for b, nb in enumerate(names[: a + 1]):
            zb = columns[nb]
            value = wz if zb is None else zb if wz is None else wz * zb
            ZZ[:, a, b] = ZZ[:, b, a] = np.bincount(code, weights=value, minlength=u)
    return Unit(columns=names, ZZ=ZZ, ZD=ZD)


def _pair(
    code_a: Ints, code_b: Ints, u: int, v: int,
    columns_a: Mapping[str, Floats | None], columns_b: Mapping[str, Floats | None],
    w: Floats | None,
) -> Table:  # fmt: skip
    n, s, t = code_a.size, len(columns_a), len(columns_b)
    values: list[list[Floats | None]] = []
    for za in columns_a.values():
        row: list[Floats | None] = []
        for zb in columns_b.values():
            factors = [f for f in (w, za, zb) if f is not None]
            row.append(np.prod(factors, axis=0) if len(factors) > 1 else (factors or [None])[0])
        values.append(row)
    if u * v <= min(_COUNT_CELLS, 8 * n):
        key = code_a * v + code_b
        out = np.empty((u, s, v, t))
        for a in range(s):
            for b in range(t):
                counted = np.bincount(key, weights=values[a][b], minlength=u * v)
                out[:, a, :, b] = counted.reshape(u, v)
        return thin(out.reshape(u * s, v * t))
    one = np.ones(n)
    rows = [code_a * s + a for a in range(s) for _ in range(t)]
    cols = [code_b * t + b for _ in range(s) for b in range(t)]
    data = [one if f is None else f for r in values for f in r]
    table = sparse.coo_array(
        (np.concatenate(data), (np.concatenate(rows), np.concatenate(cols))), shape=(u * s, v * t)
    )
    return thin(table.tocsr())


def thin(table: Table) -> Table:
    """A table in the form that suits its fill: dense above a tenth, else sparse by rows."""
    size = table.shape[0] * table.shape[1]
    if isinstance(table, np.ndarray):
        dense = np.count_nonzero(table) > _DENSE_FILL * size
        return table if dense else sparse.csr_array(table)
    if table.nnz > _DENSE_FILL * size and size <= _DENSE_CELLS:
        return table.toarray()
    return sparse.csr_array(table)


def from_products(
    products: Floats,
    counts: Ints,
    columns: tuple[str, ...],
    *,
    fixed: tuple[str, ...],
    outcome: str,
    codes: Mapping[str, Ints],
    units: Mapping[str, int] | None = None,
    random: Mapping[str, tuple[str, ...]] | None = None,
    shift: Mapping[str, float] | None = None,
    log_weight: float = 0.0,
) -> Statistics:
    """Statistics from the cross-products of groups of rows, for example one group per provider.

    ``products`` (g, m, m) holds, for each group, the (weighted) sums of products of ``columns``,
    which must include "1", ``fixed`` and ``outcome``; ``counts`` (g,) the numbers of rows. Every
    row of a group has the same ``codes`` (g,). ``random`` names random columns by code, beside the
    intercept. ``shift`` says which constants were taken off the columns before they were
    multiplied."""
    g, m, _ = products.shape
    place = {c: j for j, c in enumerate(columns)}
    missing = [c for c in (ONE, *fixed, outcome) if c not in place]
    if products.shape != (g, len(columns), len(columns)) or missing or m != len(columns):
        raise ValueError(f"products must be (g, m, m) and hold the columns {missing or columns}")
    units = {k: (units or {}).get(k, int(c.max()) + 1 if g else 0) for k, c in codes.items()}
    codes = {k: check_codes(np.asarray(c), g, units[k], k) for k, c in codes.items()}
    off = np.array([(shift or {}).get(c, 0.0) for c in columns])
    # T takes the columns as they were multiplied to the columns wanted here.
    total = products.sum(axis=0)
    use = [place[c] for c in (*fixed, outcome)]
    centre = np.zeros(m)
    if ONE in fixed:
        held = [c for c in use if columns[c] != ONE]
        centre[held] = total[held, place[ONE]] / total[place[ONE], place[ONE]]
    T = np.eye(m)
    T[:, place[ONE]] -= centre
    T[place[ONE], place[ONE]] = 1.0
    back = np.eye(m)
    back[:, place[ONE]] += off
    back[place[ONE], place[ONE]] = 1.0
    left = T[use]
    D = left @ total @ left.T
    made: dict[str, Unit] = {}
    for k, code in codes.items():
        names = (ONE, *(random or {}).get(k, ()))
        right = back[[place[c] for c in names]]
        ZZ = _sum_by(code, units[k], right @ products @ right.T)
        made[k] = Unit(columns=names, ZZ=ZZ, ZD=_sum_by(code, units[k], right @ products @ left.T))
    pairs: dict[tuple[str, str], Table] = {}
    order = list(codes)
    for i, a in enumerate(order):
        for b in order[i + 1 :]:
            ra = back[[place[c] for c in made[a].columns]]
            rb = back[[place[c] for c in made[b].columns]]
            s, t = len(ra), len(rb)
            value = ra @ products @ rb.T
            rows = codes[a][:, None, None] * s + np.arange(s)[:, None] + np.zeros(t, np.int64)
            cols = codes[b][:, None, None] * t + np.zeros((s, 1), np.int64) + np.arange(t)
            pairs[a, b] = thin(
                sparse.coo_array(
                    (value.ravel(), (rows.ravel(), cols.ravel())),
                    shape=(units[a] * s, units[b] * t),
                ).tocsr()
            )
    n = int(counts.sum())
    return Statistics(
        fixed=fixed, n=n, weight=float(total[place[ONE], place[ONE]]), log_weight=log_weight,
        shift=(off + centre)[use], D=(D + D.T) / 2, units=made, pairs=pairs,
        one=fixed.index(ONE) if ONE in fixed else -1,
    )  # fmt: skip


def _sum_by(code: Ints, u: int, value: Floats) -> Floats:
    """Sums (u, ...) of value (g, ...) by code (g,)."""
    flat = value.reshape(value.shape[0], -1)
    pick = sparse.csr_array(
        (np.ones(code.size), (code, np.arange(code.size))), shape=(u, code.size)
    )
    return np.asarray(pick @ flat).reshape(u, *value.shape[1:])


def merge(parts: Iterable[Statistics]) -> Statistics:
    """Statistics of all rows from those of chunks with the same columns, units and shift."""
    total: Statistics | None = None
    for part in parts:
        total = part if total is None else _add(total, part)
    if total is None:
        raise ValueError("nothing to merge")
    return total


def _add(a: Statistics, b: Statistics) -> Statistics:
    if (
        a.fixed != b.fixed
        or a.one != b.one
        or not np.array_equal(a.shift, b.shift)
        or list(a.units) != list(b.units)
    ):
        raise ValueError("chunks to be merged need the same columns, codes and shift")
    units: dict[str, Unit] = {}
    for k, u in a.units.items():
        v = b.units[k]
        if u.columns != v.columns or u.ZZ.shape != v.ZZ.shape:
            raise ValueError(f"chunks to be merged need the same units of {k!r}")
        units[k] = Unit(columns=u.columns, ZZ=u.ZZ + v.ZZ, ZD=u.ZD + v.ZD)
    pairs = {k: thin(_sum(t, b.pairs[k])) for k, t in a.pairs.items()}
    return replace(
        a, n=a.n + b.n, weight=a.weight + b.weight, log_weight=a.log_weight + b.log_weight,
        D=a.D + b.D, units=units, pairs=pairs,
    )  # fmt: skip


def _sum(a: Table, b: Table) -> Table:
    if isinstance(a, np.ndarray):
        return a + (b if isinstance(b, np.ndarray) else b.toarray())
    return b + a.toarray() if isinstance(b, np.ndarray) else sparse.csr_array(a + b)


def check_terms(statistics: Statistics, terms: tuple[Term, ...]) -> None:
    """ValueError when a term asks for what the statistics do not hold."""
    if not terms:
        raise ValueError("a mixed model needs one term or more")
    names = [t.name for t in terms]
    if len(set(names)) != len(names):
        raise ValueError("terms need different names")
    for t in terms:
        unit = statistics.units.get(t.by)
        if unit is None:
            raise ValueError(f"term {t.name!r}: no code {t.by!r} in {list(statistics.units)}")
        lacking = [c for c in t.columns if c not in unit.columns]
        if lacking:
            raise ValueError(f"term {t.name!r}: no random columns {lacking} by {t.by!r}")
        if t.members is not None and t.members.shape[0] != unit.ZZ.shape[0]:
            raise ValueError(
                f"term {t.name!r}: {t.members.shape[0]} rows of members for "
                f"{unit.ZZ.shape[0]} units of {t.by!r}"
            )
