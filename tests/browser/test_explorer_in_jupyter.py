"""The history explorer in a real JupyterLab."""

from __future__ import annotations

import pytest
from jupyter_page import THEMES
from recorded_orders import RECORD

OPEN = """
import os
for name in ("state.db", "state.db.jsonl"):
    if os.path.exists(name):
        os.remove(name)
await record_orders("state.db")
history = open_history("state.db")
"""
EXPLORE = 'view = history.explore("order-2")\nview'
ROOT = ".ff-explorer"


async def explore(lab, name, *cells):
    """A notebook with an explorer that has its steps."""
    await lab.run(name, RECORD, OPEN, EXPLORE, *cells)
    await lab.page.locator(f"{ROOT}[data-ff-ready]").wait_for()


async def cursor(page) -> int:
    return int(await page.locator(ROOT).get_attribute("data-ff-cursor"))


async def test_it_opens_at_the_last_refusal_or_failure(lab):
    """Graph, step, strip and list are all there; the static picture is not."""
    await explore(lab, "explore-opens.ipynb")
    page = lab.page
    assert not await page.locator("[data-flexiflow-picture]").is_visible()
    title = await page.locator(".ff-steptitle").inner_text()
    assert "pay" in title
    assert "✕ failed" in title
    assert await page.locator(".ff-explorer .ff-current").get_attribute("data-state") == "Paying"


async def test_moving_reaches_every_pane_and_python(lab):
    """The slider, the graph, the step's changes and `.selection`."""
    echo = """
from ipywidgets import Label
echo = Label("nothing")
view.observe(lambda change: setattr(echo, "value", repr(change["new"])), "selection")
echo
"""
    await explore(lab, "explore-moves.ipynb", echo)
    page = lab.page
    await page.locator(".ff-slider").focus()
    before = await cursor(page)
    await page.keyboard.press("ArrowRight")
    assert await cursor(page) == before + 1
    assert await page.locator(".ff-explorer .ff-current").get_attribute("data-state") == "Paid"
    assert "paid" in await page.locator(".ff-details .ff-name").all_inner_texts()
    await page.get_by_text("{'step':", exact=False).wait_for()


@pytest.mark.parametrize("theme", THEMES)
async def test_it_is_accessible(lab, theme):
    """In both themes, as axe sees it."""
    await lab.theme(theme)
    await explore(lab, f"explore-axe-{theme[-4:].strip()}.ipynb")
    assert await lab.violations(ROOT) == []
