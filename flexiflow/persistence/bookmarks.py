"""Bookmarks: rows of a history that somebody has marked, in a small JSON file beside it.

They are no part of the database, so that marking a row changes no history, and works beside a
recording. ``state.db`` has ``state.db.bookmarks.json``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from flexiflow.errors import PersistenceError, persistence_invalid_json
from flexiflow.persistence.atomic import write_atomically

Kind = Literal["step", "snapshot"]

ENDING = ".bookmarks.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A marked row.

    Attributes:
        kind: step or snapshot.
        id: the row's id.
        component: whose it is.
        note: what somebody wrote.
        time_us: when it was marked, microseconds since 1970.
    """

    kind: Kind
    id: int
    component: str
    note: str
    time_us: int


class Bookmarks:
    """The bookmarks of one database; each call reads the file anew.

    The file is replaced whole. Of two programs that mark at the same moment, the later one may
    undo the other's mark.

    Args:
        database: the history.
    """

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ENDING)

    def all(self) -> list[Bookmark]:
        """All bookmarks, the oldest first; none where there is no file.

        Raises:
            PersistenceError: where the file can't be read, or holds no bookmarks.
        """
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise self._unusable(f"The system says: {exc.strerror or exc}.") from exc
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as exc:
            raise persistence_invalid_json(str(self.path), exc) from exc
        found = value.get("bookmarks") if isinstance(value, dict) else None
        if not isinstance(found, list) or value.get("format") != _FORMAT:
            raise self._unusable(f"It is not an object with format {_FORMAT} and bookmarks.")
        return [self._bookmark(each) for each in found]

    def add(self, bookmark: Bookmark) -> None:
        """Mark a row; a mark on the same row is replaced.

        Raises:
            PersistenceError: where the file can't be read or written.
        """
        others = self._others(bookmark.kind, bookmark.id)
        self._write([*others, bookmark])

    def remove(self, kind: Kind, row_id: int) -> bool:
        """Take a mark away, and say whether there was one.

        Raises:
            PersistenceError: where the file can't be read or written.
        """
        others = self._others(kind, row_id)
        if len(others) == len(self.all()):
            return False
        self._write(others)
        return True

    def _others(self, kind: Kind, row_id: int) -> list[Bookmark]:
        return [each for each in self.all() if (each.kind, each.id) != (kind, row_id)]

    def _write(self, bookmarks: list[Bookmark]) -> None:
        document = {"format": _FORMAT, "bookmarks": [asdict(each) for each in bookmarks]}
        write_atomically(self.path, json.dumps(document, indent=1).encode() + b"\n")

    def _bookmark(self, value: Any) -> Bookmark:
        try:
            found = Bookmark(**value)
        except TypeError as exc:
            raise self._unusable("One of its bookmarks has other fields.") from exc
        texts = (found.component, found.note)
        numbers = (found.id, found.time_us)
        if (
            found.kind not in get_args(Kind)
            or not all(isinstance(each, str) for each in texts)
            or not all(type(each) is int for each in numbers)
        ):
            raise self._unusable("One of its bookmarks has a value of the wrong type.")
        return found

    def _unusable(self, why: str) -> PersistenceError:
        return PersistenceError(
            f"The bookmarks in {self.path.name} can't be read.",
            why=why,
            fix=f"Mend or remove {self.path}; the history itself is not touched by it.",
            context={"path": str(self.path)},
        )
