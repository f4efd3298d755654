"""The notebooks in a real JupyterLab: no error, nothing asked for outside, nothing out of reach."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from flexiflow.lessons.demo import run_demo_async

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
SHORT = {"00_tour", "01_first_machine", "06_trace"}


def pytest_generate_tests(metafunc):
    """In the long form all of them; each is run outside of a browser in any case."""
    if "notebook" in metafunc.fixturenames:
        all_of_them = metafunc.config.getoption("--soak")
        chosen = [each for each in NOTEBOOKS if all_of_them or each.stem in SHORT]
        metafunc.parametrize("notebook", chosen, ids=lambda path: path.stem)


@pytest.fixture
async def with_demo(lab):
    """A folder where the demo has run; it runs once."""
    data = lab.folder / "work" / "demo-data"
    if not data.exists():
        await run_demo_async(data)
    return lab


async def test_a_notebook_runs_in_jupyterlab(with_demo, notebook):
    """Every code cell has run, and none has an error; axe finds nothing serious in outputs."""
    lab = with_demo
    shutil.copy(notebook, lab.folder / "work" / notebook.name)
    code = [
        cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"
    ]
    await lab.open_notebook(notebook.name)
    await lab.command("notebook:run-all-cells")
    ran, errors = await lab.page.evaluate(
        """() => {
          const cells = [...window.jupyterapp.shell.currentWidget.content.model.cells];
          const code = cells.filter((cell) => cell.type === "code");
          const outputs = code.flatMap((cell) => cell.outputs.toJSON());
          return [
            code.filter((cell) => cell.executionCount !== null || !cell.sharedModel.source).length,
            outputs.filter((each) => each.output_type === "error").map((each) => each.evalue),
          ];
        }"""
    )
    assert (ran, errors) == (len(code), [])
    assert await lab.violations(".jp-OutputArea-output") == []
