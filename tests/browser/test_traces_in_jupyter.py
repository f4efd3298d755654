"""The explorer of traces in a real JupyterLab, and its offline file."""

from __future__ import annotations

import json

import pytest
from jupyter_page import THEMES
from traced import traced

from flexiflow import open_log
from flexiflow.tracing.records import LogRecord, encode_record, utc_text

ECHO = """
from ipywidgets import Label
echo = Label("nothing")
view.observe(lambda change: setattr(echo, "value", repr(change["new"])), "selection")
echo
"""


@pytest.fixture
async def cell(tmp_path):
    """A cell that explores a recorded log."""
    await traced(tmp_path)
    return (
        "from flexiflow import open_history, open_log\n"
        f"log = open_log({str(tmp_path / 'run.jsonl')!r})\n"
        f"history = open_history({str(tmp_path / 'state.db')!r})\n"
        "view = log.explore(history=history)\nview"
    )


async def ready(lab, trace):
    await lab.page.locator(f'.ff-widget[data-ff-ready="{trace}"]').wait_for()


def spans(lab):
    return lab.page.locator(".ff-waterfall tbody tr[data-row]")


async def test_it_opens_on_trouble_and_a_click_on_a_span_reaches_python(lab, cell):
    """The list is filtered, the waterfall is there, the panes follow."""
    await lab.run("trace.ipynb", cell, ECHO)
    await ready(lab, "fails-1")
    assert await lab.page.locator(".ff-tracelist tbody tr[data-row]").count() == 2
    await spans(lab).nth(0).click()
    await lab.page.get_by_text("'span':").wait_for()
    await lab.page.get_by_role("tab", name="Error ✕").click()
    await lab.page.locator(".ff-errorcard").get_by_text("card <b>declined</b>").wait_for()


async def test_another_trace_is_opened_from_the_list(lab, cell):
    """All of them are a press away; a search narrows them."""
    await lab.run("list.ipynb", cell)
    await ready(lab, "fails-1")
    await lab.page.get_by_role("button", name="All 4").click()
    await lab.page.get_by_label("Search traces").fill("cancel")
    rows = lab.page.locator(".ff-tracelist tbody tr[data-row]")
    await lab.page.wait_for_function(
        "document.querySelectorAll('.ff-tracelist tbody tr[data-row]').length === 1"
    )
    await rows.first.click()
    await lab.page.get_by_text("Paying → Draft").first.wait_for()


async def test_python_moves_the_view(lab, cell):
    """A selection that is set there is marked here."""
    await lab.run("moved.ipynb", cell)
    await ready(lab, "fails-1")
    last = "log.trace('fails-1').spans()['span_id'].iloc[-1]"
    await lab.execute(f"view.selection = {{**view.selection, 'span': {last}}}")
    await lab.page.locator('.ff-waterfall tr[aria-selected="true"]').wait_for()


async def test_it_is_used_by_keyboard_alone(lab, cell):
    """Next failure, open and close what a span caused, search."""
    await lab.run("keys.ipynb", cell)
    await ready(lab, "fails-1")
    await spans(lab).first.focus()
    await lab.page.keyboard.press("e")
    await lab.page.locator('.ff-waterfall tr[data-row="0"][aria-selected="true"]').wait_for()
    count = await spans(lab).count()
    await spans(lab).first.focus()
    await lab.page.keyboard.press("ArrowLeft")
    assert await spans(lab).count() == 1
    await lab.page.keyboard.press("ArrowRight")
    assert await spans(lab).count() == count
    await lab.page.keyboard.press("/")
    assert await lab.page.evaluate("document.activeElement.type") == "search"


async def test_the_way_is_on_the_graph(lab, cell):
    """The state where the component went is the current one."""
    await lab.run("way.ipynb", cell)
    await ready(lab, "fails-1")
    await spans(lab).first.click()
    await lab.page.get_by_role("tab", name="Path").click()
    await lab.page.locator('.ff-panes .ff-node[data-state="Draft"]').wait_for()


