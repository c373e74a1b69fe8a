"""Wild cluster bootstrap p-values by wildboottest on the panel of few_clusters.csv.

Needs an environment of its own with wildboottest, statsmodels and pandas:

    python scripts/witness/wild_bootstrap.py tests/reference/few_clusters.csv

All 2^8 Rademacher signs are used, so that the numbers have no simulation error.
"""

from __future__ import annotations

import sys

import pandas as pd
import statsmodels.formula.api as smf
from wildboottest.wildboottest import wildboottest

frame = pd.read_csv(sys.argv[1]).dropna(subset=["y"])
for name, formula in (
    ("gaps", "y ~ d + C(unit) + C(year)"),
    ("covariate", "y ~ d + z + C(unit) + C(year)"),
):
    model = smf.ols(formula, data=frame)
    for imposed in (True, False):
        found = wildboottest(
            model, param="d", cluster=frame.cluster, B=99_999, weights_type="rademacher",
            impose_null=imposed, bootstrap_type="11", seed=1, show=False,
        )  # fmt: skip
        print(name, "null imposed" if imposed else "not imposed", found.to_string(index=False))
