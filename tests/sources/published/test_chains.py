"""Which links are followed, against a brute-force reading of small networks."""

from hypothesis import given
from hypothesis import strategies as st

from consortia.sources.published.chains import Links, one_to_one

PAIRS = st.lists(
    st.tuples(st.integers(100, 112), st.integers(100, 112)).filter(lambda p: p[0] != p[1]),
    max_size=14,
)


def test_a_conversion_is_followed_and_a_merger_is_not() -> None:
    after, counts = one_to_one([("100", "200"), ("101", "201"), ("102", "201"), ("200", "300")])
    assert after == {"100": "200", "200": "300"}
    assert Links(after=after, opened={}).latest("100") == "300"
    assert Links(after=after, opened={}).latest("101") == "101"
    assert counts["links of schools merged into one, not followed"] == 2


def test_a_split_is_not_followed() -> None:
    after, counts = one_to_one([("100", "200"), ("100", "201"), ("300", "400")])
    assert after == {"300": "400"}
    assert counts["links of a school split into several, not followed"] == 2


def test_a_link_that_skips_a_step_is_no_split() -> None:
    after, counts = one_to_one([("100", "200"), ("200", "300"), ("100", "300")])
    assert after == {"100": "200", "200": "300"}
    assert counts["links that skip a step, not needed"] == 1


def test_a_successor_that_was_there_before_took_the_school_in() -> None:
    after, counts = one_to_one([("200", "100"), ("99", "100")])
    assert after == {"99": "100"}
    assert sum(n for what, n in counts.items() if "was there before" in what) == 1


@given(PAIRS)
def test_against_brute_force(pairs: list[tuple[int, int]]) -> None:
    edges = {(str(a), str(b)) for a, b in pairs}
    after, counts = one_to_one(list(edges))
    steps = {
        (a, c)
        for a, c in edges
        if not any(
            (a, b) in edges and (b, c) in edges
            for b in map(str, range(100, 113))
            if b not in (a, c)
        )
    }
    rising = {(a, b) for a, b in steps if int(a) < int(b)}
    wanted = {
        (a, b)
        for a, b in rising
        if [x for x, y in rising if y == b] == [a] and [y for x, y in rising if x == a] == [b]
    }
    assert set(after.items()) == wanted
    assert sum(counts.values()) + len(after) == len(edges)
    links = Links(after=after, opened={})
    for a in after:
        last = links.latest(a)
        assert last not in after
        assert int(last) > int(a)
