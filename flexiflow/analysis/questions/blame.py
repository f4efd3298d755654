"""Blame: which step last changed a field, and all that did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.base.fields import Document, field_name, field_path, unknown_field
from flexiflow.analysis.base.values import MISSING, Change, Path, differences, same, shown, value_at
from flexiflow.analysis.reading.source import Source
from flexiflow.analysis.reading.timeline import Moment, known_fields, moments_of
from flexiflow.errors import InvalidValue

if TYPE_CHECKING:
    import pandas as pd

LONGEST_VALUE = 500
"""Characters of a value in a frame."""

_Row = tuple[Any, ...]


def blame_frame(sources: Sequence[Source], component: str, field: str | None) -> pd.DataFrame:
    """What changed a component's fields, in the order of the history; see `History.blame`."""
    rows = _of_all(sources, component) if field is None else _of_one(sources, component, field)
    return frames.frame(shapes.BLAME, rows)


def arrow(old: Any, new: Any) -> str:
    """``old → new`` of two texts; what is missing is ``nothing``."""
    return " → ".join(frames.cell_text(each) or "nothing" for each in (old, new))


def changed_fields(before: Document | None, after: Document) -> Iterator[Change]:
    """What a step changed: in the state, the rules and each field of the metadata.

    Args:
        before: None where `after` is the first.
        after: the component after the step.
    """
    old = {"metadata": {}} if before is None else before
    return differences(old, after)


def _of_all(sources: Sequence[Source], component: str) -> Iterator[_Row]:
    before: Document | None = None
    unsure = False
    for moment in moments_of(sources, component):
        unsure = unsure or moment.unsure or moment.document is None
        if moment.document is None:
            continue
        for change in changed_fields(before, moment.document):
            yield _row(change, moment, before is None, unsure)
        before, unsure = moment.document, False


def _of_one(sources: Sequence[Source], component: str, field: str) -> list[_Row]:
    followed = [_Followed(path) for path in _meant(field)]
    moments = 0
    for moment in moments_of(sources, component):
        moments += moment.document is not None
        for each in followed:
            each.follow(moment)
    for each in followed:
        if each.rows:
            return each.rows
    if not moments:
        return []
    raise unknown_field(followed[-1].path, known_fields(sources, component))


def _meant(field: str) -> list[Path]:
    """The paths that a field's name can mean: a key that is spelt so comes first."""
    try:
        path = field_path(field)
    except InvalidValue:
        if not isinstance(field, str):
            raise
        return [("metadata", field)]
    key = ("metadata", field)
    return [path] if path in (key, (field,)) else [key, path]


class _Followed:
    """One field, followed from moment to moment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[_Row] = []
        self._value: Any = MISSING
        self._first = True
        self._unsure = False

    def follow(self, moment: Moment) -> None:
        self._unsure = self._unsure or moment.unsure or moment.document is None
        if moment.document is None:
            return
        value = value_at(moment.document, self.path)
        if not same(self._value, value):
            change = Change(self.path, self._value, value)
            self.rows.append(_row(change, moment, self._first, self._unsure))
        self._value, self._first, self._unsure = value, False, False


def _row(change: Change, moment: Moment, first: bool, unsure: bool) -> _Row:
    return (
        field_name(change.path),
        "first" if first else change.kind,
        text_of_value(change.old),
        text_of_value(change.new),
        moment.time_us,
        moment.step_id,
        moment.snapshot_id,
        moment.message,
        moment.sender,
        moment.outcome,
        moment.correlation_id,
        unsure,
        moment.source,
    )


def text_of_value(value: Any) -> str | None:
    """A value as a frame holds it: its bounded text, None where there is none."""
    return None if value is MISSING else shown(value, LONGEST_VALUE)
