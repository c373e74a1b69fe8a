"""From influence functions to standard errors, intervals and uniform bands; written once.

Covariance of ``theta`` is ``sum_ij K_ij psi_i psi_j'`` with ``K_ij = 1`` when providers i and j
share a cluster. Each provider its own cluster: ``psi' psi``. One label each: cluster sums. Several
memberships each: the kernel itself, which for two labels is the estimator of Cameron, Gelbach &
Miller (2011, eq. 2.8) and for general links that of Aronow, Samii & Assenova (2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from consortia.maths.influence import Bools, Floats, Influence, Ints
from consortia.maths.multiplier import Multiplier, gaussian_draws, multiplier_draws, sup_t

SmallSample = Literal["none", "clusters", "regression"]
_ROWS = 4096
"""Sums over sets of clusters, or rows of the kernel, held at once."""
_SETS = 20_000_000
"""Memberships in sets of clusters beyond which the kernel is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """How n providers fall into clusters.

    ``incidence`` gives a lone one its own; ``label`` (n,) where each has exactly one, else None;
    ``count`` clusters hold a provider that the answer rests on; ``own`` = each its own cluster.
    """

    incidence: sparse.csr_array
    label: Ints | None
    count: int
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferred:
    """Uncertainty of m effects.

    ``V`` (m, m) with the small-sample factor in it; ``se``, ``low``, ``high``, ``p`` (m,);
    ``band_low``, ``band_high`` (m,) NaN where there is no band; ``critical`` for ``low``/``high``.
    ``dof`` of the t distribution behind them, 0 for the normal. ``convention`` names in words what
    was done.
    """

    V: Floats
    se: Floats
    low: Floats
    high: Floats
    band_low: Floats
    band_high: Floats
    p: Floats
    critical: float
    dof: float
    n_clusters: int
    convention: str


def clusters_of(incidence: sparse.csr_array, touched: Bools) -> Clusters:
    """Read an incidence (n, C), counting only clusters with a provider in ``touched`` (n,)."""
    incidence = _with_lone(incidence)
    per = np.diff(incidence.indptr)
    if (per == 1).all():
        label = incidence.indices.astype(np.int64)
        size = np.bincount(label, minlength=int(incidence.shape[1]))
        own = bool((size <= 1).all())
        if own:
            return Clusters(incidence=incidence, label=label, count=int(touched.sum()), own=True)
        held = np.bincount(label[touched], minlength=size.size) > 0
        return Clusters(incidence=incidence, label=label, count=int(held.sum()), own=False)
    used = np.repeat(touched, per)
    count = int(np.unique(incidence.indices[used]).size)
    return Clusters(incidence=incidence, label=None, count=count, own=False)


def _with_lone(incidence: sparse.csr_array) -> sparse.csr_array:
    """The incidence with a cluster of its own for every provider that has none."""
    alone = np.flatnonzero(np.diff(incidence.indptr) == 0)
    if alone.size == 0:
        return incidence
    n = int(incidence.shape[0])
    extra = sparse.csr_array(
        (np.ones(alone.size), (alone, np.arange(alone.size))), shape=(n, alone.size)
    )
    return sparse.csr_array(sparse.hstack([incidence, extra], format="csr"))


def covariance(influence: Influence, clusters: Clusters) -> tuple[Floats, bool]:
    """Covariance (m, m) without small-sample factor, and whether it had to be made PSD.

    Only overlapping clusters can give a matrix that is not positive semi-definite; its negative
    eigenvalues are then set to zero (Cameron, Gelbach & Miller 2011, section 2.3).
    """
    if clusters.own:
        return influence.gram(), False
    if clusters.label is not None:
        S = influence.sums(clusters.label, int(clusters.incidence.shape[1]))
        return S.T @ S, False
    V = _overlapping(influence, clusters.incidence)
    values, vectors = np.linalg.eigh(V)
    if values.size == 0 or values[0] >= -1e-12 * max(values[-1], 0.0):
        return V, False
    return (vectors * np.maximum(values, 0.0)) @ vectors.T, True


