"""Every line of the how-to page, typed in the folder of a demo."""

from __future__ import annotations

import asyncio
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from flexiflow import open_history
from flexiflow.cli import cli
from flexiflow.lessons.demo import run_demo

PAGE = (Path(__file__).parents[2] / "docs" / "how-to.md").read_text(encoding="utf-8")
CONSOLES = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line[2:] for text in CONSOLES for line in text.splitlines() if line[:2] == "$ "]
ANSWERS = [each for each in COMMANDS if not each.startswith("cd ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a small demo has run, and the incident's copy is made."""
    folder = tmp_path_factory.mktemp("demo")
    run_demo(folder, orders=60)
    return folder


def test_the_commands_are_found():
    """So that the test below looks at them."""
    assert len(ANSWERS) > 8


def test_every_command_answers(folder, monkeypatch):
    """In order; the exit code says whether the answer is a good one, and none is an error."""
    monkeypatch.chdir(folder)
    (folder / "incident.db").unlink(missing_ok=True)  # another test's copy would not be replaced
    codes = {
        command: CliRunner().invoke(cli, shlex.split(command, comments=True)[1:]).exit_code
        for command in ANSWERS
    }
    assert {command: code for command, code in codes.items() if code not in (0, 3)} == {}


def test_the_code_runs(folder, monkeypatch, capsys):
    """And leaves what it says: a page for the ticket, and a recording."""
    monkeypatch.chdir(folder)
    CliRunner().invoke(cli, ["backup", "state.db", "incident.db", "--force"])
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "how-to.md", "exec"), names)
    asyncio.run(names["serve"]())
    assert "CurrencyMismatch" in capsys.readouterr().out
    assert "CurrencyMismatch" in (folder / "incident.html").read_text(encoding="utf-8")
    assert open_history(folder / "service.db").components()["state"].tolist() == ["Sent"]
    assert "4111" not in (folder / "service.jsonl").read_text(encoding="utf-8")
