"""A notebook that plain nbconvert made a page of, opened without a network."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import nbformat

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


async def test_every_picture_is_seen(browser, tmp_path):
    """A component, a graph, a live view, one cell's steps, and a magic."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in CELLS]
    )
    nbformat.write(notebook, tmp_path / "shop.ipynb")
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
