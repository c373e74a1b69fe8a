"""Least cores, nucleoli and Shapley values of small games by another program (coopgame-py 0.3.0).

Run in an environment of its own that has coopgame-py and NumPy; writes
tests/reference/coopgame.json, which tests/maths/games read.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import coopgame
import numpy as np

OUT = Path(__file__).resolve().parents[2] / "tests" / "reference" / "coopgame.json"


def games() -> list[tuple[str, list[float]]]:
    """Whole-number games of several shapes; v without the empty coalition."""
    rng = np.random.default_rng(20)
    found: list[tuple[str, list[float]]] = []
    for n in (2, 3, 4, 5, 6, 7):
        size = np.array([bin(k).count("1") for k in range(1 << n)])
        wild = rng.integers(0, 30, 1 << n)
        found.append((f"wild {n}", wild))
        found.append((f"growing {n}", rng.integers(0, 12, 1 << n) + 3 * size**2))
        weights = rng.integers(1, 10, n)
        total = ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1) @ weights
        found.append((f"voting {n}", (2 * total > weights.sum()).astype(int)))
        found.append((f"bankruptcy {n}", np.maximum(0, weights.sum() * 2 // 3 - total[::-1])))
        found.append((f"assignment {n}", np.minimum(size // 2, total // 7)))
    return [(name, [float(x) for x in np.asarray(v)[1:]]) for name, v in found]


def main() -> None:
    rows = []
    for name, v in games():
        game = coopgame.Game(v)
        row = {
            "name": name,
            "v": [0.0, *v],
            # The first level of the prenucleolus: its least core asks for imputations.
            "epsilon": coopgame.prenucleolus(game)["levels"][0],
            "prenucleolus": coopgame.prenucleolus(game)["allocation"],
            "shapley": list(coopgame.shapley(game)),
            "convex": bool(game.is_convex()),
            "superadditive": bool(game.is_superadditive()),
            "core": bool(game.has_nonempty_core()),
        }
        try:
            row["nucleolus"] = coopgame.nucleolus(game)["allocation"]
            row["per_capita"] = coopgame.per_capita_nucleolus(game)["allocation"]
        except Exception as error:  # no imputation
            row["nucleolus"] = row["per_capita"] = None
            row["why"] = str(error)
        rows.append(row)
    made = {"made_with": f"coopgame-py {version('coopgame-py')}", "games": rows}
    OUT.write_text(json.dumps(made, ensure_ascii=True) + "\n", encoding="utf-8")
    print(len(rows), "games")


if __name__ == "__main__":
    main()
