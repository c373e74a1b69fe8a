"""Randomness by name.

Only this module makes generators. A stream is a path of names below one root seed, so a draw
depends on what it is for and never on call order, worker count or what else was drawn.
``Streams(7).at("world", "join", 2019).rng()`` is the same generator wherever it is asked for.

Source of the construction: counter-based streams keyed by a hash, as in Salmon, Moraes, Dror &
Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3" (Philox).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

_BETWEEN = "\x1f"


@dataclass(frozen=True, slots=True)
class Streams:
    """A root seed and a path of names.

    Draw by slot: give every person or provider its own row of one stream
    (``rng().random((n, k))[slot]`` with slots that never move), so that one more provider changes
    nobody else's luck.

    Raises ValueError for a root below zero or a name that contains the separator of names.
    """

    root: int
    path: tuple[str | int, ...] = ()

    def __post_init__(self) -> None:
        if self.root < 0:
            raise ValueError(f"a root seed is zero or more, not {self.root}")
        if any(isinstance(name, str) and _BETWEEN in name for name in self.path):
            raise ValueError("a name in a path must not contain the separator of names, \\x1f")

    def at(self, *names: str | int) -> Streams:
        """The stream below this one with these names."""
        return Streams(self.root, (*self.path, *names))

    def _key(self) -> int:
        # Type and separator go into the hash: ("1",) and (1,), ("a", "b") and ("ab",) differ.
        text = _BETWEEN.join(f"{type(p).__name__}:{p}" for p in (self.root, *self.path))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")

    def rng(self) -> np.random.Generator:
        """A generator for this path; the same path gives the same numbers, always."""
        return np.random.Generator(np.random.Philox(key=self._key()))

    def seed(self) -> int:
        """A 63-bit seed for libraries that want an integer."""
        return self._key() >> 65
