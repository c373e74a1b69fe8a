"""The page as a browser lays it out. Needs Chromium; skipped, saying so, where there is none."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from consortia.report import document, index, render_html
from consortia.results import Evaluation

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
SIZES = ((1280, 900), (390, 844))

MEASURE = """
window.addEventListener('load', () => {
  const out = {};
  for (const frame of document.querySelectorAll('iframe')) {
    const doc = frame.contentDocument, bottom = s => Array.from(doc.querySelectorAll(s))
      .reduce((low, e) => Math.max(low, e.getBoundingClientRect().bottom), 0);
    const shown = Array.from(doc.querySelectorAll('svg[role=img]'))
      .filter(e => e.getBoundingClientRect().width > 0);
    const size = e => parseFloat(frame.contentWindow.getComputedStyle(e).fontSize)
      * e.ownerSVGElement.getBoundingClientRect().width / e.ownerSVGElement.viewBox.baseVal.width;
    out[frame.id] = {
      verdict: bottom('.verdict'), sentence: bottom('.sentence'), figures: bottom('.key'),
      wide: doc.documentElement.scrollWidth, view: frame.clientWidth, shown: shown.length,
      smallest: Math.min(...shown.flatMap(e => Array.from(e.querySelectorAll('text'), size))),
    };
  }
  const pre = document.createElement('pre');
  pre.id = 'measured';
  pre.textContent = JSON.stringify(out);
  document.body.appendChild(pre);
});
"""


def laid_out(pages: dict[str, str], folder: Path) -> dict[str, dict[str, float]]:
    """What the browser makes of each page at each size: key "name width" -> measurements."""
    frames = "".join(
        f'<iframe id="{name} {w}" style="width:{w}px;height:{h}px;border:0" '
        f'srcdoc="{html.escape(page)}"></iframe>'
        for name, page in pages.items()
        for w, h in SIZES
    )
    shell = folder / "shell.html"
    shell.write_text(
        f"<!doctype html><meta charset=utf-8><body>{frames}<script>{MEASURE}</script>",
        encoding="utf-8",
    )
    run = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-quic", "--disable-sync", "--disable-component-update",
            "--disable-background-networking", "--hide-scrollbars",
            f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000",
            "--virtual-time-budget=10000", "--dump-dom", shell.as_uri(),
        ],
        capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    found = re.search(r'<pre id="measured">(.*?)</pre>', run.stdout, re.S)
    assert found, run.stdout[-500:]
    return json.loads(html.unescape(found[1]))


@pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
def test_page_one_at_two_sizes(make: Callable[[str], Evaluation], tmp_path: Path) -> None:
    names = ("months", "simulated", "not-identified")
    pages = {name: render_html(document(make(name))) for name in names}
    pages["index"] = index([make("plain"), make("months")], ["a.html", "b.html"])
    found = laid_out(pages, tmp_path)
    for name in pages:
        for width, height in SIZES:
            at = found[f"{name} {width}"]
            where = (name, width, at)
            assert at["wide"] <= at["view"] + 1, f"the page scrolls sideways: {where}"
            assert at["smallest"] >= 11.9, f"text of a picture is too small: {where}"
            assert at["shown"] >= 1, where
            for what in ("verdict", "sentence", "figures") if name != "index" else ():
                if what != "figures" or name != "not-identified":
                    assert 0 < at[what] <= height, f"{what} lies below the first screen: {where}"
