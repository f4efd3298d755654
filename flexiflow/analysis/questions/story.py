"""A component's history as plain sentences, which is also what a screen reader reads."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, shapes, words
from flexiflow.analysis.base.fields import Document, field_name
from flexiflow.analysis.base.values import Change, shown
from flexiflow.analysis.questions import sentences
from flexiflow.analysis.questions.blame import changed_fields
from flexiflow.analysis.reading.rows import Filter, steps_frame
from flexiflow.analysis.reading.source import Source, files_of
from flexiflow.analysis.reading.timeline import Save, moments_of, saves_of
from flexiflow.analysis.reading.visits import Visit, visits_of

if TYPE_CHECKING:
    import pandas as pd

_OPENING = 3
_CLOSING = 10
_CHANGES_TOLD = 3
_LONGEST_VALUE = 40


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """The answer to `History.story`.

    Attributes:
        component: whose.
        frame: one row a sentence, with the columns of `shapes.STORY`.
        left_out: how many steps no sentence tells of one by one.
    """

    component: str
    frame: pd.DataFrame
    left_out: int

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences, in order."""
        return tuple(self.frame["sentence"])

    @property
    def text(self) -> str:
        """The sentences, one a line."""
        return "\n".join(self.sentences)

    def __repr__(self) -> str:
        return self.text


@dataclass(slots=True)
class _Event:
    """Steps in a row that are told in one sentence, or a snapshot that follows none.

    Attributes:
        steps: the rows.
        saved: that snapshot.
        changes: what the first of them changed in the data; of a snapshot alone the state too.
    """

    steps: list[Any]
    saved: Save | None = None
    changes: list[Change] = field(default_factory=list)


def story_of(sources: Sequence[Source], component: str, limit: int) -> Story:
    """A component's history in at most about `limit` sentences; see `History.story`."""
    visits = visits_of(sources, component)
    steps = steps_frame(sources, Filter(component))
    events = _events(steps, saves_of(sources, component))
    told = _chosen(events, limit)
    _add_changes(sources, component, [events[at] for at in told])
    files = files_of(sources)
    rows = [*_beginning(component, visits)]
    after = -1
    for at in told:
        rows.extend(_gap(events[after + 1 : at]))
        rows.extend(_told(events[at], files))
        after = at
    rows.extend(_gap(events[after + 1 :]))
    if not events:
        rows.extend(_from_visits(visits, limit))
    rows.extend(_end(component, visits))
    left_out = len(steps) - sum(len(events[at].steps) for at in told)
    if not events:
        left_out = max(len(visits) - 1 - limit, 0)
    return Story(component, frames.frame(shapes.STORY, rows), left_out)


def _events(steps: pd.DataFrame, saves: Iterable[Save]) -> list[_Event]:
    """Steps, with those joined that repeat the one before, and the saves between them.

    Where there is no step the states alone tell the story, and so there are no events.
    """
    rows: list[Any] = steps.to_dict("records")
    if not rows:
        return []
    events = []
    for alike, group in groupby(_in_order(rows, saves), key=_likeness):
        events += [_Event([], alike)] if isinstance(alike, Save) else [_Event(list(group))]
    return events


def _in_order(steps: Sequence[dict[str, Any]], saves: Iterable[Save]) -> Iterator[Any]:
    waiting = deque(saves)
    files = list(dict.fromkeys(step["source"] for step in steps))
    for step in steps:
        while waiting and _is_before(waiting[0], step, files):
            yield waiting.popleft()
        yield step
    yield from waiting


def _is_before(save: Save, step: dict[str, Any], files: Sequence[str]) -> bool:
    if save.source != step["source"]:
        return save.source not in files[files.index(step["source"]) :]
    if step["id"] <= save.after_step:
        return False
    start_us = frames.microseconds(step["time"])
    return start_us is None or save.time_us is None or save.time_us <= start_us


def _likeness(row: Any) -> Any:
    if isinstance(row, Save):
        return row
    named = ("message", "from_state", "to_state", "outcome", "sender", "reason", "error")
    return tuple(frames.cell_text(row[name]) for name in named)


def _chosen(events: Sequence[_Event], limit: int) -> list[int]:
    """Which are told: the first, the last, then those in trouble, then moves, newest first."""
    ends = {*range(min(_OPENING, limit)), *range(max(len(events) - _CLOSING, 0), len(events))}
    between = [at for at in reversed(range(len(events))) if at not in ends]
    between.sort(key=lambda at: _weight(events[at]))
    ranked = [*sorted((at for at in ends if at < len(events)), reverse=True), *between]
    return sorted(ranked[:limit])


def _weight(event: _Event) -> int:
    outcome = event.steps[0]["outcome"] if event.steps else "moved"
    return 0 if outcome in sentences.TROUBLE else 1 if outcome == "moved" else 2


def _add_changes(sources: Sequence[Source], component: str, events: Iterable[_Event]) -> None:
    """Note in each event what its first step changed, besides the state, or what the save shows."""
    by_step, by_snapshot = {}, {}
    for each in events:
        if each.saved is not None:
            by_snapshot[each.saved.source, each.saved.snapshot_id] = each
        else:
            by_step[each.steps[0]["source"], int(each.steps[0]["id"])] = each
    before: Document | None = None
    for moment in moments_of(sources, component, steps=False):
        if moment.document is None:
            continue
        event = by_step.get((moment.source, moment.step_id or 0))
        saved = by_snapshot.get((moment.source, moment.snapshot_id))
        if event is not None and before is not None:
            changes = changed_fields(before, moment.document)
            event.changes = [each for each in changes if each.path != ("state",)]
        elif saved is not None and before is not None:
            saved.changes = list(changed_fields(before, moment.document))
        before = moment.document


