"""A database, a log or a config where another belongs, or nothing at all: said by what is there."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from flexiflow.errors import ConfigError, PersistenceError, suggestion

_SQLITE = b"SQLite format 3\0"
_PARTS_OF_OTHERS = ("-wal", "-shm", "-journal", ".ffindex")
_MOST_BESIDE = 2_000


def first_bytes(path: str | os.PathLike[str]) -> bytes:
    """The beginning of a file; nothing where it can't be read."""
    if os.path.isfile(path):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            return file.read(32)
    return b""


def is_sqlite(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a SQLite database; an empty one, which may become one, is not."""
    return first_bytes(path).startswith(_SQLITE)


def absence(path: str | os.PathLike[str]) -> str:
    """Why there is nothing to be read at a path, in a sentence."""
    try:
        return f"It is a link to {os.readlink(path)}, which is not there."
    except OSError:
        return "There is no such file."


def near(path: str | os.PathLike[str]) -> str | None:
    """A sentence with the files beside a path that are called nearly so, or None."""
    folder, name = os.path.split(os.fspath(path))
    return suggestion(name, _files_in(folder or os.curdir))


def inside(folder: str | os.PathLike[str], *, logs: bool = False) -> str | None:
    """A sentence with the first of the databases in a folder, or None where it has none.

    Args:
        folder: the folder.
        logs: of the logs instead, which are known by their names.
    """
    paths = [os.path.join(folder, name) for name in sorted(_files_in(folder))]
    found = [each for each in paths if (".jsonl" in each if logs else is_sqlite(each))]
    return f"Name a file in it, such as {found[0]!r}." if found else None


def _files_in(folder: str | os.PathLike[str]) -> list[str]:
    try:
        with os.scandir(folder) as found:
            names = [each.name for each in islice(found, _MOST_BESIDE) if each.is_file()]
    except (OSError, ValueError):  # a ValueError: a null character in the path
        return []
    return [each for each in names if not each.endswith(_PARTS_OF_OTHERS)]


def refuse_no_logs(paths: Iterable[Path]) -> None:
    """Say where what is given as a log is a database, or a folder.

    Raises:
        PersistenceError: with what to call instead.
    """
    for path in paths:
        if path.is_dir():
            raise PersistenceError(
                f"{path} is not a trace log; it is a folder.",
                why="A trace log is a file, or several that a pattern names.",
                fix=inside(path, logs=True) or "Correct the path.",
                context={"path": str(path)},
            )
        if is_sqlite(path):
            raise PersistenceError(
                f"{path} is not a trace log; it is a SQLite database.",
                why="A trace log holds one JSON object a line.",
                fix=f"For a history: `flexiflow history {shlex.quote(str(path))}`, or "
                "open_history with that path; else correct the path.",
                context={"path": str(path)},
            )


def refuse_log(path: str | os.PathLike[str]) -> None:
    """Say where what is given as a history is a log.

    Raises:
        PersistenceError: with what to call instead.
    """
    if first_bytes(path).lstrip().startswith(b"{"):
        raise PersistenceError(
            f"{path} is not a database; it looks like a trace log.",
            why="It holds JSON, and a history is a SQLite database.",
            fix=f"For a log: `flexiflow trace {shlex.quote(str(path))}`, or open_log with that "
            "path; else correct the path.",
            context={"path": str(path)},
        )


def refuse_recorded(path: str | os.PathLike[str], content: bytes) -> None:
    """Say where what is given as a config was written by a recording.

    Args:
        path: the file.
        content: what it begins with.

    Raises:
        ConfigError: with what to call instead.
    """
    quoted = shlex.quote(str(path))
    if content.startswith(_SQLITE):
        kind, ask = "a SQLite database", f"For a history: `flexiflow history {quoted}`"
    elif _is_log(content):
        kind, ask = "a trace log", f"For a log: `flexiflow trace {quoted}`"
    else:
        return
    raise ConfigError(
        f"{path} is not a config; it is {kind}.",
        why="A config is YAML, and names a component and its states.",
        fix=f"{ask}; else correct the path.",
        context={"path": str(path)},
    )


def _is_log(content: bytes) -> bool:
    """Whether the first line is a record: JSON on one line is YAML too."""
    try:
        record = json.loads(content.partition(b"\n")[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and {"ts", "event"} <= record.keys()
