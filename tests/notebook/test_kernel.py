"""The extension in a real kernel: what a notebook's file holds when it has been run."""

from __future__ import annotations

import asyncio
import base64
import re
import xml.etree.ElementTree as ET

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from traitlets.config import Config

CELLS = {
    "load": "%load_ext flexiflow\nfrom flexiflow import FlexiFlowEngine, State, on, record",
    "declare": """
class Draft(State):
    @on("submit", to="Done")
    async def submit(self, message, order):
        order.data["total"] = message["total"]
class Done(State, final=True): ...
engine = FlexiFlowEngine()
order = engine.add("order-1", Draft)
""",
    "followed": "%%flexiflow\nimport asyncio\nawait asyncio.sleep(0)\n"
    "await order.send('submit', total=99.0)",
    "component": "order",
    "failing": "def ask():\n    return engine.add('x', 'Nowhere')\nask()",
    "traceback": "%flexiflow tb",
    "last": "1 + 1",
}


async def run(cells, folder, **options):
    """A notebook after its cells were run in a new kernel; in one more where a reply is lost.

    See `flexiflow.notebook.execute`: that is not ours to mend.
    """
    try:
        return await run_once(cells, folder / "first", timeout=20, **options)
    except CellTimeoutError:
        return await run_once(cells, folder / "second", timeout=60, **options)


async def run_once(cells, folder, **options):
    folder.mkdir()
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells]
    )
    config = Config({"KernelManager": {"transport": "ipc", "ip": str(folder / "kernel")}})
    await NotebookClient(notebook, config=config, **options).async_execute()
    return notebook


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each cell put out, by its name; run once for all."""
    folder = tmp_path_factory.mktemp("k")
    notebook = asyncio.run(run(CELLS.values(), folder, allow_errors=True))
    return dict(zip(CELLS, (cell.outputs for cell in notebook.cells), strict=True))


def test_a_cell_with_await_is_followed(outputs):
    """Its value as ever, then the card."""
    value, card = outputs["followed"]
    assert "moved" in value["data"]["text/plain"]
    assert "1 step (1 moved)" in card["data"]["text/html"]
    assert "nothing → 99.0" in card["data"]["text/html"]


def test_an_error_is_a_card_and_one_line(outputs):
    """The second is what test tools look for."""
    card, error = outputs["failing"]
    assert "Unknown state" in card["data"]["text/html"]
    assert (error["output_type"], error["ename"], len(error["traceback"])) == (
        "error",
        "StateError",
        1,
    )


def test_the_frames_of_the_card_are_the_cells(outputs):
    """By the numbers that the notebook shows."""
    assert "Cell In[5], line 2 in ask" in outputs["failing"][0]["data"]["text/html"]


def test_the_traceback_is_text_and_no_failure(outputs):
    """A cell that only shows it has not failed."""
    (shown,) = outputs["traceback"]
    assert shown["output_type"] == "stream"
    assert "Traceback (most recent call last)" in shown["text"]


def test_what_comes_after_an_error_runs_as_ever(outputs):
    """Nothing is left behind."""
    assert outputs["last"][0]["data"]["text/plain"] == "2"


def test_every_picture_is_in_the_page_itself(outputs):
    """As an image that needs neither a script nor a trusted notebook nor a network."""
    pages = [
        output["data"]["text/html"]
        for name in ("followed", "component")
        for output in outputs[name]
        if "text/html" in output.get("data", {})
    ]
    sources = re.findall(r'<img [^>]*src="([^"]+)"', "".join(pages))
    kinds = {source.partition(",")[0] for source in sources}
    assert (len(sources), kinds) == (2, {"data:image/svg+xml;base64"})
    for source in sources:
        ET.fromstring(base64.b64decode(source.partition(",")[2]))


async def test_a_test_tool_sees_the_failure(tmp_path):
    """nbclient, which nbmake is built on, stops there."""
    cells = ["%load_ext flexiflow", "from flexiflow import StateError\nraise StateError('no')"]
    with pytest.raises(CellExecutionError, match="StateError: no"):
        await run(cells, tmp_path)
