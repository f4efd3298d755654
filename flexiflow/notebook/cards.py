"""Answers as cards: a verdict, and a machine's picture with its text."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from flexiflow.analysis import words
from flexiflow.analysis.frames import microseconds_of
from flexiflow.errors import FlexiFlowError
from flexiflow.notebook.html import FOREGROUND, MONO, MUTED, card, element, escape, table

if TYPE_CHECKING:
    from flexiflow.analysis.machine_graph import MachineGraph
    from flexiflow.analysis.why import Verdict

_ACCENT = {"stuck": "failure", "waiting": "accent", "finished": "success", "unknown": "neutral"}
_MARK = {
    "stuck": "■ STUCK",
    "waiting": "● waiting",
    "finished": "✓ finished",
    "unknown": "? unknown",
}
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
    """A machine's picture for every kind of viewer: SVG, HTML, and always text."""
    bundle = {"text/plain": graph.to_text()}
    try:
        svg = graph.to_svg()
    except FlexiFlowError as exc:
        bundle["text/html"] = element("pre", escape(f"{graph.to_text()}\n\n{exc}", 20_000))
        return bundle
    # As an image: JupyterLab shows inline SVG of a notebook that it does not trust nowhere.
    encoded = base64.b64encode(svg.encode()).decode("ascii")
    bundle["image/svg+xml"] = svg
    bundle["text/html"] = element("figure", _image(encoded, graph) + _text_twin(graph), "margin:0")
    return bundle


def _image(encoded: str, graph: MachineGraph) -> str:
    source = f"data:image/svg+xml;base64,{encoded}"
    label = f"Machine of {graph.model.name}; described below"
    return f'<img alt="{escape(label)}" src="{source}" style="max-width:100%">'


def _text_twin(graph: MachineGraph) -> str:
    text = element("pre", escape(graph.to_text(), 20_000), f"font:12px/1.5 {MONO};margin:4px 0")
    summary = element("summary", "The same in words", f"cursor:pointer;color:{MUTED}")
    return element("details", summary + text, "font-size:12.5px")


def _last_steps(verdict: Verdict) -> str:
    if verdict.rows.empty:
        return ""
    rows = [_step_row(step) for _, step in verdict.rows.iterrows()]
    summary = element(
        "summary", f"The last {len(rows)} steps", f"cursor:pointer;color:{MUTED};margin-top:8px"
    )
    columns = ("step", "time (UTC)", "message", "outcome", "state", "took")
    steps = table(columns, rows, f"Last steps of {verdict.component}, the newest last")
    return element("details", summary + element("div", steps, "overflow-x:auto"))


def _step_row(step: Any) -> tuple[str, ...]:
    moved = step["from_state"] != step["to_state"]
    outcome = str(step["outcome"])
    return (
        words.count(int(step["id"])),
        step["time"].strftime("%H:%M:%S.%f")[:-3],
        str(step["message"]),
        _OUTCOME_MARK.get(outcome, "") + outcome,
        f"{step['from_state']} → {step['to_state']}" if moved else str(step["from_state"]),
        words.duration(microseconds_of(step["duration"])),
    )


def _next_cell(code: str) -> str:
    if not code:
        return ""
    style = f"font:12px {MONO};color:{FOREGROUND};user-select:all"
    return element(
        "p",
        f"Next: {element('code', escape(code), style)}",
        f"margin:8px 0 0;color:{MUTED}",
    )
