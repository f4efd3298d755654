"""Copying the notebooks, and reporting how far students are, on the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from flexiflow.cli import lessons_commands
from flexiflow.lessons import lesson

NAMES = sorted(path.name for path in (Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def test_the_notebooks_are_copied(run_cli, tmp_path):
    """All of them, and it is said how to open them."""
    result = run_cli("tutorial", str(tmp_path / "t"), "--no-lab")
    assert result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == NAMES
    assert str(tmp_path / "t" / "00_tour.ipynb") in result.stdout


def test_what_was_written_in_a_notebook_is_kept(run_cli, tmp_path):
    """The others are copied."""
    (tmp_path / NAMES[0]).write_text("mine")
    done = json.loads(run_cli("tutorial", str(tmp_path), "--json").stdout)
    assert (done["kept"], done["copied"]) == ([NAMES[0]], NAMES[1:])
    assert (tmp_path / NAMES[0]).read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_told(run_cli, tmp_path):
    """In four parts, with nothing half done."""
    (tmp_path / "file").write_text("")
    result = run_cli("tutorial", str(tmp_path / "file"), "--no-lab")
    assert result.exit_code == 1
    assert [
        part for part in ("Error:", "Why:", "Fix:", "Context:") if part not in result.stderr
    ] == []


def test_jupyterlab_is_opened_on_the_first(run_cli, tmp_path, monkeypatch):
    """In the folder, in this process's place; how to do that again is said before."""
    became = []
    monkeypatch.setattr(lessons_commands, "_become", lambda *given: became.append(given))
    said = run_cli("tutorial", str(tmp_path)).stdout
    assert f"jupyter lab {tmp_path / '00_tour.ipynb'}" in said
    command = [sys.executable, "-m", "jupyterlab", str(tmp_path / "00_tour.ipynb")]
    assert became == [(command, tmp_path)]


def test_without_jupyterlab_the_way_to_it_is_told(run_cli, tmp_path, monkeypatch):
    """The notebooks are there all the same."""
    monkeypatch.setattr(lessons_commands, "find_spec", lambda name: None)
    result = run_cli("tutorial", str(tmp_path))
    assert result.exit_code == 1
    assert 'pip install "flexiflow[lab]"' in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == NAMES


@pytest.fixture
def collected(tmp_path):
    """Two students' progress."""
    for student in ("ana", "ben"):
        (tmp_path / student).mkdir()
        file = tmp_path / student / "flexiflow-progress.jsonl"
        lesson("01", student=student, progress=file)[2].hint()
    return tmp_path


def test_students_by_exercises(run_cli, collected):
    """A row a student."""
    lines = run_cli("lessons", "report", str(collected)).stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["student", "01.2"],
        ["ana", "✗", "1", "hint"],
        ["ben", "✗", "1", "hint"],
    ]


def test_the_report_as_json(run_cli, collected):
    """A row for each student and exercise; each key is in the help."""
    found = json.loads(run_cli("lessons", "report", str(collected), "--json").stdout)
    assert [each["student"] for each in found["standings"]] == ["ana", "ben"]
    help_text = run_cli("lessons", "--help").stdout
    assert [key for key in (*found, *found["standings"][0]) if key not in help_text] == []


def test_another_action_is_wrong_usage(run_cli):
    """With the one that there is."""
    result = run_cli("lessons", "mark")
    assert result.exit_code == 2
    assert "report" in result.stderr
