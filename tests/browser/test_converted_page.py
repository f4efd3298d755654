"""Notebooks that nbconvert, or `execute`, made pages of, opened without a network."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import nbformat
import pytest

from flexiflow.notebook.execute import execute_notebook

CELLS = [
    "%load_ext flexiflow\nfrom flexiflow import FlexiFlowEngine, State, machine_graph, on, watch",
    "class Draft(State):\n"
    "    @on('submit', to='Done')\n"
    "    async def submit(self, message, order): ...\n"
    "class Done(State, final=True): ...\n"
    "engine = FlexiFlowEngine()\n"
    "order = engine.add('order-1', Draft)",
    "order",
    "machine_graph(order)",
    "watch(order)",
    "%%flexiflow\nstep = await order.send('submit')",
    "%flexiflow graph order",
]
PICTURES = """() => [...document.images].map((image) =>
    image.complete && image.naturalWidth > 0 && image.getBoundingClientRect().height > 20)"""
WIDE = [
    "print('a long line, ' * 30)",
    "import pandas as pd\npd.DataFrame([[f'value {n}' for n in range(40)]])",
    "a_long_name = " + " + ".join(["'some text'"] * 20),
]


def notebook_of(cells, folder):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    nbformat.write(notebook, folder / "shop.ipynb")
    return folder / "shop.ipynb"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_in_an_executed_page(browser_tab, tmp_path, scheme):
    """Also where code, text and tables are wider than the page."""
    notebook = notebook_of([*CELLS, *WIDE], tmp_path)
    await asyncio.to_thread(execute_notebook, notebook, tmp_path / "shop.html")
    tab = await browser_tab(color_scheme=scheme)
    await tab.page.goto((tmp_path / "shop.html").as_uri())
    assert await tab.violations("body") == []


async def test_every_picture_is_seen(browser, tmp_path):
    """A component, a graph, a live view, one cell's steps, and a magic."""
    notebook_of(CELLS, tmp_path)
    command = ["-m", "nbconvert", "--to", "html", "--execute", str(tmp_path / "shop.ipynb")]
    await asyncio.to_thread(
        subprocess.run,
        [sys.executable, *command],
        check=True,
        cwd=tmp_path,
        capture_output=True,
    )
    context = await browser.new_context(offline=True)
    page = await context.new_page()
    await page.goto((tmp_path / "shop.html").as_uri(), wait_until="domcontentloaded")
    assert await page.evaluate(PICTURES) == [True] * 5
    await context.close()
