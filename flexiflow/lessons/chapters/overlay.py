"""Exercises of notebook 07: what is declared, what happened, and what lies between them."""

from __future__ import annotations

from random import Random

from flexiflow.analysis.history import History
from flexiflow.analysis.machine.machine_graph import machine_graph
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.finding import FindTheName, FindTheNumber
from flexiflow.lessons.fixing import FixTheMachine
from flexiflow.lessons.given import demo_history
from flexiflow.lessons.machines.overlay import broken_parcel, parcel
from flexiflow.lessons.trying import newly
from flexiflow.state_machine import State


def exercises(chance: Random, history: History | None = None) -> list[Exercise]:
    """All of them, about components by chance."""
    demo = demo_history("07", history)
    return [_coverage(chance, demo), _never(chance, demo), _declare()]


def _coverage(chance: Random, history: History) -> FindTheNumber:
    order = chance.choice(["order-1042", "order-1077", "order-1098", "order-1133"])
    coverage = history.graph(order).coverage()
    return FindTheNumber(
        coverage.percent,
        0.02,
        nudge=lambda said: (
            "Per cent, please: of a hundred." if abs(said * 100 - coverage.percent) < 1 else None
        ),
        title="How much of it?",
        task=f"How many per cent of the transitions of its machine did `{order}` take?",
        hints=(
            "`history.graph(name)` is the stored machine with what that component did on it.",
            "Its `coverage()` has `declared`, `taken` and `percent`.",
        ),
        solution=f"{coverage.taken} of {coverage.declared}.",
    )


def _never(chance: Random, history: History) -> FindTheName:
    stocks = sorted(name for name in history.names() if name.startswith("stock-"))
    chance.shuffle(stocks)
    left = {name: history.graph(name).coverage().untaken for name in stocks}
    # The one with the most to look for; each has some.
    name = max(stocks, key=lambda each: len(left[each]))
    edges = sorted(f"{edge.source}.{edge.message}" for edge in left[name])
    graph = history.graph(name)
    known = tuple(
        f"{row.source}.{row.message}" for row in graph.transitions.itertuples() if row.declared
    )
    found = FindOneOf(
        edges,
        known,
        title="What never happened",
        task=f"Name a transition that `{name}` declares and has never taken, as `State.message`.",
        hints=(
            f"`history.graph({name!r}).transitions` has the columns `declared` and `observed`.",
            "Declared and not observed: `.query('declared and not observed')`.",
        ),
        solution=f"There are {len(edges)}: {', '.join(edges)}.",
    )
    return found


class FindOneOf(FindTheName):
    """One of several names is to be found.

    Args:
        right: the names.
        known: all that there are.
        **shared: as for `FindTheName`.
    """

    how = 'Answer as in `answer("Draft.submit")`.'

    def __init__(self, right: list[str], known: tuple[str, ...], **shared: object) -> None:
        super().__init__(
            right[0], known, nudge=lambda said: f"{said} was taken: `observed`.", **shared
        )
        self.all_right = tuple(right)

    def _is_right(self, value: object) -> bool:
        return value in self.all_right


def _declare() -> FixTheMachine:
    return FixTheMachine(
        broken_parcel,
        parcel,
        _trial,
        title="Declare what happens",
        task="The parcels of the demo do more than this machine says. From `OnTheWay`, `fail` "
        "leads to `AtDepot`. From there `deliver` leads to `Delivered`, and `give_up` to "
        "`Returned`, which is an end. Declare it.",
        hints=(
            "Two states are missing, and three transitions.",
            "`machine_graph(Packed).findings()` tells a dead end, and who can't be reached.",
        ),
    )


async def _trial(start: type[State]) -> str | None:
    wanted = _edges(parcel.start)
    found = _edges(start)
    missing = sorted(wanted - found)
    if missing:
        return f"Not declared: `{missing[0]}` ({len(missing)} of {len(wanted)} are missing)."
    if found - wanted:
        return f"Declared, and never seen: `{min(found - wanted)}`."
    ends = {s.name for s in machine_graph(newly(start, "m", {})).model.states if s.final}
    if ends != {"Delivered", "Returned"}:
        return f"The ends should be Delivered and Returned; declared as final: {sorted(ends)}."
    return None


def _edges(start: type[State]) -> set[str]:
    model = machine_graph(newly(start, "m", {})).model
    return {f"{edge.source} → {edge.message} → {edge.target}" for edge in model.edges}