@pytest.mark.parametrize("theme", THEMES)
async def test_axe_finds_nothing_serious_in_an_explorer(lab, cell, theme):
    """Names, roles and contrasts, in light and in dark."""
    await lab.run("axe.ipynb", cell)
    await lab.theme(theme)
    await ready(lab, "fails-1")
    await spans(lab).first.click()
    assert await lab.violations() == []


async def test_the_offline_file_of_a_trace_is_interactive(tab, tmp_path):
    """Panes and graph come from the file; the list, which needs Python, is absent."""
    log, _, failing = await traced(tmp_path)
    page = log.explore(failing).save_html(tmp_path / "trace.html")
    await tab.page.set_viewport_size({"width": 560, "height": 900})
    await tab.page.goto(page.as_uri())
    await tab.page.locator(".ff-widget[data-ff-ready]").wait_for()
    assert not await tab.page.locator(".ff-tracelist").is_visible()
    await tab.page.locator(".ff-waterfall tbody tr[data-row]").last.click()
    await tab.page.get_by_role("tab", name="Record").click()
    await tab.page.get_by_text("handler.failed").first.wait_for()
    await tab.page.get_by_role("tab", name="Path").click()
    await tab.page.get_by_text("bank in this trace").wait_for()


async def test_every_key_does_what_its_list_says(tab, tmp_path):
    """Also where nothing further is to be found."""
    log, _, failing = await traced(tmp_path)
    page = log.explore(failing).save_html(tmp_path / "keys.html")
    await tab.page.goto(page.as_uri())
    root = tab.page.locator(".ff-widget[data-ff-ready]")
    await root.wait_for()
    rows = tab.page.locator(".ff-waterfall tbody tr[data-row]")
    last = await rows.count() - 1
    failed = [
        at
        for at, outcome in enumerate(log.trace(failing).spans()["outcome"])
        if outcome == "failed"
    ]
    press = tab.page.keyboard.press

    async def selected(row):
        await tab.page.locator(
            f'.ff-waterfall tr[data-row="{row}"][aria-selected="true"]'
        ).wait_for()

    await rows.first.focus()
    for row in failed:
        await press("e")
        await selected(row)
    await press("e")
    await selected(failed[-1])
    await press("E")
    await selected(failed[-2])
    axis = tab.page.locator(".ff-waterfall .ff-axis").first
    whole = await axis.inner_text()
    await press("z")
    assert await axis.inner_text() != whole
    await press("Z")
    assert await axis.inner_text() == whole
    for key in ("r", "R"):
        await press(key)
        await selected(failed[-2])
    await press("Escape")
    await tab.page.locator(".ff-waterfall tr[aria-selected='true']").wait_for(state="detached")
    await rows.first.focus()
    for key, row in (("End", last), ("ArrowUp", last - 1), ("Home", 0), ("ArrowDown", 1)):
        await press(key)
        await tab.page.locator(f'.ff-waterfall tr[data-row="{row}"]:focus').wait_for()
    await press("Enter")
    await selected(1)
    keys = tab.page.locator(".ff-keys")
    await press("?")
    assert await keys.is_visible()
    await press("?")
    assert not await keys.is_visible()
    await press("c")
    await tab.page.get_by_text("Copied: fails-1").wait_for()


