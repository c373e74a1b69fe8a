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
from numpy.typing import ArrayLike, NDArray

_BETWEEN = "\x1f"

Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


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

    def keyed(self) -> Keyed:
        """Numbers that belong to persons (or pairs) and not to places in an array."""
        return Keyed(self._key() >> 64)


def _mixed(z: Words) -> Words:
    """Finaliser of SplitMix64 (variant 13 of Stafford); owns and overwrites ``z``."""
    z ^= z >> np.uint64(30)
    z *= _FIRST
    z ^= z >> np.uint64(27)
    z *= _SECOND
    z ^= z >> np.uint64(31)
    return z


@dataclass(frozen=True, slots=True)
class Keyed:
    """A function from identities to random numbers: the same person has the same luck in this
    decision whoever else is there, in whatever order.

    Identities are whole numbers; several of them (a person and a college) are broadcast against
    each other. Source: SplitMix64, Steele, Lea & Flood (2014), "Fast splittable pseudorandom number
    generators", used as a counter-based generator: number b of the sequence that starts at the
    hash of a.
    """

    key: int

    def word(self, *ids: ArrayLike) -> Words:
        """64 random bits for each (broadcast) tuple of identities."""
        # At least one dimension: arrays wrap round silently, single numbers would warn.
        h = np.full(1, self.key, dtype=np.uint64)
        for each in ids:
            array = np.atleast_1d(np.asarray(each))
            array = array.astype(np.uint64) if array.dtype != np.uint64 else array
            array = array + np.uint64(1)
            array *= _STEP
            h = _mixed(array + h)
        return h

    def uniform(self, *ids: ArrayLike) -> Floats:
        """Numbers in the open interval (0, 1), 53 bits each."""
        word = self.word(*ids)
        word >>= np.uint64(11)
        u = word.astype(np.float64)
        u += 0.5
        u *= 2.0**-53
        return u

    def two_uniforms(self, *ids: ArrayLike) -> tuple[Floats, Floats]:
        """Two independent numbers in (0, 1), of 32 bits each, for the price of one."""
        word = self.word(*ids)
        low = (word & np.uint64(0xFFFFFFFF)).astype(np.float64)
        high = (word >> np.uint64(32)).astype(np.float64)
        return (high + 0.5) * 2.0**-32, (low + 0.5) * 2.0**-32
