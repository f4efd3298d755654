"""A recorded component as something to watch: a database that another process may be writing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base.frames import microseconds, microseconds_of
from flexiflow.analysis.history import open_history
from flexiflow.errors import InvalidValue
from flexiflow.graph.model import ANY_MESSAGE, Graph
from flexiflow.notebook.widgets.moment import MOST_OFFERS, Moment, Offer, StepLine

if TYPE_CHECKING:
    from flexiflow.step import Step

_SHOWN = 20
_KEPT = 1_000

Stamp = tuple[tuple[int, int], ...]


class FileSource:
    """Reads a component's history, and never writes.

    Args:
        path: the database.
        name: the component.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where there is no such file.
        ComponentNotFound: (a KeyError) where it does not know the component.
    """

    can_send = False

    def __init__(self, path: str | os.PathLike[str], name: str) -> None:
        self.path = os.fspath(path)
        self.name = name
        self._history = open_history(self.path)
        self._history.require(name)
        self._stamp: Stamp = ()
        self._settled = False
        self._graph = Graph(name)
        self._lines: list[StepLine] = []
        self._count = 0
        self.read()

    @property
    def visited(self) -> set[str]:
        """The states that it was in."""
        return {state.name for state in self._graph.states if state.visits}

    def read(self) -> bool:
        """Read anew where the file has changed; whether it has.

        What is in the file can't be seen until its commit ends, which the disk may hold up: after
        a change it is read once more, when it looks the same.
        """
        stamp = self._stamp_now()
        same = stamp == self._stamp
        if same and self._settled:
            return False
        self._settled = same
        self._graph = self._history.graph(self.name).model
        self._lines = [_line(step) for _, step in self._newest().iterrows()]
        components = self._history.components()
        self._count = int(components.loc[components["component"] == self.name, "steps"].sum())
        self._stamp = stamp
        return True

    def graph(self) -> Graph:
        """Its machine as recorded, with what was observed on it."""
        return self._graph

    def moment(self) -> Moment:
        """The machine as it was last read."""
        state = self._graph.current or "unknown"
        offers = self._offers(state)
        return Moment(
            self.name,
            state,
            self._count,
            "recorded",
            offers[:MOST_OFFERS],
            tuple(self._lines[-_SHOWN:]),
            max(len(offers) - MOST_OFFERS, 0),
        )

    def rows(self) -> list[StepLine]:
        """The newest steps, the oldest of them first."""
        return self._lines

    async def send(self, message_type: str, fields: dict[str, Any]) -> Step:
        """Refuse: the component lives in another process."""
        raise InvalidValue(
            f"{message_type!r} can't be sent: this view follows a file.",
            why=f"{self.name} lives in the process that writes {self.path}.",
            fix="Watch the component itself, in its own process, to send it messages.",
            context={"component": self.name, "path": self.path},
        )

    def why_not(self, message_type: str, fields: dict[str, Any]) -> str:
        """What the recorded machine tells about a message."""
        state = self._graph.current or "unknown"
        return next((o.why for o in self._offers(state) if o.type == message_type),
                    f"Nothing in the recorded machine takes {message_type!r}.")  # fmt: skip

    def masked(self, text: str) -> str:
        """`text` as it is: what was to be kept out is not in the file."""
        return text

    def close(self) -> None:
        """There is nothing to end: each question opens and closes the file."""

    def _offers(self, state: str) -> tuple[Offer, ...]:
        edges = [edge for edge in self._graph.edges if edge.message != ANY_MESSAGE]
        here = {edge.message: edge for edge in edges if edge.source == state}
        known = list(dict.fromkeys([*here, *(edge.message for edge in edges)]))
        return tuple(Offer(each, each in here, self._words(each, state, here)) for each in known)

    def _words(self, message_type: str, state: str, here: dict[str, Any]) -> str:
        edge = here.get(message_type)
        if edge is None:
            return f"{state} takes {', '.join(here) or 'no message'}, not {message_type!r}."
        guard = f" if {edge.guard}" if edge.guard else ""
        return f"{state} takes {message_type!r}{guard}, and it leads to {edge.target}."

    def _newest(self) -> Any:
        return self._history.steps(self.name, limit=_KEPT)

    def _stamp_now(self) -> Stamp:
        """Size and time of the database and of its log: one of them changes with every commit."""
        found = []
        for path in (self.path, f"{self.path}-wal"):
            try:
                status = os.stat(path)
            except FileNotFoundError:
                continue
            found.append((status.st_mtime_ns, status.st_size))
        return tuple(found)


def _line(step: Any) -> StepLine:
    def text(column: str) -> str:
        return step[column] if isinstance(step[column], str) else ""

    return StepLine(
        int(step["id"]),
        microseconds(step["time"]),
        microseconds_of(step["duration"]),
        text("component"),
        text("message"),
        text("from_state"),
        text("to_state"),
        text("outcome"),
        text("reason") or None,
        text("error") or None,
    )
