"""What was recorded as cards: a history with what is stuck first, a log, a trace, a snapshot.

A question that would take longer than a glance is not asked: the card says how large it is, and
has the cell that asks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import words
from flexiflow.analysis.reading.tables import most_steps
from flexiflow.errors import FlexiFlowError, bounded_repr
from flexiflow.notebook.frame_table import cell_words, frame_table, sentence
from flexiflow.notebook.html import (
    card,
    code,
    element,
    escape,
    fitting,
    folded,
    muted,
    preformatted,
    table,
)

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.history import History
    from flexiflow.analysis.log import Log
    from flexiflow.analysis.traces.span_tree import TraceTree
    from flexiflow.analysis.traces.trace import Trace
    from flexiflow.persistence.snapshot import ComponentSnapshot
    from flexiflow.recording import Recording

MOST_STEPS = 15_000
"""Up to which a history is asked what is stuck: about 0.05 s."""
MOST_BYTES = 2_000_000
"""Of a log up to which its traces are listed: about 0.05 s."""

_MOST_FILES = 20
_MOST_RECORDS = 2_000
_STUCK_SHOWN = 10
_FIELDS_SHOWN = 20
_NOTICES_SHOWN = 3
_STATES_NAMED = 8


def history(history: History) -> str:
    """The stuck components first, each with the cell that says why."""
    try:
        parts, stuck = _history_parts(history)
        parts += _notices(history)
    except FlexiFlowError as exc:
        parts, stuck = [sentence(exc.what), muted(escape(exc.fix or ""))], 0
    names = ", ".join(words.name(source.name) for source in history.sources[:3])
    more = len(history.sources) - 3
    title = f"{element('strong', 'History')} of {escape(names)}" + (
        f" and {more} more" if more > 0 else ""
    )
    return card(title, fitting(parts), "failure" if stuck else "accent", f"History of {names}")


def _history_parts(history: History) -> tuple[list[str], int]:
    """The card's parts, and how many components are stuck."""
    steps = 0
    for source in history.sources[:_MOST_FILES]:
        with source.connect() as conn:
            steps += most_steps(conn)
    if steps > MOST_STEPS or len(history.sources) > _MOST_FILES:
        size = _size(words.plural(steps, "step"), len(history.sources))
        cells = [f"history.{each}()" for each in ("stuck", "components", "graph")]
        return [sentence(f"{size}: too many to be judged in passing."), _cells(cells)], 0
    frame = history.stuck()
    if frame.empty:
        return _nothing_stuck(history.components()), 0
    stuck = int((frame["verdict"] == "stuck").sum())
    first = str(frame.iloc[0]["component"])
    return [_stuck_table(frame, stuck), _cells(_cells_about(first))], stuck


def _notices(opened: History | Log) -> list[str]:
    """What to know before the answers are trusted."""
    notices = opened.notices
    more = len(notices) - _NOTICES_SHOWN
    told = [f"Note: {each}" for each in notices[:_NOTICES_SHOWN]]
    if more > 0:
        told.append(f"{words.plural(more, 'more note')} in notices.")
    return [muted(escape(each)) for each in told]


def _size(size: str, files: int) -> str:
    """How much there is in files, of which no more than some are looked at."""
    if files > _MOST_FILES:
        return f"{size} in the first {_MOST_FILES} of {words.count(files)} files"
    return f"{size} in {words.plural(files, 'file')}"


def _nothing_stuck(components: pd.DataFrame) -> list[str]:
    if components.empty:
        return [sentence("Nothing is recorded yet.")]
    counts = components["state"].value_counts()
    named = [f"{words.count(n)} {words.name(name)}" for name, n in counts.items() if n]
    many = words.plural(len(components), "component")
    more = len(named) - _STATES_NAMED
    others = f" and {words.plural(more, 'more state')}" if more > 0 else ""
    told = f"Nothing is stuck. {many}: {', '.join(named[:_STATES_NAMED])}{others}."
    return [sentence(told), _cells(_cells_about(str(components.iloc[0]["component"])))]


def _stuck_table(frame: pd.DataFrame, stuck: int) -> str:
    rows = [_stuck_row(each) for each in frame.head(_STUCK_SHOWN).to_dict("records")]
    columns = ("component", "state", "for", "verdict", "last step", "the cell that says why")
    label = f"{words.plural(stuck, 'component')} stuck" if stuck else "Components to look at"
    more = len(frame) - len(rows)
    note = muted(f"{words.count(more)} more in {code('history.stuck()')}") if more > 0 else ""
    return element("div", table(columns, rows, label), "overflow-x:auto") + note


def _stuck_row(row: dict[Any, Any]) -> tuple[str, ...]:
    verdict = f"unknown: {row['siblings']} to compare"
    if row["verdict"] == "stuck":
        verdict = f"■ {row['ratio']:,.0f} × p95, {cell_words(row['p95'])}"
    last = " ".join(filter(None, map(cell_words, (row["last_message"], row["last_outcome"]))))
    return (
        words.name(row["component"]),
        words.name(row["state"]),
        cell_words(row["dwell"]),
        verdict,
        last,
        f"history.why({row['component']!r})",
    )


