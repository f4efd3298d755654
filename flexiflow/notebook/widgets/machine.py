"""The machine view: a live picture of one machine, and the messages that it takes now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import traitlets

from flexiflow.analysis.base import frames
from flexiflow.analysis.machine.machine_graph import MachineGraph
from flexiflow.errors import FlexiFlowError, bounded
from flexiflow.graph.model import Graph
from flexiflow.graph.neighbourhood import neighbourhood
from flexiflow.notebook.cards import graph_bundle
from flexiflow.notebook.html import element, escape
from flexiflow.notebook.widgets import modules
from flexiflow.notebook.widgets.base import Widget, error_words, unknown_selection
from flexiflow.notebook.widgets.coalesce import Coalesced
from flexiflow.notebook.widgets.moment import STEP_ROWS, Moment, StepLine

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.step import Step

POLL = 0.5  # seconds between two looks at a file
_KINDS = frozenset({"state", "source", "target", "message", "edges", "step"})


class Source(Protocol):
    """What a machine view follows."""

    can_send: bool

    @property
    def name(self) -> str:
        """The component's name."""

    @property
    def visited(self) -> set[str]:
        """The states that it was in."""

    def graph(self) -> Graph:
        """The machine; the same object as long as it is the same."""

    def moment(self) -> Moment:
        """The machine as it is now."""

    def rows(self) -> list[StepLine]:
        """The steps that are kept, the oldest first."""

    async def send(self, message_type: str, fields: dict[str, Any]) -> Step:
        """Send it a message."""

    def why_not(self, message_type: str, fields: dict[str, Any]) -> str:
        """What stands between a message and a transition, in words."""

    def masked(self, text: str) -> str:
        """`text` without the values of fields that are to be kept out."""

    def close(self) -> None:
        """Follow it no longer."""


