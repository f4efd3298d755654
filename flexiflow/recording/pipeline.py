"""The writer thread: takes lines and rows from the event loop and puts them on disk in groups.

The loop never waits for a disk unless it asks to: with ``durability="always"`` a step waits for
its group, with ``"grouped"`` only for room in the queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque

from flexiflow.errors import PersistenceError
from flexiflow.persistence.history_file import Entry, HistoryFile
from flexiflow.recording.items import (
    Gap,
    Parts,
    Queued,
    Teller,
    is_row_fault,
    repair,
    resolve,
    rows_of,
    waiter_of,
    why_of,
)
from flexiflow.tracing.records import LogRecord, encode_record, encode_records
from flexiflow.tracing.writer import LogWriter

GROUP_S = 0.05
"""How long a group gathers before it is written. Lines are within 100 ms in the log, unless a loop
that never pauses leaves this thread no time."""

MOST_QUEUED = 10_000
"""Items in the queue from which on senders wait: five for a message, or two thousand messages. No
group is larger, though more may wait where many send at once."""

MOST_QUEUED_BYTES = 64 * 2**20
"""Characters of JSON in it from which on they wait, however few the items are."""

OLDEST_S = 0.25
"""The age of the oldest step that is not on disk from which on they wait, so that a loop that never
pauses leaves the writer thread its time."""

_MADE = (LogRecord, Entry)

RETRY_S = 1.0
"""How soon what ``"always"`` could not write is tried again, where nothing else comes."""

_MOST_KEPT_BYTES = 64 * 2**20
"""Log lines that ``"always"`` keeps for a log that can't be written."""


