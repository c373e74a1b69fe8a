"""Headlines as sums by adoption path, so that permutations need no refitting.

``path_sums`` gives the rule for the methods whose headline depends on the data through such sums:
group-time without covariates, with or without gaps and strata, and two-way, also with covariates
and held arms. The result has two outcomes, the result itself and exposure as it was, so that the
effect can be taken out again by any constant (an interval by inversion).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consortia.estimators import group_time, two_way
from consortia.estimators.design import Cell, design
from consortia.maths import absorption
from consortia.maths.influence import Floats, Ints
from consortia.maths.paths import path_codes
from consortia.maths.permutation import PathSums, Rule
from consortia.panel import Arrays
from consortia.specs import Aggregation, GroupTime, TwoWay
from consortia.study import Study

Bools = NDArray[np.bool_]


def path_sums(arrays: Arrays, study: Study) -> PathSums | None:
    """The headline of ``study`` by sums over paths; None where the method has no such form."""
    spec = study.method
    if isinstance(spec, GroupTime) and arrays.X.shape[1] == 0 and arrays.Z.shape[2] == 0:
        return _group_time(arrays, spec, study)
    if isinstance(spec, TwoWay) and arrays.on is None and arrays.dose is None:
        return _two_way(arrays)
    return None


# --- group-time ----------------------------------------------------------------------------------


def _group_time(arrays: Arrays, spec: GroupTime, study: Study) -> PathSums | None:
    T = arrays.T
    plan = design(arrays.years, group_time.present(arrays.cohort, T), spec, study.comparison)
    cells = tuple(c for c in plan.cells if not c.reference)
    idle = np.array([0, *plan.without_base])
    rows = np.flatnonzero(~np.isin(arrays.cohort, idle) & (arrays.w > 0))
    if not cells or rows.size == 0:
        return None
    Y, w, cohort = arrays.Y[rows], arrays.w[rows], arrays.cohort[rows]
    path, of_cohort, of_stratum = path_codes(cohort, arrays.stratum[rows], T)
    D = arrays.D[rows].astype(np.float64)
    layout = _Layout.of(cells, of_cohort, of_stratum, arrays.years, spec.aggregate)
    seen = np.isfinite(Y)
    if seen.all():
        # About the mean of all: differences of large numbers would lose digits.
        Y = Y - Y.mean(axis=0)
        values = np.stack([Y, D], axis=1) * w[:, None, None]
        return PathSums(
            values=values, counts=w[:, None], path=path, group=of_stratum, rows=rows,
            rule=_balanced_rule(layout, T),
        )  # fmt: skip
    pairs = sorted({(c.t, c.base) for c in cells})
    place = {pair: q for q, pair in enumerate(pairs)}
    cohorts = np.unique([c.g for c in cells])
    R, S = len(pairs), len(pairs) + cohorts.size
    values, counts = np.zeros((rows.size, 2, R)), np.zeros((rows.size, S))
    filled = np.where(seen, Y, 0.0)
    for (t, b), q in place.items():
        both = w * (seen[:, t] & seen[:, b])
        counts[:, q] = both
        values[:, 0, q] = both * (filled[:, t] - filled[:, b])
        values[:, 1, q] = both * (D[:, t] - D[:, b])
    for j, g in enumerate(cohorts.tolist()):
        used = np.zeros(rows.size, dtype=np.bool_)
        for c in cells:
            if c.g == g:
                used |= counts[:, place[c.t, c.base]] > 0
        counts[:, R + j] = np.where(used, w, 0.0)
    at = np.array([place[c.t, c.base] for c in cells])
    share_at = {int(g): R + j for j, g in enumerate(cohorts.tolist())}
    return PathSums(
        values=values, counts=counts, path=path, group=of_stratum, rows=rows,
        rule=_gaps_rule(layout, at, share_at, R, S),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Cells (K) on paths laid out as strata (s) by cohorts present (h).

    ``slot`` (P,) where a path stands among s x h; ``mine`` (K,) the cohort of a cell among those
    present, ``theirs`` (K, h) whom it is compared with; ``t``, ``base`` (K,); ``row`` (K,) which
    row of the headline's average a cell enters (-1: none), ``even``: whether a cohort's cells
    count alike, whatever its size.
    """

    s: int
    h: int
    slot: Ints
    mine: Ints
    theirs: Floats
    t: Ints
    base: Ints
    row: Ints
    even: bool

    @staticmethod
    def of(
        cells: tuple[Cell, ...], of_cohort: Ints, of_stratum: Ints, years: Ints, by: Aggregation
    ) -> _Layout:
        cohorts = np.unique([*of_cohort.tolist(), *(c.g for c in cells)])
        place = np.searchsorted(cohorts, of_cohort)
        event = np.array([years[c.t] - years[c.g] for c in cells])
        t = np.array([c.t for c in cells])
        label = {"simple": 0 * t, "group": 0 * t, "calendar": t, "dynamic": event}[by]
        row = np.full(t.size, -1)
        post = event >= 0
        row[post] = np.unique(label[post], return_inverse=True)[1].reshape(-1)
        return _Layout(
            s=int(of_stratum.max()) + 1,
            h=cohorts.size,
            slot=of_stratum * cohorts.size + place,
            mine=np.searchsorted(cohorts, [c.g for c in cells]),
            theirs=np.array([c.compares(cohorts) for c in cells], dtype=np.float64),
            t=t,
            base=np.array([c.base for c in cells]),
            row=row,
            even=by == "group",
        )

    def spread(self, sums: Floats) -> Floats:
        """(B, P, q) by path -> (B, s, h, q)."""
        out = np.zeros((sums.shape[0], self.s * self.h, sums.shape[2]))
        out[:, self.slot] = sums
        return out.reshape(sums.shape[0], self.s, self.h, sums.shape[2])

    def gather(self, grid: Floats) -> Floats:
        """(B, s, h, q) -> (B, P, q)."""
        return grid.reshape(grid.shape[0], self.s * self.h, grid.shape[3])[:, self.slot]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Averages:
    """Headline (B, K outcomes); ``lift`` (B, s, h, cells): coefficient of a cell's change on a
    path; ``offset`` (B, outcomes, s, h, cells): of its count; ``by_share`` (B, outcomes, h): of a
    provider's weight where it enters its cohort's share."""

    theta: Floats
    lift: Floats
    offset: Floats
    by_share: Floats


