"""Where providers are, and who is near whom.

Points are rows in metres: grid coordinates (n, 2), or geocentric ones (n, 3) for any part of the
earth, so that one KD-tree serves both. Pairs within reach are kept row by row with their distance
(:class:`Near`), never as a matrix of all against all.
"""

# The papers' letters are upper case and not constants.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from consortia.maths.influence import Bools, Floats, Ints

Indices = NDArray[np.int32]

# Semi-major axis and first eccentricity squared.
_WGS84 = (6_378_137.0, 0.006_694_379_990_141_3)
_AIRY = (6_377_563.396, 0.006_670_540_000_123_4)
_MEAN_RADIUS = 6_371_008.8
_SECOND = np.pi / 648_000
_MOST = 100_000_000
"""Pairs, each way, that are kept at most: some 2 GB."""


def national_grid(latitude: Floats, longitude: Floats) -> Floats:
    """Easting and northing (n, 2) in metres on the British National Grid.

    From degrees as satellites and GIAS-derived postcode files give them (WGS84): the
    seven-parameter shift to OSGB36, good to about 5 m, and the transverse Mercator projection
    (Ordnance Survey,
    *A guide to coordinate systems in Great Britain*, sections 6.6 and annex C1). NaN stays NaN.
    Meant for Great Britain; elsewhere use :func:`geocentric`.
    """
    x, y, z = geocentric(latitude, longitude).T
    s = 1 + 20.4894e-6
    rx, ry, rz = -0.1502 * _SECOND, -0.2470 * _SECOND, -0.8421 * _SECOND
    shifted = np.stack(
        [
            -446.448 + s * x - rz * y + ry * z,
            125.157 + rz * x + s * y - rx * z,
            -542.060 - ry * x + rx * y + s * z,
        ],
        axis=1,
    )
    lat, lon = _geodetic(shifted, *_AIRY)
    return transverse_mercator(lat, lon, *_AIRY)


def geocentric(latitude: Floats, longitude: Floats) -> Floats:
    """Cartesian coordinates (n, 3) in metres of points on the WGS84 ellipsoid, from degrees.

    The straight line between two of them is shorter than the way on the ground by d^3 / (24 R^2):
    1 m in 100 km, which :func:`near` puts right.
    """
    a, e2 = _WGS84
    lat, lon = np.deg2rad(latitude), np.deg2rad(longitude)
    nu = a / np.sqrt(1 - e2 * np.sin(lat) ** 2)
    return np.stack(
        [
            nu * np.cos(lat) * np.cos(lon),
            nu * np.cos(lat) * np.sin(lon),
            nu * (1 - e2) * np.sin(lat),
        ],
        axis=1,
    )


def _geodetic(points: Floats, a: float, e2: float) -> tuple[Floats, Floats]:
    """Latitude and longitude in radians of Cartesian points; fixed-point iteration (annex B2)."""
    x, y, z = points.T
    p = np.hypot(x, y)
    lat = np.arctan2(z, p * (1 - e2))
    for _ in range(6):  # gains more than two digits each time
        nu = a / np.sqrt(1 - e2 * np.sin(lat) ** 2)
        lat = np.arctan2(z + e2 * nu * np.sin(lat), p)
    return lat, np.arctan2(y, x)


def transverse_mercator(latitude: Floats, longitude: Floats, a: float, e2: float) -> Floats:
    """Easting and northing (n, 2) with the constants of the National Grid, from radians.

    ``a`` semi-major axis, ``e2`` eccentricity squared of the ellipsoid. Redfearn's series as in
    annex C1 of the guide.
    """
    scale, east, north = 0.9996012717, 400_000.0, -100_000.0
    lat0, lon0 = np.deg2rad(49.0), np.deg2rad(-2.0)
    b = a * np.sqrt(1 - e2)
    k = (a - b) / (a + b)
    s, c, t = np.sin(latitude), np.cos(latitude), np.tan(latitude)
    nu = a * scale / np.sqrt(1 - e2 * s**2)
    rho = a * scale * (1 - e2) / (1 - e2 * s**2) ** 1.5
    eta2 = nu / rho - 1
    minus, plus = latitude - lat0, latitude + lat0
    arc = (
        (1 + k + 5 / 4 * k**2 + 5 / 4 * k**3) * minus
        - (3 * k + 3 * k**2 + 21 / 8 * k**3) * np.sin(minus) * np.cos(plus)
        + (15 / 8 * k**2 + 15 / 8 * k**3) * np.sin(2 * minus) * np.cos(2 * plus)
        - 35 / 24 * k**3 * np.sin(3 * minus) * np.cos(3 * plus)
    )
    two = nu / 2 * s * c
    three = nu / 24 * s * c**3 * (5 - t**2 + 9 * eta2)
    three_a = nu / 720 * s * c**5 * (61 - 58 * t**2 + t**4)
    four = nu * c
    five = nu / 6 * c**3 * (nu / rho - t**2)
    six = nu / 120 * c**5 * (5 - 18 * t**2 + t**4 + 14 * eta2 - 58 * t**2 * eta2)
    d = longitude - lon0
    northing = north + b * scale * arc + two * d**2 + three * d**4 + three_a * d**6
    easting = east + four * d + five * d**3 + six * d**5
    return np.stack([easting, northing], axis=1)


