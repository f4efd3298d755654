"""A recording as a source of history: every question first waits for what is queued."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from flexiflow.analysis.reading.source import FileSource, reading_shared


@dataclass(frozen=True, slots=True)
class LiveSource:
    """A recording that is under way, or one that was kept in memory.

    Attributes:
        path: the database, or None for memory.
        flush: waits for what is queued.
        shared: the writer's own connection, between two groups.
    """

    path: Path | None
    flush: Callable[[], None]
    shared: Callable[[], AbstractContextManager[sqlite3.Connection]]

    @property
    def name(self) -> str:
        """What the ``source`` column says."""
        return "memory" if self.path is None else str(self.path)

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """A connection for one question.

        Raises:
            PersistenceError: where the database can't be read.
        """
        self.settle()
        if self.path is not None:
            with FileSource(self.path, self.name).connect() as conn:
                yield conn
            return
        with self.shared() as conn, reading_shared(conn, self.name) as reader:
            yield reader

    def settle(self) -> None:
        """Wait for what is queued."""
        self.flush()

    def notices(self) -> list[str]:
        """What there is to say of its file."""
        return [] if self.path is None else FileSource(self.path, self.name).notices()

    def salvage(self) -> bool:
        """What is being recorded is read as it is, or not at all."""
        return False