class Pipeline:
    """A queue with a thread that empties it.

    Args:
        history: where entries go.
        log: where lines go, or None.
        teller: who gives it what is written, and is told what became of it.
        keep: whether what can't be written, and what nobody has been told of, is tried again
            instead of being dropped; ``durability="always"``.
    """

    def __init__(
        self, history: HistoryFile, log: LogWriter | None, teller: Teller, *, keep: bool = False
    ) -> None:
        self._history = history
        self._log = log
        self._teller = teller
        self._keep = keep
        self._queue: deque[Queued] = deque()
        self._wake = threading.Event()
        self._urgent = threading.Event()
        self._asleep = True
        self._closing = False
        self.closed = False
        self._lock = threading.Lock()
        self._space: list[asyncio.Future[None]] = []
        self._bytes = 0  # of rows that were queued since the queue was last empty
        self._oldest_us: int | None = None  # when the oldest of them happened, or earlier
        self._kept_lines = b""
        self._kept_entries: list[Entry] = []
        self._untold: Gap | None = None
        self.gap: Gap | None = None
        self.log_error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="flexiflow-writer", daemon=True)
        self._thread.start()

    def put(self, queued: Queued) -> None:
        """Queue something; returns at once. What comes after the end is not recorded."""
        self._queue.append(queued)
        if self.closed:  # asked after it was queued: one of the two sees it
            self._discard()
        elif self._asleep:
            self._wake.set()

    def hurry(self) -> None:
        """Let no group gather: somebody waits for what is queued."""
        self._urgent.set()

    def room(self, size: int, time_us: int) -> asyncio.Future[None] | None:
        """None while there is room in the queue, else a future that waits.

        Args:
            size: of what was queued last, in characters.
            time_us: when that happened, microseconds since 1970.
        """
        self._bytes += size
        oldest_us = self._oldest_us
        if oldest_us is None:
            oldest_us = self._oldest_us = time_us
        if (
            len(self._queue) < MOST_QUEUED
            and self._bytes < MOST_QUEUED_BYTES
            and time_us - oldest_us < OLDEST_S * 1e6
        ):
            return None
        waiter = asyncio.get_running_loop().create_future()
        with self._lock:
            self._space.append(waiter)
        self._urgent.set()
        self._wake.set()
        return waiter

    def write_now(self, record: LogRecord) -> None:
        """Write a line now, before this returns.

        Where that fails, the line is queued, and `log_error` says why until writing works again.
        """
        assert self._log is not None  # where no log is written, no line is made
        try:
            self._log.write(encode_record(record))
            self.log_error = None
        except PersistenceError as exc:  # the next step that is to be committed says so
            self.log_error = exc
            self.put(record)

    def flush(self, timeout: float = 60.0) -> None:
        """Wait until everything queued so far is on disk.

        Args:
            timeout: seconds.

        Raises:
            PersistenceError: where something was dropped since the last flush, where something
                could not be written yet, or where time ran out.
        """
        self.settle(timeout)
        with self._lock:
            lost, self._untold = self._untold, None
        if lost is not None:
            raise _dropped(lost)
        waiting = len(self._kept_entries) + self._kept_lines.count(b"\n")
        if waiting:
            raise PersistenceError(
                f"The recording could not write {waiting} rows and lines yet.",
                why="The database or the log can't be written; nothing is lost so far.",
                fix="Mend the cause; they are tried again every second.",
                context={"waiting": waiting},
            )

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until everything queued so far is written or given up.

        Raises:
            PersistenceError: where time ran out.
        """
        barrier = threading.Event()
        self.put(barrier)
        self.hurry()
        end = time.monotonic() + timeout
        while not barrier.wait(0.2):
            if time.monotonic() > end or not self._thread.is_alive():
                raise PersistenceError(
                    "The recording could not be flushed in time.",
                    why="The disk is slow, or another program holds the database.",
                    fix="Wait and flush again.",
                    context={"queued": len(self._queue)},
                )

    def close(self) -> PersistenceError | None:
        """Write what is queued, end the thread, and return what flush would have raised."""
        self._closing = True
        self._urgent.set()
        self._wake.set()
        self._thread.join()
        self.closed = True
        self._discard()
        return None if self._untold is None else _dropped(self._untold)

    def _discard(self) -> None:
        """Let go who waits for what came after the end."""
        with contextlib.suppress(IndexError):  # two threads may do this at once
            while True:
                queued = self._queue.popleft()
                if isinstance(queued, threading.Event):
                    queued.set()
                waiter = waiter_of(queued)
                if waiter is not None:
                    resolve([waiter], None)

    # -- the writer thread ----------------------------------------------------------------

    def _run(self) -> None:
        while True:
            # Said before it is looked whether there is work: who queues something either finds it
            # asleep and wakes it, or has queued it before the look.
            self._asleep = True
            if not self._queue:
                self._wake.wait(RETRY_S if self._kept_entries or self._kept_lines else None)
            self._asleep = False
            if not self._closing:
                self._urgent.wait(GROUP_S)
            self._wake.clear()
            self._urgent.clear()
            self._write_group()
            while self._queue:
                self._write_group()
            if self._closing and not self._queue:
                self._give_up()
                return

    def _write_group(self) -> None:
        waiting, taken_us = len(self._queue), time.time_ns() // 1000
        if waiting > MOST_QUEUED:
            waiting, taken_us = MOST_QUEUED, self._oldest_us or taken_us
        take = self._queue.popleft
        group = [take() for _ in range(waiting)]
        records: list[LogRecord] = []
        entries, self._kept_entries = self._kept_entries, []
        passed: list[threading.Event] = []
        for queued in group:
            if isinstance(queued, threading.Event):
                passed.append(queued)
                continue
            made = queued if isinstance(queued, _MADE) else self._made(queued)
            if isinstance(made, LogRecord):
                records.append(made)
            elif made is not None:
                entries.append(made)
        lines, self._kept_lines = self._kept_lines + encode_records(records), b""
        self._write_lines(lines)
        if self._write_entries(entries) and self.log_error is None:
            self._tell_of_gap()
        for each in passed:
            each.set()
        self._make_room(taken_us)

    def _made(self, parts: Parts) -> LogRecord | Entry | None:
        try:
            return parts.made(self._teller.maker)
        except Exception as exc:  # the thread must live on
            self._note_gap(1, 0, exc)
            waiter = waiter_of(parts)
            if waiter is not None:
                resolve([waiter], exc)
            return None

    def _make_room(self, taken_us: int) -> None:
        """Let go on who waits for room; what is queued by now came at `taken_us` or later."""
        if self._queue:
            self._oldest_us = taken_us
        else:
            self._bytes, self._oldest_us = 0, None
        if not self._space or len(self._queue) >= MOST_QUEUED or self._bytes >= MOST_QUEUED_BYTES:
            return
        with self._lock:
            space, self._space = self._space, []
        resolve(space, None)

    def _write_lines(self, lines: bytes) -> None:
        if self._log is None or not lines:
            return
        try:
            self._log.write(lines)
            self.log_error = None
        except PersistenceError as exc:
            self.log_error = exc
            rest = lines[exc.context_items["bytes_written"] :]
            if self._keep and len(rest) <= _MOST_KEPT_BYTES:
                self._kept_lines = rest + self._kept_lines
            else:
                self._note_gap(0, rest.count(b"\n"), exc)

    def _write_entries(self, entries: list[Entry]) -> bool:
        """Write entries in one transaction, and say whether the database took them."""
        if not entries:
            return True
        error = self._attempt(entries)
        if error is not None and is_row_fault(error):
            for entry in entries:
                repair(entry)
            error = self._attempt(entries)
            if error is not None and is_row_fault(error) and len(entries) > 1:
                # One row that SQLite can't hold must not take the group with it.
                for entry in entries:
                    self._write_entries([entry])
                return True
        if error is not None:
            self._fail(entries, error)
            return is_row_fault(error)
        self._write_lines(encode_records(self._told(entries)))
        resolve([entry.waiter for entry in entries if entry.waiter is not None], None)
        return True

    def _attempt(self, entries: list[Entry]) -> Exception | None:
        try:
            self._history.write(entries)
        except Exception as exc:  # the boundary of the thread: it must live on, and reports this
            return exc
        return None

    def _told(self, entries: list[Entry]) -> list[LogRecord]:
        """What is said in the log of entries that are committed."""
        records = []
        for entry in entries:
            with contextlib.suppress(Exception):  # committed, whatever can't be said of it
                record = self._teller.written(entry)
                if record is not None:
                    records.append(record)
        return records

    def _fail(self, entries: list[Entry], error: Exception) -> None:
        """Tell those who wait; keep or drop what nobody waits for."""
        untold = [entry for entry in entries if entry.waiter is None]
        if self._keep and not is_row_fault(error):
            self._kept_entries.extend(untold)
            lost = [entry for entry in entries if entry.waiter is not None]
        else:
            self._note_gap(sum(map(rows_of, untold)), 0, error)
            lost = entries
        for entry in lost:
            self._teller.lost(entry)
        resolve([entry.waiter for entry in lost if entry.waiter is not None], error)

    def _note_gap(self, rows: int, lines: int, error: Exception) -> None:
        if rows == 0 and lines == 0:
            return
        now = time.time_ns() // 1000
        new = Gap(rows, lines, now, now, why_of(error))
        self.gap = new.joined(self.gap)
        with self._lock:
            self._untold = new.joined(self._untold)

    def _tell_of_gap(self) -> None:
        """Write the row and the line that say what is missing, now that writing works."""
        if self.gap is None:
            return
        entry, record = self._teller.gap(self.gap)
        if self._attempt([entry]) is not None:
            return
        self.gap = None
        if self._log is not None:
            with contextlib.suppress(PersistenceError):  # the row says it
                self._log.write(encode_record(record))

    def _give_up(self) -> None:
        """The end: what could not be written until now is lost."""
        rows = sum(map(rows_of, self._kept_entries))
        why = self.log_error or PersistenceError("The database could not be written.")
        self._note_gap(rows, self._kept_lines.count(b"\n"), why)
        self._kept_lines, self._kept_entries = b"", []
        self._tell_of_gap()


def _dropped(gap: Gap) -> PersistenceError:
    rows, lines = "row" + "s" * (gap.rows != 1), "line" + "s" * (gap.lines != 1)
    return PersistenceError(
        f"The recording lost {gap.rows} {rows} and {gap.lines} log {lines}.",
        why=gap.why,
        fix="Mend the cause; the gap is noted in the file as soon as it can be written.",
        context={"rows": gap.rows, "lines": gap.lines},
    )
