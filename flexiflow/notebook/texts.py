"""Objects in one or two lines, for terminals and for readers of a card's text."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from flexiflow.analysis import words
from flexiflow.errors import bounded_repr
from flexiflow.hooks import shown

if TYPE_CHECKING:
    from flexiflow.component import AsyncComponent
    from flexiflow.engine import FlexiFlowEngine

_LONGEST = 400
_MOST_COUNTED = 10_000
_STATES_NAMED = 5


def plain(thing: Any) -> str:
    """What the object says of itself."""
    return bounded_repr(thing, 2_000)


def component(component: AsyncComponent) -> str:
    """Where it is, and what it takes."""
    takes = ", ".join(words.name(each) for each in islice(component.accepts(), 10))
    said = f"takes {takes}" if takes else "takes no message"
    text = f"{words.name(component.name)} is in {words.name(component.state)}; it {said}."
    return shown(component._hooks, text)


def engine(engine: FlexiFlowEngine) -> str:
    """How many components there are, and where."""
    where = f": {', '.join(states_of(engine))}" if engine.components else ""
    return (
        f"<{type(engine).__name__} with {words.plural(len(engine.components), 'component')}{where}>"
    )


def states_of(engine: FlexiFlowEngine) -> list[str]:
    """The states that most components are in, with how many are there."""
    components = islice(list(engine.components.values()), _MOST_COUNTED)
    counts = Counter(state_name(each) for each in components)
    named = [
        f"{words.name(state)} {words.count(n)}" for state, n in counts.most_common(_STATES_NAMED)
    ]
    more = len(counts) - len(named)
    return named + ([f"{words.plural(more, 'more state')}"] if more > 0 else [])


def state_name(component: Any) -> str:
    """Where a component is; an engine takes others than ours as well."""
    machine = getattr(component, "state_machine", None)
    return str(getattr(machine, "state_name", "?"))
