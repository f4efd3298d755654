"""What a trace of 80,000 spans costs in the explorer of traces: made, painted, walked through."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from benchmarks.harness import Benchmark, Measure
from flexiflow import open_log
from flexiflow.analysis.traces.trace import Trace
from flexiflow.tracing.records import LogRecord, encode_record, utc_text

bench = Benchmark(
    "waterfall",
    "The explorer of traces",
    unit="ms",
    note="One trace of 80,000 spans, ten deep, of 50 components. Made: `trace.explore()` of "
    "records that are read already. Painted: in Chromium, from the beginning of the page, with "
    "its data in it, until the first rows are laid out. A row: End, Home and the arrows, each "
    "with its layout; the median of 200.",
)

_SPANS = 80_000
_WATCH = """
const wait = () => document.querySelector(".ff-traces[data-ff-ready]")
  ? requestAnimationFrame(() => { document.body.dataset.painted = performance.now(); })
  : setTimeout(wait, 5);
wait();"""
_WALK = """async () => {
  const body = document.querySelector(".ff-waterfall tbody"), took = [];
  const keys = ["End", "ArrowUp", "PageUp", "Home", "ArrowDown", "PageDown"];
  for (let move = 0; move < 200; move += 1) {
    await new Promise(requestAnimationFrame);
    const row = body.querySelector("tr[tabindex='0']"), key = keys[move % keys.length];
    const began = performance.now();
    row.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    body.getBoundingClientRect();
    took.push(performance.now() - began);
  }
  return took.sort((one, other) => one - other)[100];
}"""


@cache
def _log() -> Path:
    path = Path(tempfile.mkdtemp()) / "run.jsonl"
    with path.open("wb") as file:
        for at in range(_SPANS):
            file.write(encode_record(_record(at)))
    return path


def _record(at: int) -> LogRecord:
    cause = None if at == 0 else f"s{at - 1 if at % 10 else 0}"
    time = utc_text(1_700_000_000_000_000 + at * 100)
    return LogRecord(
        time, "INFO", "handler.finished", "big", f"s{at}", cause, f"component-{at % 50}",
        handler="Paying.pay", duration_us=60,
    )  # fmt: skip


@cache
def _trace() -> Trace:
    return open_log(_log()).trace("big")


@cache
def _page() -> Path:
    return _trace().explore().save_html(_log().parent / "trace.html")


def _in_chromium(script: str) -> float:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.add_init_script(_WATCH)
        page.goto(_page().as_uri())
        page.wait_for_selector("body[data-painted]")
        found = float(page.evaluate(script))
        browser.close()
        return found


@bench.candidate("made")
def made(measure: Measure) -> None:
    records = open_log(_log()).trace("big")
    with measure:
        records.explore()


@bench.candidate("painted")
def painted(measure: Measure) -> None:
    measure.value = _in_chromium("() => document.body.dataset.painted")


@bench.candidate("a row further")
def walked(measure: Measure) -> None:
    measure.value = _in_chromium(_WALK)


@bench.candidate("target: 1 s")
def second(measure: Measure) -> None:
    measure.value = 1000.0


bench.compare("painted", "target: 1 s", target=1.0)

if __name__ == "__main__":
    bench.main()
