"""One BLAS thread inside a fit.

Matrices of a few hundred rows are multiplied many times: on a busy machine threads that wait for
each other cost 5 to 40 times the work itself."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def _controller() -> Any:
    try:
        return importlib.import_module("threadpoolctl").ThreadpoolController()
    except ImportError:
        return None


@contextmanager
def one_thread() -> Generator[bool]:
    """Runs its body with one BLAS thread; yields False where threadpoolctl is not installed."""
    controller = _controller()
    if controller is None:
        yield False
        return
    with controller.limit(limits=1, user_api="blas"):
        yield True
