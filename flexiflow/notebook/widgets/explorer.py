"""The explorer of a history: one component, rewound step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from flexiflow.analysis.base import frames, shapes, words
from flexiflow.analysis.history.playback import Entry, Playback, playback_of
from flexiflow.analysis.history.windows import Place, trouble_near, window_of
from flexiflow.analysis.machine.machine_graph import MachineGraph
from flexiflow.analysis.reading.rows import Filter, newest_of, steps_frame
from flexiflow.analysis.reading.tables import snapshots_up_to
from flexiflow.errors import FlexiFlowError
from flexiflow.graph.model import Graph
from flexiflow.notebook.cards import graph_bundle, verdict_card
from flexiflow.notebook.html import element, escape
from flexiflow.notebook.widgets import modules
from flexiflow.notebook.widgets.base import Widget, error_words, unknown_selection
from flexiflow.notebook.widgets.choosing import offered
from flexiflow.notebook.widgets.explorer_answers import answer, marked, place_of
from flexiflow.notebook.widgets.linking import Cursor
from flexiflow.notebook.widgets.log_lines import log_lines
from flexiflow.notebook.widgets.packed_playback import packed

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.history import History
    from flexiflow.analysis.questions.why import Verdict

MOST_STEPS = 10_000
"""Steps that are sent to the browser at once."""

_AT_ONCE = (
    50_000  # snapshots in the files; with more, what compares all of them has to be asked for
)
_TOLD_AT_ONCE = 1_000  # steps; the story of more has to be asked for
_FILTERS = ("state", "source", "target", "message")
_KINDS = frozenset({"step", "snapshot", "file", *_FILTERS})
_NOTHING = "Nothing is recorded in this history yet."
_RECORD = 'recording = record(engine, "state.db", log="run.jsonl")'


class HistoryExplorer(Widget):
    """A component's history, to go through. Made by `History.explore`.

    Its `selection` is where the cursor is, ``{"step": id}`` or ``{"snapshot": id}`` (with a
    ``"file"`` where there are several), and what is filtered: ``"state"``, or ``"source"`` and
    ``"target"`` with a ``"message"`` where it is one transition.

    Args:
        history: which.
        component: the one to begin with; the one that was in trouble last unless given.
        **traits: ``height`` in pixels, ``selection``, and what every Jupyter widget has.

    Raises:
        ComponentNotFound: (a KeyError) for an unknown component.
        InvalidValue: (a ValueError) for a selection that is not there.
    """

    _esm = modules.script("explorer.js")

    component = traitlets.Unicode(help="the one that is shown; can be set").tag(sync=True)
    names: traitlets.List[str] = traitlets.List(help="what can be chosen").tag(sync=True)
    names_left_out = traitlets.Int(help="how many more the history has").tag(sync=True)
    svg = traitlets.Unicode(help="the picture").tag(sync=True)
    words = traitlets.Unicode(help="the picture in words").tag(sync=True)
    packed = traitlets.Bytes(help="the steps; see packed_playback").tag(sync=True)
    told = traitlets.Dict(help="verdict, story, and how much is shown").tag(sync=True)
    log: traitlets.Dict[str, Any] = traitlets.Dict(help="lines of the trace log").tag(sync=True)
    bookmarks: traitlets.List[Any] = traitlets.List(help="[kind, id, file] each").tag(sync=True)

    def __init__(self, history: History, component: str | None, **traits: Any) -> None:
        selection = traits.pop("selection", {})
        self.history = history
        self.playback = Playback(window_of([], "", None, 0))
        self._graph = Graph("")
        self._verdict: Verdict | None = None
        super().__init__(**traits)
        history.require(component)
        self.component = self._first() if component is None else component
        self._load()
        if selection:
            self.selection = selection
        self.observe(self._load_other, "component")
        self.on_msg(self._received)

    def refresh(self) -> None:
        """Read what was recorded since, and stay at the row; at the end, go to the new end."""
        if self._is_empty():
            self.component = self._first()  # whoever observes it loads it
            return
        here = self._here()
        if here in self.playback.entries[-1:]:
            here = None
        self._read(None if here is None else place_of(self, here))

    def show(self, place: Place | None) -> None:
        """Show the part of the history around a row, and go there; to the end without a row."""
        with self.hold_sync():
            self._take_window(place)
            self.go(self._entry_at(place))

    def go(self, at: int) -> None:
        """Move the cursor to an entry of the `playback`; the filter stays."""
        if not 0 <= at < len(self.playback.entries):
            self.selection = {}
            return
        entry = self.playback.entries[at]
        of_step = entry.step_id is not None
        moved: dict[str, Any] = {
            "step" if of_step else "snapshot": entry.step_id or entry.snapshot_id
        }
        if len(self.history.sources) > 1:
            moved["file"] = entry.source
        self.selection = moved | {k: v for k, v in self.selection.items() if k in _FILTERS}

    def rows(self) -> pd.DataFrame:
        """The steps that the selection is about: those that pass its filter, of all that there
        are; without a filter the one at the cursor.

        Returns:
            a DataFrame with the columns of `shapes.STEPS`.
        """
        if self._is_empty():
            return frames.frame(shapes.STEPS, [])
        steps = steps_frame(self.history.sources, Filter(self.component))
        chosen = _rows_about(steps, self.selection)
        return chosen.reset_index(drop=True)

    def save_html(self, path: str | Path) -> Path:
        """Write the explorer as one file that works in any browser, its story told in it.

        Args:
            path: the file; replaced as a whole, or left as it was where that fails.

        Raises:
            PersistenceError: where it can't be written.
        """
        if "story" not in self.told and not self._is_empty():
            self.tell_story()  # nobody can be asked for it there
        return super().save_html(path)

    def static_html(self) -> str:
        """The verdict and the picture."""
        said = element("p", escape(self.static_text()))
        if self._is_empty():
            return said
        head = said if self._verdict is None else verdict_card(self._verdict)
        here = self._here()
        current = None if here is None else here.after
        return head + graph_bundle(MachineGraph(replace(self._graph, current=current)))["text/html"]

    def static_text(self) -> str:
        """What happened, in one line, and how much is shown."""
        if self._is_empty():
            return _NOTHING
        window = self.playback.window
        total = words.plural(window.total, "step")
        part = f"{words.count(window.shown)} of {total}" if window.shown < window.total else total
        return f"{self.told.get('headline', '')} {part}.".strip()

    def check_selection(self, chosen: Mapping[str, Any]) -> None:
        """Raise `InvalidValue` for a step, snapshot, state or transition that is not there."""
        if chosen.keys() - _KINDS:
            odd = min(chosen.keys() - _KINDS, key=str)
            raise unknown_selection("kind of selection", odd, sorted(_KINDS))
        states = [state.name for state in self._graph.states]
        for key in ("state", "source", "target"):
            if key in chosen and chosen[key] not in states:
                raise unknown_selection(key, chosen[key], states)
        if ("step" in chosen or "snapshot" in chosen) and self._place(chosen) < 0:
            self._take_window(self._found(chosen))

    # -- as what explorers can be linked by; see linking.py ---------------------------------

    @property
    def cursor(self) -> Cursor:
        """Where it is; see `linking.link`."""
        here = self._here()
        if here is None:
            return Cursor(None, self.component, None, in_trace=False)
        return Cursor(here.time_us, self.component, here.correlation_id, in_trace=False)

    def go_to(self, cursor: Cursor) -> None:
        """Go to the step of the same trace, else to the last entry that began at or before.

        A cursor in a trace leads to its component, if the history has it.
        """
        wanted = cursor.component
        if cursor.in_trace and wanted != self.component and wanted in self.history.names():
            self.component = wanted
        entries = self.playback.entries
        times = [entry.time_us for entry in entries]
        reached = [
            at
            for at, each in enumerate(times)
            if each is not None and cursor.time_us is not None and each <= cursor.time_us
        ]
        of_trace = [
            at
            for at, entry in enumerate(entries)
            if cursor.in_trace and entry.correlation_id == cursor.correlation_id
        ]
        within = [at for at in of_trace if at in set(reached)]
        places = within[-1:] or of_trace[:1] or reached[-1:]
        if places:
            self.go(places[0])

    # -- loading --------------------------------------------------------------------------

    def _load(self) -> None:
        """Read the history, and go to the last step that failed or was refused."""
        if self._is_empty():
            self.told = {"empty": _NOTHING, "code": _RECORD}
            return
        self._read(trouble_near(self.history.sources, self.component, "any"))

    def _read(self, place: Place | None) -> None:
        with self.hold_sync():
            self.names, self.names_left_out = offered(self.history.names(), self.component)
            self._draw()
            self._judge()
            self.show(place)

    def _load_other(self, _: Any) -> None:
        self.history.require(self.component)
        self.selection = {}
        self._load()

    def _is_empty(self) -> bool:
        """Whether the history has no component; one may be called ``""``."""
        return self.component == "" and "" not in self.history.names()

    def _first(self) -> str:
        """The component to begin with: the one that was in trouble last, else the newest one."""
        table = self.history.components().sort_values("last")
        trouble = table[table["outcome"].isin(["failed", "refused"])]
        names = (trouble if len(trouble) else table)["component"]
        return str(names.iloc[-1]) if len(names) else ""

    def _draw(self) -> None:
        machine = self.history.graph(self.component)
        self._graph, self.words = machine.model, machine.to_text()
        try:
            self.svg = machine.to_svg()
        except FlexiFlowError as exc:  # nothing here can draw: the words stand in
            self.svg, self.words = "", f"{machine.to_text()}\n\n{exc}"
        self.bookmarks = marked(self.history.sources, self.component)

    def _judge(self) -> None:
        """Ask `History.why`, where that does not take long."""
        snapshots = 0
        for source in self.history.sources:
            with source.connect() as conn:
                snapshots += snapshots_up_to(conn, _AT_ONCE + 1)
        self._verdict = self.history.why(self.component) if snapshots <= _AT_ONCE else None

    def judge(self) -> str:
        """Ask `History.why` however long that takes, and give its text."""
        self._verdict = self.history.why(self.component)
        self.told = self._all_told()
        return self._verdict.text

    def _take_window(self, around: Place | None) -> None:
        window = window_of(self.history.sources, self.component, around, MOST_STEPS)
        self.playback = playback_of(window)
        with self.hold_sync():
            self.told = self._all_told()
            self.log = log_lines(self.history, self.playback)
            self.packed = packed(self.playback, self._graph, several=len(self.history.sources) > 1)

    def _all_told(self) -> dict[str, Any]:
        window = self.playback.window
        told: dict[str, Any] = {
            "first": window.first,
            "shown": window.shown,
            "total": window.total,
            "before": window.trouble_before,
            "after": window.trouble_after,
            "more_fields": self.playback.more_fields,
            "headline": self._last_seen(),
        }
        if window.first + window.shown == window.total:
            newest_us = newest_of(self.history.sources)
            told["until"] = None if newest_us is None else newest_us / 1000
        if self._verdict is not None:
            told |= {"kind": self._verdict.kind, "why": list(self._verdict.sentences)}
            told["headline"] = self._verdict.headline
        if window.total <= _TOLD_AT_ONCE:
            told["story"] = self._story()
        return told

    def tell_story(self) -> None:
        """Send the story, however long it takes to tell."""
        self.told = self.told | {"story": self._story()}

    def _last_seen(self) -> str:
        last = self.playback.entries[-1:]
        state = last[0].after if last else None
        return f"{words.name(self.component)}: last seen in {words.name(state or '?')}."

    def _story(self) -> list[list[Any]]:
        """Sentences, each with its first step, its file, and its time in milliseconds."""
        story = self.history.story(self.component).frame
        steps = story["first_step"].astype(object).where(story["first_step"].notna(), None)
        moments = [frames.microseconds(each) for each in story["time"]]
        times = [None if each is None else each / 1000 for each in moments]
        told = zip(story["sentence"], steps, story["source"], times, strict=True)
        return [list(row) for row in told]

    # -- the cursor -----------------------------------------------------------------------

    def _here(self) -> Entry | None:
        place = self._place(self.selection)
        entries = self.playback.entries
        return entries[place] if 0 <= place < len(entries) else None

    def _place(self, chosen: Mapping[str, Any]) -> int:
        return self.playback.place_of(
            step_id=chosen.get("step"),
            snapshot_id=chosen.get("snapshot"),
            source=chosen.get("file"),
        )

    def _entry_at(self, place: Place | None) -> int:
        """Where a row is in the playback; the last entry where it is not."""
        last = len(self.playback.entries) - 1
        if place is None:
            return last
        ids = {f"{place.kind}_id": place.id}
        found = self.playback.place_of(**ids, source=self.history.sources[place.file].name)
        return found if found >= 0 else last

    def _found(self, chosen: Mapping[str, Any]) -> Place:
        """Where a row is that is not in the playback; raises `InvalidValue` where it is nowhere."""
        of_step = "step" in chosen
        kind = "step" if of_step else "snapshot"
        rows = (self.history.steps if of_step else self.history.snapshots)(self.component)
        found = rows[rows["id"] == chosen[kind]]
        if "file" in chosen:
            found = found[found["source"] == chosen["file"]]
        if found.empty:
            known = [str(each) for each in rows["id"].tail(20)]
            raise unknown_selection(kind, chosen[kind], known)
        names = [source.name for source in self.history.sources]
        file = names.index(str(found["source"].iloc[-1]))
        return Place(file, "step" if of_step else "snapshot", int(found["id"].iloc[-1]))

    # -- what the script asks for ---------------------------------------------------------

    def _received(self, _: Any, content: Any, __: Any) -> None:
        asked = content if isinstance(content, dict) else {}
        try:
            told = answer(self, asked)
        except Exception as exc:  # the asker is a person: the error is the answer
            told = {"kind": "failed", "text": error_words(exc)}
        self.send({"answers": asked.get("id"), "do": asked.get("do"), **told})


def _rows_about(steps: pd.DataFrame, chosen: Mapping[str, Any]) -> pd.DataFrame:
    if "state" in chosen:
        left, reached = (steps[name] == chosen["state"] for name in ("from_state", "to_state"))
        near: pd.DataFrame = steps.loc[left | reached]
        return near
    columns = {"source": "from_state", "target": "to_state", "message": "message"}
    if not chosen.keys() & columns.keys():
        if "step" not in chosen:
            return steps.iloc[:0]
        columns = {"step": "id", "file": "source"}
    for key, column in columns.items():
        if key in chosen:
            steps = steps.loc[steps[column] == chosen[key]]
    return steps
