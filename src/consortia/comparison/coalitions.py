"""Every coalition by simulation: who would form a group, and what would hold it together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from consortia.compared import CoalitionAnswer
from consortia.comparison import sentences
from consortia.comparison.runs import NONE, Draws, Floats, Setting, Specs, among
from consortia.maths.games import partitions as parts
from consortia.maths.games.coalitions import is_convex, members, sizes
from consortia.maths.games.core import nucleolus
from consortia.maths.games.noise import chance_of_gain, core_under_noise, resampled_means
from consortia.maths.games.shapley import sampled_shapley, shapley
from consortia.maths.games.stability import by_size, stability
from consortia.maths.stopping import paired
from consortia.scenario import CoalitionsAsked, Scenario
from consortia.streams import Streams

Progress = Callable[[str], None]
FULL, PARTITIONS = 10, 5
"""Players up to which all coalitions, and all partitions, are simulated."""

GAMES = {
    "apart": "the rest stand alone",
    "together": "the rest form one group",
    "pessimistic": "the rest do their worst",
    "optimistic": "the rest do their best",
}


def coalitions(
    setting: Setting, scenario: Scenario, key: str, progress: Progress
) -> CoalitionAnswer:
    """The game among the first players of the group under the mechanism ``key``.

    Every partition for up to PARTITIONS players, every coalition up to FULL, sampled orders beyond.
    """
    asked = scenario.coalitions
    assert asked is not None
    players = setting.members[: asked.players]
    draws = Draws(setting=setting, root=scenario.runs.seed, workers=scenario.runs.workers)
    game = _Game(setting, key, players, draws, asked.seeds)
    streams = Streams(scenario.runs.seed).at("comparison", "coalitions")
    if len(players) > FULL:
        return _sampled(game, asked, streams, progress)
    n = len(players)
    progress(f"{1 << n} coalitions of {n} colleges")
    structures = (
        list(parts.partitions(n)) if n <= PARTITIONS else [parts.apart(S, n) for S in range(1 << n)]
    )
    game.reach(structures, lambda k: progress(f"coalitions: luck {k} of {asked.seeds}"))
    pay = np.stack([game.pay(parts.apart(S, n)) for S in range(1 << n)], axis=1)
    gain = pay - pay[:, :1]
    inside = ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1).astype(np.float64)
    worth = {"apart": (gain * inside).sum(axis=2)}
    if n <= PARTITIONS:
        by_seed = [
            parts.from_payoffs({P: game.pay(P)[r] - pay[r, 0] for P in structures})
            for r in range(asked.seeds)
        ]
        for name, of in (
            ("together", parts.rest_together),
            ("pessimistic", parts.pessimistic),
            ("optimistic", parts.optimistic),
        ):
            worth[name] = np.array([of(w, n) for w in by_seed])
    return _answer(game, asked, pay, worth, streams)


class _Game:
    """Runs of partitions among players, each partition once however it is asked for."""

    def __init__(
        self, setting: Setting, key: str, players: tuple[str, ...], draws: Draws, seeds: int
    ) -> None:
        self.specs: Specs = setting.arms[key]
        self.key = key
        self.players, self.draws, self.seeds = players, draws, seeds
        self.rows = setting.sector.region.select(players)

    def arm(self, partition: parts.Partition) -> tuple[str, Specs]:
        """Blocks of two and more share the mechanism; a single college shares nothing."""
        blocks = [b for b in partition if b.bit_count() > 1]
        if not blocks:
            return NONE, ()
        specs: list[Any] = []
        for block in blocks:
            specs += among(self.specs, [self.players[i] for i in members(block)])
        return "blocks " + ",".join(map(str, blocks)), tuple(specs)

    def reach(self, structures: list[parts.Partition], say: Callable[[int], None]) -> None:
        self.draws.reach(dict(self.arm(P) for P in structures), self.seeds, say)

    def pay(self, partition: parts.Partition) -> Floats:
        """(seeds, players) pounds a year."""
        key, _ = self.arm(partition)
        return self.draws.of(key, "worth", self.seeds)[:, self.rows]


def _answer(
    game: _Game, asked: CoalitionsAsked, pay: Floats, worth: Mapping[str, Floats], streams: Streams
) -> CoalitionAnswer:
    n, R = len(game.players), asked.seeds
    mean = pay.mean(axis=0)
    found = stability(mean)
    boots = resampled_means(pay, asked.bootstrap, streams.at("stability").rng())
    holds = np.array([bool(stability(b).stable[sizes(n) >= 2].any()) for b in boots])
    gamma = worth["apart"].mean(axis=0)
    values = shapley(gamma)
    value_errors = paired(np.array([shapley(v) for v in worth["apart"]])).std_error
    own = pay[:, -1] - pay[:, 0]
    p_gain = chance_of_gain(own, asked.bootstrap, streams.at("gain").rng())
    try:
        fair = nucleolus(gamma)
    except ValueError:
        fair = np.full(n, np.nan)
    core: list[dict[str, Any]] = []
    for name, v in worth.items():
        if name == "optimistic" and n > PARTITIONS:
            continue
        c = core_under_noise(v, asked.bootstrap, streams.at("core", name).rng())
        core.append(
            {"game": name, "rest": GAMES[name], "epsilon": c.epsilon, "low": c.low, "high": c.high,
             "nonempty": c.nonempty, "draws": c.draws, "seeds": c.seeds}
        )  # fmt: skip
    member, outsider = by_size(mean - mean[:1])
    several = sizes(n) >= 2
    table = pl.DataFrame(
        {
            "size": list(range(n + 1)),
            "coalitions": np.bincount(sizes(n)).tolist(),
            "member": _nulls(member),
            "outsider": _nulls(outsider),
            "worth": [float(gamma[sizes(n) == k].mean()) for k in range(n + 1)],
            "internal": [int((found.internal & (sizes(n) == k)).sum()) for k in range(n + 1)],
            "external": [int((found.external & (sizes(n) == k)).sum()) for k in range(n + 1)],
            "stable": [int((found.stable & (sizes(n) == k)).sum()) for k in range(n + 1)],
            "potential": [int((found.potential & (sizes(n) == k)).sum()) for k in range(n + 1)],
        }
    )
    masks = list(range(1, 1 << n))
    worths = pl.DataFrame(
        {
            "coalition": [" + ".join(game.players[i] for i in members(S)) for S in masks],
            "size": [int(S).bit_count() for S in masks],
            **{name: v.mean(axis=0)[1:] for name, v in worth.items()},
            "std_error": paired(worth["apart"]).std_error[1:],
            "stable": found.stable[1:] & several[1:],
        }
    )
    players = pl.DataFrame(
        {
            "college": list(game.players),
            "gain": own.mean(axis=0),
            "p_gain": p_gain,
            "shapley": values,
            "shapley_error": value_errors,
            "nucleolus": _nulls(fair),
        },
        schema_overrides={"nucleolus": pl.Float64},
    )
    convex = is_convex(gamma)
    first = core[0]
    stable = found.sizes_of(found.stable)
    sentence = (
        f"{_together(n, float(gamma[-1]))}; the core is empty in "
        f"{first['draws'] - first['nonempty']} of {first['draws']} resamples "
        f"of {R} seeds when {GAMES['apart']}"
    )
    if first["epsilon"] > 0:
        sentence += (
            f", so that leaving would have to cost a group {sentences.money(first['epsilon'])} a "
            "year to hold all together"
        )
    sentence += (
        f". Without side payments groups of {_listed(stable)} would neither lose a member nor gain "
        "one." if stable else ". Without side payments no group would keep its members and only "
        "those."
    )  # fmt: skip
    return CoalitionAnswer(
        mechanism=game.key,
        players=game.players,
        seeds=R,
        sampled=False,
        coalitions=(1 << n) - 1,
        sizes=table,
        worths=worths,
        values=players,
        core=pl.DataFrame(core),
        internal=found.sizes_of(found.internal),
        external=found.sizes_of(found.external),
        stable=stable,
        potential=found.sizes_of(found.potential),
        stable_chance=float(holds.mean()),
        convex=convex,
        sentence=sentence,
    )


def _sampled(
    game: _Game, asked: CoalitionsAsked, streams: Streams, progress: Progress
) -> CoalitionAnswer:
    """Shapley values from sampled orders; the pay-offs of the coalitions met, by size."""
    n, R = len(game.players), asked.seeds
    met: dict[int, Floats] = {}

    def pay(S: int) -> Floats:
        if S not in met:
            progress(f"coalition {len(met) + 1}")
            P = parts.apart(S, n)
            game.reach([P], lambda k: None)
            met[S] = game.pay(P)
        return met[S]

    nobody = pay(0)

    def worth(S: int) -> float:
        return float((pay(S) - nobody).mean(axis=0)[list(members(S))].sum())

    found = sampled_shapley(worth, n, asked.orders, streams.at("orders").rng())
    rows: list[dict[str, Any]] = []
    for k in range(n + 1):
        here = [S for S in met if S.bit_count() == k]
        ins = [met[S].mean(axis=0)[i] - nobody.mean(axis=0)[i] for S in here for i in members(S)]
        out = [
            met[S].mean(axis=0)[i] - nobody.mean(axis=0)[i]
            for S in here
            for i in range(n)
            if not S >> i & 1
        ]
        rows.append(
            {"size": k, "coalitions": len(here),
             "member": float(np.mean(ins)) if ins else None,
             "outsider": float(np.mean(out)) if out else None,
             "worth": float(np.mean([worth(S) if S else 0.0 for S in here])) if here else None}
        )  # fmt: skip
    own = pay((1 << n) - 1) - nobody
    players = pl.DataFrame(
        {
            "college": list(game.players),
            "gain": own.mean(axis=0),
            "p_gain": chance_of_gain(own, asked.bootstrap, streams.at("gain").rng()),
            "shapley": found.value,
            "shapley_error": found.std_error,
            "nucleolus": [None] * n,
        },
        schema_overrides={"nucleolus": pl.Float64},
    )
    total = float(own.mean(axis=0).sum())
    return CoalitionAnswer(
        mechanism=game.key,
        players=game.players,
        seeds=R,
        sampled=True,
        coalitions=found.coalitions,
        sizes=pl.DataFrame(rows),
        worths=pl.DataFrame(),
        values=players,
        core=pl.DataFrame(),
        internal=(),
        external=(),
        stable=(),
        potential=(),
        stable_chance=None,
        convex=None,
        sentence=f"{_together(n, total)}; what each adds is sampled from {found.orders} orders of "
        f"joining ({found.coalitions:,} of {(1 << n) - 1:,} coalitions). "
        "Whether the core is empty cannot be told from a sample.",
    )


def _nulls(x: Floats) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in x]


def _listed(found: tuple[int, ...]) -> str:
    said = [sentences.number(k) for k in found]
    return said[0] if len(said) == 1 else ", ".join(said[:-1]) + " or " + said[-1]


def _together(n: int, worth: float) -> str:
    does = "gain" if worth >= 0 else "lose"
    return f"All {sentences.number(n)} together would {does} {sentences.money(worth)} a year"
