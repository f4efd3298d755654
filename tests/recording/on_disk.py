"""What a recording has put on disk, as another program reads it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def ask(path: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows that a second connection sees."""
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute(query).fetchall()


def lines_of(log: Path) -> list[dict[str, Any]]:
    """The lines of a log, each of them whole."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
