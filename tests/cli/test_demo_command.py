"""Running the demo."""

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from flexiflow.cli import cli


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """What a small demo printed, and the folder that it wrote to."""
    folder = tmp_path_factory.mktemp("demo") / "my demo"
    result = CliRunner().invoke(cli, ["demo", str(folder), "--orders", "60"])
    assert result.exit_code == 0, result.output
    return result.stdout, folder


def test_it_leaves_two_files(ran):
    """The history and the trace log."""
    _, folder = ran
    assert {"state.db", "run.jsonl"} <= {path.name for path in folder.iterdir()}


def test_a_pipe_gets_a_few_lines_of_progress(ran):
    """Not one an order."""
    out, _ = ran
    assert out.startswith("Running a shop with 60 orders.\n")
    assert re.findall(r"(\d+) of 60 orders", out) == ["15", "30", "45", "60"]


def test_it_ends_with_the_verdict_on_the_stuck_order(ran):
    """With the reason."""
    out, _ = ran
    assert re.search(r"^order-1042: .*in Paying for .*: p95 ", out, re.M)
    assert "CurrencyMismatch" in out


def test_the_three_commands_to_type_next_work(ran, run_cli):
    """why, history and trace, with their real paths."""
    out, folder = ran
    commands = [shlex.split(line) for line in out.splitlines() if line.startswith("  flexiflow")]
    assert [command[1] for command in commands] == ["why", "history", "trace", "tutorial"]
    assert commands[0][2:] == [str(folder / "state.db"), "order-1042"]
    results = [run_cli(*command[1:]) for command in commands[:3]]
    # How long is too long depends on how fast the machine served the other orders.
    assert results[0].exit_code in (0, 3)
    assert [result.exit_code for result in results[1:]] == [0, 0]
    assert all("CurrencyMismatch" in result.stdout for result in results)


def test_it_says_how_to_open_jupyterlab(ran):
    """In the folder of the files."""
    out, folder = ran
    assert f"  {shlex.join(['jupyter', 'lab', str(folder)])}\n" in out


def test_the_demo_as_json(run_cli, tmp_path):
    """One document and nothing else, with the verdict; its keys are documented."""
    result = run_cli("demo", str(tmp_path), "--orders", "60", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert Path(document["database"]).exists()
    assert document["unfinished"] == ["order-1042"]
    assert document["verdict"]["component"] == "order-1042"
    assert len(document["verdict"]["next"]) == 3
    assert set(document) <= set(re.findall(r"\w+", run_cli("demo", "--help").stdout))


def test_files_that_no_demo_made_are_left_alone(run_cli, write, tmp_path):
    """It is an error, and the file stays."""
    path = Path(write("state.db", "mine"))
    result = run_cli("demo", str(tmp_path))
    assert result.exit_code == 1
    assert "would overwrite state.db" in result.stderr
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_number_of_orders_that_cannot_be_is_an_error(run_cli, tmp_path):
    """In four parts."""
    result = run_cli("demo", str(tmp_path / "new"), "--orders", "1")
    assert result.exit_code == 1
    assert "The demo can't run 1 orders" in result.stderr
