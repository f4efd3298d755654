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
    await lab.page.locator(f"{ROOT}[data-ff-ready]").first.wait_for()


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


async def search(page, condition):
    await page.get_by_label("When did this hold").fill(condition)
    await page.keyboard.press("Enter")


async def test_a_condition_is_searched_and_its_matches_gone_through(lab):
    """`/` leads to the field, `n` and `N` from interval to interval, Esc takes the chip away."""
    await explore(lab, "explore-search.ipynb")
    page = lab.page
    await page.locator(ROOT).focus()
    await page.keyboard.press("Home")
    await page.keyboard.press("/")
    await page.keyboard.type("items > 1")
    await page.keyboard.press("Enter")
    await page.get_by_text("intervals, longest").first.wait_for()
    first = await cursor(page)
    assert (await page.locator(".ff-chip").inner_text()).startswith("where items > 1")
    await page.locator(ROOT).focus()
    await page.keyboard.press("n")
    second = await cursor(page)
    await page.keyboard.press("N")
    assert 0 < first == await cursor(page) < second
    await page.keyboard.press("Escape")
    await page.locator(".ff-chip").wait_for(state="detached")


async def test_a_condition_that_is_none_is_answered_in_words(lab):
    """As Python says it."""
    await explore(lab, "explore-odd.ipynb")
    await search(lab.page, "item > 1")
    await lab.page.locator(".ff-said", has_text="items").wait_for()


async def test_b_keeps_a_bookmark_beside_the_database(lab):
    """And takes it away again."""
    await explore(lab, "explore-marks.ipynb")
    page = lab.page
    await page.locator(ROOT).focus()
    await page.keyboard.press("b")
    await page.locator(f'{ROOT}[data-ff-bookmarks="1"]').wait_for()
    assert (lab.folder / "work" / "state.db.bookmarks.json").exists()
    await page.keyboard.press("Home")
    await page.get_by_role("button", name="Next bookmark").click()
    assert "✕ failed" in await page.locator(".ff-steptitle").inner_text()
    await page.locator(ROOT).focus()
    await page.keyboard.press("b")
    await page.locator(f'{ROOT}[data-ff-bookmarks="0"]').wait_for()


async def test_another_component_is_chosen(lab):
    """In the page; its steps come from Python."""
    await explore(lab, "explore-other.ipynb")
    await lab.page.get_by_label("Component", exact=True).select_option("order-1")
    await lab.page.get_by_label("History of order-1").wait_for()
    await lab.page.locator(".ff-steptitle", has_text="✕ failed").wait_for()


async def test_what_was_recorded_since_is_read_at_the_press_of_a_button(lab):
    """The cursor, which stood at the end, goes to the new end."""
    await explore(lab, "explore-again.ipynb")
    page = lab.page
    await page.locator(ROOT).focus()
    await page.keyboard.press("End")
    before = await page.locator(ROOT).get_attribute("data-ff-ready")
    await page.get_by_role("button", name="Read what was recorded since").click()
    await page.locator(".ff-said", has_text="Nothing new.").wait_for()
    await lab.execute("await record_orders('state.db')")
    await page.get_by_role("button", name="Read what was recorded since").click()
    await page.locator(".ff-said", has_text="more steps.").wait_for()
    root = page.locator(f'{ROOT}:not([data-ff-ready="{before}"])')
    await root.wait_for()
    last = int(await root.get_attribute("data-ff-ready")) - 1
    await page.locator(f'{ROOT}[data-ff-cursor="{last}"]').wait_for()


async def test_python_sets_the_selection(lab):
    """Every pane goes there, and the filter is a chip."""
    cell = """
steps = history.steps("order-2")
view.selection = {"step": int(steps["id"].iloc[0]), "state": "Draft"}
"""
    await explore(lab, "explore-set.ipynb", cell)
    await lab.page.locator(f'{ROOT}[data-ff-cursor="1"]').wait_for()
    assert "state=Draft" in await lab.page.locator(".ff-chip").inner_text()
    assert "◇ refused" in await lab.page.locator(".ff-steptitle").inner_text()


async def test_scrubbing_goes_on_while_the_kernel_is_busy(lab):
    """What needs Python says that it waits, and only the newest question is asked."""
    await explore(lab, "explore-busy.ipynb")
    page = lab.page
    await lab.start_executing("import time; time.sleep(1.5)")
    for condition in ("items > 0", "items > 1", "items > 2"):
        await search(page, condition)
    await page.locator(".ff-said", has_text="Waiting for the kernel").wait_for()
    await page.locator(".ff-slider").fill("2")
    assert await cursor(page) == 2
    assert "#" in await page.locator(".ff-steptitle").inner_text()
    await page.locator(".ff-chip", has_text="where items > 2").wait_for()
    assert await page.locator(ROOT).get_attribute("data-ff-answered") == "3"


async def test_a_long_history_is_shown_in_windows(lab):
    """The strip says so; buttons and jumps lead out of the window."""
    few = "from flexiflow.notebook.widgets import explorer\nexplorer.MOST_STEPS = 4"
    await lab.run("explore-long.ipynb", RECORD, OPEN, few, EXPLORE)
    page = lab.page
    note = page.locator(".ff-stripnote", has_text="Showing 4 of")
    await note.wait_for()
    assert "✕ 1 failed." in await note.inner_text()
    assert "1 outside of them went wrong" in await note.inner_text()
    await page.locator(ROOT).focus()
    await page.keyboard.press("R")
    await page.locator(".ff-steptitle", has_text="◇ refused").wait_for()
    await page.get_by_role("button", name="Later").click()
    await page.locator(".ff-steptitle", has_text="moved").wait_for()


async def test_linked_explorers_show_the_same_time(lab):
    """Where one goes, the other goes."""
    cell = """
from flexiflow.notebook.widgets.linking import link
other = history.explore("order-1")
link(view, other)
other
"""
    await explore(lab, "explore-link.ipynb", cell)
    page = lab.page
    other = page.get_by_label("History of order-1").and_(page.locator("[data-ff-ready]"))
    await other.wait_for()
    last = int(await other.get_attribute("data-ff-ready")) - 1
    await page.get_by_label("History of order-2").focus()
    await page.keyboard.press("End")
    await other.and_(page.locator(f'[data-ff-cursor="{last}"]')).wait_for()


async def test_without_a_kernel_the_picture_and_the_verdict_remain(lab):
    """After a restart and a reload of the page."""
    await explore(lab, "explore-gone.ipynb")
    await lab.reopen_without_widgets("explore-gone.ipynb")
    image = lab.page.get_by_alt_text("Machine of order-2")
    await image.wait_for()
    assert await image.evaluate("each => each.complete && each.naturalWidth > 100")
    await lab.page.get_by_text("order-2").first.wait_for()


@pytest.mark.parametrize("theme", THEMES)
async def test_it_is_accessible(lab, theme):
    """In both themes, as axe sees it."""
    await lab.theme(theme)
    await explore(lab, f"explore-axe-{theme[-4:].strip()}.ipynb")
    assert await lab.violations(ROOT) == []
