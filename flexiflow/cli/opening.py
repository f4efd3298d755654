"""Opening what a command is given: a database, a trace log, a config; each says what it is not."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from flexiflow.cli.text import command_line
from flexiflow.config_loader import ConfigLoader
from flexiflow.errors import PersistenceError, component_not_found

if TYPE_CHECKING:
    from flexiflow.analysis.history import History
    from flexiflow.analysis.log import Log
    from flexiflow.analysis.machine_graph import MachineGraph


def open_database(db: str, log: str | None = None) -> History:
    """The history in a database; a trace log in its place gets a better error."""
    from flexiflow.analysis.history import open_history

    try:
        opened = open_history(db, log)
        if log is not None:
            _ = opened.log  # says at once where it is not there
        return opened
    except PersistenceError as exc:
        if _first_bytes(db).startswith(b"{"):
            raise PersistenceError(
                f"{db} is not a database; it looks like a trace log.",
                why="It holds JSON, and a history is a SQLite database.",
                fix=f"For a log: {command_line('flexiflow', 'trace', db)}; else correct the path.",
                context={"path": db},
            ) from exc
        raise


def open_machine(source: str, component: str | None = None) -> MachineGraph:
    """The machine of a config, or the one that a database stores with what happened on it.

    Args:
        source: a config, a database, or a glob pattern of databases.
        component: whose, of a database; a config has only one.
    """
    from flexiflow.analysis.machine_graph import machine_graph

    if is_database(source):
        return open_database(source).graph(component)
    find_modules_here()
    ConfigLoader.load_yaml(source)  # raises where it can't be read; other errors are drawn
    machine = machine_graph(source)
    if component not in (None, machine.model.name):
        raise component_not_found(str(component), [machine.model.name])
    return machine


def find_modules_here() -> None:
    """Let a config name the modules beside which the command is typed, as ``python -m`` does."""
    here = os.getcwd()
    if not sys.flags.safe_path and here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)


def is_database(source: str) -> bool:
    """Whether a word names a database, or several, and not a config."""
    if os.path.isfile(source):
        kinds = (".yaml", ".yml", ".json")
        return _first_bytes(source).startswith(b"SQLite format 3") or (
            not os.path.getsize(source) and not source.lower().endswith(kinds)
        )
    return any(letter in source for letter in "*?[") or source.lower().endswith((".db", ".sqlite"))


def _first_bytes(path: str) -> bytes:
    """The beginning of a file; nothing where it can't be read."""
    if os.path.isfile(path):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            return file.read(32)
    return b""


def open_trace_log(log: str) -> Log:
    """A trace log; a database in its place gets a better error."""
    from flexiflow.analysis.log import open_log

    if _first_bytes(log).startswith(b"SQLite format 3"):
        raise PersistenceError(
            f"{log} is not a trace log; it is a SQLite database.",
            why="A trace log holds one JSON object a line.",
            fix=f"For a history: {command_line('flexiflow', 'history', log)}; "
            "else correct the path.",
            context={"path": log},
        )
    return open_log(log)
