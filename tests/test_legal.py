"""A legal note is a value; the sector's mechanisms each carry one (tests/world/colleges)."""

import dataclasses

import pytest

from consortia.legal import LegalNote


def test_a_note_is_frozen() -> None:
    note = LegalNote(
        level="green", text="open to all", sources=("a page",), jurisdiction="UK", as_of="2026-06"
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        note.level = "red"  # type: ignore[misc]
