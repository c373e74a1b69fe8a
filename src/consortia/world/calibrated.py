"""Worlds like the user's own data: same providers, sizes, joining and gaps, known truth.

The process of outcomes is fitted to the cells in which nobody is exposed (never, or not yet):

    Y_it(0) = a_i + l_t + u_it + c_it + e_it

provider level a_i, common year l_t, u_it first-order autoregressive, c_it the shocks of the year
of the clusters that a provider belongs to, e_it noise with variance ``floor + per_size / size_it``.
Variances are matched by the variogram (half the mean squared change over k years), as in
Chamberlain's and Abowd & Card's (1989) minimum distance; levels are drawn given each provider's own
results (Gaussian posterior), so that who joined keeps its level.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

from consortia.errors import NotIdentified
from consortia.streams import Streams

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RHOS = np.append(np.arange(0.05, 0.95, 0.05), [0.95, 0.98])
"""Autocorrelations of a year that are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the worlds are made like: n providers, T calendar years ascending.

    ``Y`` (n, T) results, NaN where missing; ``on`` (n, T) exposed; ``cohort`` (n,) index in
    ``years`` of the first exposed year, T = never, 0 = from the start; ``size`` (n, T) learners
    behind a result, None where unknown; ``incidence`` (n, C) sparse 0/1 clusters.
    """

    years: Ints
    Y: Floats
    on: Bools
    cohort: Ints
    size: Floats | None
    incidence: sparse.csr_array


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """The fitted process; variances in squared units of the outcome.

    ``level``, ``level_sd`` (n,) of the provider levels given their results; ``between`` their
    variance within groups; ``common`` (T,) of ``years``; ``persistent`` variance and
    ``autocorrelation`` (a calendar year apart) of u; ``shared`` variance of c for one cluster;
    ``floor`` and ``per_size`` of e; ``inverse`` (n, T) one over size, 0 where unknown.
    """

    years: Ints
    common: Floats
    level: Floats
    level_sd: Floats
    between: float
    persistent: float
    autocorrelation: float
    shared: float
    floor: float
    per_size: float
    inverse: Floats

    def parameters(self) -> dict[str, float]:
        """The numbers that decide, as standard deviations."""
        return {
            "sd_between_providers": float(np.sqrt(self.between)),
            "sd_persistent": float(np.sqrt(self.persistent)),
            "autocorrelation": self.autocorrelation,
            "sd_shared_in_clusters": float(np.sqrt(self.shared)),
            "sd_of_a_year": float(np.sqrt(self.floor)),
            "sd_per_learner": float(np.sqrt(self.per_size)),
        }


def calibrate(seen: Observed) -> Process:
    """Fit the process. Raises NotIdentified where nobody has two years without exposure."""
    free = np.isfinite(seen.Y) & ~seen.on
    common = year_effects(seen.Y, free)
    R = np.where(np.isfinite(seen.Y), seen.Y - common, np.nan)
    inverse = inverse_size(seen.size, seen.Y.shape)
    lags, half, mean_inverse = changes(np.where(free, R, np.nan), inverse, seen.years)
    if not lags.size:
        raise NotIdentified(
            "no provider has results in two years without exposure, from which the noise of a "
            "year could be learnt"
        )
    per_size = _per_size(lags, half, mean_inverse)
    floor, persistent, rho = _variogram(lags, half - per_size * mean_inverse)
    shared = min(_shared(np.where(free, R, np.nan), seen.incidence), floor)
    process = Process(
        years=seen.years,
        common=common,
        level=np.zeros(seen.Y.shape[0]),
        level_sd=np.zeros(seen.Y.shape[0]),
        between=0.0,
        persistent=persistent,
        autocorrelation=rho,
        shared=shared,
        floor=floor,
        per_size=per_size,
        inverse=inverse,
    )
    return _with_levels(process, R, free, seen.cohort)


def year_effects(Y: Floats, use: Bools) -> Floats:
    """(T,) effects of years given those of providers, by least squares, with mean zero over the
    cells in ``use`` added back; a year without any such cell takes the nearest one's."""
    W = use.astype(np.float64)
    y = np.where(use, Y, 0.0)
    count = W.sum(axis=1)
    known = count > 0
    share = np.where(known, 1 / np.maximum(count, 1), 0.0)
    A = np.diag(W.sum(axis=0)) - (W * share[:, None]).T @ W
    b = y.sum(axis=0) - W.T @ (share * y.sum(axis=1))
    effect = np.linalg.lstsq(A, b, rcond=None)[0]
    has = np.asarray(W.sum(axis=0) > 0)
    if not has.any():
        raise NotIdentified("nobody is unexposed in any year")
    effect -= np.average(effect, weights=W.sum(axis=0))
    effect += y.sum() / W.sum()
    at = np.flatnonzero(has)
    return effect[at[np.abs(at[None, :] - np.arange(has.size)[:, None]).argmin(axis=1)]]


