from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flexiflow.lessons.demo import run_demo

TOUR = Path(__file__).parents[2] / "notebooks" / "00_tour.ipynb"


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a fresh clone after the demo has run: its data, and the tour."""
    folder = tmp_path_factory.mktemp("project")
    run_demo(folder / "demo-data")
    (folder / "notebooks").mkdir()
    shutil.copy(TOUR, folder / "notebooks")
    return folder
