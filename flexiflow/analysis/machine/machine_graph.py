"""A machine as people ask for it: states and transitions as frames, and every picture of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames
from flexiflow.arguments import checked_path, require
from flexiflow.errors import InvalidValue, bounded_repr, suggestion
from flexiflow.graph.inferred import full_graph
from flexiflow.graph.model import Graph

if TYPE_CHECKING:
    import networkx
    import pandas as pd
    from rich.tree import Tree

    from flexiflow.analysis.history import History
    from flexiflow.analysis.machine.check_report import CheckReport
    from flexiflow.graph.findings import Coverage

STATES: frames.Columns = {
    "state": frames.TEXT,
    "start": frames.FLAG,
    "final": frames.FLAG,
    "resting": frames.FLAG,
    "current": frames.FLAG,
    "known": frames.FLAG,
    "declared": frames.FLAG,
    "classic": frames.FLAG,
    "group": frames.NAME,
    "visits": frames.OPTIONAL_ID,
    "description": frames.TEXT,
}
TRANSITIONS: frames.Columns = {
    "source": frames.TEXT,
    "message": frames.NAME,
    "target": frames.TEXT,
    "guard": frames.TEXT,
    "error": frames.TEXT,
    "declared": frames.FLAG,
    "inferred": frames.FLAG,
    "observed": frames.FLAG,
    "count": frames.OPTIONAL_ID,
    "failed": frames.COUNT,
    "refused": frames.COUNT,
    "description": frames.TEXT,
}
FINDINGS: frames.Columns = {
    "kind": frames.NAME,
    "severity": frames.NAME,
    "state": frames.TEXT,
    "message": frames.NAME,
    "target": frames.TEXT,
    "what": frames.TEXT,
    "why": frames.TEXT,
    "fix": frames.TEXT,
}


def machine_graph(machine: Any, history: History | None = None) -> MachineGraph:
    """The graph of a machine: what its code says and, with a history, what happened on it.

    Transitions of classic handlers are read from their code, which is not run.

    Args:
        machine: a component, a `StateMachine`, a State class or instance, a config (path, dict
            or `ConfigExplanation`), or a plain `Graph`.
        history: an opened history; lays observed counts over the graph: those of the component,
            or, where `machine` is no component, of all components that have this very machine. A
            history that does not hold it as it is gives those of the component of that name, else
            all it has; a note says so.

    Raises:
        InvalidType: (a TypeError) where there is no machine in it, or `history` is none.
        ComponentNotFound: (a KeyError) where the history does not know the component.
    """
    if isinstance(machine, MachineGraph):
        graph = machine.model
    elif isinstance(machine, Graph):
        graph = machine
    else:
        graph = _read(machine)
    if history is None:
        return MachineGraph(graph)
    from flexiflow.analysis.machine.observed import observe, observe_selected, selection_for
    from flexiflow.component import AsyncComponent

    require(
        hasattr(history, "sources"),
        "history",
        history,
        "an opened history",
        'Write machine_graph(order, open_history("state.db")).',
    )
    if isinstance(machine, AsyncComponent):
        history.require(machine.name)
        return MachineGraph(observe(graph, history, machine.name))
    return MachineGraph(observe_selected(graph, history, selection_for(graph, history)))


def _read(machine: Any) -> Graph:
    from flexiflow.explain import ConfigExplanation
    from flexiflow.visualize import graph_of

    if isinstance(machine, str | os.PathLike | Mapping | ConfigExplanation):
        return graph_of(machine)
    return full_graph(machine)


class MachineGraph:
    """A machine's graph, as frames, text and pictures.

    Args:
        model: the plain graph that all of them are made of.
    """

    def __init__(self, model: Graph) -> None:
        self.model = model

    @property
    def states(self) -> pd.DataFrame:
        """One row a state; the columns of `STATES`."""
        graph = self.model
        return frames.frame(
            STATES,
            (
                (
                    state.name,
                    state.name == graph.start,
                    state.final,
                    state.resting,
                    state.name == graph.current,
                    state.known,
                    not state.undeclared,
                    state.classic,
                    state.group,
                    state.visits,
                    state.description,
                )
                for state in graph.states
            ),
        )

    @property
    def transitions(self) -> pd.DataFrame:
        """One row a transition; the columns of `TRANSITIONS`."""
        return frames.frame(
            TRANSITIONS,
            (
                (
                    edge.source,
                    edge.message,
                    edge.target,
                    edge.guard,
                    edge.error,
                    "declared" in edge.sources,
                    "inferred" in edge.sources,
                    bool(edge.count),
                    edge.count,
                    edge.failed,
                    edge.refused,
                    edge.description,
                )
                for edge in self.model.edges
            ),
        )

    def findings(self) -> pd.DataFrame:
        """One row for each thing that is odd about the machine, the worst first.

        Returns:
            the columns of `FINDINGS`: ``kind``, ``severity`` (error, warning or info), ``state``,
            ``message`` and ``target`` of the transition where it is about one, and ``what``,
            ``why`` and ``fix``, a sentence or two each.
        """
        from flexiflow.graph.findings import findings

        return frames.frame(
            FINDINGS,
            (
                (
                    finding.kind,
                    finding.severity,
                    finding.state,
                    None if finding.edge is None else finding.edge.message,
                    None if finding.edge is None else finding.edge.target,
                    finding.what,
                    finding.why,
                    finding.fix,
                )
                for finding in findings(self.model)
            ),
        )

    def coverage(self) -> Coverage:
        """How many of the transitions that the code knows were taken, and which were not."""
        from flexiflow.graph.findings import coverage

        return coverage(self.model)

    def check(
        self,
        history: History,
        *,
        component: str | None = None,
        min_coverage: float | None = None,
        fail_undeclared: bool = False,
        max_dwell: Iterable[str] = (),
    ) -> CheckReport:
        """Compare the machine with what happened; see `flexiflow.analysis.machine.checks.check`.

        Args:
            history: an opened history.
            component: only this one's part of it.
            min_coverage: percent of the transitions that must have been taken.
            fail_undeclared: whether what only history knows fails.
            max_dwell: limits such as ``"Paying<5s"``.

        Returns:
            the report: ``passed``, ``checks``, ``coverage``, ``to_markdown()``, ``to_junit()``.
        """
        from flexiflow.analysis.machine.checks import check

        return check(
            self.model,
            history,
            component=component,
            min_coverage=min_coverage,
            fail_undeclared=fail_undeclared,
            max_dwell=max_dwell,
        )

    def to_networkx(self) -> networkx.MultiDiGraph[Any]:
        """The graph for NetworkX, which has to be installed; see `flexiflow.graph.network`.

        Raises:
            FlexiFlowError: where it is not.
        """
        from flexiflow.graph.network import to_networkx

        return to_networkx(self.model)

    def to_dot(self) -> str:
        """The graph in Graphviz's language."""
        from flexiflow.graph.dot import to_dot

        return to_dot(self.model)

    def to_mermaid(self) -> str:
        """The graph in Mermaid's language."""
        from flexiflow.graph.mermaid import to_mermaid

        return to_mermaid(self.model)

    def to_svg(self) -> str:
        """The picture. It carries its own colours, for light and dark.

        Raises:
            FlexiFlowError: where nothing on this machine can lay a graph out.
        """
        from flexiflow.graph.render import to_svg

        return to_svg(self.model)

    def to_tree(self) -> Tree:
        """The graph as a tree of rich, for terminals.

        Raises:
            FlexiFlowError: where rich is not installed.
        """
        from flexiflow.graph.tree import to_tree

        return to_tree(self.model)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the graph to a file, in the form that its ending names; never half of it.

        Args:
            path: a file that ends in ``.svg``, ``.dot``, ``.mmd``, ``.md`` or ``.txt``.

        Raises:
            InvalidValue: (a ValueError) for another ending.
            PersistenceError: where the file can't be written.
            DrawingError: where nothing on this machine can lay an SVG out.
        """
        from flexiflow.analysis.base.text_file import write_text

        file = Path(checked_path(path, "path"))
        forms = {
            ".svg": self.to_svg,
            ".dot": self.to_dot,
            ".mmd": self.to_mermaid,
            ".md": self.to_markdown,
            ".txt": self.to_text,
        }
        form = forms.get(file.suffix.lower())
        if form is None:
            endings = f"{', '.join(list(forms)[:-1])} or .txt"
            raise InvalidValue(
                f"The ending of {bounded_repr(str(file), 120)} names no form of a graph.",
                why=f"A graph is written as {endings}, and the ending says which.",
                fix=suggestion(file.suffix, forms) or "Write e.g. machine.svg.",
                context={"path": str(file), "endings": list(forms)},
            )
        write_text(file, form())

    def to_text(self) -> str:
        """The graph in words, for readers who can't see the picture."""
        from flexiflow.graph.table import to_text

        return to_text(self.model)

    def to_markdown(self) -> str:
        """The transitions as a Markdown table."""
        from flexiflow.graph.table import to_markdown

        return to_markdown(self.model)

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from flexiflow.analysis.base.late import from_notebook

        return dict(from_notebook("cards", "graph_bundle")(self))
