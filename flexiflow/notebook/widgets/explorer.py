"""The explorer of a history: one component, rewound step by step."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from flexiflow.analysis import frames, words
from flexiflow.analysis.machine_graph import MachineGraph
from flexiflow.analysis.playback import Entry, Playback, playback_of
from flexiflow.analysis.rows import Filter, steps_frame
from flexiflow.analysis.source import FileSource
from flexiflow.analysis.windows import Place, Trouble, trouble_near, window_of
from flexiflow.errors import FlexiFlowError, bounded
from flexiflow.graph.model import Graph
from flexiflow.notebook.cards import graph_bundle, verdict_card
from flexiflow.notebook.html import element, escape
from flexiflow.notebook.widgets import modules
from flexiflow.notebook.widgets.base import Widget, unknown_selection
from flexiflow.notebook.widgets.log_lines import log_lines
from flexiflow.notebook.widgets.packed_playback import packed
from flexiflow.persistence.bookmarks import Bookmark, Bookmarks

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.history import History
    from flexiflow.analysis.why import Verdict

MOST_STEPS = 10_000
"""Steps that are sent to the browser at once."""

_AT_ONCE = 50_000  # snapshots in the files; with more, what compares all of them has to be asked for
_MOST_NAMES = 500
_KINDS = frozenset({"step", "snapshot", "file", "state", "source", "target", "message"})


class HistoryExplorer(Widget):
    """A component's history, to go through. Made by `History.explore`.

    Its `selection` is where the cursor is, ``{"step": id}`` or ``{"snapshot": id}`` (with a
    ``"file"`` where several files have that id), and what is filtered: ``"state"``, or ``"source"``
    and ``"target"`` with a ``"message"`` where it is one transition.

    Args:
        history: which.
        component: the one to begin with.
        **traits: ``height`` in pixels, ``selection``, and what every Jupyter widget has.

    Raises:
        ComponentNotFound: (a KeyError) for an unknown component.
        InvalidValue: (a ValueError) for a selection that is not there.
    """

    _esm = modules.script("explorer.js")

    component = traitlets.Unicode(help="the one that is shown; can be set").tag(sync=True)
    names: traitlets.List[str] = traitlets.List(help="what can be chosen").tag(sync=True)
    svg = traitlets.Unicode(help="the picture").tag(sync=True)
    words = traitlets.Unicode(help="the picture in words").tag(sync=True)
    packed = traitlets.Bytes(help="the steps; see packed_playback").tag(sync=True)
    told = traitlets.Dict(help="verdict, story, and how much is shown").tag(sync=True)
    log: traitlets.Dict[str, Any] = traitlets.Dict(help="lines of the trace log").tag(sync=True)
    bookmarks: traitlets.List[list[Any]] = traitlets.List(help="[kind, id, note]").tag(sync=True)

    def __init__(self, history: History, component: str | None, **traits: Any) -> None:
        selection = traits.pop("selection", {})
        self._history = history
        super().__init__(**traits)
        history.require(component)
        self.names = history.names()[:_MOST_NAMES]
        self.component = self._first() if component is None else component
        self._playback = Playback(window_of([], "", None, 0))
        self._graph = Graph("")
        self._load()
        self.selection = selection or self.selection
        self.observe(lambda _: self._load(), "component")
        self.on_msg(self._received)

    def rows(self) -> pd.DataFrame:
        """The steps that the selection is about: those that pass its filter, of all that there
        are; without a filter the one at the cursor.

        Returns:
            a DataFrame with the columns of `frames.STEPS`.
        """
        if not self.component:
            return frames.frame(frames.STEPS, [])
        steps = steps_frame(self._history.sources, Filter(self.component))
        chosen = self.selection
        wanted = {"source": "from_state", "target": "to_state", "message": "message"}
        filtered = {column: chosen[key] for key, column in wanted.items() if key in chosen}
        if "state" in chosen:
            near = (steps["from_state"] == chosen["state"]) | (steps["to_state"] == chosen["state"])
            return steps[near].reset_index(drop=True)
        if not filtered and "step" in chosen:
            filtered = {"id": chosen["step"]}
            filtered |= {"source": chosen["file"]} if "file" in chosen else {}
        elif not filtered and "snapshot" in chosen:
            return steps.iloc[:0]
        for column, value in filtered.items():
            steps = steps[steps[column] == value]
        return steps.reset_index(drop=True)

    def static_html(self) -> str:
        """The verdict, the picture and the last sentences of the story."""
        if not self.component:
            return element("p", escape(self.static_text()))
        verdict = self._verdict()
        head = element("p", escape(self.static_text())) if verdict is None else verdict_card(verdict)
        here = self._here()
        current = None if here is None else here.after
        picture = graph_bundle(MachineGraph(replace(self._graph, current=current)))["text/html"]
        return head + picture

    def static_text(self) -> str:
        """What happened, in one line, and how much is shown."""
        if not self.component:
            return _NOTHING
        window = self._playback.window
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
            self._show_around(chosen)

    def at(self, time_us: int) -> None:
        """Go to the last step that began at or before a time, microseconds since 1970."""
        times = [entry.time_us for entry in self._playback.entries]
        reached = [at for at, each in enumerate(times) if each is not None and each <= time_us]
        if reached:
            self._go(reached[-1])

    @property
    def time_us(self) -> int | None:
        """When the selected step began, microseconds since 1970; None where there is none."""
        here = self._here()
        return None if here is None else here.time_us

    # -- loading --------------------------------------------------------------------------

    def _first(self) -> str:
        """The component to begin with: the one that was in trouble last, else the first one."""
        table = self._history.components()
        if table.empty:
            return ""
        trouble = table[table["outcome"].isin(["failed", "refused"])].sort_values("last")
        return str((trouble if len(trouble) else table)["component"].iloc[-1])

    def _load(self) -> None:
        if not self.component:
            self.told = {"empty": _NOTHING, "code": _RECORD}
            return
        sources = self._history.sources
        place = trouble_near(sources, self.component, "any")
        self._graph = self._history.graph(self.component).model
        machine = MachineGraph(self._graph)
        self.words = machine.to_text()
        try:
            self.svg = machine.to_svg()
        except FlexiFlowError as exc:  # nothing here can draw: the words stand in
            self.svg, self.words = "", f"{machine.to_text()}\n\n{exc}"
        self._show_window(place)
        self._go(self._place_in(place))
        self.bookmarks = self._marked()

    def _show_window(self, around: Place | None) -> None:
        window = window_of(self._history.sources, self.component, around, MOST_STEPS)
        self._playback = playback_of(window)
        self.packed = packed(self._playback, self._graph)
        self.told = self._told()
        self.log = log_lines(self._history, self._playback)

    def _told(self) -> dict[str, Any]:
        window = self._playback.window
        verdict = self._verdict()
        told: dict[str, Any] = {
            "first": window.first,
            "shown": window.shown,
            "total": window.total,
            "before": window.trouble_before,
            "after": window.trouble_after,
            "more_fields": self._playback.more_fields,
            "headline": self._where() if verdict is None else verdict.headline,
            "files": len(self._history.sources),
        }
        if verdict is not None:
            told |= {"kind": verdict.kind, "why": list(verdict.sentences)}
        if window.total <= MOST_STEPS:
            story = self._history.story(self.component).frame
            first, last = (story[name].astype("Int64") for name in ("first_step", "last_step"))
            spans = [(_plain(a), _plain(b)) for a, b in zip(first, last, strict=True)]
            told["story"] = [
                [text, *span] for text, span in zip(story["sentence"], spans, strict=True)
            ]
        return told

    def _verdict(self) -> Verdict | None:
        """What `History.why` says, where that does not take long."""
        known = getattr(self, "_known_verdict", None)
        if known is not None and known.component == self.component:
            return known
        if self._history.components()["snapshots"].sum() > _AT_ONCE:
            return None
        self._known_verdict = self._history.why(self.component)
        return self._known_verdict

    def _where(self) -> str:
        last = self._playback.entries[-1:]
        state = last[0].after if last else None
        return f"{words.name(self.component)}: last seen in {words.name(state or '?')}."

    # -- the cursor -----------------------------------------------------------------------

    def _here(self) -> Entry | None:
        place = self._place(self.selection)
        entries = self._playback.entries
        return entries[place] if 0 <= place < len(entries) else None

    def _place(self, chosen: Mapping[str, Any]) -> int:
        key = "step" if "step" in chosen else "snapshot"
        if key not in chosen:
            return -1
        return self._playback.place_of(**{f"{key}_id": chosen[key]}, source=chosen.get("file"))

    def _place_in(self, place: Place | None) -> int:
        last = len(self._playback.entries) - 1
        if place is None:
            return last
        source = self._history.sources[place.file].name
        found = self._playback.place_of(**{f"{place.kind}_id": place.id}, source=source)
        return found if found >= 0 else last

    def _go(self, place: int) -> None:
        """Move the cursor; what is filtered goes on being so where the machine is the same."""
        if not 0 <= place < len(self._playback.entries):
            self.selection = {}
            return
        entry = self._playback.entries[place]
        kind = "snapshot" if entry.step_id is None else "step"
        moved = {kind: entry.snapshot_id if entry.step_id is None else entry.step_id}
        if len(self._history.sources) > 1:
            moved["file"] = entry.source
        self.selection = moved

    def _show_around(self, chosen: Mapping[str, Any]) -> None:
        """Show the part of the history that a row is in."""
        kind = "step" if "step" in chosen else "snapshot"
        frame = self._history.steps if kind == "step" else self._history.snapshots
        rows = frame(self.component)
        found = rows[rows["id"] == chosen[kind]]
        if "file" in chosen:
            found = found[found["source"] == chosen["file"]]
        if found.empty:
            known = [str(each) for each in rows["id"].tail(20)]
            raise unknown_selection(kind, chosen[kind], known)
        names = [source.name for source in self._history.sources]
        file = names.index(str(found["source"].iloc[-1]))
        place = Place(file, "step" if kind == "step" else "snapshot", int(chosen[kind]))
        self._show_window(place)

    # -- what the script asks for ---------------------------------------------------------

    def _received(self, _: Any, content: Any, __: Any) -> None:
        asked = content if isinstance(content, dict) else {}
        answers = {
            "when": self._when,
            "why": self._why,
            "trouble": self._trouble,
            "around": self._around,
            "bookmark": self._bookmark,
        }
        answer = answers.get(str(asked.get("do")))
        if answer is None:
            return
        try:
            told = answer(asked)
        except Exception as exc:  # the asker is a person: the error is the answer
            text = str(exc) if isinstance(exc, FlexiFlowError) else f"{type(exc).__name__}: {exc}"
            told = {"kind": "failed", "text": bounded(text, 2_000)}
        self.send({"answers": asked.get("id"), "do": asked["do"], **told})

    def _when(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        found = self._history.when(self.component, asked.get("text", ""))
        spans = []
        for each in list(found)[:MOST_STEPS]:
            first = self._playback.place_of(snapshot_id=each.first_snapshot, source=each.source)
            last = self._playback.place_of(snapshot_id=each.last_snapshot)
            spans.append([first, last, each.first_snapshot, words.duration(each.dwell_us)])
        longest = found.longest
        dwell = None if longest is None else words.duration(longest.dwell_us)
        return {
            "spans": spans,
            "asked": found.condition,
            "text": found.text,
            "longest": dwell,
            "count": len(found),
        }

    def _why(self, _: Mapping[str, Any]) -> dict[str, Any]:
        self._known_verdict = self._history.why(self.component)
        self.told = self._told()
        return {"kind": "moved", "text": self._known_verdict.text}

    def _trouble(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        kind: Trouble = "refused" if asked.get("kind") == "refused" else "failed"
        forward = bool(asked.get("forward"))
        entries = [each for each in self._playback.entries if each.step_id is not None]
        if not entries:
            return {"text": "There are no steps."}
        edge = entries[-1 if forward else 0]
        names = [source.name for source in self._history.sources]
        start = Place(names.index(edge.source), "step", edge.step_id or 0)
        found = trouble_near(
            self._history.sources, self.component, kind, start, forward=forward
        )
        if found is None:
            return {"text": f"No {'later' if forward else 'earlier'} step was {kind}."}
        self._show_window(found)
        self._go(self._place_in(found))
        return {"text": ""}

    def _around(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Show another part of the history: earlier, later, or around a snapshot."""
        if "snapshot" in asked:
            self.selection = {"snapshot": int(asked["snapshot"])}
            return {"text": ""}
        later = asked.get("part") == "later"
        edge = self._playback.entries[-1 if later else 0]
        names = [source.name for source in self._history.sources]
        of_step = edge.step_id is not None
        row = edge.step_id if of_step else edge.snapshot_id
        place = Place(names.index(edge.source), "step" if of_step else "snapshot", row or 0)
        self._show_window(place)
        self._go(self._place_in(place))
        return {"text": ""}

    # -- bookmarks ------------------------------------------------------------------------

    def _bookmark(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        entry = self._playback.entries[int(asked["at"])]
        source = next(each for each in self._history.sources if each.name == entry.source)
        if not isinstance(source, FileSource):
            return {"text": "This history is in no file that bookmarks could be kept beside."}
        kept = Bookmarks(Path(source.path))
        kind, row = ("step", entry.step_id) if entry.step_id else ("snapshot", entry.snapshot_id)
        if not kept.remove("step" if kind == "step" else "snapshot", row or 0):
            now_us = time.time_ns() // 1000
            mark = Bookmark("step" if kind == "step" else "snapshot", row or 0, self.component, "", now_us)
            kept.add(mark)
        self.bookmarks = self._marked()
        return {"text": ""}

    def _marked(self) -> list[list[Any]]:
        """The marked rows of this component: [kind, id, file]; none where they can't be read."""
        found: list[list[Any]] = []
        for source in self._history.sources:
            if isinstance(source, FileSource):
                try:
                    marks = Bookmarks(Path(source.path)).all()
                except FlexiFlowError:
                    continue
                found += [
                    [each.kind, each.id, source.name]
                    for each in marks
                    if each.component == self.component
                ]
        return found


_NOTHING = "Nothing is recorded in this history yet."
_RECORD = 'recording = record(engine, "state.db", log="run.jsonl")'


def _plain(value: Any) -> int | None:
    return int(value) if isinstance(value, int) or hasattr(value, "__index__") else None


def link(one: HistoryExplorer, other: HistoryExplorer) -> None:
    """Let two explorers show the same time: where one goes, the other goes to what was then.

    Args:
        one, other: explorers of any histories; their clocks are compared as they are.
    """
    following = False

    def follow(leader: HistoryExplorer, follower: HistoryExplorer) -> None:
        nonlocal following
        if following or leader.time_us is None:
            return
        following = True
        try:
            follower.at(leader.time_us)
        finally:
            following = False

    one.observe(lambda _: follow(one, other), "selection")
    other.observe(lambda _: follow(other, one), "selection")
