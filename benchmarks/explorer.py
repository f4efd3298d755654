"""What the history explorer costs: opening it beside a million snapshots, and moving its slider."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import zlib
from functools import cache
from pathlib import Path

from benchmarks._large_history import recorded
from benchmarks.harness import Benchmark, Measure
from flexiflow import open_history

bench = Benchmark(
    "explorer",
    "The history explorer",
    unit="ms",
    note="A file of 1,000,000 snapshots and steps of 200 components; the one that is opened has "
    "about 5,000. The slider is moved 200 times in Chromium, its layout included; the figure is "
    "the median move.",
)

_COMPONENT = "order-0100"
_MOVES = """async () => {
  const root = document.querySelector(".ff-explorer"), slider = root.querySelector(".ff-slider");
  const last = Number(slider.max), took = [];
  for (let move = 0; move < 200; move += 1) {
    await new Promise(requestAnimationFrame);
    const began = performance.now();
    slider.value = String(Math.floor(((move * 61) % 200) / 200 * last));
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    root.getBoundingClientRect();
    took.push(performance.now() - began);
  }
  return took.sort((one, other) => one - other)[100];
}"""


@bench.candidate("opened")
def opened(measure: Measure) -> None:
    history = open_history(recorded())
    with measure:
        history.explore(_COMPONENT)


@bench.candidate("limit: the rows read, parsed and packed")
def rows_alone(measure: Measure) -> None:
    query = "SELECT * FROM flexiflow_{} WHERE component_name = ? ORDER BY id"
    conn = sqlite3.connect(f"{recorded().as_uri()}?mode=ro", uri=True)
    with measure:
        steps = conn.execute(query.format("steps"), (_COMPONENT,)).fetchall()
        snapshots = conn.execute(query.format("snapshots"), (_COMPONENT,)).fetchall()
        bodies = [json.loads(row[2]) for row in snapshots]
        zlib.compress(json.dumps([steps, bodies], default=str).encode(), 6)
    conn.close()


@cache
def _page() -> Path:
    folder = Path(tempfile.mkdtemp())
    return open_history(recorded()).explore(_COMPONENT).save_html(folder / "explorer.html")


@bench.candidate("slider moved")
def moved(measure: Measure) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(_page().as_uri())
        page.wait_for_selector(".ff-explorer[data-ff-ready]")
        measure.value = float(page.evaluate(_MOVES))
        browser.close()


@bench.candidate("target: 5 ms")
def target(measure: Measure) -> None:
    measure.value = 5.0


bench.compare("slider moved", "target: 5 ms", target=1.0)
bench.compare("opened", "limit: the rows read, parsed and packed")

if __name__ == "__main__":
    bench.main()
