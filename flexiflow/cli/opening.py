"""Opening what a command is given: a database, or a trace log; each says where it is the other."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from flexiflow.cli.text import command_line
from flexiflow.errors import PersistenceError

if TYPE_CHECKING:
    from flexiflow.analysis.history import History
    from flexiflow.analysis.log import Log


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