class MachineView(Widget):
    """A live machine. Made by `watch`.

    Its `selection` is ``{}``, ``{"state": name}``, ``{"source": name, "target": name}`` with a
    ``"message"`` where it is one transition, or ``{"step": id}``.

    Args:
        source_of: makes what to follow; it gets the function to call when something has changed.
        **traits: ``height`` in pixels, ``selection``, and what every Jupyter widget has.
    """

    _esm = modules.script("watch.js")
    _open = False  # a view whose making failed is closed too

    svg = traitlets.Unicode(help="the picture").tag(sync=True)
    words = traitlets.Unicode(help="the picture in words").tag(sync=True)
    now = traitlets.Dict(help="the machine as it is now").tag(sync=True)
    problem = traitlets.Unicode(help="what stands in the way of following").tag(sync=True)
    can_send = traitlets.Bool(False, help="whether it can be sent messages").tag(sync=True)

    def __init__(self, source_of: Callable[[Callable[[], None]], Source], **traits: Any) -> None:
        selection = traits.pop("selection", {})
        self._tasks: set[asyncio.Task[None]] = set()
        self._drawn: Graph | None = None
        self._within: frozenset[str] = frozenset()
        super().__init__(**traits)
        self._soon = Coalesced(self.refresh)
        self._source = source_of(self._soon.request)
        self._open = True
        self.on_msg(self._received)
        self.refresh()
        self.selection = selection

    def follow(self, source_of: Callable[[Callable[[], None]], Source]) -> None:
        """Follow something else from now on."""
        followed = source_of(self._soon.request)
        self._source.close()
        self._source, self._drawn = followed, None
        self.selection = {}
        self.refresh()

    def refresh(self) -> None:
        """Show the machine as it is now. What goes wrong is shown, never raised into a machine."""
        try:
            self._show(self._source)
        except Exception as exc:
            self._report("This view can't go on", exc)

    def rows(self) -> pd.DataFrame:
        """The kept steps that the selection is about: at most the last 1,000.

        Returns:
            a DataFrame with the columns of `moment.STEP_ROWS`.
        """
        lines = [line for line in self._source.rows() if _is_about(line, self.selection)]
        return frames.frame(STEP_ROWS, (line.row() for line in lines))

    def close(self) -> None:
        """Stop following, and take the view off the page."""
        if self._open:
            self._open = False
            self._source.close()
            for task in self._tasks:
                task.cancel()
        super().close()

    def static_html(self) -> str:
        """The picture as an image, its text, and where the machine is."""
        now = self._source.moment()
        head = element("strong", escape(now.component)) + f" is in {escape(now.state)}"
        picture = graph_bundle(MachineGraph(replace(self._source.graph(), current=now.state)))[
            "text/html"
        ]
        return element("div", head, "margin:4px 0") + picture

    def static_text(self) -> str:
        """Where the machine is, and what it takes."""
        now = self._source.moment()
        takes = ", ".join(each.type for each in now.offers if each.answer) or "no message"
        return f"{now.component} is in {now.state} after {now.steps:,} steps; it takes {takes}."

    def check_selection(self, chosen: Mapping[str, Any]) -> None:
        """Raise `InvalidValue` for a state, transition or step that is not there."""
        if not chosen:
            return
        graph = self._source.graph()
        states = [state.name for state in graph.states]
        for key in ("state", "source", "target"):
            if key in chosen and chosen[key] not in states:
                raise unknown_selection(key, chosen[key], states)
        if chosen.keys() - _KINDS:
            odd = min(chosen.keys() - _KINDS, key=str)
            raise unknown_selection("kind of selection", odd, sorted(_KINDS))
        ids = [line.id for line in self._source.rows()]
        if "step" in chosen and chosen["step"] not in ids:
            raise unknown_selection("step", chosen["step"], [str(each) for each in ids[-20:]])

    # -- following ------------------------------------------------------------------------

    def _show(self, source: Source) -> None:
        graph, moment = source.graph(), source.moment()
        with self.hold_sync():
            if graph != self._drawn or moment.state not in self._within:
                self._draw(graph, moment.state)
            self.can_send = source.can_send
            self.now = moment.shown(graph, source.visited)
            self.problem = ""

    def _draw(self, graph: Graph, state: str) -> None:
        here = replace(graph, current=state)
        machine = MachineGraph(here)
        # A large machine is cut to what is around the current state, and drawn anew outside it.
        self._within = frozenset([state, *(each.name for each in neighbourhood(here).states)])
        self._drawn = graph
        self.words = machine.to_text()
        try:
            self.svg = machine.to_svg()
        except FlexiFlowError as exc:  # nothing here can draw: the words stand in
            self.svg, self.words = "", f"{machine.to_text()}\n\n{exc}"

    def keep_reading(self, read: Callable[[], bool]) -> None:
        """Call `read` in a thread again and again, and show what has changed, until it is closed.

        Without a running event loop nothing is read later.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        self._start(self._read_on(read))

    async def _read_on(self, read: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                changed = await asyncio.to_thread(read)
            except Exception as exc:
                self._report("The file can't be read", exc)
            else:
                if changed or self.problem:
                    self.refresh()
            # A file that takes long to read is not read all the time.
            await asyncio.sleep(max(POLL, 4 * (loop.time() - began)))

    def _report(self, what: str, exc: Exception) -> None:
        self.problem = f"{what}: {bounded(self._source.masked(error_words(exc)), 1_000)}"

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- what the view asks for -----------------------------------------------------------

    def _received(self, _: Any, content: Any, __: Any) -> None:
        asked = content if isinstance(content, dict) else {}
        if asked.get("do") == "refresh":
            self.refresh()
            return
        kind, fields = asked.get("type"), asked.get("fields", {})
        if not isinstance(kind, str) or not isinstance(fields, dict):
            return
        if asked.get("do") == "why":
            self._answer(asked, "refused", self._why(kind, fields))
        elif asked.get("do") == "send":
            self._start(self._pass_on(asked, kind, fields))

    def _why(self, kind: str, fields: dict[str, Any]) -> str:
        try:
            return self._source.why_not(kind, fields)
        except Exception as exc:
            return error_words(exc)

    async def _pass_on(self, asked: dict[str, Any], kind: str, fields: dict[str, Any]) -> None:
        try:
            step = await self._source.send(kind, fields)
        except Exception as exc:  # the sender is a person: the error is the answer
            self._answer(asked, "failed", error_words(exc))
        else:
            text = repr(step)
            if step.outcome == "refused":
                text = f"{text}\n{self._why(kind, fields)}"
            self._answer(asked, step.outcome, text)
        self.refresh()

    def _answer(self, asked: dict[str, Any], kind: str, text: str) -> None:
        shown = bounded(self._source.masked(text), 4_000)
        self.send({"answers": asked.get("id"), "kind": kind, "text": shown})


def _is_about(line: StepLine, chosen: Mapping[str, Any]) -> bool:
    if "step" in chosen:
        return bool(line.id == chosen["step"])
    if "state" in chosen:
        return chosen["state"] in (line.from_state, line.to_state)
    wanted = {"source": line.from_state, "target": line.to_state, "message": line.message}
    return all(chosen[key] == value for key, value in wanted.items() if key in chosen)
