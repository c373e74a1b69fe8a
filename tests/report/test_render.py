"""The page says what the document says, to everyone, and asks nobody else for anything."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
import reading

from consortia.evaluation import evaluate
from consortia.report import document, render_html, render_index
from consortia.report.index import index_document
from consortia.results import Evaluation
from consortia.specs import Arm, Outcome
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate


@pytest.fixture
def index_page(make: Callable[[str], Evaluation]) -> tuple[str, dict]:
    names = ("plain", "months", "not-identified", "bare", "simulated")
    made = index_document(
        [document(make(n)) for n in names], [f"{n}/report.html" for n in names], title="All"
    )
    return render_index(made), made


def agree(page: str, made: dict) -> int:
    """Every traced element shows what stands at its path. Returns how many there are."""
    root = reading.tree(page)
    stored = json.loads(json.dumps(made, allow_nan=False))
    for path, raw, rule, shown in reading.numbers(root):
        value = reading.at(stored, path)
        assert reading.raw_value(raw) == value, path
        if value is None:
            assert shown == "–", path
            continue
        read = reading.read_back(shown, rule)
        if read is not None:
            assert abs(read[0] - value) <= read[1] + 1e-12, f"{path}: {shown} for {value}"
        elif shown.startswith("<"):
            assert value < float(shown[1:])
        else:
            assert {"over 99%": value > 0.99, "under 1%": value < 0.01}[shown], path
    paths = {p for p, *_ in reading.numbers(root)}
    for e in reading.traced(root):
        if e.get("data-path") not in paths and e.get("data-value") is None:
            said = " ".join(reading.text(e).split())
            held = " ".join(str(reading.at(stored, e.get("data-path", ""))).split())
            assert said == held, e.get("data-path")
    return len(reading.traced(root))


def test_page_agrees_with_document(evaluation: Evaluation, page: str) -> None:
    assert agree(page, document(evaluation)) > 40


def test_index_agrees_with_its_document(index_page: tuple[str, dict]) -> None:
    assert agree(*index_page) > 40


def test_a_whole_evaluation_agrees() -> None:
    world = SchoolSector(providers=300)
    e = evaluate(sector_study(), simulate(world, Streams(7)), command="consortia demo")
    made = document(e)
    page = render_html(made)
    assert agree(page, made) > 200
    assert reading.loose_digits(reading.tree(page)) == []
    assert "Simulated sector." in page


def test_agreement_notices_a_changed_number(make: Callable[[str], Evaluation]) -> None:
    made = document(make("plain"))
    page = render_html(made)
    made["effects"][3]["estimate"] += 1e-9
    with pytest.raises(AssertionError, match=r"effects\.3\.estimate"):
        agree(page, made)


def test_no_digit_stands_outside_the_document(page: str, index_page: tuple[str, dict]) -> None:
    assert reading.loose_digits(reading.tree(page)) == []
    assert reading.loose_digits(reading.tree(index_page[0])) == []


def test_page_comes_from_the_json_alone(evaluation: Evaluation) -> None:
    made = document(evaluation)
    assert render_html(json.loads(json.dumps(made))) == render_html(made)


def test_nothing_is_asked_of_anyone(page: str, index_page: tuple[str, dict]) -> None:
    for text in (page, index_page[0]):
        assert not re.search(
            r"<(script|link|iframe|img|object|embed|base|form|audio|video)\b", text
        )
        assert not re.search(r"@import|url\(|@font-face|\bon\w+=", text)
        assert not re.search(r"\b(?:src|srcset|action|xlink:href)=", text)
    for target in re.findall(r'href="([^"]*)"', page):
        assert target.startswith("#")
    assert not re.search(r"https?://", page)


def test_every_link_inside_the_page_leads_somewhere(page: str) -> None:
    root = reading.tree(page)
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    for e in root.iter():
        if (e.get("href") or "").startswith("#"):
            assert e.get("href", "")[1:] in ids
        for key in ("aria-labelledby", "aria-describedby"):
            if e.get(key):
                assert e.get(key) in ids, f"{reading.name(e)} {key}"


def test_structure_for_screen_readers(page: str, index_page: tuple[str, dict]) -> None:
    for text in (page, index_page[0]):
        root = reading.tree(text)
        assert root.get("lang") == "en-GB"
        assert reading.text(next(root.iter(f"{reading.HTML}title"))).strip()
        names = [reading.name(e) for e in root.iter()]
        for landmark in ("header", "main", "footer"):
            assert names.count(landmark) == 1
        levels = [int(n[1]) for n in names if re.fullmatch(r"h[1-6]", n)]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(b <= a + 1 for a, b in pairwise(levels))
        first = next(root.iter(f"{reading.HTML}a"))
        assert first.get("href") == "#main", "the skip link comes first"


def test_tables_are_readable_by_ear(page: str, index_page: tuple[str, dict]) -> None:
    for text in (page, index_page[0]):
        root = reading.tree(text)
        parents = {child: parent for parent in root.iter() for child in parent}
        tables = list(root.iter(f"{reading.HTML}table"))
        assert tables
        for table in tables:
            caption = table.find(f"{reading.HTML}caption")
            assert caption is not None
            assert reading.text(caption).strip()
            heads = list(table.iter(f"{reading.HTML}th"))
            assert {th.get("scope") for th in heads} == {"col", "row"}
            width = len([th for th in heads if th.get("scope") == "col"])
            for tr in table.find(f"{reading.HTML}tbody") or []:
                cells = [c for c in tr if reading.name(c) in ("td", "th")]
                assert sum(int(c.get("colspan", 1)) for c in cells) == width
                assert [c.get("scope") for c in cells if reading.name(c) == "th"] == ["row"]
            box = parents[table]
            assert box.get("tabindex") == "0"
            assert box.get("role") == "group"
            assert box.get("aria-labelledby") == caption.get("id")


def test_pictures_say_what_they_show(evaluation: Evaluation, page: str) -> None:
    root = reading.tree(page)
    charts = [e for e in root.iter(f"{reading.SVG}svg") if e.get("role") == "img"]
    drawn = [c for c in document(evaluation)["charts"].values() if c]
    assert len(charts) == 2 * len(drawn)
    for chart in charts:
        title, desc = chart[0], chart[1]
        assert (reading.name(title), reading.name(desc)) == ("title", "desc")
        assert len(reading.text(title)) > 10
        assert len(reading.text(desc)) > 30
        assert chart.get("aria-labelledby") == title.get("id")
        assert chart.get("aria-describedby") == desc.get("id")
    for other in root.iter(f"{reading.SVG}svg"):
        assert other in charts or other.get("aria-hidden") == "true"


def test_not_identified_shows_no_effect(make: Callable[[str], Evaluation]) -> None:
    made = document(make("not-identified"))
    page = render_html(made)
    said = reading.text(reading.tree(page))
    assert "no joiner is observed before joining" in said
    paths = [p for p, *_ in reading.numbers(reading.tree(page))]
    assert not [
        p for p in paths if p.startswith(("effects", "headline", "ladder", "charts.ladder"))
    ]
    assert not [p for p in paths if "estimate" in p]
    assert {"flow", "coincidences"} <= {p.split(".")[0] for p in paths}


@pytest.mark.parametrize("hostile", ['<script>alert("x")</script>', "a & b < c", '"><img src=x>'])
def test_hostile_text_stays_text(make: Callable[[str], Evaluation], hostile: str) -> None:
    e = make("plain")
    study = e.study.with_(
        question=hostile,
        outcomes={"maths": Outcome(label=hostile, unit=hostile)},
        arms={**e.study.arms, "trust": Arm(kinds=("x",), label=hostile)},
    )
    made = document(
        replace(
            e,
            study=study,
            title=hostile,
            cautions=(hostile,),
            command=hostile,
            ladder=(replace(e.ladder[0], label=hostile), *e.ladder[1:]),
            flow=(replace(e.flow[0], step=hostile), *e.flow[1:]),
            sources=(replace(e.sources[0], name=hostile, licence=hostile),),
        )
    )
    page = render_html(made)
    root = reading.tree(page)
    assert not list(root.iter(f"{reading.HTML}script"))
    assert not list(root.iter(f"{reading.HTML}img"))
    assert reading.text(next(root.iter(f"{reading.HTML}h1"))) == hostile
    agree(page, made)


def test_months_stand_beside_the_interval_and_only_when_asked(
    make: Callable[[str], Evaluation],
) -> None:
    page = render_html(document(make("months")))
    root = reading.tree(page)
    dd = next(e for e in root.iter(f"{reading.HTML}dd") if "progress (" in reading.text(e))
    said = " ".join(reading.text(dd).split())
    assert said == (
        "+0.034 SD 95% interval +0.013 to +0.055 ≈ 1 month more progress (EEF Toolkit table)"
    )
    paths = [p for p, *_ in reading.numbers(root) if "months" in p]
    assert paths == ["headline.months.size"]
    assert "month" not in reading.text(reading.tree(render_html(document(make("plain")))))


def test_simulated_page_says_so_and_whether_the_interval_holds_the_truth(
    make: Callable[[str], Evaluation],
) -> None:
    e = make("simulated")
    said = " ".join(reading.text(reading.tree(render_html(document(e)))).split())
    assert "Simulated sector. The true effect is known: +0.24 progress points (+0.121 SD)." in said
    assert "interval below holds it" in said
    assert e.estimate is not None
    frame = e.estimate.effects.with_columns(truth=e.estimate.effects["truth"] + 1)
    missed = replace(e, estimate=replace(e.estimate, effects=frame))
    said = " ".join(reading.text(reading.tree(render_html(document(missed)))).split())
    assert "interval below does not hold it" in said
    assert "Simulated" not in reading.text(reading.tree(render_html(document(make("plain")))))


def test_checks_are_shown_in_words_not_colour_alone(make: Callable[[str], Evaluation]) -> None:
    root = reading.tree(render_html(document(make("plain"))))
    marks = [
        reading.text(e).strip() for e in root.iter(f"{reading.HTML}p") if e.get("class") == "mark"
    ]
    assert marks == ["Cannot tell", "Passed", "Failed"]


# --- colour ------------------------------------------------------------------------------------


def schemes(page: str) -> list[dict[str, str]]:
    """The custom properties of the light, dark and print schemes."""
    blocks = re.findall(r":root\s*\{(.*?)\}", page, re.S)
    return [dict(re.findall(r"--(\w+):\s*(#[0-9a-f]{6})", block)) for block in blocks]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_text_and_marks(make: Callable[[str], Evaluation]) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    found = schemes(render_html(document(make("plain"))))
    assert len(found) == 3
    for scheme in found:
        for ink in ("ink", "muted", "accent"):
            for ground in ("paper", "wash"):
                assert contrast(scheme[ink], scheme[ground]) >= 4.5, (ink, ground, scheme)
        for mark in ("accent", "grey", "edge"):
            for ground in ("paper", "wash"):
                assert contrast(scheme[mark], scheme[ground]) >= 3, (mark, ground, scheme)
        assert contrast(scheme["accent"], scheme["soft"]) >= 3
        assert contrast(scheme["grey"], scheme["pale"]) >= 3
