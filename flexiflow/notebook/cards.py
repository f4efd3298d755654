"""Answers as cards: a verdict, and a machine's picture with its text."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import words
from flexiflow.analysis.base.frames import cell_text, microseconds, microseconds_of
from flexiflow.errors import FlexiFlowError
from flexiflow.graph.model import Graph
from flexiflow.graph.render import to_svg
from flexiflow.graph.table import to_text
from flexiflow.notebook.html import (
    LARGEST,
    card,
    code,
    element,
    escape,
    folded,
    muted,
    preformatted,
    table,
)

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.machine.machine_graph import MachineGraph
    from flexiflow.analysis.questions.why import Verdict

_ACCENT = {"stuck": "failure", "waiting": "accent", "finished": "success", "unknown": "neutral"}
_MARK = {
    "stuck": "■ STUCK",
    "waiting": "● waiting",
    "finished": "✓ finished",
    "unknown": "? unknown",
}
_SIZES = ((20, 40), (12, 20), (6, 8))  # states and lines, until the output is small enough
_LONGEST_TEXT = 8_000
_OUTCOME_MARK = {"failed": "✕ ", "refused": "◇ ", "cancelled": "✕ "}


def verdict_card(verdict: Verdict) -> str:
    """A verdict as a card: the headline, the sentences, the last steps, the next cell."""
    mark = element("strong", escape(_MARK[verdict.kind]))
    title = f"{mark} {escape(verdict.headline)}"
    sentences = "".join(
        element("p", escape(sentence), "margin:6px 0 0") for sentence in verdict.sentences
    )
    return card(
        title,
        sentences + _last_steps(verdict) + _next_cell(verdict.next_cell),
        _ACCENT[verdict.kind],
        f"Verdict on {verdict.component}",
    )


def graph_bundle(graph: MachineGraph) -> dict[str, str]:
    """A machine's picture for every kind of viewer: SVG, HTML, and always text.

    A large machine is cut to the part around its current state, and the picture says so: a cell's
    output stays below 60 kB and comes at once.
    """
    bundle = {"text/plain": graph.to_text()}
    words_too = preformatted(bundle["text/plain"], _LONGEST_TEXT)
    for states, lines in _SIZES:
        try:
            svg = to_svg(graph.model, most_states=states, most_lines=lines)
        except FlexiFlowError as exc:
            bundle["text/html"] = preformatted(f"{bundle['text/plain']}\n\n{exc}")
            return bundle
        bundle["image/svg+xml"] = svg
        bundle["text/html"] = _figure(svg, graph.model.name, words_too)
        if len(bundle["text/html"]) <= LARGEST:
            break
    if f"of {len(graph.model.states):,} states" in svg:
        bundle["text/html"] += muted("More of it: " + code('graph.save("machine.svg")'))
    return bundle


def figure(graph: Graph) -> str:
    """A graph's picture with its text; the text alone where nothing can draw."""
    svg, text = picture(graph), to_text(graph)
    return preformatted(text) if svg is None else _figure(svg, graph.name, preformatted(text))


def picture(graph: Graph) -> str | None:
    """A graph as SVG, or None where nothing here can draw."""
    try:
        return to_svg(graph)
    except FlexiFlowError:
        return None


def _figure(svg: str, name: str, words_too: str) -> str:
    # As an image: JupyterLab shows inline SVG of a notebook that it does not trust nowhere.
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode('ascii')}"
    label = escape(f"Machine of {name}; described below")
    image = f'<img alt="{label}" src="{source}" style="max-width:100%">'
    return element("figure", image + folded("The same in words", words_too), "margin:8px 0")


def _last_steps(verdict: Verdict) -> str:
    if verdict.rows.empty:
        return ""
    rows = [_step_row(step) for _, step in verdict.rows.iterrows()]
    columns: tuple[str, ...] = ("step", "time (UTC)", "message", "outcome", "state", "took")
    if verdict.files:
        columns += ("file",)
        files = map(verdict.files.__getitem__, verdict.rows["source"])
        rows = [(*row, file) for row, file in zip(rows, files, strict=True)]
    steps = table(columns, rows, f"Last steps of {verdict.component}, the newest last")
    return folded(f"The last {len(rows)} steps", element("div", steps, "overflow-x:auto"))


def _step_row(step: Any) -> tuple[str, ...]:
    moved = step["from_state"] != step["to_state"]
    outcome = str(step["outcome"])
    return (
        words.count(int(step["id"])),
        _time_of_day(step["time"]),
        cell_text(step["message"]) or "",
        _OUTCOME_MARK.get(outcome, "") + outcome,
        f"{step['from_state']} → {step['to_state']}" if moved else str(step["from_state"]),
        words.duration(microseconds_of(step["duration"])),
    )


def _time_of_day(moment: pd.Timestamp) -> str:
    # A damaged row has no time that could be read, and nothing around it is hidden for that.
    return "" if microseconds(moment) is None else moment.strftime("%H:%M:%S.%f")[:-3]


def _next_cell(cell: str) -> str:
    return muted(f"Next: {code(cell)}") if cell else ""
