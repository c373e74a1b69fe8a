"""What every spec needs: refuse unknown keys at the door, check ranges on construction."""

from __future__ import annotations

# Read by Pydantic where the study file enters; a plain mapping keeps this floor free of it.
CLOSED = {"extra": "forbid"}


def need(condition: bool, message: str) -> None:
    """Raise ValueError with ``message`` unless ``condition``."""
    if not condition:
        raise ValueError(message)
