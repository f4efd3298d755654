"""The notebooks as anybody else would test them: ``pytest --nbmake``."""

from __future__ import annotations

import shutil
import subprocess
import sys

from test_lessons_notebooks import ALL

SHORT = {"01_first_machine", "03_bus", "08_errors"}


def test_the_notebooks_pass_nbmake(request, project):
    """In the long form all of them; each is run with every cell twice in any case."""
    chosen = [each for each in ALL if request.config.getoption("--soak") or each.stem in SHORT]
    place = project / "nbmake"
    place.mkdir()
    for notebook in chosen:
        shutil.copy(notebook, place)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbmake", "."]
    done = subprocess.run(command, capture_output=True, text=True, cwd=place)
    assert f"{len(chosen)} passed" in done.stdout, done.stdout
