"""Every notebook with exercises: runs from top to bottom, each cell twice, and is kept clean."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import nbformat
import pytest

from flexiflow.lessons.classroom import CHAPTERS
from flexiflow.lessons.hunting import ZOO

FOLDER = Path(__file__).parents[2] / "notebooks"
ALL = sorted(FOLDER.glob("*.ipynb"))
LESSONS = [path for path in ALL if path.name[:2] in CHAPTERS]
ZOO_BOOK = FOLDER / "11_zoo.ipynb"
each_notebook = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def texts(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown"]


@pytest.mark.parametrize("path", [*LESSONS, ZOO_BOOK], ids=lambda path: path.stem)
def test_every_cell_runs_and_runs_again(path, project):
    """Without an error, in a folder of its own below the demo's; the page has its exercises."""
    place = project / path.stem
    place.mkdir()
    notebook = nbformat.read(path, 4)
    notebook.cells = [
        nbformat.from_dict({**cell, "id": f"{cell.id}-{number}"})
        for cell in notebook.cells
        for number in range(2 if cell.cell_type == "code" else 1)
    ]
    nbformat.write(notebook, place / path.name)
    # In a process of its own, so that no other test's loops are in the way.
    command = [sys.executable, "-m", "flexiflow.notebook.execute", path.name, "page.html"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=place)
    assert done.returncode == 0, done.stderr
    first = f"{path.name[:2]}.1 " if path in LESSONS else "race.1 "
    assert first in (place / "page.html").read_text(encoding="utf-8")


@each_notebook
def test_it_is_kept_without_outputs(path):
    """In the repository they would only age."""
    code = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    assert [cell for cell in code if cell.outputs or cell.execution_count is not None] == []


@each_notebook
def test_it_opens_with_what_one_will_be_able_to_do(path):
    """Under its title."""
    first = texts(path)[0]
    assert first.startswith("# ")
    assert re.search(r"after this page you can", first, re.IGNORECASE)


@each_lesson
def test_it_asks_its_exercises_one_by_one(path):
    """Each has a heading and a cell of its own."""
    code = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    shown = [
        int(found) for cell in code for found in re.findall(r"^exercises\[(\d)\]$", cell, re.M)
    ]
    assert shown == list(range(1, len(shown) + 1))
    assert len(shown) >= 2


@each_notebook
def test_its_links_lead_somewhere(path):
    """To other notebooks, which are copied along."""
    links = re.findall(r"\]\(([^)#:]+)\)", "\n".join(texts(path)))
    assert [link for link in links if not (FOLDER / link).exists()] == []


@pytest.mark.parametrize("name", list(ZOO))
def test_the_zoo_shows_each_machine_as_it_is(name):
    """The code that is to be mended is the code that was recorded."""
    animal = import_module(f"flexiflow.lessons.zoo.{name.replace('-', '_')}")
    wanted = [ast.dump(node) for node in ast.parse(animal.broken.code).body]
    code = [cell.source for cell in nbformat.read(ZOO_BOOK, 4).cells if cell.cell_type == "code"]
    plain = [cell for cell in code if "class " in cell]
    shown = [[ast.dump(node) for node in ast.parse(cell).body][:-1] for cell in plain]
    assert wanted in shown


def test_the_wheel_holds_all_of_them():
    """Each is named in pyproject.toml, since hatch would take a folder's other files along."""
    text = (FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert re.findall(r'^"notebooks/(.*?\.ipynb)" = ', text, re.M) == [path.name for path in ALL]