def _averages(
    layout: _Layout, N: Floats, NC: Floats, X: Floats, XC: Floats, share: Floats
) -> _Averages:
    """Cells and their headline from sums of weights and of weighted changes: of the treated N
    (B, s, k), X (B, s, k, o), and of the compared NC, XC; ``share`` (B, h)."""
    B, _, k = N.shape
    both = (N > 0) & (NC > 0)
    N = np.where(both, N, 0.0)
    NC = np.where(both, NC, 1.0)
    expected = np.where(both[..., None], XC / NC[..., None], 0.0)
    total = N.sum(axis=1)
    found = total > 0
    total = np.where(found, total, 1.0)
    gap = (np.where(both[..., None], X, 0.0) - N[..., None] * expected).sum(axis=1)
    att = gap / total[..., None]
    cell_share = share[:, layout.mine]
    use = found & (cell_share > 0) & (layout.row >= 0)
    each = use.astype(np.float64)
    if layout.even:
        per = np.zeros((B, layout.h))
        for c in range(k):
            per[:, layout.mine[c]] += each[:, c]
        each = each / np.maximum(per[:, layout.mine], 1.0)
    rows = int(layout.row.max()) + 1
    pick = (layout.row[:, None] == np.arange(rows)).astype(np.float64)
    of_row = (each * cell_share) @ pick
    known = of_row > 0
    parts = np.maximum(known.sum(axis=1), 1)
    of_row = np.where(known, of_row, 1.0)
    row = np.maximum(layout.row, 0)
    weight = each * cell_share / of_row[:, row] / parts[:, None]
    theta_row = np.einsum("bk,bko,kr->bro", each * cell_share, att, pick) / of_row[..., None]
    theta = np.einsum("bk,bko->bo", weight, att)
    theta[~known.any(axis=1)] = np.nan
    # How an estimated share moves the averages it weighs.
    pull = (each / of_row[:, row] / parts[:, None])[..., None] * (att - theta_row[:, row])
    by_share = np.zeros((B, theta.shape[1], layout.h))
    treat = np.zeros((k, layout.h))
    treat[np.arange(k), layout.mine] = 1.0
    by_share += np.einsum("bko,kh->boh", pull, treat)
    up = np.where(both, (weight / total)[:, None, :], 0.0)
    down = -up * N / NC
    lift = (
        up[:, :, None, :] * treat.T[None, None] + down[:, :, None, :] * layout.theirs.T[None, None]
    )
    offset = -lift[:, None] * expected.transpose(0, 3, 1, 2)[:, :, :, None, :]
    offset -= up[:, None, :, None, :] * treat.T * att.transpose(0, 2, 1)[:, :, None, None, :]
    return _Averages(theta=theta, lift=lift, offset=offset, by_share=by_share)