def _overlapping(influence: Influence, incidence: sparse.csr_array) -> Floats:
    """``sum_ij 1{i and j share a cluster} psi_i psi_j'`` by inclusion and exclusion.

    The sum is ``sum_s (-1)^(|s| + 1) S_s S_s'`` over non-empty sets s of clusters, S_s being the
    sum of psi over those in all of s. Sets are built cluster by cluster and only while several
    membership signatures hold them: what one signature holds alone cancels, save the last. Where
    many share many, the sets are too many, and the kernel itself is cheaper.
    """
    signature, first = signatures(incidence)
    U = influence.sums(signature, first.size)
    A = sparse.csr_array(incidence[first])
    A.sort_indices()
    member = A.indices.astype(np.int64)
    end = A.indptr[1:].astype(np.int64)
    C = int(A.shape[1])
    alone = np.zeros(first.size)
    total = np.zeros((influence.m, influence.m))
    who = np.repeat(np.arange(first.size), np.diff(A.indptr))
    at = np.arange(member.size)
    key, sign = member, 1.0
    while key.size:
        _, code, count = np.unique(key, return_inverse=True, return_counts=True)
        code = code.reshape(-1)
        last = (count[code] == 1) & (at == end[who] - 1)
        alone += sign * np.bincount(who[last], minlength=first.size)
        shared = count[code] > 1
        number = np.cumsum(count > 1) - 1
        who, at, code = who[shared], at[shared], number[code[shared]]
        total += sign * _squares(code, who, U)
        # Every set grows by each cluster that its signature holds after the last.
        more = end[who] - 1 - at
        if int(more.sum()) > _SETS:
            return _by_kernel(A, U)
        who, code = np.repeat(who, more), np.repeat(code, more)
        start = np.repeat(at + 1 - np.concatenate([[0], np.cumsum(more)[:-1]]), more)
        at = start + np.arange(who.size)
        key, sign = code.astype(np.int64) * C + member[at], -sign
    total += (U * alone[:, None]).T @ U
    return (total + total.T) / 2


def _by_kernel(A: sparse.csr_array, U: Floats) -> Floats:
    """The same with K written out, some rows at a time; A (S, C) memberships, U (S, m) sums."""
    total = np.zeros((U.shape[1], U.shape[1]))
    across = sparse.csr_array(A.T)
    for start in range(0, U.shape[0], _ROWS):
        kernel = sparse.csr_array(A[start : start + _ROWS] @ across)
        kernel.data[:] = 1.0
        total += U[start : start + _ROWS].T @ np.asarray(kernel @ U)
    return (total + total.T) / 2


def _squares(code: Ints, who: Ints, U: Floats) -> Floats:
    """``sum_s S_s S_s'`` with ``S_s`` the sum of U (rows ``who``) where ``code`` is s."""
    sets = int(code.max()) + 1 if code.size else 0
    pick = sparse.csr_array((np.ones(code.size), (code, who)), shape=(sets, U.shape[0]))
    total = np.zeros((U.shape[1], U.shape[1]))
    for start in range(0, sets, _ROWS):
        S = np.asarray(pick[start : start + _ROWS] @ U)
        total += S.T @ S
    return total


