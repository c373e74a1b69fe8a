import numpy as np


def test_take_keeps_letters_aligned(make_panel, make_study) -> None:
    y = {(p, t): float(ord(p) + t) for p in "abcd" for t in (2016, 2017, 2018)}
    panel = make_panel(
        y, joins=[("a", "T", "trust", "2016-09-01"), ("b", "T", "trust", "2016-09-01")]
    )
    a = panel.arrays(make_study())
    some = a.take(np.array([True, False, False, True]))
    assert some.provider.tolist() == ["a", "d"]
    assert some.cohort.tolist() == [1, 3]
    assert np.array_equal(some.Y, a.Y[[0, 3]])
    assert some.incidence.shape[0] == 2


def test_repr_is_two_plain_lines(make_panel) -> None:
    panel = make_panel({("a", 2016): 1.0}, joins=[("a", "T", "trust", "2016-09-01")])
    text = repr(panel)
    assert len(text.splitlines()) == 2
    assert "1 providers" in text
    assert "1 memberships in 1 collaborations" in text


def test_digest_depends_on_sources_not_on_their_order(make_panel) -> None:
    from dataclasses import replace

    from consortia.panel import Source

    panel = make_panel({("a", 2016): 1.0})
    one = Source(role="outcomes", name="o.csv", rows=1, digest="aa")
    two = Source(role="memberships", name="m.csv", rows=1, digest="bb")
    first = replace(panel, sources=(one, two))
    assert first.digest == replace(panel, sources=(two, one)).digest
    assert first.digest != replace(panel, sources=(one,)).digest
