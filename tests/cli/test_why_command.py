"""What a component waits for."""

import asyncio
import json
import shlex

import pytest

from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.recording import record
from flexiflow.state_machine import State


class Begun(State):
    """A beginning."""

    @on("go", to="Done")
    async def go(self, message, component):
        """Leave."""


class Done(State, final=True):
    """An end."""


def test_why_names_what_is_stuck(run_cli, recorded):
    """The stuck component comes first, then those that can't be judged, then the verdict."""
    result = run_cli("why", recorded.db)
    header, first, second, *_ = result.stdout.splitlines()
    assert result.exit_code == 3
    assert header.split() == ["component", "state", "for", "verdict", "last", "step"]
    assert first.startswith("order-9")
    assert "stuck: " in first
    assert "pay: ✕ failed: ValueError: the card was declined" in first
    assert second.startswith("parcel-1")
    assert "unknown: 0 to compare" in second
    assert "ship: ◇ refused" in second
    assert "order-9: stuck in Paying for 1 h 0 min" in result.stdout


def test_what_to_know_before_the_answer_is_said_once(run_cli, recorded, tmp_path):
    """In the verdict, where there is one; of other answers on standard error."""
    log = tmp_path / "other.jsonl"
    with record(FlexiFlowEngine(), tmp_path / "other.db", log=log) as recording:
        engine = recording.engine
        asyncio.run(engine.add("a", Begun).send("go"))
    said = "The log holds a recording that the database does not know"
    result = run_cli("why", recorded.db, "order-9", "--log", str(log))
    assert (result.stdout.count(said), result.stderr.count(said)) == (1, 0)
    result = run_cli("why", str(tmp_path / "other.db"), "--log", recorded.log)
    assert (result.stdout.count(said), result.stderr.count(said)) == (0, 1)


def test_why_says_what_happened_to_one(run_cli, recorded):
    """The verdict, its sentences, and the steps behind it."""
    result = run_cli("why", recorded.db, "order-9")
    lines = result.stdout.splitlines()
    assert result.exit_code == 3
    assert lines[0].startswith("order-9: stuck in Paying for 1 h 0 min (7 others: p95 ")
    assert "`pay` failed, ValueError: the card was declined" in lines[1]
    assert any("Draft → Paying" in line for line in lines)
    assert any("✕ failed in Paying: ValueError" in line for line in lines)


def test_why_says_what_to_type_next(run_cli, recorded):
    """The steps, and the trace of the step that failed: both commands work as they stand."""
    out = run_cli("why", recorded.db, "order-9").stdout
    hints = [shlex.split(line)[1:] for line in out.splitlines() if line.startswith("  flexiflow")]
    assert [hint[0] for hint in hints] == ["history", "trace"]
    assert hints[1][1] == recorded.log
    assert all(run_cli(*hint).exit_code == 0 for hint in hints)
    assert "✕ order-9: pay  failed" in run_cli(*hints[1]).stdout


def test_why_of_a_finished_component_is_fine(run_cli, recorded):
    """It exits with 0."""
    result = run_cli("why", recorded.db, "order-1")
    assert result.exit_code == 0
    assert result.stdout.startswith("order-1: finished in Paid.")


