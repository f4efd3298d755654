"""When a condition held: intervals between snapshots, with the first, the last and the longest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flexiflow.analysis.base import frames, shapes, words
from flexiflow.analysis.base.fields import Document, unknown_field
from flexiflow.analysis.base.values import MISSING, Path, value_at
from flexiflow.analysis.questions.conditions import Condition, condition
from flexiflow.analysis.reading.rows import newest_of
from flexiflow.analysis.reading.source import Source, files_of
from flexiflow.analysis.reading.timeline import Moment, known_fields, moments_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True)
class Interval:
    """A time in which a condition held without a break.

    Attributes:
        component: whose.
        start_us: when it began to hold, microseconds since 1970; None where the row doesn't say.
        end_us: when it ceased to; None where it still holds.
        dwell_us: how long, up to the newest record where it still holds; None where not known.
        first_step, last_step: the steps after which it held, the first and the last one; None
            where the snapshots there follow no step.
        end_step: the step after which it no longer held.
        first_snapshot, last_snapshot: the ids of those snapshots.
        snapshots: how many there are.
        source, last_source, end_source: the files of its first and of its last snapshot, and of
            the one after it.
        lasts: whether it still holds.
    """

    component: str
    start_us: int | None
    source: str
    first_step: int | None
    first_snapshot: int
    last_step: int | None
    last_snapshot: int
    last_source: str
    end_us: int | None = None
    dwell_us: int | None = None
    end_step: int | None = None
    end_source: str = ""
    snapshots: int = 1
    lasts: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """The answer to `History.when`: intervals, by component and in their order.

    Attributes:
        condition: the condition as it was written.
        component: the component that was asked, or None for all.
        asked: how many components were asked: those that have any of the condition's fields.
        unreadable: how many snapshots can't be read, and were passed over.
    """

    condition: str
    component: str | None
    asked: int
    unreadable: int
    _found: tuple[Interval, ...] = field(repr=False)
    _files: Mapping[str, str] = field(repr=False)

    @property
    def first(self) -> Interval | None:
        """The one that began first; None where it never held."""
        return min(
            self._found, key=lambda each: (each.start_us is None, each.start_us or 0), default=None
        )

    @property
    def last(self) -> Interval | None:
        """The one that began last; None where it never held."""
        latest = [each for each in self._found if each.start_us is not None]
        return max(
            reversed(latest or self._found), key=lambda each: each.start_us or 0, default=None
        )

    @property
    def longest(self) -> Interval | None:
        """The one that held longest; None where it never held."""
        return max(
            self._found,
            key=lambda each: -1 if each.dwell_us is None else each.dwell_us,
            default=None,
        )

    @property
    def frame(self) -> pd.DataFrame:
        """One row an interval, with the columns of `shapes.WHEN`."""
        return frames.frame(shapes.WHEN, map(_row, self._found))

    @property
    def text(self) -> str:
        """The answer in words."""
        return " ".join(_sentences(self))

    def __getitem__(self, at: int) -> Interval:
        return self._found[at]

    def __iter__(self) -> Iterator[Interval]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return self.text


def intervals(sources: Sequence[Source], component: str | None, text: str) -> Intervals:
    """When a condition held; see `History.when`."""
    asked = condition(text)
    followed: dict[str, _Followed] = {}
    unreadable = 0
    for moment in moments_of(sources, component, steps=False):
        if moment.document is None:
            unreadable += 1
            continue
        each = followed.get(moment.component)
        if each is None:
            each = followed[moment.component] = _Followed(asked)
        each.follow(moment, moment.document)
    _require_fields(asked, followed, sources, component)
    concerned = sorted(name for name, each in followed.items() if each.is_concerned)
    now_us = newest_of(sources)
    found = tuple(each for name in concerned for each in followed[name].ended(now_us))
    return Intervals(asked.text, component, len(concerned), unreadable, found, files_of(sources))


class _Followed:
    """One component, followed from moment to moment."""

    def __init__(self, asked: Condition) -> None:
        self.seen: set[Path] = set()
        self._asked = asked
        self._before: Document | None = None
        self._found: list[Interval] = []

    @property
    def is_concerned(self) -> bool:
        """Whether it has any of the fields of its own; every component has a state and rules."""
        own = {path for path in self._asked.paths if path[0] == "metadata"}
        return not own or bool(own & self.seen)

    def follow(self, moment: Moment, document: Document) -> None:
        for path in self._asked.paths:
            if path not in self.seen and value_at(document, path) is not MISSING:
                self.seen.add(path)
        now = self._found[-1] if self._found and self._found[-1].lasts else None
        if self._asked.holds(document, self._before):
            if now is None:
                self._found.append(_begun(moment))
            else:
                now.last_step, now.last_snapshot = moment.step_id, moment.snapshot_id
                now.last_source = moment.source
                now.snapshots += 1
        elif now is not None:
            now.lasts, now.end_us, now.end_step = False, moment.time_us, moment.step_id
            now.end_source = moment.source
        self._before = document

    def ended(self, now_us: int | None) -> Iterator[Interval]:
        for each in self._found:
            end_us = now_us if each.lasts else each.end_us
            if end_us is not None and each.start_us is not None:
                each.dwell_us = max(end_us - each.start_us, 0)  # clocks may go back
            yield each


def _begun(moment: Moment) -> Interval:
    return Interval(
        moment.component,
        moment.time_us,
        moment.source,
        moment.step_id,
        moment.snapshot_id,
        moment.step_id,
        moment.snapshot_id,
        moment.source,
    )


def _require_fields(
    asked: Condition,
    followed: dict[str, _Followed],
    sources: Sequence[Source],
    component: str | None,
) -> None:
    """Refuse a field that no snapshot has: most likely it is a slip of the pen."""
    seen = {path for each in followed.values() for path in each.seen}
    for path in asked.paths:
        if path not in seen and followed:
            raise unknown_field(path, known_fields(sources, component))


def _row(each: Interval) -> tuple[object, ...]:
    return (
        each.component,
        each.start_us,
        each.end_us,
        each.dwell_us,
        each.first_step,
        each.last_step,
        each.end_step,
        each.first_snapshot,
        each.last_snapshot,
        each.snapshots,
        each.source,
    )


def _sentences(found: Intervals) -> Iterator[str]:
    what = f"`{words.name(found.condition, 200)}`"
    where = "" if found.component is None else f"{words.name(found.component)}: "
    if not len(found):
        asked = "" if found.component else f" of {words.plural(found.asked, 'component')}"
        yield f"{where}{what} never held{asked}."
    else:
        of_all = ""
        if found.component is None:
            holders = words.count(len({each.component for each in found}))
            of_all = f", in {holders} of {words.plural(found.asked, 'component')}"
        yield f"{where}{what} held {words.times(len(found))}{of_all}."
        named = {"First": found.first, "Last": found.last, "Longest": found.longest}
        for label, each in list(named.items())[: 3 if len(found) > 1 else 1]:
            if each is not None:
                yield f"{label}: {_told(each, found._files, named=found.component is None)}."
    if found.unreadable:
        yield f"{words.plural(found.unreadable, 'snapshot')} can't be read."


def _told(each: Interval, files: Mapping[str, str], *, named: bool) -> str:
    who = f"{words.name(each.component)}, " if named else ""
    begun = ended = ""
    if each.first_step is not None:
        begun = f", from step {words.count(each.first_step)}{files[each.source]}"
    if each.end_step is not None:
        elsewhere = "" if each.end_source == each.source else files[each.end_source]
        ended = f" to step {words.count(each.end_step)}{elsewhere}"
    lasts = ", and still does" if each.lasts else ""
    held = f"{words.clock(each.start_us)} UTC, for {words.duration(each.dwell_us)}"
    return f"{who}{held}{begun}{ended}{lasts}"
