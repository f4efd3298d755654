"""A part of a component's history, step by step, as the explorer plays it.

A long history is cut to a window around one step. What each step changed is worked out here, once,
so that whoever shows it needs to look nothing up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from flexiflow.analysis.base.fields import Document, field_name
from flexiflow.analysis.base.frames import text_of
from flexiflow.analysis.base.values import MISSING, Change, Path, value_at
from flexiflow.analysis.history.windows import Part, Window
from flexiflow.analysis.questions.blame import changed_fields, text_of_value
from flexiflow.analysis.reading.source import Source
from flexiflow.analysis.reading.tables import snapshot_columns, step_columns
from flexiflow.analysis.reading.timeline import Moment, last_moment, moments_from
from flexiflow.persistence.schema import SNAPSHOTS, STEPS, cursor

SAVED = "saved"
"""The outcome of what is no step: a snapshot that was saved by hand, or a component's first."""

MOST_CHANGES = 50
MOST_FIELDS = 200

_COLUMNS = (
    "id", "start_us", "duration_us", "message_type", "sender", "from_state", "to_state",
    "outcome", "tries", "reason", "error", "correlation_id", "guards_json", "error_json",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that a step changed.

    Attributes:
        field: its name.
        old, new: its values as texts; None where it had none.
        set_by: the place in the playback that set the old value; None where that is before it.
    """

    field: str
    old: str | None
    new: str | None
    set_by: int | None


@dataclass(slots=True)
class Entry:
    """A step, or a snapshot that follows none.

    Attributes:
        source: the file.
        step_id, snapshot_id: its rows there; None where there is none.
        time_us, duration_us: microseconds, the first since 1970; None where not known.
        message, sender, outcome, tries, reason, error, correlation_id: of the step.
        before, after: the states.
        guards_json, error_json: what was stored of guards and error.
        readable: whether its snapshot, if it has one, can be read.
        changes: what it changed, at most `MOST_CHANGES`.
        more_changes: how many further ones there are.
    """

    source: str
    step_id: int | None = None
    time_us: int | None = None
    duration_us: int | None = None
    message: str | None = None
    sender: str | None = None
    before: str | None = None
    after: str | None = None
    outcome: str = SAVED
    tries: int = 0
    reason: str | None = None
    error: str | None = None
    correlation_id: str | None = None
    guards_json: str | None = None
    error_json: str | None = None
    snapshot_id: int | None = None
    readable: bool = True
    changes: list[FieldChange] = field(default_factory=list)
    more_changes: int = 0

    @property
    def failed(self) -> bool:
        """Whether it went wrong, also where a declared exception moved the machine."""
        return self.outcome in ("failed", "cancelled") or self.error is not None


@dataclass(slots=True)
class Playback:
    """The entries of a window, and every value that a field had in them.

    Attributes:
        window: which part of the history they are.
        entries: in their order.
        fields: for each field of the data the places at which it got a value, ascending, and the
            values as texts; -1 is what it had before, None is no value.
        more_fields: how many fields are left out of `fields`.
    """

    window: Window
    entries: list[Entry] = field(default_factory=list)
    fields: dict[str, tuple[list[int], list[str | None]]] = field(default_factory=dict)
    more_fields: int = 0

    def place_of(self, *, step_id: Any = None, snapshot_id: Any = None, source: Any = None) -> int:
        """Where a step or snapshot is; -1 where it is not here."""
        for at, entry in enumerate(self.entries):
            row = entry.snapshot_id if step_id is None else entry.step_id
            wanted = snapshot_id if step_id is None else step_id
            if row == wanted and source in (None, entry.source):
                return at
        return -1


def playback_of(window: Window) -> Playback:
    """Read the entries of a window."""
    playback = Playback(window)
    follower = _Follower(playback)
    for part in window.parts:
        for entry, document in _read(part, window.component):
            follower.add(entry, document)
    return playback


class _Follower:
    """Goes from entry to entry, and notes what changed."""

    def __init__(self, playback: Playback) -> None:
        self._playback = playback
        self._before: Document | None = None
        self._state: str | None = None
        self._set_by: dict[Path, int] = {}
        self._names: dict[Path, str] = {}

    def add(self, entry: Entry | None, document: Document | None) -> None:
        """Go on; without an entry the document is what was before all of them."""
        entries = self._playback.entries
        place = -1 if entry is None else len(entries)
        if entry is not None:
            if entry.outcome == SAVED and entry.before is None:
                entry.before = self._state if self._state is not None else entry.after
            entries.append(entry)
            self._state = entry.after
        if document is None:
            return
        changes = list(changed_fields(self._before, document))
        if entry is not None:
            self._note_changes(entry, changes, place)
        self._note_fields(document, changes, place)
        self._before = document
        self._state = document["state"] if entry is None else self._state

    def _note_changes(self, entry: Entry, changes: Sequence[Change], place: int) -> None:
        for change in changes:
            if len(entry.changes) < MOST_CHANGES:
                old, new = text_of_value(change.old), text_of_value(change.new)
                by = self._setter(change.path)
                entry.changes.append(FieldChange(self._name(change.path), old, new, by))
            else:
                entry.more_changes += 1
            self._set_by[change.path] = place

    def _setter(self, path: Path) -> int | None:
        """Who set what is there: the value itself, or one that it is part of."""
        places = (self._set_by.get(path[:length]) for length in range(1, len(path) + 1))
        return max((place for place in places if place is not None), default=None)

    def _note_fields(self, document: Document, changes: Sequence[Change], place: int) -> None:
        """Note each field of the data that changed, or in which something did, as a whole."""
        fields = self._playback.fields
        changed = dict.fromkeys(_field_of(change.path) for change in changes)
        changed.pop(("state",), None)
        for path in changed:
            name, value = self._name(path), value_at(document, path)
            if path == ("rules",) and not value:
                value = MISSING
            if name not in fields:
                if value is MISSING:
                    continue
                if len(fields) >= MOST_FIELDS:
                    self._playback.more_fields += 1
                    continue
                fields[name] = [], []
            places, texts = fields[name]
            places.append(place)
            texts.append(text_of_value(value))

    def _name(self, path: Path) -> str:
        if not all(type(key) is str for key in path):  # 1 and True would be one
            return field_name(path)
        if path not in self._names:
            self._names[path] = field_name(path)
        return self._names[path]


def _field_of(path: Path) -> Path:
    """The field that a path leads to or into."""
    return path[:2] if path[:1] == ("metadata",) else path[:1]


def _read(part: Part, component: str) -> Iterator[tuple[Entry | None, Document | None]]:
    """The entries of one file with what came of them; first what was before, without an entry."""
    if part.snapshot_before is not None:
        known = last_moment([part.source], component, part.snapshot_before)
        yield None, None if known is None else known.document
    steps = deque(_steps(part, component))
    followed = _followed(part, component)
    moments = moments_from(part.source, component, part.first_snapshot)
    for moment in moments:
        if moment.snapshot_id == part.snapshot_before:
            continue
        while steps and _is_before(steps[0], moment, followed):
            yield steps.popleft(), None
        if not steps and not part.to_the_end and part.is_after(moment.snapshot_id, moment.step_id):
            break
        of_step = bool(steps) and steps[0].step_id == moment.step_id
        entry = steps.popleft() if of_step else _saved(moment)
        entry.snapshot_id, entry.readable = moment.snapshot_id, moment.document is not None
        yield entry, moment.document
    for entry in steps:
        yield entry, None


def _is_before(step: Entry, moment: Moment, followed: set[int]) -> bool:
    if moment.step_id is not None:
        return step.step_id is not None and step.step_id < moment.step_id
    if step.step_id in followed:  # its own snapshot comes later
        return False
    if step.time_us is None or moment.time_us is None:
        return False
    return step.time_us + (step.duration_us or 0) <= moment.time_us


def _followed(part: Part, component: str) -> set[int]:
    """The steps after which there is a snapshot."""
    with part.source.connect() as conn:
        step = snapshot_columns(conn)["step_id"]
        query = f"""SELECT {step} FROM {SNAPSHOTS} s
            WHERE s.component_name = ? AND s.rowid >= ? AND {step} IS NOT NULL"""
        return {row[0] for row in cursor(conn).execute(query, (component, part.first_snapshot))}


def _saved(moment: Moment) -> Entry:
    state = None if moment.document is None else moment.document["state"]
    return Entry(
        moment.source,
        time_us=moment.time_us,
        after=state,
        correlation_id=moment.correlation_id,
    )


def _steps(part: Part, component: str) -> Iterable[Entry]:
    if part.steps is None:
        return []
    with part.source.connect() as conn:
        columns = step_columns(conn)
        query = f"""SELECT {", ".join(columns[name] for name in _COLUMNS)} FROM {STEPS} s
            WHERE s.component_name = ? AND s.rowid BETWEEN ? AND ? ORDER BY s.rowid"""
        rows = cursor(conn).execute(query, (component, *part.steps)).fetchall()
    return [_step(part.source, row) for row in rows]


def _step(source: Source, row: Sequence[Any]) -> Entry:
    cells = dict(zip(_COLUMNS, row, strict=True))
    text = {name: text_of(value) for name, value in cells.items()}
    return Entry(
        source.name,
        step_id=cells["id"],
        time_us=cells["start_us"],
        duration_us=cells["duration_us"],
        message=text["message_type"],
        sender=text["sender"],
        before=text["from_state"],
        after=text["to_state"],
        outcome=text["outcome"] or "unknown",
        tries=cells["tries"],
        reason=text["reason"],
        error=text["error"],
        correlation_id=text["correlation_id"],
        guards_json=text["guards_json"],
        error_json=text["error_json"],
    )