def signatures(incidence: sparse.csr_array) -> tuple[Ints, Ints]:
    """Code (n,) of each provider's set of clusters, and one provider (S,) that has each set."""
    A = incidence.copy()
    A.sum_duplicates()
    n, C = A.shape
    per = np.diff(A.indptr)
    # A sum of well-mixed 64-bit words per set; checked below, because sums can collide.
    word = _mix(np.arange(1, C + 1, dtype=np.uint64))
    total = np.concatenate([[np.uint64(0)], np.cumsum(word[A.indices], dtype=np.uint64)])
    key = total[A.indptr[1:]] - total[A.indptr[:-1]] + _mix(per.astype(np.uint64))
    _, first, code = np.unique(key, return_index=True, return_inverse=True)
    code = code.reshape(-1).astype(np.int64)
    same = bool((per == per[first][code]).all())
    if same:
        B = A[first[code]]
        A.sort_indices()
        B.sort_indices()
        same = bool((A.indices == B.indices).all())
    if not same:
        return np.arange(n, dtype=np.int64), np.arange(n, dtype=np.int64)
    return code, first.astype(np.int64)


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014): spreads integers over 64 bits."""
    x = x * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def infer(
    theta: Floats,
    influence: Influence,
    incidence: sparse.csr_array,
    *,
    family: Ints,
    small_sample: SmallSample,
    dof_factor: float = 1.0,
    most: int = 0,
    level: float = 0.95,
    multiplier: Multiplier = "rademacher",
    draws: int = 0,
    rng: np.random.Generator,
    cluster_name: str = "provider",
) -> Inferred:
    """Standard errors, intervals, p-values and uniform bands for ``theta`` (m,).

    ``small_sample``: "none" (normal critical values), "clusters" (variance times C/(C-1), t with
    C-1 degrees of freedom), "regression" (times ``dof_factor`` = (N-1)/(N-K) as well).
    ``most`` > 0 caps the C of these rules (not of "none"): an answer that rests on few joiners and
    a large comparison is known no better than by as many pieces as there are joiners.
    ``family`` (m,): effects with the same code >= 0 share a uniform band (Callaway & Sant'Anna
    2021, algorithm 1); -1 = none. An effect without influence has no standard error (NaN).
    """
    clusters = clusters_of(incidence, influence.touched())
    C = clusters.count
    raw, clipped = covariance(influence, clusters)
    factor, spread = 1.0, stats.norm
    words = [_clusters_in_words(clusters, cluster_name)]
    if small_sample == "none":
        words.append("no small-sample factor, normal critical values")
    else:
        G = min(C, most) if most else C
        factor = G / (G - 1) if G > 1 else np.nan
        spread = stats.t(G - 1) if G > 1 else None
        if G < C:
            words.append(f"C taken as {G:,}, as many as joiners that carry equal weight")
        words.append("variance times C/(C-1)")
        if small_sample == "regression":
            factor *= dof_factor
            words[-1] += (
                f" and (N-1)/(N-K) = {dof_factor:.6g}, provider effects nested in clusters not "
                "counted"
            )
        words.append(f"t critical values with C-1 = {G - 1:,} degrees of freedom")
    if clipped:
        words.append("negative eigenvalues of the covariance set to zero")
    scaled = raw * factor
    variance = np.diag(scaled).copy()
    se = np.sqrt(np.where(variance > 0, variance, np.nan))
    critical = float(spread.ppf(0.5 + level / 2)) if spread is not None else np.nan
    with np.errstate(invalid="ignore"):
        p = 2 * spread.sf(np.abs(theta) / se) if spread is not None else np.full(theta.size, np.nan)
    band = np.full(theta.size, np.nan)
    if draws and C > 1:
        cut, how = _bands(influence, clusters, raw, family, level, multiplier, draws, rng)
        if np.isfinite(cut).any():
            words.append(how)
        # As wide, at the least, as the interval of one effect, and with the same allowance for
        # few clusters: the draws themselves know no degrees of freedom.
        allowance = critical / float(stats.norm.ppf(0.5 + level / 2))
        band = np.maximum(cut * allowance, critical) * se
    return Inferred(
        V=scaled,
        se=se,
        low=theta - critical * se,
        high=theta + critical * se,
        band_low=theta - band,
        band_high=theta + band,
        p=np.asarray(p, dtype=np.float64),
        critical=critical,
        dof=0 if small_sample == "none" else (min(C, most) if most else C) - 1,
        n_clusters=C,
        convention="; ".join(words),
    )


def _clusters_in_words(clusters: Clusters, name: str) -> str:
    what = name.replace("_", " ")
    if clusters.own and name == "provider":
        return f"clustered by provider ({clusters.count:,} providers)"
    if clusters.label is None:
        return (
            f"clustered by {what} with overlapping membership: two providers count as dependent "
            f"when they share any (C = {clusters.count:,} clusters, lone providers included)"
        )
    return f"clustered by {what} ({clusters.count:,} clusters)"


def _bands(
    influence: Influence,
    clusters: Clusters,
    V: Floats,
    family: Ints,
    level: float,
    multiplier: Multiplier,
    draws: int,
    rng: np.random.Generator,
) -> tuple[Floats, str]:
    """Critical value of each effect's family (m,), NaN without one, and how it was found."""
    se = np.sqrt(np.maximum(np.diag(V), 0.0))
    code = np.where(se > 0, family, -1)
    count = np.bincount(code[code >= 0], minlength=1)
    code = np.where((code >= 0) & (count[np.maximum(code, 0)] > 1), code, -1)
    wanted = np.flatnonzero(code >= 0)
    cut = np.full(se.size, np.nan)
    if wanted.size == 0:
        return cut, ""
    how = f"uniform bands from {draws:,} {multiplier.capitalize()} multiplier draws"
    if multiplier == "gaussian" or clusters.label is None:
        if multiplier != "gaussian":
            how = (
                f"uniform bands from {draws:,} Gaussian draws ({multiplier.capitalize()} "
                "multipliers need clusters that do not overlap)"
            )
        drawn = gaussian_draws(V[np.ix_(wanted, wanted)], draws, rng)
    else:
        label = None if clusters.own else clusters.label
        drawn = multiplier_draws(
            influence, wanted, label, int(clusters.incidence.shape[1]), multiplier, draws, rng
        )
    cut[wanted] = sup_t(drawn, se[wanted], code[wanted], level)
    return cut, how
