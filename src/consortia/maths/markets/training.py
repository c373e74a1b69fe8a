"""Who trains, when others may take the trained away.

Acemoglu & Pischke (1999), "The structure of wages and investment in general training": an employer
who may lose the worker with probability q trains until ``c'(t) = (1 - q)(f'(t) - w'(t))``; the
sector as a whole loses skill only with those who leave it (share x): ``c'(t) = (1 - x) f'(t)``.
Here f(t) = 2 sqrt(t), c(t) = t and wages follow a share beta of what skill is worth, w' = beta f'.
"""

from __future__ import annotations


def private_training(q: float, beta: float) -> float:
    """What one employer trains: ((1 - q)(1 - beta))^2. beta = 1 is Becker's (1964) case: general
    skill is paid in full, no employer pays for it, and q is irrelevant."""
    _chances(q=q, beta=beta)
    return ((1 - q) * (1 - beta)) ** 2


def sector_training(x: float) -> float:
    """What is best for the sector: (1 - x)^2, x the share that leaves the sector."""
    _chances(x=x)
    return (1 - x) ** 2


def grant_rate(q: float, beta: float, x: float) -> float:
    """Share of the cost that a grant must carry so that employers train what is best for all:
    ``1 - (1 - q)(1 - beta) / (1 - x)``; below zero where they train too much by themselves.
    Raises ValueError for x = 1."""
    _chances(q=q, beta=beta, x=x)
    if x == 1:
        raise ValueError("when everybody leaves the sector, nothing is worth training")
    return 1 - (1 - q) * (1 - beta) / (1 - x)


def _chances(**named: float) -> None:
    for name, value in named.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is a share from 0 to 1, not {value}")