def _balanced_rule(layout: _Layout, T: int) -> Rule:
    k = layout.mine.size
    step = np.zeros((k, T))
    step[np.arange(k), layout.t] = 1.0
    step[np.arange(k), layout.base] -= 1.0

    def rule(values: Floats, counts: Floats) -> tuple[Floats, Floats, Floats]:
        B, P, K, _ = values.shape
        size = layout.spread(counts)[..., 0]
        change = layout.spread((values @ step.T).reshape(B, P, K * k))
        change = change.reshape(B, layout.s, layout.h, K, k)
        N = size[:, :, layout.mine]
        NC = size @ layout.theirs.T
        X = change[:, :, layout.mine, :, np.arange(k)].transpose(1, 2, 0, 3)
        XC = np.einsum("bshok,kh->bsko", change, layout.theirs, optimize=True)
        both = (N > 0) & (NC > 0)
        used = np.zeros((B, layout.s, layout.h), dtype=np.bool_)
        for c in range(k):
            used[:, :, layout.mine[c]] |= both[:, :, c]
        share = np.where(used, size, 0.0).sum(axis=1)
        made = _averages(layout, N, NC, X, XC, share)
        d = made.offset.sum(axis=4) + np.where(used[:, None], made.by_share[:, :, None, :], 0.0)
        c_path = layout.gather(made.lift @ step)
        d_path = d.reshape(B, K, layout.s * layout.h)[:, :, layout.slot, None]
        return made.theta, c_path, d_path

    return rule


def _gaps_rule(layout: _Layout, at: Ints, share_at: dict[int, int], R: int, S: int) -> Rule:
    k = layout.mine.size
    onto = np.zeros((k, R))
    onto[np.arange(k), at] = 1.0

    def rule(values: Floats, counts: Floats) -> tuple[Floats, Floats, Floats]:
        B, P, K, _ = values.shape
        grid = layout.spread(counts)
        change = layout.spread(values.reshape(B, P, K * R)).reshape(B, layout.s, layout.h, K, R)[
            ..., at
        ]
        size = grid[..., at]
        every = np.arange(k)
        N = size[:, :, layout.mine, every]
        NC = np.einsum("bshk,kh->bsk", size, layout.theirs, optimize=True)
        X = change[:, :, layout.mine, :, every].transpose(1, 2, 0, 3)
        XC = np.einsum("bshok,kh->bsko", change, layout.theirs, optimize=True)
        # A stratum without a like comparison in any cell of a cohort is left out of its share.
        used = np.zeros((B, layout.s, layout.h), dtype=np.bool_)
        for c in range(k):
            used[:, :, layout.mine[c]] |= (N[:, :, c] > 0) & (NC[:, :, c] > 0)
        share = np.zeros((B, layout.h))
        columns = list(share_at.values())
        present = [int(h) for h in np.unique(layout.mine)]
        for h, column in zip(present, columns, strict=True):
            share[:, h] = np.where(used[:, :, h], grid[:, :, h, column], 0.0).sum(axis=1)
        made = _averages(layout, N, NC, X, XC, share)
        d = np.zeros((B, K, layout.s, layout.h, S))
        d[..., :R] = made.offset @ onto
        for h, column in zip(present, columns, strict=True):
            d[:, :, :, h, column] = np.where(used[:, None, :, h], made.by_share[:, :, None, h], 0.0)
        d = d.reshape(B, K, layout.s * layout.h, S)[:, :, layout.slot]
        return made.theta, layout.gather(made.lift @ onto), d

    return rule