def inverse_size(size: Floats | None, shape: tuple[int, ...]) -> Floats:
    if size is None:
        return np.zeros(shape)
    good = np.isfinite(size) & (size > 0)
    own = np.where(good, size, 0).sum(axis=1) / np.maximum(good.sum(axis=1), 1)
    typical = float(np.median(own[own > 0])) if (own > 0).any() else 1.0
    filled = np.where(good, size, np.where(own > 0, own, typical)[:, None])
    return 1 / np.broadcast_to(filled, shape)


def changes(R: Floats, inverse: Floats, years: Ints) -> tuple[Ints, Floats, Floats]:
    """Years between, half the squared change, mean inverse size: one entry per pair of results."""
    lags: list[Ints] = []
    half: list[Floats] = []
    size: list[Floats] = []
    T = years.size
    for s in range(T):
        for t in range(s + 1, T):
            ok = np.isfinite(R[:, s]) & np.isfinite(R[:, t])
            lags.append(np.full(int(ok.sum()), years[t] - years[s], dtype=np.int64))
            half.append((R[ok, t] - R[ok, s]) ** 2 / 2)
            size.append((inverse[ok, s] + inverse[ok, t]) / 2)
    return np.concatenate(lags), np.concatenate(half), np.concatenate(size)


def _per_size(lags: Ints, half: Floats, inverse: Floats) -> float:
    """Slope on one over size within lags, weighted by what squares of that variance scatter."""
    if np.ptp(inverse) == 0:
        return 0.0
    groups = np.unique(lags, return_inverse=True)[1]
    weight = np.ones(half.size)
    slope = 0.0
    for _ in range(3):
        total = np.bincount(groups, weight)
        x = inverse - (np.bincount(groups, weight * inverse) / total)[groups]
        mean = (np.bincount(groups, weight * half) / total)[groups]
        slope = max(float((weight * x * half).sum() / (weight * x * x).sum()), 0.0)
        fitted = np.maximum(mean + slope * x, 0.05 * half.mean())
        weight = (half.mean() / fitted) ** 2
    return slope


def _variogram(lags: Ints, half: Floats) -> tuple[float, float, float]:
    """floor, persistent variance and autocorrelation: half the squared change over k years has
    mean floor + persistent (1 - rho^k)."""
    present, code = np.unique(lags, return_inverse=True)
    count = np.bincount(code).astype(np.float64)
    seen = np.bincount(code, half) / count
    flat = max(float(np.average(seen, weights=count)), 0.0)
    if present.size < 2:
        return flat, 0.0, 0.0
    weight = np.sqrt(count) / np.maximum(seen, 1e-12 + 0.05 * abs(flat))
    # Two lags cannot tell how fast it fades: a middling pace is assumed.
    tried = RHOS if present.size > 2 else np.array([0.7])
    best = (float(np.sum((weight * (seen - flat)) ** 2)), flat, 0.0, 0.0)
    for rho in tried.tolist():
        X = np.column_stack([np.ones(present.size), 1 - rho**present])
        found, left = optimize.nnls(X * weight[:, None], seen * weight)
        if left**2 < best[0] * (1 - 1e-9):
            best = (float(left**2), float(found[0]), float(found[1]), rho)
    return best[1], best[2], best[3] if best[2] > 0 else 0.0


def _shared(R: Floats, incidence: sparse.csr_array) -> float:
    """Variance of a cluster's shock of the year, from products of the changes of two of its
    members; zero where it lies within two standard errors of zero."""
    sizes = np.asarray(incidence.sum(axis=0)).ravel()
    several = np.flatnonzero(sizes > 1)
    if not several.size or R.shape[1] < 2:
        return 0.0
    change = np.diff(R, axis=1)
    change = change - np.nanmean(np.where(np.isfinite(change), change, np.nan))
    ok = np.isfinite(change)
    d = np.where(ok, change, 0.0)
    inside = sparse.csr_array(incidence[:, several].T)
    total, squares = inside @ d, inside @ d**2
    m = inside @ ok.astype(np.float64)
    products = ((total**2 - squares) / 2).sum(axis=1)
    pairs = (m * (m - 1) / 2).sum(axis=1)
    if pairs.sum() == 0:
        return 0.0
    mean = float(products.sum() / pairs.sum())
    error = float(np.sqrt(((products - mean * pairs) ** 2).sum()) / pairs.sum())
    return mean / 2 if mean > 2 * error else 0.0


def _covariance(process: Process) -> Floats:
    """(n, T, T) of the noise of each provider."""
    apart = np.abs(process.years[:, None] - process.years[None, :])
    lasting = process.persistent * np.power(process.autocorrelation, apart)
    V = np.broadcast_to(lasting, (process.inverse.shape[0], *apart.shape)).copy()
    t = np.arange(process.years.size)
    V[:, t, t] += process.floor + process.per_size * process.inverse
    return V


