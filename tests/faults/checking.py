"""What must hold of a service's files after any fault."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from flexiflow.analysis.history import open_history
from flexiflow.errors import FlexiFlowError
from flexiflow.persistence.rows import CHAINED_COLUMNS, link

CHANGING = ("work", "break", "grow", "pass_on")
"""The service's messages that leave their number in the data."""


def ask(path: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows that a second connection sees."""
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute(query).fetchall()


def lines_of(log: Path) -> tuple[list[dict[str, Any]], int]:
    """A log's records, and how many lines are none."""
    records, broken = [], 0
    for line in log.read_bytes().split(b"\n"):
        try:
            records += [json.loads(line)] if line else []
        except ValueError:
            broken += 1
    return records, broken


def kept_numbers(db: Path) -> dict[str, list[int]]:
    """The numbers of the messages that each component's steps are for, in their order."""
    found: dict[str, list[int]] = {}
    query = """SELECT component_name, json_extract(message_json, '$.n') FROM flexiflow_steps
        WHERE component_name != 'sink' ORDER BY id"""
    for name, n in ask(db, query):
        found.setdefault(name, []).append(n)
    return found


def acknowledged(said: Iterable[dict[str, Any]]) -> set[tuple[str, int]]:
    """Component and number of each step that the service was told had happened."""
    return {(each["name"], each["n"]) for each in said if "n" in each and each["error"] is None}


def kept(db: Path) -> set[tuple[str, int]]:
    """Component and number of each step in the history."""
    return {(name, n) for name, numbers in kept_numbers(db).items() for n in numbers}


def check_history(db: Path) -> None:
    """The file is sound, nothing in it is torn, and every question has an answer."""
    assert ask(db, "PRAGMA integrity_check") == [("ok",)]
    check_chains(db)
    check_steps_have_snapshots(db)
    history = open_history(db, log=None)
    report = history.verify()
    assert report.ok, report.text
    assert set(history.steps()["component"]) <= set(history.components()["component"])
    history.stuck()
    for name in history.names():
        history.why(name)


def check_chains(db: Path) -> None:
    """Every chained row's hash is what its values and the row before say."""
    for table, columns in CHAINED_COLUMNS.items():
        before = None
        query = f"SELECT id, {', '.join(columns)}, prev_hash, hash FROM {table} ORDER BY id"
        for row_id, *values, prev_hash, this in ask(db, query):
            assert (prev_hash, this) == (before, link(table, row_id, values, before))
            before = this


def check_steps_have_snapshots(db: Path) -> None:
    """A step that changed something is there with its snapshot, and no snapshot without its step.

    The service's data names the message that changed it, so that the two can be compared.
    """
    marks = ", ".join(f"'{each}'" for each in CHANGING)
    without = f"""SELECT s.id FROM flexiflow_steps s
        WHERE s.message_type IN ({marks}) AND NOT EXISTS (
         SELECT 1 FROM flexiflow_snapshots p WHERE p.step_id = s.id AND p.state = s.to_state AND
         json_extract(p.snapshot_json, '$.metadata.n') = json_extract(s.message_json, '$.n'))"""
    assert ask(db, without) == []
    orphans = """SELECT id FROM flexiflow_snapshots WHERE step_id IS NOT NULL
        AND step_id NOT IN (SELECT id FROM flexiflow_steps)"""
    assert ask(db, orphans) == []


def check_log(log: Path, db: Path, torn: int) -> None:
    """So many lines may be torn, one a kill, and nothing is called saved that is not there."""
    records, broken = lines_of(log)
    assert broken <= torn
    for key, table in (("snapshot_id", "flexiflow_snapshots"), ("step_id", "flexiflow_steps")):
        there = {row_id for (row_id,) in ask(db, f"SELECT id FROM {table}")}
        assert {each[key] for each in records if each.get(key) is not None} <= there


def check_error(error: FlexiFlowError) -> None:
    """An error says what, why, how to mend it, and with which values."""
    assert [part for part in ("what", "why", "fix") if not getattr(error, part)] == []
    assert error.context_items != {}