def _cells_about(component: str) -> list[str]:
    questions = (f"story({component!r})", f"steps({component!r})", "components()")
    return [f"history.{each}" for each in questions]


def recording(recording: Recording) -> str:
    """Where it goes, and how to ask it."""
    mark = "Recorded" if recording.closed else "● Recording"
    where = "memory" if recording.path is None else str(recording.path)
    title = f"{element('strong', mark)} to {escape(where)}"
    facts = [f"run {recording.run_id}", f"durability {recording.durability}"]
    facts += [f"log {recording.log_path}"] if recording.log_path else ["no log"]
    asked = ["rec.history", *(["rec.log"] if recording.log_path else [])]
    body = sentence(" · ".join(facts)) + _cells([*asked, "rec.close()"])
    return card(title, body, "neutral" if recording.closed else "accent", f"Recording to {where}")


def log(log: Log) -> str:
    """Its files and, of a small one, its traces: those in trouble first."""
    sizes = [(path, os.path.getsize(path)) for path in islice(log.paths, _MOST_FILES)]
    total = sum(size for _, size in sizes)
    names = ", ".join(words.name(path) for path, _ in sizes[:3])
    title = f"{element('strong', 'Log')} {escape(names)}"
    told = _size(f"{words.count(total // 1000)} kB", len(log.paths))
    cells = ["log.traces()", 'log.search("payment")']
    if total > MOST_BYTES or len(log.paths) > _MOST_FILES:
        parts = [sentence(f"{told}."), _cells(cells), *_notices(log)]
        return card(title, "".join(parts), "accent", f"Log {names}")
    traces = log.traces()
    trouble = traces[(traces["failed"] > 0) | (traces["refused"] > 0)]
    shown = trouble if len(trouble) else traces
    overview = f"{words.plural(len(traces), 'trace')}, {len(trouble)} in trouble; {told}."
    overview = " ".join([overview, *(f"{each}." for each in log.summary().troubles)])
    columns = {"correlation_id": "id", "start": "start (UTC)", "duration": "took"}
    columns |= {"first_component": "begins with", "first_message": "message"}
    columns |= {"refused": "refused", "failed": "failed"}
    newest = shown.iloc[::-1]
    label = "Traces in trouble, the newest first" if len(trouble) else "Traces, the newest first"
    found = frame_table(newest, columns, label, "log.traces()", 10) if len(shown) else ""
    if len(shown):
        cells.insert(0, f"log.trace({newest.iloc[0]['correlation_id']!r})")
    accent = "failure" if (traces["failed"] > 0).any() else "accent"
    parts = [sentence(overview), found, _cells(cells), *_notices(log)]
    return card(title, fitting(parts), accent, f"Log {names}")


def trace(trace: Trace) -> str:
    """What the message caused, and what came of it."""
    name = f"trace {words.name(trace.correlation_id, 128)}"
    if len(trace) > _MOST_RECORDS:
        size = f"{words.count(len(trace))} records: too many to be shown in passing."
        cells = _cells([f"trace.{each}" for each in ("headline", "tree()", "records()")])
        return card(element("strong", escape(name)), sentence(size) + cells, "accent", name)
    return _tree_card(name, trace.headline, trace.tree())


def trace_tree(tree: TraceTree) -> str:
    """The same of a trace's tree."""
    name = f"trace {words.name(tree.correlation_id, 128)}"
    if sum(1 for _ in islice(tree.walk(), _MOST_RECORDS)) == _MOST_RECORDS:
        size = f"More than {words.count(_MOST_RECORDS - 1)} spans; print it to see them."
        return card(element("strong", escape(name)), sentence(size), "accent", name)
    return _tree_card(name, "", tree)


def _tree_card(name: str, headline: str, tree: TraceTree) -> str:
    outcomes = {node.outcome for _, node in tree.walk()}
    accent = "failure" if outcomes & {"failed", "cancelled"} else "accent"
    accent = "refusal" if accent == "accent" and "refused" in outcomes else accent
    title = element("strong", escape(headline or name))
    told = sentence(name) if headline else ""
    lines = str(tree).partition("\n")[2]
    body = fitting([told, folded("What caused what", preformatted(lines), opened=True)])
    return card(title, body, accent, name)


def snapshot(snapshot: ComponentSnapshot) -> str:
    """A component at one moment."""
    title = f"{element('strong', escape(snapshot.name, 200))} in "
    title += element("strong", escape(snapshot.current_state, 200))
    rules = muted(words.plural(len(snapshot.rules), "rule")) if snapshot.rules else ""
    fields = list(_fields(snapshot.metadata))
    data = table(("field", "value"), fields, "Data") if fields else muted("No data.")
    more = len(snapshot.metadata) - len(fields)
    note = muted(f"{words.count(more)} more in {code('snapshot.metadata')}") if more > 0 else ""
    return card(title, fitting([data, note, rules]), "accent", f"Snapshot of {snapshot.name}")


def _fields(data: Any) -> Iterator[tuple[str, str]]:
    for name, value in islice(data.items(), _FIELDS_SHOWN):
        yield words.name(name), bounded_repr(value, 120)


def _cells(cells: list[str]) -> str:
    return muted(f"Next: {' · '.join(map(code, cells))}")
