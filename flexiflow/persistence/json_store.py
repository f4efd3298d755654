"""One component in one JSON file, written so that a crash leaves the old file or the new one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flexiflow.arguments import checked_path
from flexiflow.component import AsyncComponent
from flexiflow.errors import (
    PersistenceError,
    StateFileNotFound,
    bounded_repr,
    persistence_invalid_json,
)
from flexiflow.hooks import snapshot_saved
from flexiflow.persistence import tagged
from flexiflow.persistence.atomic import write_atomically
from flexiflow.persistence.snapshot import ComponentSnapshot, snapshot_from, take_snapshot

FORMAT = 2
"""Files that have ``"format": 2`` use tags; in those of 1.x nothing is a tag."""


def save_component(
    component: AsyncComponent,
    path: str | os.PathLike[str],
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write a component's name, state, rules and data to a JSON file, replacing it atomically.

    Args:
        component: the component.
        path: the file.
        metadata: merged over the component's data.

    Raises:
        PersistenceError: where the file can't be written, or the data is nested too deeply.
    """
    file = Path(checked_path(path, "path"))
    snapshot = take_snapshot(component, metadata)
    raw = tagged.encode(vars(snapshot), strict=True)
    text = b'{"format":%d,' % FORMAT + raw[1:] + b"\n"
    write_atomically(file, text)
    snapshot_saved(snapshot.name, path=str(file), state=snapshot.current_state)


def load_snapshot(path: str | os.PathLike[str]) -> ComponentSnapshot:
    """Read a file that `save_component`, of this version or of 1.x, has written.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where there is no such file.
        PersistenceError: where it can't be read, or is not a snapshot.
    """
    file = Path(checked_path(path, "path"))
    try:
        text = file.read_bytes()
    except FileNotFoundError as exc:
        raise StateFileNotFound(
            f"State file not found: {bounded_repr(str(file), 300)}.",
            why="Nothing was saved there, or the path is relative to another folder.",
            fix="Save the component first, or correct the path.",
            context={"path": str(file), "folder": os.getcwd()},
        ) from exc
    except OSError as exc:
        raise PersistenceError(
            f"{file} can't be read.",
            why=f"The system says: {exc.strerror or exc}.",
            fix="Check that it is a file and that you may read it.",
            context={"path": str(file), "errno": exc.errno},
        ) from exc
    try:
        value = tagged.parse(text)
        if isinstance(value, dict) and "format" in value:
            value = tagged.decode(text)
    except ValueError as exc:
        raise persistence_invalid_json(str(file), exc) from exc
    return snapshot_from(value, str(file))
