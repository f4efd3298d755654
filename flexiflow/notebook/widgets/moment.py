"""What a machine view shows at one moment, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flexiflow.analysis.base import frames, words
from flexiflow.errors import bounded
from flexiflow.graph.model import ANY_MESSAGE, Graph
from flexiflow.step import Step, first_line

STEP_ROWS: frames.Columns = {
    "id": frames.ID,
    "time": frames.TIME,
    "duration": frames.DURATION,
    "component": frames.NAME,
    "message": frames.NAME,
    "from_state": frames.NAME,
    "to_state": frames.NAME,
    "outcome": frames.NAME,
    "reason": frames.TEXT,
    "error": frames.TEXT,
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 400
MOST_OFFERS = 40
"""Messages that a view has buttons for."""


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step, without the objects that a `Step` refers to: keeping it keeps nothing alive.

    Attributes:
        id: its row in the history, or the number that the view gave it.
        time_us, duration_us: microseconds; the time since 1970 UTC. None where not known.
        component, message, from_state, to_state, outcome: as in a `Step`.
        reason: in words why it was refused, or the first line of its error; or None.
        error: the name of the exception's class, or None.
    """

    id: int
    time_us: int | None
    duration_us: int | None
    component: str
    message: str
    from_state: str
    to_state: str
    outcome: str
    reason: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, step: Step, number: int) -> StepLine:
        """What is kept of a step."""
        error, reason = None, step.reason
        if step.error is not None:
            error = type(step.error).__name__
            reason = first_line(step.error)
        return cls(
            number,
            step.started_us,
            step.duration_us,
            step.component,
            step.message_type or "",
            step.from_state,
            step.to_state,
            step.outcome,
            reason,
            error,
        )

    def row(self) -> tuple[Any, ...]:
        """The values of `STEP_ROWS`."""
        return (
            self.id,
            self.time_us,
            self.duration_us,
            self.component,
            self.message,
            self.from_state,
            self.to_state,
            self.outcome,
            self.reason,
            self.error,
        )

    def shown(self) -> dict[str, Any]:
        """The same as texts for the view."""
        moved = self.from_state != self.to_state
        return {
            "id": self.id,
            "time": clock(self.time_us),
            "message": bounded(self.message, _LONGEST),
            "outcome": self.outcome,
            "change": f"{self.from_state} → {self.to_state}" if moved else self.from_state,
            "took": words.duration(self.duration_us),
            "note": bounded(": ".join(filter(None, (self.error, self.reason))), _LONGEST),
            "source": self.from_state,
            "target": self.to_state,
        }


@dataclass(frozen=True, slots=True)
class Offer:
    """One message type, and whether the machine would take it now.

    Attributes:
        type: the message's type.
        answer: True, False or "unknown", as `AsyncComponent.can` says it.
        why: the answer in words, with the guards that were asked.
    """

    type: str
    answer: bool | str
    why: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A machine at one moment.

    Attributes:
        component: its name.
        state: where it is.
        steps: how many steps the view knows of.
        since: what `steps` is counted from, in words.
        offers: the messages that the machine knows, those that it takes now first.
        last: its last steps, the oldest first.
        more: how many message types `offers` leaves out.
    """

    component: str
    state: str
    steps: int
    since: str
    offers: tuple[Offer, ...]
    last: tuple[StepLine, ...]
    more: int = 0

    def shown(self, graph: Graph, visited: set[str]) -> dict[str, Any]:
        """What the script gets: texts, and places of edges in the graph."""
        taken = [line for line in self.last if line.outcome in ("moved", "stayed")]
        failed = self.last[-1:] if self.last and self.last[-1].outcome == "failed" else ()
        return {
            "component": self.component,
            "state": self.state,
            "count": words.plural(self.steps, "step"),
            "since": self.since,
            "offers": [
                {"type": each.type, "answer": each.answer, "why": each.why} for each in self.offers
            ],
            "more": words.plural(self.more, "more message type") if self.more else "",
            "steps": [line.shown() for line in self.last],
            "visited": sorted(visited),
            "trail": [place for line in taken[-5:] for place in places(graph, line)[:1]],
            "failed": [place for line in failed for place in attempted(graph, line)],
        }


def places(graph: Graph, line: StepLine) -> list[int]:
    """Which of the graph's edges a step went over; those of its declared error first."""
    found = [
        place
        for place, edge in enumerate(graph.edges)
        if (edge.source, edge.target) == (line.from_state, line.to_state)
        and edge.message in (line.message, ANY_MESSAGE)
    ]
    return sorted(found, key=lambda place: graph.edges[place].error != line.error)


def attempted(graph: Graph, line: StepLine) -> list[int]:
    """Which edges a failed step would have gone over."""
    return [
        place
        for place, edge in enumerate(graph.edges)
        if edge.source == line.from_state and edge.message == line.message and edge.error is None
    ]


def clock(time_us: int | None) -> str:
    """A time of day in UTC with milliseconds."""
    if not time_us:
        return ""
    try:
        return f"{_EPOCH + timedelta(microseconds=time_us):%H:%M:%S.%f}"[:-3]
    except OverflowError:
        return ""
