"""What the checks of an answer are handed: the arrays, the answer, and ways to ask again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.estimators import estimate as estimating
from consortia.estimators.permuted import path_sums
from consortia.panel import Arrays, Panel
from consortia.results import Estimate, Trial
from consortia.streams import Streams
from consortia.structures import belonging
from consortia.study import Study

Floats = NDArray[np.float64]


def trial(
    study: Study,
    panel: Panel,
    arrays: Arrays,
    estimate: Estimate,
    influence: Floats | None,
    *,
    sd: float,
    streams: Streams,
    cross: Callable[[Study], Arrays] | None = None,
) -> Trial:
    """The Trial of ``estimate``, whose headline has ``influence`` (n,), on ``arrays``.

    ``cross`` makes the arrays of another study; ``panel`` does where it is None.
    """
    # Refits need no bands: 0 draws keep them cheap.
    quick = replace(study.inference, draws=0)

    def refit(changed: Arrays, asked: Study) -> Estimate:
        again = asked.with_(inference=quick)
        return estimating.estimate(changed, again, streams.at("refit").rng())

    facts = pl.DataFrame({"provider": arrays.provider}).join(
        panel.providers, on="provider", how="left", maintain_order="left"
    )
    return Trial(
        arrays=arrays,
        study=study,
        facts=facts,
        estimate=estimate,
        refit=refit,
        cross=cross or panel.arrays,
        sd=sd,
        belonging=belonging(panel, study.arms[study.arm], arrays.provider),
        influence=lambda: influence,
        path_sums=path_sums,
        trace=lambda changed, asked: estimating.trace(
            changed, asked, streams.at("inference").rng()
        ),
    )
