"""The built wheel, used outside of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built once."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run([*command, str(PROJECT)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    """Types are announced, licence and notebooks are there, tests and notebooks' data are not."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"flexiflow"}
    assert "flexiflow/py.typed" in names
    assert {"flexiflow/notebook/static/watch.js", "flexiflow/notebook/static/widget.css"} <= {
        *names
    }
    assert any(name.endswith("licenses/LICENSE") for name in names)
    folder = "flexiflow/lessons/notebook_files/"
    notebooks = sorted(path.name for path in (PROJECT / "notebooks").glob("*.ipynb"))
    assert sorted(name for name in names if name.startswith(folder)) == [
        folder + name for name in notebooks
    ]


def test_the_wheel_works_without_the_checkout(wheel, tmp_path):
    """Installed alone, it runs its command and records a history that it can explain."""
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = """
import asyncio, flexiflow
from flexiflow import AsyncComponent, FlexiFlowEngine, record
assert flexiflow.__file__.startswith(SITE), flexiflow.__file__

async def main():
    engine = FlexiFlowEngine()
    component = engine.register(AsyncComponent("c"))
    async with record(engine, "state.db", log="run.jsonl") as recording:
        await component.send("start")
        print(recording.history.why("c"))
        print(recording.history.graph("c").to_svg()[:4])

asyncio.run(main())
"""
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code.replace("SITE", repr(str(site)))],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "`start` moved InitialState → AwaitingConfirmation" in done.stdout
    assert "<svg" in done.stdout
    copied = subprocess.run(
        [sys.executable, "-m", "flexiflow", "tutorial", "here", "--no-lab"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=60,
    )
    assert copied.returncode == 0, copied.stderr
    assert (tmp_path / "here" / "01_first_machine.ipynb").exists()
    version = subprocess.run(
        [sys.executable, "-m", "flexiflow", "--version"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=60,
    )
    assert version.stdout.strip().endswith("2.0.0")