# --- pairs ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Who is within reach of whom, row by row.

    The neighbours of provider i are ``other[start[i]:start[i + 1]]`` at ``distance`` (same slice),
    in no particular order, i itself not among them. ``known`` (n,): whether the place is known at
    all.
    """

    start: Ints
    other: Indices
    distance: Floats
    known: Bools
    reach: float
    unit: Literal["metres", "minutes"] = "metres"

    @property
    def n(self) -> int:
        return int(self.known.size)

    @property
    def row(self) -> Indices:
        """(P,) the provider whose neighbour each entry is."""
        return np.repeat(np.arange(self.n, dtype=np.int32), np.diff(self.start))

    def matrix(self, values: Floats | None = None) -> sparse.csr_array:
        """(n, n) sparse, with ``values`` (P,) or ones where two are near; no diagonal."""
        data = np.ones(self.other.size) if values is None else values
        return sparse.csr_array((data, self.other, self.start), shape=(self.n, self.n))

    def keep(self, pairs: Bools) -> Near:
        """The entries where ``pairs`` (P,) is true."""
        count = np.concatenate([[0], np.cumsum(pairs)])
        return Near(
            start=count[self.start].astype(np.int64),
            other=self.other[pairs],
            distance=self.distance[pairs],
            known=self.known,
            reach=self.reach,
            unit=self.unit,
        )


def near(points: Floats, reach: float, group: Ints | None = None) -> Near:
    """All pairs of ``points`` (n, 2) or (n, 3), in metres, no more than ``reach`` metres apart.

    ``group`` (n,): only pairs of the same group (phase of schooling, market), none for a code below
    zero. Rows with a NaN have no neighbours and are not ``known``. Geocentric points (n, 3) give
    distances along the ground. Raises ValueError for a reach that is not positive and finite, or
    so large that pairs would not fit into memory.
    """
    _check_reach(reach)
    n, dimensions = points.shape
    known: Bools = np.asarray(np.isfinite(points).all(axis=1))
    straight = reach
    if dimensions == 3:
        straight = 2 * _MEAN_RADIUS * np.sin(min(reach / (2 * _MEAN_RADIUS), np.pi / 2))
    code = np.zeros(n, dtype=np.int64) if group is None else group
    found: list[NDArray[np.integer]] = []
    for g in np.unique(code[known & (code >= 0)]).tolist():
        rows = np.flatnonzero(known & (code == g))
        tree = cKDTree(points[rows], balanced_tree=False, compact_nodes=False)
        within = int(tree.count_neighbors(tree, straight)) - rows.size
        if within > _MOST:
            raise ValueError(
                f"{within:,} pairs lie within {reach:g} metres, more than can be kept: take a "
                "smaller reach"
            )
        # A hair beyond the reach, so that rounding in the tree does not decide about the edge.
        pairs = tree.query_pairs(straight * (1 + 1e-9), output_type="ndarray")
        found.append(rows[pairs])
    pair = np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)
    i, j = pair[:, 0], pair[:, 1]
    distance = np.sqrt(((points[i] - points[j]) ** 2).sum(axis=1))
    if dimensions == 3:
        distance = 2 * _MEAN_RADIUS * np.arcsin(np.minimum(distance / (2 * _MEAN_RADIUS), 1.0))
    inside = distance <= reach
    if not inside.all():
        i, j, distance = i[inside], j[inside], distance[inside]
    return _by_row(
        np.concatenate([i, j]), np.concatenate([j, i]), np.concatenate([distance, distance]),
        known, reach, "metres",
    )  # fmt: skip


def near_by_time(origin: Ints, destination: Ints, minutes: Floats, n: int, reach: float) -> Near:
    """Pairs no more than ``reach`` minutes apart, from the entries of a travel-time matrix.

    ``origin``, ``destination`` (k,) rows in 0..n-1, ``minutes`` (k,). A pair that is given in one
    direction only counts in both; given twice in the same direction, the shorter counts. Entries of
    a provider with itself and NaN times are passed over. A provider that no entry names is not
    ``known``. Raises ValueError for rows outside 0..n-1, negative times, or a bad reach.
    """
    _check_reach(reach)
    if origin.size and not (
        min(origin.min(), destination.min()) >= 0 and max(origin.max(), destination.max()) < n
    ):
        raise ValueError(f"origin and destination must lie in 0..{n - 1}")
    if (minutes < 0).any():
        raise ValueError("a travel time cannot be negative")
    known = np.zeros(n, dtype=np.bool_)
    given = np.isfinite(minutes)
    known[origin[given]] = True
    known[destination[given]] = True
    use = given & (origin != destination)
    i, j, d = origin[use], destination[use], minutes[use]
    key = i * n + j
    order = np.lexsort((d, key))
    key, d = key[order], d[order]
    first = np.ones(key.size, dtype=np.bool_)
    first[1:] = key[1:] != key[:-1]
    key, d = key[first], d[first]
    back = (key % n) * n + key // n
    alone = ~np.isin(back, key, assume_unique=True)
    key, d = np.concatenate([key, back[alone]]), np.concatenate([d, d[alone]])
    inside = d <= reach
    key, d = key[inside], d[inside]
    return _by_row(key // n, key % n, d, known, reach, "minutes")


def _check_reach(reach: float) -> None:
    if not (np.isfinite(reach) and reach > 0):
        raise ValueError(f"the reach must be positive and finite, not {reach}")


def _by_row(
    i: NDArray[np.integer],
    j: NDArray[np.integer],
    distance: Floats,
    known: Bools,
    reach: float,
    unit: Literal["metres", "minutes"],
) -> Near:
    n = known.size
    start = np.concatenate([[0], np.cumsum(np.bincount(i, minlength=n))]).astype(np.int64)
    # Compressing rows is a counting sort, and keeps entries with distance zero (same building).
    M = sparse.coo_array((distance, (i.astype(np.int32), j.astype(np.int32))), shape=(n, n)).tocsr()
    return Near(
        start=start,
        other=M.indices.astype(np.int32),
        distance=M.data,
        known=known,
        reach=reach,
        unit=unit,
    )


# --- rings ---------------------------------------------------------------------------------------


def ring_of(pairs: Near, edges: tuple[float, ...]) -> NDArray[np.int8]:
    """Ring (P,) of every entry: 0 up to and including edges[0], then 1, ...; len(edges) beyond.

    Raises ValueError unless the edges ascend, are positive, and end within ``pairs.reach``.
    """
    e = np.asarray(edges, dtype=np.float64)
    if e.size == 0 or not (np.diff(e, prepend=0.0) > 0).all():
        raise ValueError(f"ring edges must be positive and ascend, not {edges}")
    if e[-1] > pairs.reach * (1 + 1e-12):
        raise ValueError(f"the last ring ends at {e[-1]:g}, beyond the reach of {pairs.reach:g}")
    return np.searchsorted(e, pairs.distance, side="left").astype(np.int8)


def count_in_rings(pairs: Near, edges: tuple[float, ...], on: Bools) -> NDArray[np.int32]:
    """How many others within each ring are on in each year: (n, T, R) from ``on`` (n, T)."""
    ring = ring_of(pairs, edges)
    values = on.astype(np.float64)
    out = np.zeros((*on.shape, len(edges)), dtype=np.int32)
    for r in range(len(edges)):
        out[:, :, r] = np.asarray(pairs.matrix((ring == r).astype(np.float64)) @ values)
    return out


def first_in_rings(
    pairs: Near, edges: tuple[float, ...], cohort: Ints, T: int, at_least: int = 1
) -> Ints:
    """First year (n, R) in 0..T with ``at_least`` others within the ring that have joined.

    ``cohort`` (n,) is everyone's own first year in 0..T; T = never. Joining is taken as lasting.
    Only others in the ring itself count, not those nearer. -1 where the place is not known.
    """
    if at_least < 1:
        raise ValueError("at_least must be 1 or more")
    ring = ring_of(pairs, edges)
    out = np.full((pairs.n, len(edges)), T, dtype=np.int64)
    joined = cohort[pairs.other]
    for r in range(len(edges)):
        use = (ring == r) & (joined < T)
        # Count the joiners nearby by year, then add up over the years.
        key = pairs.row[use].astype(np.int64) * T + joined[use]
        count = np.bincount(key, minlength=pairs.n * T).reshape(pairs.n, T).cumsum(axis=1)
        enough = count >= at_least
        out[:, r] = np.where(enough.any(axis=1), enough.argmax(axis=1), T)
    out[~pairs.known] = -1
    return out


def markets(pairs: Near) -> Ints:
    """Market (n,) of every provider: 0, 1, ..., disjoint, each within reach of one provider.

    The provider with most neighbours not yet taken founds a market with all of them, and so on
    (ties: the first row), so that two of a market are at most twice the reach apart. A provider
    whose place is not known is a market of its own. Deterministic.
    """
    n = pairs.n
    label = np.full(n, -1, dtype=np.int64)
    free = np.diff(pairs.start).astype(np.int64)
    # A provider's count only ever falls, so that a stale entry of the queue is put back lower.
    queue: list[list[int]] = [[] for _ in range(int(free.max(initial=0)) + 1)]
    for i in range(n - 1, -1, -1):
        queue[int(free[i])].append(i)
    found = 0
    for size in range(len(queue) - 1, -1, -1):
        level = sorted(queue[size], reverse=True)
        while level:
            i = level.pop()
            if label[i] >= 0:
                continue
            those = pairs.other[pairs.start[i] : pairs.start[i + 1]]
            left = those[label[those] < 0]
            if left.size < size:
                queue[left.size].append(i)
                continue
            label[left] = found
            label[i] = found
            found += 1
    return label
