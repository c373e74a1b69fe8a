"""Members, their neighbours and the area, in the document, on the page and on the terminal."""

from dataclasses import replace

import polars as pl

from consortia.cli.show import show_evaluation
from consortia.estimators.neighbours import area as read_area
from consortia.report import area, document, render_html
from consortia.results import EFFECTS
from consortia.specs import Neighbours

UNIT = "points"


def effects(spill: tuple[float, float, float], total: tuple[float, float, float]) -> pl.DataFrame:
    named = {
        "direct": (0.5, 0.4, 0.6),
        "spill-over-ring-1": (-0.2, -0.3, -0.1),
        "spill-over-ring-2": (-0.1, -0.2, 0.0),
        "spill-over": (-0.15, -0.2, -0.1),
        "spill-over-per-member": spill,
        "area-total": total,
    }
    rows = [
        dict.fromkeys(EFFECTS)
        | {"estimand": k, "estimate": e, "low": a, "high": b, "n_treated": 40, "n_control": 80,
           "caution": ""}
        for k, (e, a, b) in named.items()
    ]  # fmt: skip
    rows.append(rows[0] | {"estimand": "direct-dynamic", "event_time": 0})
    return pl.DataFrame(rows, schema=EFFECTS)


SPEC = Neighbours(rings=(2.0, 5.0))
LOST = read_area(effects((-0.3, -0.4, -0.2), (0.2, 0.05, 0.35)), SPEC, UNIT)


def test_a_gain_that_is_a_neighbours_loss_is_said_to_be_that() -> None:
    assert LOST.table["who"].to_list() == ["members", "ring-1", "ring-2", "neighbours", "area"]
    assert LOST.table["label"][2] == "Neighbours over 2 up to 5 km away"
    assert abs(LOST.lost_elsewhere - 0.6) < 1e-12
    assert "Of the members' gain, 60% is their neighbours' loss." in LOST.sentence
    unclear = read_area(effects((-0.3, -0.7, 0.1), (0.2, -0.2, 0.6)), SPEC, UNIT)
    assert unclear.lost_elsewhere is None
    assert "cannot be told from none" in unclear.sentence


def test_it_stands_in_the_document_and_on_the_page(make) -> None:
    made = document(replace(make("plain"), area=LOST))
    assert made["area"]["lost_elsewhere"] == LOST.lost_elsewhere
    assert [r["who"] for r in made["area"]["rows"]][-1] == "area"
    page = render_html(made)
    assert "Members, their neighbours and the area" in page
    assert "60% is their neighbours" in page
    assert "Members, their neighbours and the area" not in render_html(document(make("plain")))
    assert area.section(None, 1.0, made["rules"]) is None


def test_it_stands_on_the_terminal(make, capsys) -> None:
    show_evaluation(replace(make("plain"), area=LOST))
    text = capsys.readouterr().out
    assert LOST.sentence in text
    assert "The area as a whole" in text
