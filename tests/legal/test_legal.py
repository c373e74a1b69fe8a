"""The law screen: what stops, with reason, source and a lawful way; what passes; every note."""

from __future__ import annotations

import re

import pytest

from consortia.legal import (
    LEVELS,
    NOT_ADVICE,
    LegalNote,
    Unlawful,
    allow,
    note,
    notes,
    refuse,
    screen,
    terms,
    worst,
)

STOPPED = {
    "no-poach": (
        "The colleges sign a no-poach agreement.",
        "Members promise never to poach.",
        "There shall be no active poaching between us.",
        "A gentlemen’s agreement covers this.",
    ),
    "not-recruit": (
        "Members will not recruit each other's staff.",
        "We won't approach teachers of a partner.",
        "Colleges refrain from hiring lecturers who work for other members.",
        "A non-solicitation undertaking is given by all.",
    ),
    "consent": (
        "Nobody is hired without the consent of the current employer.",
        "An offer needs the releasing college's permission.",
        "We consult the losing principal before making an offer.",
    ),
    "pay-cap": (
        "There is a cap on starting salaries.",
        "Pay is capped at point 30.",
        "We will not outbid one another.",
    ),
    "agency-rate": (
        "Agency rates are capped at £30 an hour.",
        "The group will agree agency fees.",
    ),
    "agree-pay": (
        "The colleges adopt a common pay scale.",
        "We harmonise salaries across the area.",
        "Retention payments: principals agree retention payments each June.",
    ),
    "share-pay-plans": (
        "Finance directors share pay plans each spring.",
        "We exchange information on salary offers.",
    ),
    "allocate-learners": (
        "Courses: we divide subjects between us.",
        "Catchments are agreed; members allocate catchments yearly.",
        "College A will not advertise in the area of College B.",
    ),
    "fees": (
        "Partners align tuition fees.",
        "Members coordinate bids for adult contracts.",
        "We exchange fees before publication.",
    ),
}  # fmt: skip

PASSED = (
    "Members train recruits together and trainees choose where they work.",
    "One open vacancy board shows every vacancy.",
    "Staff may be seconded with their own consent.",
    "An independent third party publishes a benchmark of aggregated data.",
    "We advertise the profession together and run a joint careers day.",
    "Teachers meet each term to improve the teaching of mathematics.",
    "A common fund pays for trainees; everybody may join or leave.",
    "",
)


@pytest.mark.parametrize(
    ("term", "text"), [(t, text) for t, texts in STOPPED.items() for text in texts]
)
def test_what_stops(term: str, text: str) -> None:
    assert term in {h.term for h in screen(text)}
    with pytest.raises(Unlawful) as stopped:
        refuse(text)
    said = str(stopped.value)
    assert terms()[term].reason in said
    assert "https://www.gov.uk/" in said
    assert NOT_ADVICE in said
    assert set(terms()[term].alternatives) <= set(stopped.value.alternatives)


@pytest.mark.parametrize("text", PASSED)
def test_what_passes(text: str) -> None:
    assert screen(text) == ()
    refuse(text)


def test_every_kind_of_term_is_tried() -> None:
    assert set(STOPPED) == set(terms())
    for term in terms().values():
        assert len(term.alternatives) >= 2
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", term.as_of)


def test_words_and_places_are_those_of_the_text() -> None:
    text = "First.\nWe won’t approach teachers of a partner."
    (hit,) = screen(text)
    assert text[hit.start :].replace("’", "'").startswith(hit.words)
    assert hit.words.startswith("n't") or "approach" in hit.words


def test_lawful_alternatives_pass_the_screen() -> None:
    # "Not of the employer" and the careful clause name what they warn of; the rest must pass.
    careful = ("solicit", "Compare pay", "consent")
    for term in terms().values():
        for way in term.alternatives:
            if not any(c in way for c in careful):
                assert screen(way) == (), way


def test_every_note_has_level_source_and_date() -> None:
    for name, found in notes().items():
        assert found.level in LEVELS, name
        assert found.text
        assert found.sources
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", found.as_of), name
        assert found.text in found.banner
    assert note("no-poach").counterfactual_only
    assert note("pay-cap").counterfactual_only
    assert not note("shared-pool").counterfactual_only


def test_red_needs_counterfactual() -> None:
    red = note("no-poach")
    with pytest.raises(Unlawful, match="counterfactual = true"):
        allow("no-poach", red, counterfactual=False)
    allow("no-poach", red, counterfactual=True)
    allow("shared-pool", note("shared-pool"), counterfactual=False)


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(KeyError, match="Did you mean 'no-poach'"):
        note("no_poach")
    with pytest.raises(ValueError, match="unknown level"):
        LegalNote(level="pink", text="x", sources=("y",), jurisdiction="z", as_of="2025-01-01")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="source"):
        LegalNote(level="red", text="x", sources=(), jurisdiction="z", as_of="2025-01-01")


def test_worst_of_several() -> None:
    assert worst([]) == "green"
    assert worst(["amber", "green", "red", "red-amber"]) == "red"