def _with_levels(process: Process, R: Floats, free: Bools, cohort: Ints) -> Process:
    """Levels given the results without exposure; of those exposed throughout, given all."""
    n, T = R.shape
    use = np.where((cohort == 0)[:, None], np.isfinite(R), free)
    V = _covariance(process)
    both = use[:, :, None] & use[:, None, :]
    V = np.where(both, V, 0.0)
    t = np.arange(T)
    V[:, t, t] = np.where(use, V[:, t, t], 1.0)
    one = use.astype(np.float64)
    known = use.any(axis=1)
    # A process without any noise has nothing to shrink by.
    V[:, t, t] += 1e-12 * max(float(R[free].var()), 1e-300)
    solved = np.linalg.solve(V, np.stack([one, np.where(use, R, 0.0)], axis=2))
    precision = (one * solved[:, :, 0]).sum(axis=1)
    best = (one * solved[:, :, 1]).sum(axis=1) / np.maximum(precision, 1e-300)
    group = np.select([cohort == 0, cohort < T], [0, 1], 2)
    centre = np.zeros(n)
    squares, count, noise = 0.0, 0, 0.0
    for g in range(3):
        here = known & (group == g)
        if here.any():
            centre[group == g] = best[here].mean()
            squares += float(((best[here] - best[here].mean()) ** 2).sum())
            noise += float((1 / precision[here]).sum())
            count += int(here.sum())
    between = max((squares - noise) / max(count - 3, 1), 0.0)
    pull = np.where(known, between / (between + 1 / np.maximum(precision, 1e-300)), 0.0)
    level = centre + pull * np.where(known, best - centre, 0.0)
    return replace(process, level=level, level_sd=np.sqrt(between * (1 - pull)), between=between)


# --- drawing -------------------------------------------------------------------------------------


def untreated(
    process: Process, source: Ints, years: Ints, incidence: sparse.csr_array, streams: Streams
) -> Floats:
    """(m, T) results without exposure of m providers that are like providers ``source`` (m,), in
    calendar ``years`` (T,) (which may go on after the data), none missing.

    ``incidence`` (m, C): whose shocks they share.
    """
    m, T = source.size, years.size
    first = int(min(years[0], process.years[0]))
    span = int(years[-1]) - first + 1
    at = np.searchsorted(process.years, years)
    at = np.minimum(at, process.years.size - 1)
    level = process.level[source] + process.level_sd[source] * _normal(streams, "level", m)
    Y = level[:, None] + process.common[at][None, :]
    if process.persistent > 0:
        z = _normal(streams, "persistent", (m, span))
        u = np.empty((m, span))
        u[:, 0] = z[:, 0]
        rho, fresh = process.autocorrelation, np.sqrt(1 - process.autocorrelation**2)
        for k in range(1, span):
            u[:, k] = rho * u[:, k - 1] + fresh * z[:, k]
        Y += np.sqrt(process.persistent) * u[:, years - first]
    variance = process.floor + process.per_size * process.inverse[source][:, at]
    if process.shared > 0:
        sizes = np.asarray(incidence.sum(axis=0)).ravel()
        inside = sparse.csr_array(incidence[:, np.flatnonzero(sizes > 1)])
        number = np.asarray(inside.sum(axis=1)).ravel()
        shocks = _normal(streams, "shared", (inside.shape[1], T))
        Y += np.sqrt(process.shared) * (inside @ shocks)
        # What is shared is part of the noise that was measured, not more of it.
        variance = np.maximum(variance - process.shared * number[:, None], 0.05 * variance)
    return Y + np.sqrt(variance) * _normal(streams, "noise", (m, T))


def hidden(cohort: Ints, years: Ints, trend: float, dip: float) -> Floats:
    """(m, T) what sets joiners apart that is no effect: ``trend`` a year, counted from the first,
    and ``dip`` below in the last year before joining; in the unit of both."""
    T = years.size
    joins = np.asarray((cohort > 0) & (cohort < T))
    first = years[np.minimum(cohort, T - 1)]
    drift = trend * (years - years[0])[None, :]
    low = dip * (years[None, :] == first[:, None] - 1)
    return joins[:, None] * (drift - low)


def effects(
    on: Bools, cohort: Ints, years: Ints, first: float, growth: float, factor: Floats
) -> Floats:
    """(m, T) the truth: ``first`` in the first exposed year, ``growth`` more in each further one,
    times ``factor`` (m,); zero where not exposed."""
    T = years.size
    since = years[None, :] - years[np.minimum(cohort, T - 1)][:, None]
    return np.where(on, (first + growth * np.maximum(since, 0)) * factor[:, None], 0.0)


def factors(spread: float, m: int, streams: Streams) -> Floats:
    """(m,) how much the effect is for each provider, with mean 1."""
    if spread == 0:
        return np.ones(m)
    return 1 + spread * _normal(streams, "response", m)


def _normal(streams: Streams, name: str, shape: int | tuple[int, ...]) -> Floats:
    return streams.at(name).rng().standard_normal(shape)
