"""A log where a history belongs, the other way round, and either where a config does."""

from __future__ import annotations

import pytest

from flexiflow.analysis.history import open_history
from flexiflow.analysis.log import open_log
from flexiflow.config_loader import ConfigLoader
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import ConfigError, PersistenceError
from flexiflow.file_kind import near
from flexiflow.persistence.retention import prune_history
from flexiflow.recording import record
from flexiflow.state_machine import State


def prune(path):
    return prune_history(path, keep=1)


@pytest.fixture
def folder(tmp_path):
    """Both files of one recording."""
    engine = FlexiFlowEngine()
    engine.add("order", State)
    record(engine, tmp_path / "state.db", log=tmp_path / "run 1.jsonl").close()
    return tmp_path


def test_a_log_opened_as_a_history_is_named(folder):
    """With the command that reads it."""
    with pytest.raises(PersistenceError, match="it looks like a trace log") as raised:
        open_history(folder / "run 1.jsonl")
    assert f"`flexiflow trace '{folder}/run 1.jsonl'`" in raised.value.fix


def test_a_database_opened_as_a_log_is_named(folder):
    """With the command that reads it."""
    with pytest.raises(PersistenceError, match="it is a SQLite database") as raised:
        open_log(folder / "state.db")
    assert f"`flexiflow history {folder}/state.db`" in raised.value.fix


@pytest.mark.parametrize(
    ("name", "kind", "command"),
    [("state.db", "a SQLite database", "history"), ("run 1.jsonl", "a trace log", "trace")],
)
def test_what_was_recorded_is_no_config(folder, name, kind, command):
    """With the command that reads it; every command that takes a config says so."""
    with pytest.raises(ConfigError, match=f"is not a config; it is {kind}") as raised:
        ConfigLoader.load_yaml(folder / name)
    assert f"`flexiflow {command} " in raised.value.fix


def test_a_config_on_one_line_of_json_is_one(tmp_path):
    """Also where it happens to have a key of a record's."""
    path = tmp_path / "order.json"
    path.write_text('{"name": "order", "event": "placed"}')
    assert ConfigLoader.load_yaml(path)["name"] == "order"


@pytest.mark.parametrize(
    ("read", "name", "meant"),
    [
        (open_history, "stat.db", "state.db"),
        (open_history, "state", "state.db"),
        (open_log, "run.jsonl", "run 1.jsonl"),
        (ConfigLoader.load_yaml, "ordr.yaml", "order.yaml"),
        (prune, "stat.db", "state.db"),
    ],
)
def test_a_slip_in_a_files_name_is_answered_with_what_is_there(folder, read, name, meant):
    """The files beside it, and not what SQLite keeps there."""
    (folder / "order.yaml").write_text("name: order")
    (folder / "stat.db-wal").touch()
    with pytest.raises(FileNotFoundError) as raised:
        read(folder / name)
    assert raised.value.fix == f"Did you mean {meant!r}?"


@pytest.mark.parametrize("path", ["nowhere/state.db", "a\0b", "", "state.db"])
def test_nothing_is_near_where_nothing_is(tmp_path, monkeypatch, path):
    """Nor where there is no such folder."""
    monkeypatch.chdir(tmp_path)
    assert near(path) is None


@pytest.mark.parametrize(
    ("read", "what", "meant"),
    [
        (open_history, "History not found", "state.db"),
        (prune, "History not found", "state.db"),
        (open_log, "it is a folder", "run 1.jsonl"),
    ],
)
def test_a_folder_is_answered_with_what_is_in_it(folder, read, what, meant):
    """Such as the one that the demo made."""
    with pytest.raises(PersistenceError, match=what) as raised:
        read(folder)
    assert raised.value.fix == f"Name a file in it, such as {str(folder / meant)!r}."


@pytest.mark.parametrize("read", [open_history, open_log])
def test_a_folder_with_nothing_in_it(tmp_path, read):
    """Then there is nothing to name."""
    with pytest.raises(PersistenceError) as raised:
        read(tmp_path)
    assert "orrect the path" in raised.value.fix
