"""What lives in this process as cards: a component, a machine, an engine, a step, an answer.

No guard is asked and nothing is read from a disk: whatever a cell ends with is shown at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import words
from flexiflow.answers import Accepted
from flexiflow.errors import bounded, bounded_repr
from flexiflow.graph.inferred import full_graph
from flexiflow.graph.model import Graph
from flexiflow.hooks import shown
from flexiflow.notebook import texts
from flexiflow.notebook.cards import figure, picture
from flexiflow.notebook.html import (
    card,
    code,
    colour,
    element,
    escape,
    fitting,
    folded,
    muted,
    preformatted,
    table,
)
from flexiflow.redaction import Redaction
from flexiflow.step import first_line

if TYPE_CHECKING:
    from flexiflow.answers import WhyNot
    from flexiflow.component import AsyncComponent
    from flexiflow.engine import FlexiFlowEngine
    from flexiflow.state_machine import StateMachine
    from flexiflow.step import Step

_MOST_ROWS = 20
_MOST_STATES = 20
_MOST_EDGES = 40
_LONGEST_VALUE = 120

_FIRST_COMPONENT = 'order = engine.add("order-1042", Draft)'
_ACCENTS = {"moved": "accent", "stayed": "neutral", "refused": "refusal", "failed": "failure"}
_ANSWERS = {
    True: ("success", "✓ taken"),
    False: ("refusal", "◇ refused"),
    "unknown": ("neutral", "? unknown"),
}
_MARKS = {"moved": "●", "stayed": "●", "refused": "◇", "failed": "✕", "cancelled": "✕"}


def component(component: AsyncComponent) -> str:
    """Where a component is, what it takes, its machine and its data."""
    redaction = component._hooks.redaction
    title = f"● {element('strong', escape(component.name, 200))} is in {_state(component.state)}"
    takes = element("p", _takes(component.accepts()), "margin:4px 0")
    body = fitting([takes, _machine_figure(component), _data(component.data, redaction)])
    return card(shown(component._hooks, title), body, "accent", f"Component {component.name}")


def machine(machine: StateMachine) -> str:
    """Where a machine is, in its picture."""
    title = f"● A machine in {_state(machine.state_name)}"
    return card(title, _machine_figure(machine), "accent", f"Machine in {machine.state_name}")


def svg(machine: AsyncComponent | StateMachine) -> str | None:
    """The machine's picture, or None where it takes too long to draw."""
    graph = full_graph(machine)
    return picture(graph) if is_small(graph) else None


def engine(engine: FlexiFlowEngine) -> str:
    """An engine's components at a glance, those first that were added first."""
    count = len(engine.components)
    title = f"{element('strong', 'Engine')} with {words.plural(count, 'component')}"
    if not count:
        hint = muted(f"Add one: {code(_FIRST_COMPONENT)}")
        return card(title, hint, "neutral", "Engine")
    where = element("p", escape(", ".join(texts.states_of(engine))), "margin:4px 0")
    rows = [_engine_row(each) for each in islice(list(engine.components.values()), _MOST_ROWS)]
    body = where + table(("component", "state", "takes"), rows, "Components")
    return card(title, body + _left_out(count, len(rows), "engine.components"), "accent", "Engine")


def step(step: Step) -> str:
    """What came of a message, with the guards that were asked and the error."""
    mark = _MARKS.get(step.outcome, "…")
    change = _state(step.from_state)
    if step.to_state != step.from_state:
        change += f" → {_state(step.to_state)}"
    outcome = element("strong", f"{mark} {escape(step.outcome)}", _text_colour(step.outcome))
    message = code("" if step.message_type is None else step.message_type)
    title = f"{escape(step.component, 200)}: {message} {outcome}, {change}"
    guards = "\n".join(map(str, step.guards))
    body = element("p", escape(_reason(step), 1_000), "margin:4px 0") if _reason(step) else ""
    body += folded("Guards", preformatted(guards)) if guards else ""
    facts = [words.duration(step.duration_us), f"trace {step.correlation_id}"]
    facts += [f"row {step.id} of the history"] if step.id is not None else []
    body += muted(escape(" · ".join(facts), 400))
    return card(title, body, _ACCENTS.get(step.outcome, "neutral"), f"Step of {step.component}")


def why_not(answer: WhyNot) -> str:
    """Whether a message would be taken, and what the guards say."""
    accent, mark = _ANSWERS[answer.answer]
    title = (
        f"{escape(answer.component, 200)} in {_state(answer.state)}: {code(answer.message_type)} "
    )
    title += element("strong", escape(mark), colour(accent))
    guards = str(answer).partition("\n")[2]
    body = element("p", escape(answer.reason), "margin:4px 0")
    body += folded("Guards", preformatted(guards), opened=True) if guards else ""
    return card(title, body, accent, f"Answer of {answer.component}")


def _reason(step: Step) -> str:
    error = step.error
    told = "" if error is None else f"{type(error).__name__}: {first_line(error)}"
    return told or step.reason or ""


def _text_colour(outcome: str) -> str:
    accent = _ACCENTS.get(outcome, "neutral")
    return "" if accent == "neutral" else colour(accent)


def _state(name: str) -> str:
    return element("strong", escape(words.name(name)))


def _takes(accepted: Accepted) -> str:
    named = texts.named(accepted, _MOST_ROWS, code)
    named += [] if accepted.complete else ["what its handle_message takes"]
    return f"Takes {', '.join(named)}" if named else "Takes no message"


def _engine_row(component: Any) -> tuple[str, str, str]:
    name = words.name(getattr(component, "name", "?"), 200)
    try:
        accepted = component.accepts()
    except Exception:  # an engine takes every object that has a handle_message
        return name, texts.state_name(component), "?"
    takes = ", ".join(texts.named(accepted, 8))
    return name, component.state, takes if accepted.complete else f"{takes} …"


def is_small(graph: Graph) -> bool:
    """Whether a graph is drawn in a moment, and its picture is small in a notebook's file."""
    return len(graph.states) <= _MOST_STATES and len(graph.edges) <= _MOST_EDGES


def _machine_figure(machine: Any) -> str:
    graph = full_graph(machine)
    if is_small(graph):
        return figure(replace(graph, notes=()))
    states, edges = len(graph.states), len(graph.edges)
    size = f"{words.plural(states, 'state')}, {words.plural(edges, 'transition')}"
    return muted(f"{size}: {code('machine_graph(…)')} draws them.")


def _data(data: Any, redaction: Redaction | None) -> str:
    if not isinstance(data, Mapping) or not data:
        return ""
    rows = [_field(name, value, redaction) for name, value in islice(data.items(), _MOST_ROWS)]
    shown_fields = table(("field", "value"), rows, "Data")
    return shown_fields + _left_out(len(data), len(rows), "component.data")


def _field(name: Any, value: Any, redaction: Redaction | None) -> tuple[str, str]:
    if redaction is None:
        return str(name), bounded_repr(value, _LONGEST_VALUE)
    if redaction.hides(name):
        return str(name), "<redacted>"
    # Masked whole, then cut: a value that is cut in its middle would not be recognised.
    return str(name), bounded(redaction.mask(bounded_repr(value, 5_000)), _LONGEST_VALUE)


def _left_out(count: int, shown_rows: int, where: str) -> str:
    more = count - shown_rows
    return muted(f"{words.count(more)} more in {code(where)}") if more > 0 else ""