def _told(event: _Event, files: Mapping[str, str]) -> Iterator[tuple[Any, ...]]:
    """The sentence on an event; none on a snapshot in which nothing is new."""
    saved = event.saved
    if saved is not None:
        if event.changes:
            told = f"it was saved outside of any step{_changes(event)}"
            sentence = f"At {_clock(saved.time_us)} {told}."
            yield saved.time_us, None, None, 0, None, sentence, saved.source
        return
    first, last = event.steps[0], event.steps[-1]
    time_us = frames.microseconds(first["time"])
    again = ""
    if len(event.steps) > 1:
        until = words.count(int(last["id"]))
        if last["source"] != first["source"]:
            until += files[last["source"]]
        again = f", and so on until step {until}, {words.times(len(event.steps))} in all"
    told = f"{sentences.step_told(first, files)}{again}{_changes(event)}"
    sentence = f"At {_clock(time_us)} {told}."
    yield (
        time_us,
        int(first["id"]),
        int(last["id"]),
        len(event.steps),
        first["outcome"],
        sentence,
        first["source"],
    )


def _changes(event: _Event) -> str:
    told = [
        f"{words.name(field_name(each.path))} {shown(each.old, _LONGEST_VALUE)}"
        f" → {shown(each.new, _LONGEST_VALUE)}"
        for each in event.changes[:_CHANGES_TOLD]
    ]
    more = len(event.changes) - len(told)
    told += [words.plural(more, "more change")] if more else []
    return f"; {', '.join(told)}" if told else ""


def _gap(events: Sequence[_Event]) -> list[tuple[Any, ...]]:
    """The sentence on steps that are left out, and on saves between them."""
    steps = [step for event in events for step in event.steps]
    saves = [event.saved for event in events if event.saved is not None]
    if not steps:
        return [_gap_of_saves(saves)] if saves else []
    outcomes = Counter(str(step["outcome"]) for step in steps)
    counts = ", ".join(
        f"{words.count(n)} {words.name(name)}" for name, n in outcomes.most_common(5)
    )
    left_out = words.plural(len(steps), "step")
    left_out += f" and {words.plural(len(saves), 'save')}" if saves else ""
    verb = "is" if len(steps) + len(saves) == 1 else "are"
    sentence = f"Here {left_out} {verb} left out: {counts}."
    first, last = steps[0], steps[-1]
    time_us = frames.microseconds(first["time"])
    ids = int(first["id"]), int(last["id"])
    return [(time_us, *ids, len(steps), None, sentence, first["source"])]


def _gap_of_saves(saves: Sequence[Save]) -> tuple[Any, ...]:
    verb = "is" if len(saves) == 1 else "are"
    sentence = f"Here {words.plural(len(saves), 'save')} outside of any step {verb} left out."
    return saves[0].time_us, None, None, 0, None, sentence, saves[0].source


def _beginning(component: str, visits: Sequence[Visit]) -> Iterator[tuple[Any, ...]]:
    if not visits:
        return
    first = visits[0]
    yield first.entered_us, None, None, 0, None, _begins(words.name(component), first), first.source


def _begins(name: str, first: Visit) -> str:
    state, time = words.name(first.state), words.clock(first.entered_us)
    if first.cut:
        return f"{name} was before that already in {state}, at {time} UTC."
    if first.entered_by is not None:  # it came from another state, whose rows were pruned
        return f"What {name} did before it came to {state}, at {time} UTC, is not in the history."
    return f"{name} began in {state}, at {time} UTC."


def _from_visits(visits: Sequence[Visit], limit: int) -> Iterator[tuple[Any, ...]]:
    """The moves that snapshots alone tell of: 1.x stored no messages."""
    moves = visits[1:]
    shown_moves = moves[len(moves) - min(limit, len(moves)) :]
    if len(shown_moves) < len(moves):
        count = words.plural(len(moves) - len(shown_moves), "move")
        verb = "is" if len(moves) - len(shown_moves) == 1 else "are"
        yield None, None, None, 0, None, f"Here {count} {verb} left out.", visits[0].source
    for visit in shown_moves:
        sentence = f"At {_clock(visit.entered_us)} it came to {words.name(visit.state)}."
        yield visit.entered_us, None, None, 0, None, sentence, visit.source


def _end(component: str, visits: Sequence[Visit]) -> Iterator[tuple[Any, ...]]:
    if not visits:
        sentence = f"Where {words.name(component)} is, no row that can be read says."
        yield None, None, None, 0, None, sentence, ""
        return
    last = visits[-1]
    dwell = "" if last.dwell_us is None else f", for {words.duration(last.dwell_us)} by then"
    sentence = f"At the newest record it is in {words.name(last.state)}{dwell}."
    yield None, None, None, 0, None, sentence, last.source


def _clock(time_us: int | None) -> str:
    """The time of day; the first sentence has the date."""
    return words.clock(time_us)[-8:] if time_us is not None else words.clock(None)
