"""A real IPython shell without a terminal, and what it shows."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterator

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

_OF_SYS = ("last_type", "last_value", "last_traceback", "last_exc", "displayhook", "excepthook")


class Notebook:
    """A shell that behaves as a notebook's does, and keeps what it shows."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.shown: list[dict[str, str]] = []

    def run(self, cell: str, *, fails: bool = False):
        """Run a cell; what it displays is in `shown` afterwards."""
        self.shell.display_pub.outputs = []
        result = self.shell.run_cell(cell)
        self.shown = [each["data"] for each in self.shell.display_pub.outputs]
        assert fails == (not result.success), result
        return result

    def bundle(self, expression: str) -> dict[str, str]:
        """How a value is shown, by kind."""
        value = self.run(expression).result
        return self.shell.display_formatter.format(value)[0]


@pytest.fixture
def notebook(tmp_path, monkeypatch) -> Iterator[Notebook]:
    """A shell of its own for each test, in which flexiflow's extension is loaded."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    kept = {name: getattr(sys, name) for name in _OF_SYS if hasattr(sys, name)}
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell.instance(config=config)
    shell.display_pub = CapturingDisplayPublisher()
    made = Notebook(shell)
    made.run("%load_ext flexiflow")
    yield made
    made.run("%unload_ext flexiflow")
    shell.atexit_operations()
    atexit.unregister(shell.atexit_operations)
    InteractiveShell.clear_instance()
    for name in _OF_SYS:
        if name in kept:
            setattr(sys, name, kept[name])
        elif hasattr(sys, name):
            delattr(sys, name)


SHOP = """
from flexiflow import FlexiFlowEngine, State, guard, on, record

@guard
def has_items(message, order):
    return order.data["items"] > 0

class Draft(State):
    @on("submit", to="Submitted", guard=has_items)
    async def submit(self, message, order):
        order.data["total"] = message["total"]

class Submitted(State):
    @on("approve", to="Done")
    async def approve(self, message, order): ...

class Done(State, final=True): ...

engine = FlexiFlowEngine()
order = engine.add("order-1", Draft, data={"items": 3})
"""


@pytest.fixture
def shop(notebook) -> Notebook:
    """A notebook with an engine and an order in it."""
    notebook.run(SHOP)
    return notebook
