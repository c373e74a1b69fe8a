"""How far a drift may go after joining: the sets of Rambachan & Roth (2023, section 2.3).

With ``delta`` the difference in trends between joiners and comparison, zero in the reference year:
relative magnitudes, ``|delta_t - delta_{t-1}| <= Mbar max_{s before} |delta_s - delta_{s-1}|`` for
every t after; smoothness, ``|second difference| <= M`` everywhere; smoothness in relative
magnitudes, second differences after at most ``Mbar`` times the largest before.

Where years are missing between two event times, a first difference is the mean step a year and a
second one the change of that mean a year: both obey a bound that the single years obey.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStudy:
    """Effects by event time and their covariance, without the reference year.

    ``beta`` (Q + P,) ascending in ``times`` (Q + P,); the ``Q`` first lie before ``reference``, the
    others after it. ``V`` (Q + P, Q + P).
    """

    beta: Floats
    V: Floats
    times: Ints
    reference: int

    def __post_init__(self) -> None:
        K = self.beta.size
        if self.times.size != K or self.V.shape != (K, K):
            raise ValueError("beta (K,), V (K, K) and times (K,) must have the same K")
        if (np.diff(self.times) <= 0).any() or (self.times == self.reference).any():
            raise ValueError("times must ascend and leave out the reference")

    @property
    def Q(self) -> int:
        return int((self.times < self.reference).sum())

    @property
    def P(self) -> int:
        return int((self.times > self.reference).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Rows of a difference operator on ``beta``: ``before`` (B, Q + P) touch no year after the
    reference, ``after`` (P, Q + P) are one for each of those years."""

    before: Floats
    after: Floats

    def weights(self, target: Floats) -> Floats:
        """w (P,) with ``w' after = target'`` on the years after: the target, summed up from
        differences. ``target`` (P,)."""
        P = self.after.shape[0]
        made: Floats = np.asarray(np.linalg.solve(self.after[:, -P:].T, target), dtype=np.float64)
        return made


def first_differences(study: EventStudy) -> Differences:
    """Steps a year between adjoining event times, the reference year among them."""
    D = _steps(study)
    return Differences(before=D[: study.Q], after=D[study.Q :])


def second_differences(study: EventStudy) -> Differences:
    """Changes of the step a year, divided by the years between the middles of the two steps.

    The first one after compares the step out of the reference year with the step into it, so that
    there is one for each year after whenever there is a year before. Raises ValueError without.
    """
    if study.Q < 1:
        raise ValueError("second differences need an effect before the reference year")
    D, all_times = _steps(study), _with_reference(study)
    gap = np.diff(all_times).astype(np.float64)
    S = np.diff(D, axis=0) / ((gap[1:] + gap[:-1]) / 2)[:, None]
    return Differences(before=S[: study.Q - 1], after=S[study.Q - 1 :])


def _with_reference(study: EventStudy) -> Ints:
    return np.insert(study.times, study.Q, study.reference)


def _steps(study: EventStudy) -> Floats:
    """(Q + P, Q + P) first differences a year; the reference's own value is zero."""
    K, times = study.beta.size, _with_reference(study)
    level = np.insert(np.eye(K), study.Q, np.zeros(K), axis=0)
    return np.diff(level, axis=0) / np.diff(times)[:, None]
