"""A component of this process as something to watch, and to send to."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flexiflow.errors import bounded
from flexiflow.graph.inferred import full_graph
from flexiflow.graph.model import ANY_MESSAGE, Graph
from flexiflow.graph.overlay import with_observed
from flexiflow.hooks import shown, watch_steps
from flexiflow.notebook.widgets.moment import MOST_OFFERS, Moment, Offer, StepLine, places

if TYPE_CHECKING:
    from flexiflow.answers import WhyNot
    from flexiflow.component import AsyncComponent
    from flexiflow.step import Step

_KEPT = 1_000  # steps, for rows()
_SHOWN = 20
_LONGEST_WHY = 1_000


class ComponentSource:
    """Follows a component from now on.

    What is kept of its steps is bounded, whatever their number.

    Args:
        component: the one to follow.
        changed: called after each of its steps; must be quick.
    """

    can_send = True

    def __init__(self, component: AsyncComponent, changed: Callable[[], None]) -> None:
        self.component = component
        self._changed = changed
        self._since = f"since {datetime.now(UTC):%H:%M:%S} UTC"
        self._steps = 0
        self._last: deque[StepLine] = deque(maxlen=_KEPT)
        self._visited = {component.state}
        self._graph = full_graph(component)
        self.close = watch_steps(component, self._note)

    @property
    def name(self) -> str:
        """The component's name."""
        return self.component.name

    @property
    def visited(self) -> set[str]:
        """The states that it was in."""
        return self._visited

    def graph(self) -> Graph:
        """Its machine, with the transitions that were seen though nothing declares them."""
        return self._graph

    def moment(self) -> Moment:
        """The machine as it is now."""
        known = [edge.message for edge in self._graph.edges if edge.message != ANY_MESSAGE]
        types = list(dict.fromkeys([*self.component.accepts(), *known]))
        return Moment(
            self.name,
            self.component.state,
            self._steps,
            self._since,
            tuple(map(self._offer, types[:MOST_OFFERS])),
            tuple(self._last)[-_SHOWN:],
            max(len(types) - MOST_OFFERS, 0),
        )

    def rows(self) -> list[StepLine]:
        """The steps that are kept, the oldest first."""
        return list(self._last)

    async def send(self, message_type: str, fields: dict[str, Any]) -> Step:
        """Send the component a message."""
        return await self.component.send(message_type, **fields)

    def why_not(self, message_type: str, fields: dict[str, Any]) -> str:
        """What stands between a message and a transition, in words."""
        return self._why(self.component.why_not(message_type, **fields))

    def masked(self, text: str) -> str:
        """`text` without the values of fields that the engine's recording keeps out."""
        return shown(self.component._hooks, text)

    def _note(self, step: Step) -> None:
        self._steps += 1
        line = StepLine.of(step, self._steps)
        if line.reason is not None:
            line = replace(line, reason=self.masked(line.reason))
        self._last.append(line)
        self._visited.add(line.to_state)
        if line.outcome == "moved" and not places(self._graph, line):
            self._add_unseen(line)
        self._changed()

    def _add_unseen(self, line: StepLine) -> None:
        """A classic handler did what could not be read in its code."""
        seen = Counter({(line.from_state, line.to_state, line.message): 1})
        self._graph = with_observed(self._graph, seen, visits={})

    def _offer(self, message_type: str) -> Offer:
        answer = self.component.why_not(message_type)
        return Offer(message_type, answer.answer, self._why(answer))

    def _why(self, answer: WhyNot) -> str:
        return bounded(self.masked(str(answer)), _LONGEST_WHY)
