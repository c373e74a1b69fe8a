"""Writing: whole files or none."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where a page and its document were put."""

    html: Path
    json: Path


def as_json(document: Mapping[str, Any]) -> str:
    """The document as text: the same document gives the same bytes."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_whole(texts: Mapping[Path, str]) -> None:
    """Write several files so that none is ever seen half-written.

    Every text is first written in full beside its place; only then are they renamed into it. If
    anything fails before that, nothing has changed and nothing is left behind. Raises OSError.
    """
    waiting: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            waiting[path] = Path(name)
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            # Temporary files are private; the report is meant to be read by others.
            os.chmod(name, 0o666 & ~_umask())
        for path in list(waiting):
            os.replace(waiting[path], path)
            del waiting[path]
    finally:
        for left in waiting.values():
            left.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