def test_why_as_json(run_cli, recorded):
    """The stuck rows, and the verdict on the worst with its steps."""
    result = run_cli("why", recorded.db, "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 3
    assert [row["component"] for row in document["stuck"]] == ["order-9", "parcel-1"]
    assert document["stuck"][0]["dwell_us"] >= 3_600_000_000
    assert document["verdict"]["kind"] == "stuck"
    assert document["verdict"]["text"].startswith(document["verdict"]["headline"])
    assert document["verdict"]["steps"][-1]["error_parts"]["type"] == "ValueError"
    assert document["verdict"]["steps"][0]["message"] == "submit"


def test_why_of_one_as_json(run_cli, recorded):
    """The verdict alone."""
    document = json.loads(run_cli("why", recorded.db, "parcel-1", "--json").stdout)
    assert document["component"] == "parcel-1"
    assert document["kind"] == "unknown"


def test_a_log_that_is_named_is_used(run_cli, recorded, tmp_path):
    """The hint names the log that was given."""
    log = tmp_path / "copied.jsonl"
    log.write_bytes(b"")
    result = run_cli("why", recorded.db, "order-9", "--log", str(log))
    assert shlex.join(["flexiflow", "trace", str(log)]) in result.stdout


def test_a_log_that_is_not_there_is_an_error(run_cli, recorded):
    """It is said before the answer."""
    result = run_cli("why", recorded.db, "--log", "nowhere.jsonl")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: Log not found: 'nowhere.jsonl'.")


def test_an_unknown_component_names_the_nearest(run_cli, recorded):
    """It exits with 1."""
    result = run_cli("why", recorded.db, "ordr-9")
    assert result.exit_code == 1
    assert "Unknown component 'ordr-9'" in result.stderr
    assert "order-9" in result.stderr


def test_why_reads_a_database_of_1x(run_cli, old_database):
    """It has no steps to show, and changes nothing."""
    with open(old_database, "rb") as file:
        before = file.read()
    result = run_cli("why", old_database)
    assert result.exit_code == 0
    assert "order-1: in Paying" in result.stdout
    assert "only snapshots" in result.stdout
    assert "flexiflow trace" not in result.stdout
    assert shlex.join(["flexiflow", "history", "--snapshots", old_database]) in result.stdout
    with open(old_database, "rb") as file:
        assert file.read() == before


def test_why_of_an_empty_history(run_cli, empty_database):
    """Nothing is stuck where nothing is."""
    result = run_cli("why", empty_database)
    assert result.exit_code == 0
    assert result.stdout == f"Nothing is recorded in {empty_database}.\n"


def test_why_of_an_empty_file(run_cli, write):
    """A file of no bytes holds no history."""
    result = run_cli("why", write("empty.db", ""))
    assert result.exit_code == 1
    assert "holds no history" in result.stderr


def test_why_of_a_missing_file(run_cli):
    """It is said with the path and the folder."""
    result = run_cli("why", "nowhere.db")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: History not found: 'nowhere.db'.")
    assert "path='nowhere.db'" in result.stderr


def test_why_of_a_text_file(run_cli, write):
    """It is no database."""
    result = run_cli("why", write("notes.txt", "Dear diary,\n" * 100))
    assert result.exit_code == 1
    assert "not a database" in result.stderr


def test_why_of_a_folder(run_cli, tmp_path):
    """It is a folder."""
    result = run_cli("why", str(tmp_path))
    assert result.exit_code == 1
    assert "It is a folder" in result.stderr


@pytest.mark.parametrize("command", ["why", "history"])
def test_a_log_in_place_of_a_database(run_cli, recorded, command):
    """The error says so, and gives the command for a log."""
    result = run_cli(command, recorded.log)
    assert result.exit_code == 1
    assert "it looks like a trace log" in result.stderr
    assert shlex.join(["flexiflow", "trace", recorded.log]) in result.stderr


def test_a_name_that_looks_like_an_option_can_be_asked_for(run_cli, tmp_path):
    """The hints put it behind two dashes, and work."""
    path, engine = str(tmp_path / "dash.db"), FlexiFlowEngine()
    with record(engine, path):
        engine.add("--limit", "InitialState")
    out = run_cli("why", path).stdout
    hints = [shlex.split(line)[1:] for line in out.splitlines() if line.startswith("  flexiflow")]
    assert [hint[0] for hint in hints] == ["why", "history"]
    assert all(hint[-2:] == ["--", "--limit"] for hint in hints)
    assert all(run_cli(*hint).exit_code == 0 for hint in hints)


def test_nothing_that_is_stuck_is_said(run_cli, tmp_path):
    """With how many components there are."""
    path, engine = str(tmp_path / "done.db"), FlexiFlowEngine()
    with record(engine, path):
        engine.add("a", Done)
    result = run_cli("why", path)
    assert (result.exit_code, result.stdout) == (0, "Nothing is stuck; components: 1.\n")


def test_a_message_without_a_type_is_a_message(run_cli, tmp_path):
    """It has no name that could be shown, and a missing value of pandas is none."""
    with record(FlexiFlowEngine(), tmp_path / "state.db") as recording:
        begun = recording.engine.add("a", Begun)
        asyncio.run(begun.handle_message({"content": "no type"}))
    out = run_cli("why", str(tmp_path / "state.db")).stdout
    assert "a message: ◇ refused" in out
    assert "nan" not in out


def test_hostile_names_in_a_verdict_are_spelt_out(run_cli, hostile):
    """In its sentences, its rows and its hints."""
    out = run_cli("why", hostile.db, "\x1b[31mred").stdout
    assert not {each for each in out if not each.isprintable()} - {"\n"}
    assert out.startswith(r"\x1b[31mred: ")
