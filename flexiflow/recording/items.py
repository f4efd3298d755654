"""What the writer thread is given: lines and rows, and who waits for them."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from dataclasses import dataclass
from typing import Any, Protocol

from flexiflow.errors import PersistenceError, bounded, bounded_repr
from flexiflow.persistence.history_file import Entry, Row
from flexiflow.persistence.rows import storable
from flexiflow.recording.entries import EntryMaker
from flexiflow.tracing.records import LogRecord

_ROW_FAULTS = ("SQLITE_TOOBIG", "SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_RANGE")


class Parts(Protocol):
    """What the writer thread is to make a line or rows of."""

    def made(self, maker: EntryMaker, /) -> LogRecord | Entry:
        """The line or the rows."""


Queued = Parts | LogRecord | Entry | threading.Event
"""What it is given: a line, rows, parts of one of them, or what is set when it has come so far."""


class Teller(Protocol):
    """Who gives a pipeline what it writes, and is told what became of it, in the writer thread.

    Attributes:
        maker: what parts are made into lines and rows with.
    """

    maker: EntryMaker

    def written(self, entry: Entry) -> LogRecord | None:
        """An entry is committed, and has its ids; gives what the log is to say of it."""

    def lost(self, entry: Entry) -> None:
        """An entry can't be committed."""

    def gap(self, gap: Gap) -> tuple[Entry, LogRecord]:
        """The row and the line that tell what a failing writer dropped."""


@dataclass(slots=True)
class Gap:
    """What a failing writer had to drop.

    Attributes:
        rows: rows of the history that were not written.
        lines: log lines that were not written.
        first_us, last_us: when, microseconds since 1970.
        why: the last error.
    """

    rows: int
    lines: int
    first_us: int
    last_us: int
    why: str

    def joined(self, other: Gap | None) -> Gap:
        """This gap and one before it as one."""
        if other is None:
            return self
        rows, lines = self.rows + other.rows, self.lines + other.lines
        return Gap(rows, lines, other.first_us, self.last_us, self.why)


def rows_of(entry: Entry) -> int:
    """How many rows of steps and snapshots an entry holds."""
    return (entry.step is not None) + (entry.snapshot is not None)


def waiter_of(queued: Queued) -> asyncio.Future[None] | None:
    """Who waits for something to be written, if somebody does."""
    return getattr(queued, "waiter", None)


def size_of(message: str | None, document: bytes | None, row: Row | None) -> int:
    """About how many characters a step keeps in memory until it is written.

    Args:
        message: its message's fields.
        document: its snapshot, or None.
        row: its row with all that it says of guards and errors, where that is made already.
    """
    size = len(message or "") + len(document or b"")
    return size if row is None else size + sum(len(each) for each in row if type(each) is str)


def is_row_fault(error: Exception) -> bool:
    """Whether a row is at fault, not the disk or a lock: the others can be written."""
    if not isinstance(error, PersistenceError):
        return True  # a value that can't even be handed to SQLite
    if isinstance(error.__cause__, sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return "binding" in str(error.__cause__)  # a value of a type that SQLite does not know
    code = str(error.context_items.get("sqlite_error", ""))
    return code.startswith(_ROW_FAULTS)


def why_of(error: Exception) -> str:
    """An error in one bounded sentence."""
    if isinstance(error, PersistenceError):
        return f"{error.what} {error.why or ''}".strip()
    return bounded(f"{type(error).__name__}: {error}", 500)


def resolve(waiters: list[asyncio.Future[None]], error: Exception | None) -> None:
    """Tell those who wait, in their own event loops."""
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for waiter in waiters:
        by_loop.setdefault(waiter.get_loop(), []).append(waiter)
    for loop, futures in by_loop.items():
        with contextlib.suppress(RuntimeError):  # it is closed; nobody waits there any more
            loop.call_soon_threadsafe(_finish, futures, error)


def _finish(futures: list[asyncio.Future[None]], error: Exception | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(as_persistence_error(error))


def as_persistence_error(error: Exception) -> PersistenceError:
    """An error of its own for each who waits: one object raised in two tasks mixes their traces."""
    if isinstance(error, PersistenceError):
        wrapped = PersistenceError(
            error.what, why=error.why, fix=error.fix, context=error.context_items
        )
    else:
        wrapped = PersistenceError(
            "A step could not be recorded.",
            why=f"{why_of(error)}.",
            fix="Report this with the message that caused it.",
            context={"error": type(error).__name__},
        )
    wrapped.__cause__ = error
    return wrapped


def repair(entry: Entry) -> None:
    """Let an entry's rows be such as SQLite can hold."""
    entry.step = None if entry.step is None else tuple(map(_storable, entry.step))
    entry.snapshot = None if entry.snapshot is None else tuple(map(_storable, entry.snapshot))


def _storable(value: Any) -> Any:
    """A value as SQLite can hold it: lone surrogates spelt out, numbers within 64 bits."""
    if not isinstance(value, str | int | float | bytes | None):
        return storable(bounded_repr(value))
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return max(-(2**63), min(value, 2**63 - 1))
    return value
