"""Competition between providers, year by year: rivals, pressure, concentration, shared membership.

All functions take the pairs within reach (:class:`consortia.maths.places.Near`) and arrays (n, T)
and return (n, T). ``size`` is enrolment, NaN or 0 where a provider is not open that year; it then
neither has rivals nor is one. Results are NaN for a provider that is not open or whose place is not
known.
"""

# The papers' letters are upper case and not constants.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from consortia.maths.influence import Bools, Floats, Ints
from consortia.maths.places import Near

Masks = NDArray[np.uint64]
Kernel = Literal["even", "linear", "inverse", "exponential"]


def kernel_weights(pairs: Near, kernel: Kernel, scale: float | None = None) -> Floats:
    """Weight (P,) of every pair by distance d: "even" 1, "linear" 1 - d / reach, "inverse"
    1 / (1 + d / scale), "exponential" exp(-d / scale); scale is a fifth of the reach if None."""
    h = pairs.reach / 5 if scale is None else scale
    if not h > 0:
        raise ValueError("scale must be positive")
    d = pairs.distance
    if kernel == "even":
        return np.ones(d.size)
    if kernel == "linear":
        return 1 - d / pairs.reach
    if kernel == "inverse":
        return 1 / (1 + d / h)
    return np.exp(-d / h)


def rivals(pairs: Near, size: Floats) -> Floats:
    """Number of others open within reach."""
    there = _open(size)
    return _only(pairs.matrix() @ there.astype(np.float64), pairs, there)


def pressure(
    pairs: Near, size: Floats, kernel: Kernel = "linear", scale: float | None = None
) -> Floats:
    """Distance-weighted places nearby relative to one's own: ``sum_j k(d_ij) s_jt / s_it``.

    1 means as many (weighted) places at rivals as at the provider itself; 0 means no rival.
    """
    there = _open(size)
    s = np.where(there, size, 0.0)
    near = pairs.matrix(kernel_weights(pairs, kernel, scale)) @ s
    return _only(near / np.where(there, s, 1.0), pairs, there)


def herfindahl(pairs: Near, size: Floats, owner: Ints | None = None) -> Floats:
    """Herfindahl index of enrolment in the market around each provider, itself included.

    ``sum_o (share of owner o)^2`` over those within reach, between 1 / number and 1 (alone).
    ``owner`` (n, T): a code that providers decide together under (a trust), below zero for a
    provider on its own; None = everybody on their own.
    """
    there = _open(size)
    s = np.where(there, size, 0.0)
    A = pairs.matrix()
    total = A @ s + s
    if owner is None:
        squares = A @ s**2 + s**2
    else:
        around = sparse.csr_array(A + sparse.identity(pairs.n, format="csr"))
        squares = np.empty_like(s)
        for t in range(s.shape[1]):
            own = owner[:, t]
            code = np.where(own >= 0, own, own.max(initial=-1) + 1 + np.arange(pairs.n))
            _, code = np.unique(code, return_inverse=True)
            by_owner = sparse.csr_array(
                (s[:, t], (np.arange(pairs.n), code)), shape=(pairs.n, int(code.max()) + 1)
            )
            held = sparse.csr_array(around @ by_owner)
            held.data **= 2
            squares[:, t] = np.asarray(held.sum(axis=1)).ravel()
    with np.errstate(invalid="ignore", divide="ignore"):
        return _only(squares / total**2, pairs, there)


def share_on(pairs: Near, on: Bools, size: Floats, *, by_size: bool = False) -> Floats:
    """Share of the rivals that are on (have joined, are academies), by number or by enrolment.

    NaN where there is no rival.
    """
    there = _open(size)
    weight = np.where(there, size if by_size else 1.0, 0.0)
    A = pairs.matrix()
    with np.errstate(invalid="ignore", divide="ignore"):
        return _only((A @ np.where(on, weight, 0.0)) / (A @ weight), pairs, there)