# --- two-way -------------------------------------------------------------------------------------


def _two_way(arrays: Arrays) -> PathSums | None:
    W, Z = two_way.beside_exposure(arrays)
    rows = np.flatnonzero(np.count_nonzero(W, axis=1) > 1)
    if rows.size == 0:
        return None
    Y, W, Z, cohort = arrays.Y[rows], W[rows], Z[rows], arrays.cohort[rows]
    T = Y.shape[1]
    path, of_cohort, group = path_codes(cohort, arrays.stratum[rows], T)
    paths = (np.arange(T) >= of_cohort[:, None]).astype(np.float64)
    D = arrays.D[rows].astype(np.float64)
    if Z.shape[2] == 0 and (W > 0).all() and (W[:, :1] == W).all():
        w = W[:, 0]
        made = np.stack([Y, D], axis=1)
        made = made - made.mean(axis=2, keepdims=True)
        made -= np.einsum("i,ikt->kt", w, made) / w.sum()
        return PathSums(
            values=made * w[:, None, None], counts=w[:, None], path=path, group=group, rows=rows,
            rule=_two_way_balanced(paths),
        )  # fmt: skip
    return _two_way_general(Y, D, W, Z, path, group, rows, paths)


def _two_way_balanced(paths: Floats) -> Rule:
    """``values`` are w times the outcome less provider and year means."""

    def rule(values: Floats, counts: Floats) -> tuple[Floats, Floats, Floats]:
        size = counts[..., 0]
        share = size / size.sum(axis=1, keepdims=True)
        year = share @ paths
        X = paths - paths.mean(axis=1, keepdims=True) - year[:, None] + year.mean(axis=1)[
            :, None, None
        ]  # fmt: skip
        square = (X * X).sum(axis=2)
        total = (size * square).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            c = X / total[:, None, None]
            theta = np.einsum("bpt,bpkt->bk", c, values)
            # The residual's score: c (y - theta x), x being residual exposure.
            d = -theta[:, :, None] * (square / total[:, None])[:, None, :]
        return theta, c, d[..., None]

    return rule


_MOST = 1 << 24
"""Numbers in the squares by path beyond which fitting again asks for less."""


