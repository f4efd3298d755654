"""What happened to a component, in words: the verdict, and the rows behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from flexiflow.analysis.base import frames, words
from flexiflow.analysis.base.fields import Document
from flexiflow.analysis.base.late import card_html
from flexiflow.analysis.questions import sentences
from flexiflow.analysis.questions.blame import changed_fields
from flexiflow.analysis.questions.divergence import parting
from flexiflow.analysis.questions.stuck import MIN_DEPARTURES, departures_of, judge, lasting_in
from flexiflow.analysis.reading.rows import Filter, steps_frame
from flexiflow.analysis.reading.source import Source, files_of
from flexiflow.analysis.reading.tables import has_steps, lost_rows, unreadable_snapshots
from flexiflow.analysis.reading.timeline import moments_of
from flexiflow.analysis.reading.visits import Visit, read_visits
from flexiflow.errors import FlexiFlowError

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.history import History

Kind = Literal["finished", "stuck", "waiting", "unknown"]

ROWS_SHOWN = 10
_KINDS: dict[str, Kind] = {"stuck": "stuck", "usual": "waiting", "unknown": "unknown"}


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """An answer in words, and where it comes from.

    Attributes:
        component: whom it is about.
        kind: finished, stuck, waiting (not too long yet), or unknown (too few siblings).
        state: where the component is.
        headline: the first sentence.
        sentences: the others, in order.
        rows: the component's last steps, the newest last; the columns of `shapes.STEPS`.
        next_cell: code that shows more, given the `history`.
        correlation_id: of the step to go on with: the last one in trouble, else the last; None
            where there are no steps.
        files: where the history has several files, in which an id alone names no row: what they
            are called, by the ``source`` of `rows`.
    """

    component: str
    kind: Kind
    state: str
    headline: str
    sentences: tuple[str, ...]
    rows: pd.DataFrame = field(repr=False)
    next_cell: str = ""
    correlation_id: str | None = None
    files: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def text(self) -> str:
        """The whole answer as one paragraph."""
        return " ".join((self.headline, *self.sentences))

    @property
    def card(self) -> str:
        """The answer as HTML."""
        return card_html(self)

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.card


def verdict_on(history: History, component: str) -> Verdict:
    """The verdict on one component; see `History.why`."""
    sources = history.sources
    found = read_visits(sources)
    place = found.lasting(component)
    rows = steps_frame(sources, Filter(component=component, limit=ROWS_SHOWN))
    if place is None:
        return _without_visits(history, component, rows)
    (visit,), departures = found.at([place]), departures_of(found)
    whose = int(found.stays.component[place]), int(found.kinds()[place])
    siblings = departures.siblings_of(*whose)
    others = found.at(departures.of_others(*whose))
    finished = place in lasting_in(found, sources, lambda state: state.final)
    resting = place in lasting_in(found, sources, lambda state: state.resting)
    quiet = finished or resting
    judged = "usual" if resting else judge(visit.dwell_us, siblings)[0]
    kind: Kind = "finished" if finished else _KINDS[judged]
    stay = _steps_in(sources, visit)
    trouble = stay[stay["outcome"].isin(sentences.TROUBLE)]
    told = _last(sources, rows)
    if not quiet:
        told += sentences.troubles(rows, stay, trouble, files_of(sources))
        told += sentences.ways_out(others, stay) or sentences.silence(visit, rows)
        told += _parting(sources, component, others, rows)
    told += [*sentences.entered(visit), *_doubts(history, component, visit.entered_us)]
    correlation_id = _correlation_id(rows if quiet or trouble.empty else trouble)
    return Verdict(
        component,
        kind,
        visit.state,
        sentences.headline(visit, siblings, others, "resting" if resting else kind),
        tuple(told),
        rows,
        _next_cell(history, component, rows, None if quiet else correlation_id),
        correlation_id,
        words.file_names(source.name for source in sources),
    )


def _without_visits(history: History, component: str, rows: pd.DataFrame) -> Verdict:
    """The verdict where no row says since when a component is where it is."""
    name, state = words.name(component), "an unknown state"
    headline = f"{name}: no row that says where it is can be read."
    if len(rows):
        state = frames.cell_text(rows.iloc[-1]["to_state"]) or state
        headline = f"{name}: last seen in {words.name(state)}; since when is not recorded."
    told = (*_last(history.sources, rows), *_doubts(history, component, None))
    cell = _next_cell(history, component, rows, None)
    return Verdict(
        component,
        "unknown",
        state,
        headline,
        told,
        rows,
        cell,
        _correlation_id(rows),
        words.file_names(source.name for source in history.sources),
    )


def _steps_in(sources: Sequence[Source], visit: Visit) -> pd.DataFrame:
    """The messages that came while a stay lasted."""
    after = (visit.source, visit.step_id)
    return steps_frame(sources, Filter(visit.component, states=(visit.state,), after=after))


def _last(sources: Sequence[Source], rows: pd.DataFrame) -> list[str]:
    if len(rows):
        return [sentences.last(rows, files_of(sources))]
    for source in sources:
        with source.connect() as conn:
            if has_steps(conn):
                return ["No message to it is recorded."]
    return ["Its messages were not recorded, only snapshots."]


def _parting(
    sources: Sequence[Source], component: str, others: Sequence[Visit], rows: pd.DataFrame
) -> list[str]:
    """Where its way first parted from that of most others, if it did before its last step."""
    siblings = {each.component for each in others}
    found = parting(sources, component, siblings, MIN_DEPARTURES)
    if found is None:
        return []
    where = found.step.source, found.step.step_id
    if where == (rows.iloc[-1]["source"], rows.iloc[-1]["id"]):
        return []  # which is told already
    files = files_of(sources)
    before: Document | None = None
    for moment in moments_of(sources, component, steps=False):
        if (moment.source, moment.step_id) == where and moment.document and before:
            changes = changed_fields(before, moment.document)
            of_data = [each for each in changes if each.path != ("state",)]
            return [sentences.parted(found, of_data, len(siblings), files)]
        before = moment.document or before
    return [sentences.parted(found, [], len(siblings), files)]


def _doubts(history: History, component: str, since_us: int | None) -> list[str]:
    """What the rows can't tell."""
    lost = unreadable = 0
    for source in history.sources:
        with source.connect() as conn:
            lost += lost_rows(conn, since_us)
            unreadable += unreadable_snapshots(conn, component)
    told = [f"Since then the recording lost {words.plural(lost, 'row')}."] if lost else []
    if unreadable:
        told.append(f"{words.plural(unreadable, 'snapshot')} of it can't be read.")
    return told + history.notices


def _correlation_id(rows: pd.DataFrame) -> str | None:
    return frames.cell_text(rows.iloc[-1]["correlation_id"]) if len(rows) else None


def _next_cell(
    history: History, component: str, rows: pd.DataFrame, correlation_id: str | None
) -> str:
    if rows.empty:
        return f"history.snapshots({component!r}, explode=True).tail({ROWS_SHOWN})"
    if correlation_id is not None and _has_log(history):
        return f"history.log.trace({correlation_id!r}).tree()"
    return f"history.steps({component!r}).tail({ROWS_SHOWN})"


def _has_log(history: History) -> bool:
    try:
        return history.log is not None
    except FlexiFlowError:  # the one that was named is gone
        return False
