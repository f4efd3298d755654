"""The process map: which state followed which, how often, after how long, and whether it should.

It is a machine's graph as it was lived: one way for each two states of which one directly followed
the other, whatever messages led there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from flexiflow.analysis.base import frames, shapes, words
from flexiflow.analysis.base.quantiles import quantiles
from flexiflow.analysis.machine.observed import UNKNOWN_MESSAGE, TransitionCounts, handled_counts
from flexiflow.analysis.reading.machines import fingerprints_of, machines_of
from flexiflow.analysis.reading.moves import moves_frame
from flexiflow.analysis.reading.stays import Stays, stays_of
from flexiflow.errors import InvalidValue, bounded_repr, listed
from flexiflow.graph.model import Edge, Graph
from flexiflow.graph.overlay import with_observed

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.history import History
    from flexiflow.analysis.machine.machine_graph import MachineGraph

Measure = Literal["count", "p50", "p95", "longest"]
Way = tuple[str, str]

_MANY = 2**8  # states; the ways between fewer are small numbers


@dataclass(frozen=True, slots=True, repr=False)
class ProcessMap:
    """Ways from state to state.

    Attributes:
        frame: one row a way, the most used first; the columns of `shapes.PROCESS_MAP`.
        model: the graph behind `graph`, with counts.
        stays: what was counted.
        moves: the rows that it was read from; the columns of `shapes.MOVES`.
    """

    frame: pd.DataFrame
    model: Graph
    stays: Stays
    moves: pd.DataFrame

    def rows(self, way: Way) -> pd.DataFrame:
        """The stays that ended by a way, in the order of components and ids.

        Args:
            way: the two states: ``("Paying", "Packing")``.

        Returns:
            a DataFrame with the columns of `shapes.TAKEN`; none for a way that was not taken.

        Raises:
            InvalidValue: (a ValueError) where there is no such way on the map.
        """
        import numpy as np

        before, after = self._checked(way)
        stays = self.stays
        if not {before, after} <= set(stays.states):
            return frames.frame(shapes.TAKEN, ())
        (from_state, to_state) = (stays.states.index(name) for name in (before, after))
        left = (stays.state[:-1] == from_state) & (stays.state[1:] == to_state)
        (chosen,) = np.nonzero(left & stays.goes_on[:-1])
        return self._taken(chosen)

    def graph(self, show: Measure = "count") -> MachineGraph:
        """The map as a graph to be drawn: what was declared and not taken is dashed.

        A way that nobody declared is of another colour, and has a warning sign.

        Args:
            show: what stands at the ways: ``count``, or of the stays that ended by them ``p50``,
                ``p95`` or ``longest``.

        Raises:
            InvalidValue: (a ValueError) for anything else.
        """
        from flexiflow.analysis.machine.machine_graph import MachineGraph

        if show not in get_args(Measure):
            raise InvalidValue(
                f"A process map can't show {bounded_repr(show, 40)}.",
                why=f"What is known of its ways is {listed(list(get_args(Measure)))}.",
                fix='Write e.g. show="p95".',
                context={"show": show},
            )
        if show == "count":
            return MachineGraph(self.model)
        took = {
            (row.from_state, row.to_state): frames.microseconds_of(getattr(row, show))
            for row in self.frame.itertuples()
        }
        edges = tuple(
            replace(edge, measure=_measured(show, took[edge.source, edge.target]))
            for edge in self.model.edges
        )
        return MachineGraph(replace(self.model, edges=edges))

    def _checked(self, way: Any) -> Way:
        known = list(zip(self.frame["from_state"], self.frame["to_state"], strict=True))
        if isinstance(way, tuple) and way in known:
            return way[0], way[1]
        shown = ", ".join(f"{before} → {after}" for before, after in known[:3])
        raise InvalidValue(
            f"There is no way {bounded_repr(way, 120)} on the map.",
            why=f"It has {words.plural(len(known), 'way')}" + (f": {shown} …" if known else "."),
            fix='Name two states: rows(("Paying", "Packing")).',
            context={"way": way, "ways": len(known)},
        )

    def _taken(self, chosen: Any) -> pd.DataFrame:
        import pandas as pd

        stays, next_row = self.stays, self.stays.row[chosen + 1]
        columns = {
            "component": frames.names_at(self.moves["component"], next_row),
            "entered": frames.wholes_series(stays.entered_us[chosen], frames.TIME),
            "left": frames.wholes_series(stays.left_us[chosen], frames.TIME),
            "dwell": frames.wholes_series(stays.dwell_us[chosen], frames.DURATION),
            "snapshot_id": self.moves["id"].iloc[next_row].reset_index(drop=True),
            "source": frames.names_at(self.moves["source"], next_row),
        }
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        return self.graph("p95").to_text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.graph()._repr_mimebundle_(include, exclude)


@dataclass(frozen=True, slots=True)
class _Took:
    """How often a way was taken, and how long the stays took that ended by it, microseconds."""

    count: int = 0
    p50: int | None = None
    p95: int | None = None
    longest: int | None = None


def process_map(history: History, component: str | None = None) -> ProcessMap:
    """The process map of a history; see `History.process_map`."""
    moves = moves_frame(history.sources, component)
    machines = _machines(history, component)
    found = map_of(moves, _merged(machines) if machines else None)
    name = component or "process map"
    current = None if component is None else found.model.current
    model = replace(found.model, name=name, current=current)
    if any(edge.undeclared for edge in model.edges):
        model = _with_messages(model, handled_counts(history, component).taken)
    return replace(found, model=model)


def map_of(moves: pd.DataFrame, declared: Graph | None = None) -> ProcessMap:
    """The process map of rows that say where components are.

    Args:
        moves: ``component``, ``state``, ``time``, ``id`` and ``source``, such as
            `History.snapshots` gives; each component's rows in the order of its history.
        declared: what may happen, one transition for each two states; None where nobody knows.
    """
    stays = stays_of(moves)
    taken = _taken_ways(stays)
    allowed = [] if declared is None else [(each.source, each.target) for each in declared.edges]
    every = {**dict.fromkeys(allowed, _Took()), **taken}
    left = Counter[str]()
    for (before, _), took in taken.items():
        left[before] += took.count
    rows = [
        (
            *way,
            took.count,
            took.count / left[way[0]] if left[way[0]] else None,
            took.p50,
            took.p95,
            took.longest,
            None if declared is None else way in allowed,
        )
        for way, took in sorted(every.items(), key=lambda item: (-item[1].count, item[0]))
    ]
    frame = frames.frame(shapes.PROCESS_MAP, rows)
    return ProcessMap(frame, _observed(stays, taken, declared), stays, moves)


def _taken_ways(stays: Stays) -> dict[Way, _Took]:
    import numpy as np

    number = len(stays.states)
    # Small numbers are sorted in time that grows with how many there are, the smallest in one go.
    state = stays.state.astype(np.min_scalar_type(number**2) if number < _MANY else np.int64)
    ways = state[:-1] * number + state[1:]
    ways[~stays.goes_on[:-1]] = number**2  # no way: behind all others
    order = np.argsort(ways, kind="stable")[: np.count_nonzero(stays.goes_on)]
    ways, dwell_us = ways[order], stays.dwell_us[order]
    (borders,) = np.nonzero(ways[1:] != ways[:-1])
    starts = [0, *(borders + 1).tolist()] if len(ways) else []
    found = {}
    for start, end in zip(starts, [*starts[1:], len(ways)], strict=True) if starts else ():
        before, after = divmod(int(ways[start]), number)
        took = quantiles(dwell_us[start:end]) or (None, None, None)
        found[stays.states[before], stays.states[after]] = _Took(end - start, *took)
    return found


def _observed(stays: Stays, taken: Mapping[Way, _Took], declared: Graph | None) -> Graph:
    """What is declared with what happened on it."""
    import numpy as np

    if declared is None:
        note = "Nothing is declared in the file; the picture shows what was observed."
        declared = Graph("process map", notes=(note,))
    messages = {(edge.source, edge.target): edge.message for edge in declared.edges}
    counts = {(*way, messages.get(way, UNKNOWN_MESSAGE)): took.count for way, took in taken.items()}
    entered = np.bincount(stays.state, minlength=len(stays.states)).tolist()
    visits = {name: number for name, number in zip(stays.states, entered, strict=True) if number}
    current = stays.states[stays.state[-1]] if len(stays.state) else None
    return with_observed(declared, counts, current, visits)


def _machines(history: History, component: str | None) -> list[Graph]:
    """The stored machines that the component was seen with; all of them without one."""
    found: dict[str, Graph] = {}
    for source in history.sources:
        with source.connect() as conn:
            stored = machines_of(conn)
            used = set(stored) if component is None else fingerprints_of(conn, component)
            found |= {key: graph for key, graph in stored.items() if key in used and graph.states}
    return list(found.values())


def _merged(machines: Sequence[Graph]) -> Graph:
    """Machines as one graph, with one transition for each two states."""
    states = {state.name: state for graph in machines for state in graph.states}
    edges = [edge for graph in machines for edge in graph.edges]
    ways: dict[Way, list[Edge]] = defaultdict(list)
    for edge in edges:
        if not edge.stays:
            ways[edge.source, edge.target].append(edge)
    notes = list(dict.fromkeys(note for graph in machines for note in graph.notes))
    if len(machines) > 1:
        notes.append(f"These are {words.plural(len(machines), 'machine')}.")
    if any(edge.stays for edge in edges):
        notes.append("Transitions that stay in their state are left out.")
    (start, *others) = {graph.start for graph in machines}
    return Graph(
        "process map",
        tuple(states.values()),
        tuple(map(_one, ways.values())),
        None if others else start,
        notes=tuple(notes),
    )


def _one(edges: Sequence[Edge]) -> Edge:
    """One transition for several between the same states."""
    error = edges[0].error if all(edge.error for edge in edges) else None
    message = ", ".join(dict.fromkeys(edge.message for edge in edges))
    sources = frozenset(source for edge in edges for source in edge.sources)
    return Edge(edges[0].source, edges[0].target, message, error=error, sources=sources)


def _with_messages(graph: Graph, counts: TransitionCounts) -> Graph:
    """A graph whose undeclared ways say which messages led over them, or that none did."""
    found: dict[Way, list[str]] = defaultdict(list)
    for (before, after, message), _ in counts.most_common():
        found[before, after].append(message)
    edges = tuple(
        replace(edge, message=", ".join(found.get((edge.source, edge.target), [edge.message])))
        if edge.undeclared
        else edge
        for edge in graph.edges
    )
    ways = [(edge.source, edge.target) for edge in edges if edge.undeclared]
    unled = [way for way in ways if way not in found] if counts else []  # 1.x has no steps at all
    return replace(graph, edges=edges, notes=(*graph.notes, *_without_steps(unled)))


def _without_steps(ways: Sequence[Way]) -> list[str]:
    """What is known of ways over which no step led, in a sentence."""
    if not ways:
        return []
    named = listed([" → ".join(map(words.name, way)) for way in ways])
    return [
        f"No step led over {named}: components began anew with their program, were restored or set "
        "by hand, or the steps were pruned."
    ]


def _measured(show: str, took_us: int | None) -> str | None:
    return None if took_us is None else f"{show} {words.duration(took_us)}"
