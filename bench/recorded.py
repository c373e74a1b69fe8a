"""R, measured earlier on two shared cores: recorded, never mixed into a ratio.

(row, task) -> {providers: (CPU seconds, peak MB above data)}; R 4.2 with fixest and did.
"""

from __future__ import annotations

RECORDED: dict[tuple[str, str], dict[int, tuple[float, float]]] = {
    ("R fixest", "two-way"): {1_000: (0.106, 11), 20_000: (0.103, 31), 200_000: (0.404, 217)},
    ("R did", "group-time"): {1_000: (0.278, 2), 20_000: (1.24, 79), 200_000: (6.2, 779)},
    ("R did (faster mode)", "group-time"): {
        1_000: (0.339, 2), 20_000: (1.31, 83), 200_000: (5.98, 780),
    },
    ("R did (faster mode)", "group-time-draws"): {
        1_000: (0.413, 12), 20_000: (3.13, 101), 200_000: (56.3, 804),
    },
    ("R did (faster mode)", "doubly-robust"): {
        1_000: (0.386, 4), 20_000: (1.72, 110), 200_000: (13.2, 981),
    },
}  # fmt: skip
