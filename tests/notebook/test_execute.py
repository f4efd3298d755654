"""Notebooks that are run to a page."""

from __future__ import annotations

import asyncio
import gc

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from flexiflow.notebook import execute


def notebook(folder, code):
    cells = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(cells, folder / "one.ipynb")
    return folder / "one.ipynb"


STUCK_ONCE = """\
import asyncio
from pathlib import Path
if not Path("been here").exists():
    Path("been here").touch()
    await asyncio.Event().wait()
print("done")
"""


def test_a_cell_that_does_not_come_back_is_tried_in_another_kernel(tmp_path, monkeypatch):
    """A reply that goes unnoticed costs time, not the page."""
    monkeypatch.setattr(execute, "_SECONDS_A_CELL", 2)
    cells = execute.executed(notebook(tmp_path, STUCK_ONCE))
    assert [output.text for output in cells.cells[0].outputs] == ["done\n"]


def test_a_cell_that_fails_is_not_tried_again(tmp_path):
    """It fails at once, with its own error."""
    code = "open('tries', 'a').write('x')\n1 / 0"
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute.executed(notebook(tmp_path, code))
    assert (tmp_path / "tries").read_text() == "x"


def open_loops():
    return {
        each
        for each in gc.get_objects()
        if isinstance(each, asyncio.AbstractEventLoop) and not each.is_closed()
    }


@pytest.mark.parametrize("where", ["in a script", "in another thread", "in a notebook's loop"])
def test_the_event_loop_that_it_needs_is_closed(tmp_path, where):
    """Nothing is left for the collector to warn of, wherever it runs."""
    one = notebook(tmp_path, "print(1 + 1)")

    async def in_a_loop():
        return execute.executed(one)

    runs = {
        "in a script": lambda: execute.executed(one),
        "in another thread": lambda: asyncio.run(asyncio.to_thread(execute.executed, one)),
        "in a notebook's loop": lambda: asyncio.run(in_a_loop()),
    }
    before = open_loops()
    cells = runs[where]()
    assert cells.cells[0].outputs[0].text == "2\n"
    gc.collect()  # an unclosed loop that nobody refers to is an error here
    assert open_loops() <= before
