"""Sentences of a comparison, each computed from the numbers beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from consortia.compared import Counted, MechanismAnswer
    from consortia.comparison.runs import Setting

NUMBERS = (
    "none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
)  # fmt: skip


def number(n: int) -> str:
    return NUMBERS[n] if 0 <= n < len(NUMBERS) else f"{n:,}"


def money(pounds: float) -> str:
    """£1.2m, £45,000, £300: two or three digits that matter, without a sign."""
    size = abs(pounds)
    if size >= 999_500:
        return f"£{size / 1e6:.1f}m" if size < 99.5e6 else f"£{size / 1e6:,.0f}m"
    if size >= 9_950:
        return f"£{round(size, -3):,.0f}"
    return f"£{round(size, -2):,.0f}" if size >= 950 else f"£{size:,.0f}"


def signed(pounds: float) -> str:
    return f"−{money(pounds)}" if pounds < 0 else money(pounds)


def span(found: Mapping[str, float]) -> str:
    return f"{signed(found['low'])} to {signed(found['high'])}"


def counted(found: Mapping[str, float], title: str) -> str:
    """The accounting in words: leaving and entering set the level, moves shuffle."""
    opened = found["exits"] + found["moves"]
    share = 100 * found["moves"] / opened if opened else 0.0
    return (
        f"With {title}, in a year {found['exits']:,.0f} teachers leave the sector and "
        f"{found['entries']:,.0f} enter it; {found['moves']:,.0f} move between colleges, which "
        f"opens {share:.0f} of 100 vacancies and leaves the number of teachers as it was. At the "
        f"end of the year {100 * found['vacancy_rate']:.1f}% of posts are empty; one vacancy makes "
        f"{found['chain']:.2f} in all."
    )


def verdict(facts: Mapping[str, Any], n: int) -> str:
    """One of five, by the intervals alone."""
    gain = facts["gain"]
    if gain["high"] < 0:
        return "the members lose"
    if gain["low"] <= 0:
        return "cannot tell yet"
    sure_gain = facts["losing"] == 0 and facts["unclear"] == 0
    if facts["would_leave"]:
        return "the members gain, but some would rather leave"
    if sure_gain:
        return "every member gains"
    return "the members gain together, not each"


def mechanism(title: str, facts: Mapping[str, Any], setting: Setting, said: str) -> str:
    """What one mechanism would do, for somebody who has to decide about it."""
    n = len(setting.members)
    gain, others = facts["gain"], facts["others"]
    lead = f"With {title}, the {number(n)} together would "
    if gain["low"] > 0:
        lead += f"gain {money(gain['estimate'])} a year ({span(gain)})"
    elif gain["high"] < 0:
        lead += f"lose {money(gain['estimate'])} a year (change {span(gain)})"
    else:
        lead += f"neither clearly gain nor lose (change {span(gain)} a year)"
    parts = [lead]
    if facts["losing"]:
        parts.append(f"{number(facts['losing'])} of them would lose")
    elif gain["low"] > 0 and facts["unclear"]:
        parts.append(f"for {number(facts['unclear'])} of them it is unclear")
    elif gain["low"] > 0:
        parts.append("every one of them would gain")
    text = "; ".join(parts) + "." + _posts(facts)
    if gain["low"] > 0 and (facts["losing"] or facts["unclear"]) and facts["moved"]:
        text += (
            f" Side payments of {money(facts['moved'])} a year between members would leave none "
            "worse off on average."
        )
    if others["high"] < 0:
        text += f" The other colleges would lose {money(others['estimate'])} a year."
    elif others["low"] > 0:
        text += f" The other colleges would gain {money(others['estimate'])} a year."
    if facts["would_leave"]:
        text += (
            f" {number(facts['would_leave']).capitalize()} would be better off leaving while the "
            "others stay."
        )
    if said.startswith("the members gain") or said == "every member gains":
        text += _hold(facts)
    if facts["exposure"]:
        text += f" A sponsor may have to pay up to {money(facts['exposure'])}."
    return text


def points(found: Mapping[str, float], factor: float = 1.0) -> str:
    """Size of a change in points, two digits that matter."""
    size = abs(factor * found["estimate"])
    return f"{size:.1f}" if size >= 0.95 else f"{size:.2f}"


def _posts(facts: Mapping[str, Any]) -> str:
    """What happens to empty posts and to learners, where it is clear."""
    empty = facts["empty"]
    if empty["low"] <= 0 <= empty["high"]:
        return " Whether it fills posts cannot be told."
    way = "fewer" if empty["high"] < 0 else "more"
    text = f" {points(empty, 100)} points {way} of the members' posts would stand empty"
    return text + _learners(facts["achievement"]) + "."


def _learners(found: Mapping[str, float]) -> str:
    if found["low"] <= 0 <= found["high"]:
        return ""
    way = "more" if found["low"] > 0 else "fewer"
    return f", and {points(found)} points {way} of their learners achieve"


def _hold(facts: Mapping[str, Any]) -> str:
    if facts["together"] is None:
        return ""
    if facts["alone"] == 0:
        return " Nobody is tempted to leave, so it holds by itself."
    if facts["together"] >= 1:
        return " No patience makes it hold without enforcement."
    text = (
        " Without enforcement it holds where a pound next year is worth at least "
        f"{100 * facts['together']:.0f}p today, if gains are shared"
    )
    if facts["alone"] < 1:
        return text + f" ({100 * facts['alone']:.0f}p if not)."
    return text + "; without sharing it does not hold."


def opening(
    answers: Sequence[MechanismAnswer],
    base: Counted,
    members: int,
    outside: int,
    *,
    value: float = 0.0,
    hung: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The first sentences of the report, which a principal understands.

    ``value``: pounds that a learner who achieves is counted for; ``hung``: by mechanism, what the
    sign of its gain hangs on.
    """
    lawful = [a for a in answers if not a.legal.counterfactual_only]
    good = sorted((a for a in lawful if a.gain["low"] > 0), key=lambda a: -a.gain["estimate"])
    opened = base.exits + base.moves
    shuffle = 100 * base.moves / opened if opened else 0.0
    text = (
        f"Of 100 vacancies in this simulated sector, {100 - shuffle:.0f} open because teachers "
        f"leave it and {shuffle:.0f} because they move to another college, so "
        "agreements about poaching shuffle vacancies and do not fill them. "
    )
    ways = f"{number(len(lawful))} lawful {'way' if len(lawful) == 1 else 'ways'} to act together"
    if not lawful:
        return text + "No lawful way to act together was compared."
    if not good:
        text += f"Of {ways}, none clearly gains the {number(members)} colleges money"
        text += f"{_counting(value)}. "
        fills = [a for a in lawful if a.empty["high"] < 0]
        if not fills:
            return text + "Nor does any clearly fill their empty posts."
        most = min(fills, key=lambda a: a.empty["estimate"])
        return (
            text
            + (
                f"The one that fills most posts is {most.title}: {points(most.empty, 100)} points "
                f"fewer of the members' posts stand empty{_learners(most.achievement)}, "
                f"{_at_what(most)}."
            )
            + _hangs(hung, most.key)
        )
    best = good[0]
    text += (
        f"Of {ways}, {best.title} would gain the {number(members)} colleges most: "
        f"{money(best.gain['estimate'])} a year together ({span(best.gain)}){_counting(value)}; "
        f"{best.verdict}."
    )
    if best.empty["high"] < 0:
        text += (
            f" {points(best.empty, 100)} points fewer of their posts would stand empty"
            f"{_learners(best.achievement)}."
        )
    if outside and best.others["high"] < 0:
        text += (
            f" Part of that is their neighbours' loss: the others would have "
            f"{money(best.others['estimate'])} a year less."
        )
    return text + _hangs(hung, best.key)


def _counting(value: float) -> str:
    return f", a learner who achieves counted as {money(value)}" if value else ""


def _at_what(found: MechanismAnswer) -> str:
    """The price, together and for each further learner who achieves, where it is clear."""
    if found.gain["high"] >= 0:
        return f"and whether that costs them money or gains some is unclear ({span(found.gain)})"
    text = f"at a price to them of {money(found.gain['estimate'])} a year together"
    if found.per_achiever is None:
        return text
    return text + f", or {money(found.per_achiever)} for each further learner who achieves"


def _hangs(hung: Mapping[str, str], key: str) -> str:
    return f" {hung[key]}" if key in hung else ""
