"""What differs between two snapshots, two components or two histories, and where it began."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, shapes, words
from flexiflow.analysis.base.fields import Document, field_name
from flexiflow.analysis.base.values import Change, differences
from flexiflow.analysis.questions.blame import arrow, text_of_value
from flexiflow.analysis.questions.divergence import Taken, first_divergence, way_of
from flexiflow.analysis.reading.rows import one_snapshot
from flexiflow.analysis.reading.source import Source, files_of
from flexiflow.analysis.reading.timeline import document_of, last_moment
from flexiflow.errors import InvalidType, bounded_repr

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.history import History

_CHANGES_TOLD = 5


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first step in which two components' ways differ.

    Attributes:
        component: whose ways they are; of two components the first.
        alike: how many steps before it are the same.
        old, new: the steps that differ; None where one's way ends there.
        files: how sentences say which file a step is of; see `words.of_files`.
    """

    component: str
    alike: int
    old: Taken | None
    new: Taken | None
    files: Mapping[str, str] = field(repr=False, compare=False)

    @property
    def sentence(self) -> str:
        """It in words."""
        after = f"After {words.plural(self.alike, 'step')} alike" if self.alike else "At once"
        return f"{after} they part: {self._step(self.old)} → {self._step(self.new)}."

    def _step(self, step: Taken | None) -> str:
        if step is None:
            return "nothing more"
        what = "a message" if step.message is None else f"`{words.name(step.message)}`"
        states = words.name(step.from_state or "?")
        if step.outcome == "moved":
            states += f" → {words.name(step.to_state or '?')}"
        row = f"step {words.count(step.step_id)}{self.files[step.source]}"
        return f"{what} {words.name(step.outcome or '?')} ({states}, {row})"


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """The answer to `History.diff`.

    Attributes:
        old, new: what was compared, in words.
        frame: one row a field that differs, with the columns of `shapes.DIFF`. Of two histories
            a component that only one of them knows is a row without a field.
        divergence: where two components, or the first of two histories' components in which they
            do, took different steps; None where there is none, and for snapshots.
    """

    old: str
    new: str
    frame: pd.DataFrame
    divergence: Divergence | None = None

    @property
    def text(self) -> str:
        """The answer in words."""
        return " ".join(_sentences(self))

    def __repr__(self) -> str:
        return self.text


def difference(history: History, old: Any, new: Any) -> Difference:
    """What differs between two of a kind; see `History.diff`."""
    if hasattr(old, "sources") and (new is None or hasattr(new, "sources")):
        return of_histories(*((history, old) if new is None else (old, new)))
    if isinstance(old, str) and isinstance(new, str):
        history.require(old)
        history.require(new)
        return of_components(history.sources, old, new)
    if not (_is_id(old) and _is_id(new)):
        raise InvalidType(
            f"diff() can't compare {_shown(old)} with {_shown(new)}.",
            why="It takes two snapshot ids, two components' names, or two histories.",
            fix='Write history.diff(17, 18) or history.diff("order-1", "order-2").',
            context={"old": old, "new": new},
        )
    return of_snapshots(history.sources, old, new)


def _shown(given: Any) -> str:
    return "nothing" if given is None else bounded_repr(given, 80)


def of_snapshots(sources: Sequence[Source], old_id: int, new_id: int) -> Difference:
    """What differs between two snapshots."""
    old, new = one_snapshot(sources, old_id), one_snapshot(sources, new_id)
    name = new.name if old.name == new.name else None
    rows = _rows(name, differences(document_of(old), document_of(new)))
    return Difference(f"snapshot {old_id}", f"snapshot {new_id}", frames.frame(shapes.DIFF, rows))


def of_components(sources: Sequence[Source], old: str, new: str) -> Difference:
    """What differs between two components now, and the first step in which they did."""
    before, after = (_document(sources, name) for name in (old, new))
    rows = _rows(None, differences(before, after))
    return Difference(
        words.name(old),
        words.name(new),
        frames.frame(shapes.DIFF, rows),
        _divergence(old, way_of(sources, old), way_of(sources, new), files_of(sources)),
    )


def of_histories(old: History, new: History) -> Difference:
    """What differs between two histories' components now, and the first step that did."""
    rows: list[tuple[Any, ...]] = []
    parted: list[Divergence] = []
    files = files_of([*old.sources, *new.sources])
    names_old, names_new = set(old.names()), set(new.names())
    for name in sorted(names_old | names_new):
        if name not in names_old or name not in names_new:
            rows.append((name, None, "removed" if name in names_old else "added", None, None))
            continue
        before, after = _document(old.sources, name), _document(new.sources, name)
        rows.extend(_rows(name, differences(before, after)))
        ways = way_of(old.sources, name), way_of(new.sources, name)
        found = _divergence(name, *ways, files)
        if found is not None:
            parted.append(found)
    first = min(parted, key=_place, default=None)
    return Difference(_named(old), _named(new), frames.frame(shapes.DIFF, rows), first)


def _document(sources: Sequence[Source], component: str) -> Document:
    """A component as it was last; empty where no snapshot of it can be read."""
    moment = last_moment(sources, component)
    return {"metadata": {}} if moment is None or moment.document is None else moment.document


def _divergence(
    name: str, old: Sequence[Taken], new: Sequence[Taken], files: Mapping[str, str]
) -> Divergence | None:
    at = first_divergence(old, new)
    if at is None:
        return None
    before, after = (way[at] if at < len(way) else None for way in (old, new))
    return Divergence(name, at, before, after, files)


def _place(each: Divergence) -> tuple[int, str]:
    """By the step in the first history: what came first there."""
    step = each.old or each.new
    return (0 if step is None else step.step_id), each.component


def _rows(name: str | None, changes: Iterator[Change]) -> Iterator[tuple[Any, ...]]:
    for change in changes:
        yield (
            name,
            field_name(change.path),
            change.kind,
            text_of_value(change.old),
            text_of_value(change.new),
        )


def _is_id(given: Any) -> bool:
    # Numbers of numpy too, as frames give them.
    return hasattr(given, "__index__") and not isinstance(given, bool)


def _named(history: History) -> str:
    names = ", ".join(words.name(source.name, 200) for source in history.sources[:3])
    more = len(history.sources) - 3
    return f"{names} and {more} more" if more > 0 else names


def _sentences(found: Difference) -> Iterator[str]:
    about = f"{found.old} → {found.new}"
    if found.frame.empty:
        yield f"{about}: no field differs."
    else:
        yield f"{about}: {words.plural(len(found.frame), 'difference')}."
        told = [_told(row) for row in found.frame.head(_CHANGES_TOLD).itertuples()]
        yield f"{'; '.join(told)}."
        if len(found.frame) > _CHANGES_TOLD:
            yield f"{words.count(len(found.frame) - _CHANGES_TOLD)} more are in its frame."
    if found.divergence is not None:
        whose = words.name(found.divergence.component)
        if whose not in (found.old, found.new):
            yield f"First in {whose}."
        yield found.divergence.sentence


def _told(row: Any) -> str:
    component = frames.cell_text(row.component)
    path = frames.cell_text(row.field)
    whose = "" if component is None else f"{words.name(component)} "
    if path is None:
        return f"{whose}is {row.change}"
    old, new = (
        words.name(text, 80) if (text := frames.cell_text(each)) else None
        for each in (row.old, row.new)
    )
    return f"{whose}{words.name(path)}: {arrow(old, new)}"
