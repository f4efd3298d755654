"""What every group of a log's questions stands on: its files, and the records that are in them.

`Log` inherits its questions from `records` and `traces` beside this module, which know nothing of
it; a question that takes the log itself, or gives what other programs read, stands in `Log`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from flexiflow.analysis.base import words
from flexiflow.arguments import checked_path
from flexiflow.errors import InvalidType, PersistenceError, bounded_repr
from flexiflow.file_kind import absence
from flexiflow.tracing.index import index_path
from flexiflow.tracing.line_formats import BrokenLine, LineFormat
from flexiflow.tracing.reader import PathLike, absent, find_records, log_files
from flexiflow.tracing.records import LogRecord

P = ParamSpec("P")
Answer = TypeVar("Answer")
SomeAsked = TypeVar("SomeAsked", bound="AskedLog")

_MOST_DELETIONS = 3  # during one question


def asked_despite_deletion(
    question: Callable[Concatenate[SomeAsked, P], Answer],
) -> Callable[Concatenate[SomeAsked, P], Answer]:
    """A question that is asked again where a file is deleted between finding and reading it.

    The files are looked for again then: one that was named is an error, others are as little
    missed as if they had been deleted before.
    """

    @wraps(question)
    def asked(self: SomeAsked, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        for _ in range(_MOST_DELETIONS):
            try:
                return question(self, *args, **kwargs)
            except PersistenceError as exc:
                if not isinstance(exc.__cause__, FileNotFoundError):
                    raise
        return question(self, *args, **kwargs)

    return asked


class AskedLog:
    """The files of a log, which are looked for at each question. Arguments as for `Log`."""

    def __init__(
        self,
        source: Sequence[PathLike],
        settle: Callable[[], None] | None = None,
        fields: Mapping[str, str] | None = None,
        index: bool | PathLike = False,
    ) -> None:
        if not isinstance(index, bool):
            index = checked_path(index, "index")
        self._index = index
        self._source = [os.path.abspath(each) for each in source]
        self._settle = settle
        self._lines = LineFormat(fields)

    @property
    def paths(self) -> list[Path]:
        """The files, the oldest first, with all in them that was recorded so far."""
        if self._settle is not None:
            self._settle()
        return log_files(self._source)

    @property
    def notices(self) -> list[str]:
        """What to know before an answer is trusted, in sentences; empty where all is as usual.

        It says which links that a pattern found lead to nothing.

        Raises:
            StateFileNotFound: (a FileNotFoundError) where there is no log.
        """
        return [
            f"{words.name(each, 300)} is left out. {absence(each)}" for each in absent(self._source)
        ]

    def _records_of(self, correlation_id: str) -> list[LogRecord | BrokenLine]:
        folder = self._index if isinstance(self._index, str) else None

        def place(path: Path) -> Path:
            return index_path(path, None if folder is None else Path(folder))

        indexes = place if self._index else None
        return list(find_records(self.paths, correlation_id, self._lines, indexes))


def text_argument(argument: str, value: Any) -> str:
    """A text that a caller gave, such as an id."""
    if isinstance(value, str):
        return value
    raise InvalidType(
        f"{argument} must be a text, not {bounded_repr(value, 80)}.",
        why="Lines of the log are searched for it.",
        fix="Pass a string, such as an id from log.traces().",
        context={argument: value},
    )


def ids_argument(argument: str, given: Any) -> set[str]:
    """Correlation ids that a caller gave."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidType(
            f"{argument} must be correlation ids, not {bounded_repr(given, 80)}.",
            why="Traces are told apart by their ids.",
            fix="Pass a list of ids from log.traces().",
            context={argument: given},
        )
    return {text_argument(argument, each) for each in given}