# --- shared membership ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """Memberships, one entry per provider and collaboration, in that order, with the years as bits.

    ``key`` (E,) = provider * C + collaboration, ascending; ``years`` (E,): bit t is set in the
    years of membership. ``C`` collaborations, ``T`` years (at most 64).
    """

    key: Ints
    years: Masks
    n: int
    C: int
    T: int


def ties(
    provider: Ints, collaboration: Ints, first: Ints, last: Ints, n: int, C: int, T: int
) -> Ties:
    """From spells (k,): member in years ``first`` to ``last - 1`` (clipped to 0..T).

    Raises ValueError for more than 64 years.
    """
    if T > 64:
        raise ValueError(f"{T} years: shared membership is kept for at most 64")
    year = np.left_shift(np.uint64(1), np.arange(T, dtype=np.uint64))
    upto = np.concatenate([np.zeros(1, dtype=np.uint64), np.bitwise_or.accumulate(year)])
    a, b = np.clip(first, 0, T), np.clip(last, 0, T)
    mask = upto[b] & ~upto[a]
    use = mask != 0
    key, mask = (provider * C + collaboration)[use], mask[use]
    order = np.argsort(key, kind="stable")
    key, mask = key[order], mask[order]
    begin = np.flatnonzero(np.diff(key, prepend=-1))
    if begin.size:
        mask = np.bitwise_or.reduceat(mask, begin)
    return Ties(key=key[begin].astype(np.int64), years=mask, n=n, C=C, T=T)


def shared_years(pairs: Near, links: Ties) -> Masks:
    """Years (P,), as bits, in which two near providers are in any collaboration together.

    For every pair, each membership of the one is looked up among those of the other: the work is
    pairs times memberships per provider, whatever the size of the collaborations.
    """
    P = pairs.other.size
    out = np.zeros(P, dtype=np.uint64)
    if links.key.size == 0 or P == 0:
        return out
    owner = links.key // links.C
    start = np.searchsorted(owner, np.arange(links.n + 1))
    held = np.diff(start)
    # Only pairs of two members can share; going by the n-th membership keeps the arrays small.
    row = pairs.row
    live = np.flatnonzero((held[row] > 0) & (held[pairs.other] > 0) & (row < pairs.other))
    i, j = row[live], pairs.other[live].astype(np.int64)
    bits = np.zeros(live.size, dtype=np.uint64)
    for k in range(int(held.max())):
        has = np.flatnonzero(held[i] > k)
        at = start[i[has]] + k
        sought = j[has] * links.C + links.key[at] % links.C
        place = np.minimum(np.searchsorted(links.key, sought), links.key.size - 1)
        hit = links.key[place] == sought
        bits[has[hit]] |= links.years[at[hit]] & links.years[place[hit]]
    some = bits != 0
    half, other, bits = i[some].astype(np.int64), j[some], bits[some]
    # The same pair the other way round.
    n = pairs.n
    flat = row.astype(np.int64) * n + pairs.other
    order = np.argsort(flat, kind="stable") if (np.diff(flat) < 0).any() else None
    ranked = flat if order is None else flat[order]
    for key in (half * n + other, other * n + half):
        place = np.searchsorted(ranked, key)
        out[place if order is None else order[place]] = bits
    return out


def share_tied(pairs: Near, shared: Masks, size: Floats, *, by_size: bool = False) -> Floats:
    """Share of the rivals that are in a collaboration together with the provider that year.

    ``shared`` (P,) from :func:`shared_years`. NaN where there is no rival.
    """
    there = _open(size)
    weight = np.where(there, size if by_size else 1.0, 0.0)
    total = pairs.matrix() @ weight
    tied = np.zeros_like(total)
    some = np.flatnonzero(shared)
    row, other, bits = pairs.row[some], pairs.other[some], shared[some]
    for t in range(size.shape[1]):
        on = (bits >> np.uint64(t)) & np.uint64(1) == 1
        tied[:, t] = np.bincount(row[on], weights=weight[other[on], t], minlength=pairs.n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _only(tied / total, pairs, there)


def _open(size: Floats) -> Bools:
    if (size < 0).any() or np.isinf(size).any():
        raise ValueError("sizes must be finite and not negative; NaN or 0 means not open")
    return np.nan_to_num(size, nan=0.0) > 0


def _only(values: Floats, pairs: Near, there: Bools) -> Floats:
    return np.where(there & pairs.known[:, None], values, np.nan)
