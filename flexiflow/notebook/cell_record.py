"""What the engines of a notebook do while one cell runs.

A recording beside it goes on undisturbed, and an engine that nobody records is followed as well.
What is kept is bounded, whatever the cell does; the counts are of all.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from flexiflow.analysis.base.fields import Document, field_name
from flexiflow.analysis.base.values import shown as value_shown
from flexiflow.analysis.questions.blame import changed_fields
from flexiflow.analysis.reading.timeline import document_of
from flexiflow.correlation import Span, current_span
from flexiflow.engine import FlexiFlowEngine
from flexiflow.hooks import Observer, engine_listeners, shown
from flexiflow.notebook.widgets.moment import StepLine
from flexiflow.persistence import tagged
from flexiflow.persistence.snapshot import take_snapshot
from flexiflow.step import Step, first_line

STEPS_KEPT = 20
LINES_KEPT = 50
_MOST_COMPONENTS = 50
_LONGEST_DATA = 200


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of what happened.

    Attributes:
        time_us: microseconds since 1970 UTC.
        event: as in a trace log.
        component: whose, or None.
        text: the rest, in words.
        trouble: whether it tells of a failure or a refusal.
    """

    time_us: int
    event: str
    component: str | None
    text: str
    trouble: bool = False


class CellRecord(Observer):
    """Observes engines until it is finished.

    Args:
        engines: those that are there already.
        new_ones: whether to follow those too that are made meanwhile.

    Attributes:
        steps: how many messages were handled.
        outcomes: how many of them ended how.
        last: the last steps, the oldest first.
        lines: the last log lines.
        logged: how many there were.
        took_us: how long it lasted; None until it is finished.
    """

    def __init__(self, engines: Iterable[FlexiFlowEngine], *, new_ones: bool = True) -> None:
        self.steps = self.logged = 0
        self.outcomes: Counter[str] = Counter()
        self.last: deque[StepLine] = deque(maxlen=STEPS_KEPT)
        self.lines: deque[LogLine] = deque(maxlen=LINES_KEPT)
        self.took_us: int | None = None
        self._taken: dict[str, Counter[tuple[str, str, str]]] = {}
        self._unmoved: dict[str, Counter[tuple[str, str, str]]] = {}
        self._components: dict[str, Any] = {}
        self._before: dict[str, Document] = {}
        self._began_ns = time.perf_counter_ns()
        self._engines: list[FlexiFlowEngine] = []
        for engine in engines:
            self._follow(engine)
        if new_ones:
            engine_listeners.append(self._follow)

    def finish(self) -> None:
        """Observe no longer; a second call does nothing."""
        if self.took_us is not None:
            return
        self.took_us = (time.perf_counter_ns() - self._began_ns) // 1000
        if self._follow in engine_listeners:
            engine_listeners.remove(self._follow)
        for engine in self._engines:
            engine._hooks.leave(self)

    @property
    def components(self) -> list[Any]:
        """The components that had a message, those with most transitions first."""
        busiest = sorted(self._taken, key=lambda name: -self._taken[name].total())
        return [self._components[name] for name in busiest]

    def taken_by(self, component: str) -> Counter[tuple[str, str, str]]:
        """How often a component took each (from, to, message)."""
        return self._taken[component]

    def unmoved_by(self, component: str) -> Counter[tuple[str, str, str]]:
        """How often each (state, message, outcome) led a component nowhere."""
        return self._unmoved[component]

    def changes_of(self, component: str) -> list[tuple[str, str, str]]:
        """Which of a component's fields are not what they were: (field, old, new) as texts."""
        live, before = self._components[component], self._before.get(component)
        after = _document(live)
        if before is None or after is None:
            return []
        return [
            (field_name(each.path), value_shown(each.old), value_shown(each.new))
            for each in changed_fields(before, after)
            if each.path != ("state",)
        ]

    # -- what the core tells --------------------------------------------------------------

    def registered(self, component: Any) -> None:
        """Note it."""
        state = component.state_machine.state_name
        self._note("component.registered", component.name, f"in {state}", component)

    def received(self, step: Step, message: dict[str, Any]) -> None:
        """Keep what the component is before its first message here."""
        if step.component in self._components or len(self._components) >= _MOST_COMPONENTS:
            return
        component = self._find(step.component)
        if component is not None:
            self._components[step.component] = component
            self._taken[step.component], self._unmoved[step.component] = Counter(), Counter()
            document = _document(component)
            if document is not None:
                self._before[step.component] = document

    def handler_failed(
        self,
        span: Span,
        component: str,
        handler: str,
        duration_us: int,
        error: BaseException,
        data: Any = None,
    ) -> None:
        """Note it: a retry may hide it from its step."""
        text = f"{handler}: {type(error).__name__}: {first_line(error)}"
        live = self._components.get(component)
        self._note("handler.failed", component, text, live, trouble=True)

    def commit(
        self, step: Step, message: dict[str, Any], component: Any | None
    ) -> Awaitable[None] | None:
        """Count the step."""
        if self.took_us is not None:
            return None
        self.steps += 1
        self.outcomes[step.outcome] += 1
        line = StepLine.of(step, self.steps)
        live = self._components.get(step.component)
        if live is not None and line.reason is not None:
            line = replace(line, reason=shown(live._hooks, line.reason))
        self.last.append(line)
        trouble = step.outcome not in ("moved", "stayed")
        if live is not None and trouble:
            self._unmoved[step.component][step.from_state, line.message, step.outcome] += 1
        elif live is not None:
            self._taken[step.component][step.from_state, step.to_state, line.message] += 1
        events = {"moved": "state.changed", "stayed": "message.received"}
        events["refused"] = "message.refused"
        event = events.get(step.outcome, "message.failed")
        self._note(event, step.component, _told(line), live, trouble=trouble)
        return None

    def uncommitted(self, step: Step) -> None:
        """The step was counted as what it was to be; it failed."""
        self._note("message.failed", step.component, "it could not be recorded", None, trouble=True)

    def own_event(self, name: str, component: str | None, fields: dict[str, Any]) -> bool:
        """Note an event of the application's own."""
        span = current_span.get()
        owner = span.owner if component is None and span is not None else component
        live = self._components.get(owner or "")
        redaction = None if live is None else live._hooks.redaction
        data = tagged.encode(fields, redaction=redaction)[:_LONGEST_DATA].decode(errors="ignore")
        self._note(name, owner, data if fields else "", live)
        return self.took_us is None

    def _find(self, name: str) -> Any:
        return next((each for engine in self._engines if (each := engine.get(name))), None)

    def _follow(self, engine: FlexiFlowEngine) -> None:
        self._engines.append(engine)
        engine._hooks.join(self)

    def _note(
        self, event: str, component: str | None, text: str, live: Any, *, trouble: bool = False
    ) -> None:
        if self.took_us is None:
            self.logged += 1
            text = text if live is None else shown(live._hooks, text)
            self.lines.append(LogLine(time.time_ns() // 1000, event, component, text, trouble))


def _told(line: StepLine) -> str:
    change = f"{line.from_state} → {line.to_state}" if line.outcome == "moved" else line.from_state
    note = f": {line.reason}" if line.reason else ""
    return f"{line.message} {line.outcome}, {change}{note}"


def _document(component: Any) -> Document | None:
    """A copy of what a component is, which later changes can't reach."""
    with suppress(Exception):  # a component of the user's own making: its changes stay unknown
        text = tagged.encode(
            document_of(take_snapshot(component)), redaction=component._hooks.redaction
        )
        found: Document = tagged.decode(text)
        return found
    return None
