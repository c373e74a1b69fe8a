"""Coverage of effects by level and of their difference, on worlds with known truth.

    python scripts/simulation/levels.py [worlds]

Providers as in world/two_arms.py (additive), with rivals nearby as a number u between 0 and 1 that
joining raises by 5 afterwards. In the first kind of world the effect is the same everywhere, in the
second it is larger by 0.6 (u - 1/2). Prints one line per method, kind of world and row.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import polars as pl

from consortia.estimators.levels import levels
from consortia.panel import Panel
from consortia.specs import GroupTime, Inference, Levels, MethodSpec, RegimeDid
from consortia.streams import Streams
from consortia.world.two_arms import ArmsSector, arms_sector, arms_study

SEED = 31_415
METHODS: dict[str, tuple[MethodSpec, ArmsSector, tuple[str, ...]]] = {
    "group-time": (GroupTime(), ArmsSector(others=0.0, together=0.0), ()),
    "regime-did": (RegimeDid(), ArmsSector(), ("other",)),
}


def world(sector: ArmsSector, k: int, slope: float) -> Panel:
    streams = Streams(SEED).at("levels", k)
    panel = arms_sector(sector, streams)
    names = panel.providers["provider"]
    u = streams.at("rivalry").rng().random(names.len())
    facts = pl.DataFrame({"provider": names, "u": u})
    assert panel.truth is not None
    joined = panel.outcomes.join(facts, on="provider", maintain_order="left").join(
        panel.truth, on=["provider", "year"], maintain_order="left"
    )
    on = pl.col("effect") != 0
    gain = pl.when(on).then(slope * (pl.col("u") - 0.5)).otherwise(0.0)
    made = joined.with_columns(
        score=pl.col("score") + gain,
        rivalry=pl.col("u") + pl.when(on).then(5.0).otherwise(0.0),
        effect=pl.col("effect") + gain,
    )
    return replace(
        panel,
        outcomes=made.drop("u", "effect"),
        truth=made.select("provider", "year", "effect"),
    )


def main(worlds: int) -> None:
    for method, (spec, sector, hold) in METHODS.items():
        for slope in (0.0, 0.6):
            held: dict[str, list[bool]] = {}
            error: dict[str, list[float]] = {}
            apart: list[bool] = []
            study = arms_study(spec, hold).with_(
                levels=Levels(by="rivalry"), inference=Inference(draws=0)
            )
            for k in range(worlds):
                arrays = world(sector, k, slope).arrays(study)
                found = levels(arrays, study, Streams(SEED).at("rng", k).rng())
                for row in found.table.iter_rows(named=True):
                    held.setdefault(row["label"], []).append(
                        row["low"] <= row["truth"] <= row["high"]
                    )
                    error.setdefault(row["label"], []).append(row["estimate"] - row["truth"])
                apart.append(found.p_value is not None and found.p_value < 0.05)
            for label, inside in held.items():
                bias = np.array(error[label])
                print(
                    f"{method}, slope {slope}: {label}: bias {bias.mean():+.4f} "
                    f"(s.e. {bias.std(ddof=1) / np.sqrt(worlds):.4f}), "
                    f"coverage {np.mean(inside):.3f}"
                )
            print(f"{method}, slope {slope}: joint test rejects {np.mean(apart):.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
