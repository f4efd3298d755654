"""A log where a history belongs, and the other way round."""

from __future__ import annotations

import pytest

from flexiflow.analysis.history import open_history
from flexiflow.analysis.log import open_log
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import PersistenceError
from flexiflow.recording import record
from flexiflow.state_machine import State


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