async def test_a_broken_log_is_shown_with_what_it_lacks(lab, cell, tmp_path):
    """Cut, binary, out of order, a record lost: what can be read is there, and the rest is said."""
    path = tmp_path / "run.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    mine = [line for line in lines if b'"fails-1"' in line]
    others = [line for line in lines if line not in mine]
    received = next(line for line in mine if b"message.received" in line)
    kept = [line for line in reversed(mine) if line != received]
    binary = b'\x00\xff\xfe"fails-1"\x1b[31m\n'
    path.write_bytes(b"".join([*others, binary, *kept, mine[-1][: len(mine[-1]) // 2]]))
    await lab.run("broken.ipynb", cell)
    await ready(lab, "fails-1")
    missing = await lab.page.locator(".ff-missing").inner_text()
    assert "2 broken lines" in missing
    assert await spans(lab).count() == len(open_log(path).trace("fails-1").spans())
    await spans(lab).last.click()
    await lab.page.get_by_role("tab", name="Story").click()
    await lab.page.get_by_text("Missing:").first.wait_for()


async def test_spans_are_walked_through_while_the_kernel_is_busy(lab, cell):
    """What needs Python says that it waits, and the newest span is what it shows in the end."""
    await lab.run("traces-busy.ipynb", cell)
    await ready(lab, "fails-1")
    await lab.page.get_by_role("tab", name="Record").click()
    await lab.start_executing("import time; time.sleep(2)")
    for at in range(3):
        await spans(lab).nth(at).click()
        await lab.page.locator(
            f'.ff-waterfall tr[data-row="{at}"][aria-selected="true"]'
        ).wait_for()
    await lab.page.get_by_text("Waiting for the kernel").wait_for()
    await lab.page.locator('.ff-widget[data-ff-answered="3"]').wait_for()
    assert await lab.page.get_by_text("Waiting for the kernel").count() == 0


async def test_without_a_kernel_the_headline_and_the_tree_remain(lab, cell):
    """After a restart and a reload of the page."""
    await lab.run("traces-gone.ipynb", cell)
    await ready(lab, "fails-1")
    await lab.reopen_without_widgets("traces-gone.ipynb")
    await lab.page.get_by_text("Failed in bank").first.wait_for()
    await lab.page.locator("pre", has_text="order-1: submit").first.wait_for()


async def test_eighty_thousand_spans_stay_few_rows(tab, tmp_path):
    """Whatever is in sight is in the page, the end too, and no more."""
    count = 80_000
    with (tmp_path / "big.jsonl").open("wb") as file:
        for at in range(count):
            cause = None if at == 0 else f"s{at - 1 if at % 10 else 0}"
            time = utc_text(1_700_000_000_000_000 + at * 100)
            file.write(
                encode_record(
                    LogRecord(
                        time, "INFO", "handler.finished", "big", f"s{at}", cause, f"c{at % 50}",
                        handler="A.go", duration_us=50,
                    )
                )
            )  # fmt: skip
        file.write(b'{"broken": \n')
    page = open_log(tmp_path / "big.jsonl").trace("big").explore().save_html(tmp_path / "big.html")
    await tab.page.goto(page.as_uri())
    await tab.page.locator('.ff-widget[data-ff-ready="big"]').wait_for()
    rows = tab.page.locator(".ff-waterfall tbody tr[data-row]")
    assert await rows.count() < 500
    # The first span waits for 8,000 others, and those parts of the critical path are no marks each.
    assert 50 < await rows.first.locator(".ff-critical").count() < 250
    assert await tab.page.locator("*").count() < 1_500
    await rows.first.focus()
    await tab.page.keyboard.press("End")
    await tab.page.locator(f'.ff-waterfall tr[data-row="{count - 1}"]').wait_for()
    assert await rows.count() < 500
    assert json.loads(await tab.page.locator(".ff-widget").get_attribute("data-ff-selected"))[
        "span"
    ]


async def test_lines_outside_every_span_are_read(tab, tmp_path):
    """They have no id to be selected by, and are selected all the same."""
    (tmp_path / "app.log").write_text(
        "2026-11-26 10:00:00 INFO pay cid=req-84 declined: no funds\n"
    )
    page = open_log(tmp_path / "app.log").explore().save_html(tmp_path / "trace.html")
    await tab.page.goto(page.as_uri())
    await tab.page.locator(".ff-spanname").click()
    await tab.page.get_by_role("tab", name="Record").click()
    await tab.page.locator(".ff-records").get_by_text("no funds").wait_for()
