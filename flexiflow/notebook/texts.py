"""Objects in one or two lines, for terminals and for readers of a card's text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import words
from flexiflow.errors import bounded_repr
from flexiflow.graph.labels import visible
from flexiflow.hooks import shown

if TYPE_CHECKING:
    from flexiflow.component import AsyncComponent
    from flexiflow.engine import FlexiFlowEngine
    from flexiflow.explanation import ConfigExplanation
    from flexiflow.graph.findings import Coverage
    from flexiflow.persistence.snapshot import ComponentSnapshot

_LONGEST = 50_000
_MOST_COUNTED = 10_000
_STATES_NAMED = 5


def plain(thing: Any) -> str:
    """What the object says of itself, with nothing in it that moves a terminal's cursor."""
    lines = bounded_repr(thing, _LONGEST).split("\n")
    return "\n".join(visible(line, _LONGEST) if line else line for line in lines)


def component(component: AsyncComponent) -> str:
    """Where it is, and what it takes."""
    takes = ", ".join(named(component.accepts(), 10))
    said = f"takes {takes}" if takes else "takes no message"
    text = f"{words.name(component.name)} is in {words.name(component.state)}; it {said}."
    return shown(component._hooks, text)


def engine(engine: FlexiFlowEngine) -> str:
    """How many components there are, and where."""
    where = f": {', '.join(states_of(engine))}" if engine.components else ""
    return (
        f"<{type(engine).__name__} with {words.plural(len(engine.components), 'component')}{where}>"
    )


def snapshot(snapshot: ComponentSnapshot) -> str:
    """Whose it is, and where it was."""
    name, state = words.name(snapshot.name), words.name(snapshot.current_state)
    return (
        f"<ComponentSnapshot of {name} in {state}, {words.plural(len(snapshot.metadata), 'field')}>"
    )


def coverage(found: Coverage) -> str:
    """How many transitions were taken."""
    declared = words.plural(found.declared, "transition")
    return f"{found.taken} of {declared} taken: {found.percent:.0f} %"


def explanation(explained: ConfigExplanation) -> str:
    """Whether it is valid, and what is wrong first."""
    valid = "valid" if explained.is_valid else "invalid"
    name = words.name(explained.name or "(no name)")
    first = "".join(f"; {words.sentence(each.what, 200)}" for each in explained.issues[:1])
    return f"<ConfigExplanation of {name}: {valid}{first}>"


def states_of(engine: FlexiFlowEngine) -> list[str]:
    """The states that most components are in, with how many are there."""
    components = islice(list(engine.components.values()), _MOST_COUNTED)
    counts = Counter(state_name(each) for each in components)
    named = [
        f"{words.name(state)} {words.count(n)}" for state, n in counts.most_common(_STATES_NAMED)
    ]
    more = len(counts) - len(named)
    named += [f"{words.plural(more, 'more state')}"] if more > 0 else []
    cut = len(engine.components) > _MOST_COUNTED
    return named + ([f"of the first {words.count(_MOST_COUNTED)}"] if cut else [])


def named(names: Sequence[str], most: int, shown: Callable[[str], str] = str) -> list[str]:
    """The first names, each as `shown` has it, and how many more there are."""
    some = [shown(words.name(each)) for each in names[:most]]
    more = len(names) - len(some)
    return some + ([f"{words.count(more)} more"] if more > 0 else [])


def state_name(component: Any) -> str:
    """Where a component is; an engine takes others than ours as well."""
    machine = getattr(component, "state_machine", None)
    return str(getattr(machine, "state_name", "?"))