def _two_way_general(
    Y: Floats, D: Floats, W: Floats, Z: Floats, path: Ints, group: Ints, rows: Ints, paths: Floats
) -> PathSums | None:
    """With gaps, and with columns ``Z`` (n, T, q) beside exposure; None where paths are too many.

    Year effects and Z are gone from the outcome once (Frisch & Waugh); neither depends on who joins
    when. With ``A_i = diag(W_i) - W_i W_i' / sum W_i``, x exposure of a path less the year effects,
    and b the coefficients on Z, of exposure as it is assigned, a provider has the score
    ``x' [W y]_i - b' [Z' W y]_i`` and the square ``x' A_i x - 2 x' [W Z]_i b + b' [Z' W Z]_i b``.
    """
    T = Y.shape[1]
    total = W.sum(axis=1)
    schur = np.diag(W.sum(axis=0)) - W.T @ (W / total[:, None])
    inverse = np.linalg.pinv(schur, rcond=1e-12)

    def about(V: Floats) -> Floats:
        """(n, v, T) less provider means."""
        return V - np.einsum("it,ivt->iv", W, V)[..., None] / total[:, None, None]

    def within(V: Floats) -> Floats:
        """(n, v, T), less provider means already, less provider and year effects."""
        return about(V - np.einsum("it,ivt->vt", W, V) @ inverse)

    made = within(about(np.stack([np.where(W > 0, Y, 0.0), D], axis=1)))
    beside = np.where(W[:, None, :] > 0, Z.transpose(0, 2, 1), 0.0)
    whole = np.einsum("it,iqt->q", W, beside**2)
    beside = about(beside)
    raw = np.einsum("it,iqt->q", W, beside**2)
    raw[raw <= 1e-20 * whole] = 0.0
    beside = within(beside)
    cross = np.einsum("it,iqt,irt->qr", W, beside, beside, optimize=True)
    keep = absorption.independent(cross, raw)[0]
    beside = beside[:, keep]
    q = len(keep)
    solve = np.linalg.inv(cross[np.ix_(keep, keep)])
    weighted = W[:, None, :] * beside
    made -= np.einsum("kq,iqt->ikt", np.einsum("iqt,ikt->kq", weighted, made) @ solve, beside)
    upper, corner = np.triu_indices(T), np.triu_indices(q)
    A = -W[:, upper[0]] * W[:, upper[1]] / total[:, None]
    A[:, upper[0] == upper[1]] += W
    square = np.einsum("iqt,irt->iqr", weighted, beside)[:, corner[0], corner[1]]
    counts = np.concatenate([A, weighted.reshape(rows.size, q * T), square], axis=1)
    values = np.concatenate(
        [made * W[:, None, :], np.einsum("iqt,ikt->ikq", weighted, made)], axis=2
    )
    if paths.shape[0] * (values[0].size + counts.shape[1]) ** 2 > _MOST:
        return None
    twice, again = (np.where(i == j, 1.0, 2.0) for i, j in (upper, corner))
    cut = upper[0].size

    def rule(values: Floats, counts: Floats) -> tuple[Floats, Floats, Floats]:
        B, P = counts.shape[:2]
        full = np.zeros((B, P, T, T))
        full[:, :, upper[0], upper[1]] = counts[..., :cut]
        full[:, :, upper[1], upper[0]] = counts[..., :cut]
        years = np.einsum("bptu,pu->bt", full, paths) @ inverse
        x = paths[None] - years[:, None]
        of_Z = counts[..., cut : cut + q * T].reshape(B, P, q, T)
        onto = np.einsum("bpqt,bpt->bq", of_Z, x)
        b = onto @ solve
        square = np.einsum("bpt,bptu,bpu->b", x, full, x, optimize=True) - (onto * b).sum(axis=1)
        alone = np.einsum("pt,bptu,pu->b", paths, full, paths, optimize=True)
        # Exposure that the rest explains but for rounding tells nothing.
        square = np.where(square > 1e-10 * alone, square, np.nan)
        of_x = x[..., upper[0]] * x[..., upper[1]] * twice
        mixed = (-2 * b[:, None, :, None] * x[:, :, None, :]).reshape(B, P, q * T)
        of_b = (b[:, corner[0]] * b[:, corner[1]] * again)[:, None].repeat(P, axis=1)
        own = np.concatenate([of_x, mixed, of_b], axis=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            c = np.concatenate([x, np.broadcast_to(-b[:, None], (B, P, q))], axis=2)
            c = c / square[:, None, None]
            theta = np.einsum("bpr,bpkr->bk", c, values)
            d = -theta[:, :, None, None] * (own / square[:, None, None])[:, None]
        return theta, c, d

    return PathSums(values=values, counts=counts, path=path, group=group, rows=rows, rule=rule)
