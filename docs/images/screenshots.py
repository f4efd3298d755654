"""Screenshots of the widgets and cards, light and dark: ``python docs/images/screenshots.py``.

They are taken in a real JupyterLab, which the browser tests' helper starts; `make test` installs
what that needs. Names, such as ``exercises``, choose some of them.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from flexiflow.lessons.demo.run import run_demo_async

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "browser"))

from jupyter_page import FLAGS, THEMES, Lab, running_lab  # noqa: E402

SHOP = """
from flexiflow import FlexiFlowEngine, State, guard, on, watch

@guard
def has_items(message, order):
    return order.data["items"] > 0

@guard
def attempts_left(message, order):
    return order.data.get("attempts", 0) < 3

class Draft(State):
    @on("submit", to="Submitted", guard=has_items)
    async def submit(self, message, order): ...

class Submitted(State):
    @on("assign", to="InReview")
    async def assign(self, message, order): ...

class InReview(State):
    @on("approve", to="Paying")
    async def approve(self, message, order): ...
    @on("reject", to="Rejected")
    async def reject(self, message, order): ...

class Rejected(State):
    @on("revise", to="Draft")
    async def revise(self, message, order): ...

class Paying(State):
    @on("pay", to="Paid", guard=attempts_left)
    async def pay(self, message, order):
        order.data["attempts"] = order.data.get("attempts", 0) + 1
        raise ValueError("card declined")
    @on("cancel", to="Rejected")
    async def cancel(self, message, order): ...

class Paid(State, final=True): ...

engine = FlexiFlowEngine()
order = engine.add("order-1042", Draft, data={"items": 3})
for message in ("pay", "submit", "assign", "reject", "revise", "submit", "assign", "approve"):
    step = await order.send(message)
"""
VIEW = """view = watch(order)
for message in ("cancel", "revise", "submit", "assign", "approve", "submit"):
    await order.send(message)
try:
    await order.send("pay")
except ValueError:
    pass
view"""


CARDS = """%load_ext flexiflow
from flexiflow import open_history
history = open_history("demo-data/state.db")"""
CELL = """%%flexiflow
for message in ("submit", "assign", "approve", "revise"):
    await order.send(message, total=99.0)
try:
    await order.send("pay", card="4111")
except ValueError:
    pass"""
ERROR = """def checkout(name):
    return engine.add(name, "Payin")

checkout("order-1043")"""
SHOTS = {"history": "history", "cell": CELL, "error-card": ERROR}


async def machine_view(lab: Lab) -> None:
    """The machine view, after a refused and a failed message."""
    await lab.run("machine.ipynb", SHOP, VIEW)
    await lab.page.locator('.ff-widget button[data-message="submit"]').click(force=True)
    for theme, name in zip(THEMES, ("light", "dark"), strict=True):
        await lab.theme(theme)
        await lab.page.locator(".ff-widget").screenshot(path=HERE / f"machine-view-{name}.png")


async def cards(lab: Lab) -> None:
    """A bare history, one cell's steps, and an error, each with its cell."""
    await run_demo_async(lab.folder / "work" / "demo-data")
    start = SHOP[: SHOP.index("for message in")]
    await lab.run("cards.ipynb", f"{CARDS}\n{start}", *SHOTS.values())
    await lab.page.set_viewport_size({"width": 1280, "height": 2600})  # all cells are drawn
    cells = lab.page.locator(".jp-CodeCell")
    await cells.nth(len(SHOTS)).get_by_text("StateError:").wait_for()
    # The active cell has a toolbar of JupyterLab's own: here one that is not in a picture.
    await lab.page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    for theme, name in zip(THEMES, ("light", "dark"), strict=True):
        await lab.theme(theme)
        for number, shot in enumerate(SHOTS, start=1):
            await cells.nth(number).screenshot(path=HERE / f"{shot}-{name}.png")


TRACES = """
from flexiflow import open_history, open_log
from flexiflow.lessons.demo import demo_files

files = await demo_files("demo-data")
history = open_history(files.database)
steps = history.steps("order-1042")
failed = steps[steps["outcome"] == "failed"].iloc[-1]
view = open_log(files.log).explore(failed["correlation_id"], history=history)
view.selection = {"trace": failed["correlation_id"], "span": failed["span_id"]}
view"""


async def trace_explorer(lab: Lab) -> None:
    """The explorer of traces, at the order of the demo that is stuck."""
    await lab.run("traces.ipynb", TRACES)
    explorer = lab.page.locator(".ff-traces[data-ff-ready]")
    await explorer.wait_for(timeout=60_000)
    await lab.page.get_by_role("tab", name="Error ✕").click()
    await lab.page.locator(".ff-errorcard").wait_for()
    for theme, name in zip(THEMES, ("light", "dark"), strict=True):
        await lab.theme(theme)
        await explorer.screenshot(path=HERE / f"trace-explorer-{name}.png")


REWIND = """
from flexiflow import open_history
from flexiflow.lessons.demo import demo_files

files = await demo_files("demo-data")
explorer = open_history(files.database).explore("order-1042")
explorer"""


async def history_explorer(lab: Lab) -> None:
    """The explorer of a history, at the failure of the order that is stuck."""
    await lab.run("rewind.ipynb", REWIND)
    explorer = lab.page.locator(".ff-explorer[data-ff-cursor]")
    await explorer.wait_for(timeout=60_000)
    for theme, name in zip(THEMES, ("light", "dark"), strict=True):
        await lab.theme(theme)
        await explorer.screenshot(path=HERE / f"history-explorer-{name}.png")


EXERCISE = """
from flexiflow.lessons import lesson

exercise = lesson("02", student="ana", seed=1, present=PRESENT)[1]
exercise.answer("Review")
exercise"""


async def exercises(lab: Lab) -> None:
    """An exercise after a wrong answer, at a desk and for a projector."""
    for shot, width in (("exercise", 1500), ("exercise-present", 1920)):
        code = EXERCISE.replace("PRESENT", str(shot != "exercise"))
        await lab.page.set_viewport_size({"width": width, "height": 1400})
        await lab.run(f"{shot}.ipynb", code)
        view = lab.page.locator(".ff-widget:visible [data-kind=wrong]")
        await view.wait_for()
        for theme, name in zip(THEMES, ("light", "dark"), strict=True):
            await lab.theme(theme)
            shown = lab.page.locator(".ff-widget:visible")
            await shown.screenshot(path=HERE / f"{shot}-{name}.png")


TAKEN = (machine_view, trace_explorer, history_explorer, cards, exercises)


async def main(names: list[str]) -> None:
    """Take those that are named, or all of them."""
    chromium = shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder)) as url:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            lab = await Lab.open(browser)
            await lab.start(url, Path(folder))
            for take in TAKEN:
                if not names or take.__name__ in names:
                    await take(lab)
                    await lab.clear()
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
