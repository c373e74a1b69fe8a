"""The small panel that R and wildboottest are given: tests/reference/few_clusters.csv.

python scripts/witness/chance_panel.py tests/reference/few_clusters.csv
"""

from __future__ import annotations

import sys

import numpy as np
import polars as pl

from consortia.streams import Streams

rng = Streams(11).at("witness", "chance").rng()
n, T = 36, 4
size = np.array([10, 7, 5, 4, 3, 3, 2, 2])
cluster = np.repeat(np.arange(8), size)
first = np.array([1, 2, 9, 3, 9, 2, 9, 9])[cluster]
first[rng.random(n) < 0.2] = 9
shock = rng.standard_normal((8, T))[cluster]
D = np.arange(T)[None, :] >= first[:, None]
Z = rng.standard_normal((n, T))
Y = rng.standard_normal(n)[:, None] + shock + 0.6 * D + 0.3 * Z + rng.standard_normal((n, T))
w = rng.integers(5, 60, n)
gone = rng.random((n, T)) < 0.12
pl.DataFrame(
    {
        "unit": np.repeat(np.arange(n), T),
        "year": np.tile(np.arange(2001, 2001 + T), n),
        "cluster": np.repeat(cluster, T),
        "y": pl.Series(np.where(gone, np.nan, np.round(Y, 6)).ravel()).fill_nan(None),
        "d": D.ravel().astype(int),
        "z": np.round(Z, 6).ravel(),
        "w": np.repeat(w, T),
    }
).write_csv(sys.argv[1], null_value="NA")
