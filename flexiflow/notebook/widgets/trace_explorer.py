"""The explorer of traces: a list, the waterfall of one, and what each of its spans says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from flexiflow.analysis.base import frames, shapes, words
from flexiflow.analysis.traces.records import records_frame
from flexiflow.errors import FlexiFlowError
from flexiflow.notebook.html import element, escape, preformatted
from flexiflow.notebook.widgets import modules
from flexiflow.notebook.widgets.base import Widget, error_words, unknown_selection
from flexiflow.notebook.widgets.linking import Cursor
from flexiflow.notebook.widgets.packed_trace import in_trouble, packed, packed_list, packed_trace
from flexiflow.notebook.widgets.span_detail import span_detail, way_picture

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.history import History
    from flexiflow.analysis.log import Log
    from flexiflow.analysis.traces.span_tree import SpanNode
    from flexiflow.analysis.traces.trace import Trace

_MOST_SAVED = 500  # spans whose panes an offline file holds
_MOST_KNOWN = 20
_NOTHING = "No trace is recorded in this log yet."
_FIELDS = 'open_log(…, fields={"ts": "when", "event": "what", "correlation_id": "trace.id"})'
_RECORD = 'recording = record(engine, "state.db", log="run.jsonl")'


class TraceExplorer(Widget):
    """Traces, to go through. Made by `Log.explore` and `Trace.explore`.

    Its `selection` is ``{"trace": id}``, with a ``"span"`` where one is chosen; None means the
    records outside every span.

    Args:
        log: whose traces are listed; None for one trace alone.
        trace: the one to begin with; else the last that failed, or is in trouble.
        history: knows whole machines, and which fields a step changed.
        **traits: ``height`` in pixels, ``selection``, and what every Jupyter widget has.

    Raises:
        TraceNotFound: (a KeyError) for a selected trace that the log does not have.
        InvalidValue: (a ValueError) for any other selection that is not there.
    """

    _esm = modules.script("trace.js")

    listed = traitlets.Bytes(help="the list; see packed_trace").tag(sync=True)
    shown = traitlets.Bytes(help="the trace; see packed_trace").tag(sync=True)
    empty: traitlets.List[str] = traitlets.List(help="what is missing, and the code for it").tag(
        sync=True
    )
    saved = traitlets.Bytes(help="the panes of spans, in an offline file").tag(sync=True)

    def __init__(
        self, log: Log | None, trace: Trace | None, history: History | None, **traits: Any
    ) -> None:
        selection = traits.pop("selection", {})
        super().__init__(**traits)
        self._log, self._trace, self._history = log, trace, history
        if log is not None:
            traces = log.traces()
            self.listed = packed_list(traces)
            if trace is None and not selection and len(traces):
                selection = {"trace": _first(traces)}
        if trace is not None:
            self._show(trace)
            selection = selection or {"trace": trace.correlation_id}
        self.empty = [] if selection else _nothing(log)
        self.selection = selection
        self.on_msg(self._received)

    def rows(self) -> pd.DataFrame:
        """The records of the selected span, or of the whole trace.

        Returns:
            a DataFrame with the columns of `shapes.RECORDS`.
        """
        if self._trace is None:
            return frames.frame(shapes.RECORDS, [])
        if "span" in self.selection:
            return records_frame(self._nodes()[self.selection["span"]].records)
        return self._trace.records()

    def static_html(self) -> str:
        """The story's beginning, and the tree as text."""
        if self._trace is None:
            return element("p", escape(" ".join(self.empty)))
        tree = "\n".join(str(self._trace.tree()).splitlines()[:60])
        return element("p", escape(self.static_text())) + preformatted(tree)

    def static_text(self) -> str:
        """How the trace ended, and where its time went."""
        if self._trace is None:
            return self.empty[0]
        return f"trace {words.short_id(self._trace.correlation_id)}: {self._trace.headline}"

    def check_selection(self, chosen: Mapping[str, Any]) -> None:
        """Raise an error for a trace or span that is not there; show the trace that is."""
        if chosen.keys() - {"trace", "span"}:
            odd = min(chosen.keys() - {"trace", "span"}, key=str)
            raise unknown_selection("kind of selection", odd, ["trace", "span"])
        wanted = chosen.get("trace")
        if wanted is not None and (self._trace is None or wanted != self._trace.correlation_id):
            if self._log is None:
                known = [] if self._trace is None else [self._trace.correlation_id]
                raise unknown_selection("trace", wanted, known)
            self._show(self._log.trace(wanted))
        if "span" in chosen and chosen["span"] not in self._nodes():
            known = [each for each in self._nodes() if each is not None][:20]
            raise unknown_selection("span", chosen["span"], known)

    @property
    def cursor(self) -> Cursor:
        """Where it is; see `linking.link`."""
        chosen = self.selection
        node = self._nodes().get(chosen["span"]) if "span" in chosen else None
        if node is None and self._trace is not None:
            node = next((each for _, each in self._trace.tree().walk()), None)
        if node is None or self._trace is None:
            return Cursor(None, None, None, in_trace=True)
        return Cursor(node.first_us, node.component, self._trace.correlation_id, in_trace=True)

    def go_to(self, cursor: Cursor) -> None:
        """Go to the trace, and in it to the last span of that component that began by then."""
        wanted = cursor.correlation_id
        if wanted is None or cursor.time_us is None:
            return
        if self._log is not None or (self._trace and self._trace.correlation_id == wanted):
            try:
                self.check_selection({"trace": wanted})  # which shows it
            except FlexiFlowError:  # another recording's: there is nothing to go to
                return
            begun = [
                (node.first_us, span)
                for span, node in self._nodes().items()
                if node.component == cursor.component
                and node.first_us is not None
                and node.first_us <= cursor.time_us
                and span is not None
            ]
            chosen = {"span": max(begun)[1]} if begun else {}
            self.selection = {"trace": wanted, **chosen}

    # -- the trace ------------------------------------------------------------------------

    def _show(self, trace: Trace) -> None:
        self._trace = trace
        self._known_nodes: dict[str | None, SpanNode] | None = None
        self.shown = packed_trace(trace)

    def _nodes(self) -> dict[str | None, SpanNode]:
        """The spans by id."""
        if self._trace is None:
            return {}
        if self._known_nodes is None:
            walked = self._trace.tree().walk()
            self._known_nodes = {node.span_id: node for _, node in walked}
        return self._known_nodes

    def _way(self, component: str) -> dict[str, Any]:
        return way_picture(component, list(self._nodes().values()), self._history)

    def _values(self) -> dict[str, Any]:
        """For an offline file: without the list, which needs Python, and with the panes."""
        nodes = list(self._nodes().items())
        # What went wrong is looked at first.
        nodes.sort(key=lambda each: each[1].outcome not in ("failed", "refused", "cancelled"))
        kept = nodes[:_MOST_SAVED]
        components = list(dict.fromkeys(node.component for _, node in kept if node.component))
        saved = {
            "spans": {span or "": span_detail(node, self._history) for span, node in kept},
            "ways": {each: self._way(each) for each in components[:_MOST_KNOWN]},
        }
        return {**super()._values(), "listed": b"", "saved": packed(saved)}

    # -- what the script asks for ---------------------------------------------------------

    def _received(self, _: Any, content: Any, __: Any) -> None:
        asked = content if isinstance(content, dict) else {}
        answers = {"span": self._span, "way": self._way_of, "refresh": self._refresh}
        answer = answers.get(str(asked.get("do")))
        if answer is None:
            return
        try:
            told = answer(asked)
        except Exception as exc:  # the asker is a person: the error is the answer
            told = {"kind": "failed", "text": error_words(exc)}
        self.send({"answers": asked.get("id"), "do": asked["do"], **told})

    def _span(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        span = asked.get("span")
        return {"span": span, "detail": span_detail(self._nodes()[span], self._history)}

    def _way_of(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {"way": self._way(str(asked.get("component")))}

    def _refresh(self, _: Mapping[str, Any]) -> dict[str, Any]:
        if self._log is not None:
            self.listed = packed_list(self._log.traces())
        return {}


def _nothing(log: Log | None) -> list[str]:
    """Why there is no trace, and the code that helps."""
    summary = None if log is None else log.summary()
    if log is None or summary is None or not summary.troubles:
        return [_NOTHING, _RECORD]
    told = f"No trace is in this log: {' and '.join(summary.troubles)}."
    first = None if summary.records else log.first_broken()
    if first is not None:
        told += f" The first: {words.sentence(first.why, 200)}."
    return [told, _FIELDS]


def _first(traces: pd.DataFrame) -> str:
    """The trace to begin with: the last that failed, else that is in trouble, else the last."""
    for rows in (traces[traces["failed"] > 0], traces[in_trouble(traces)], traces):
        if len(rows):
            break
    return str(rows["correlation_id"].iloc[-1])
