"""`watch`: which view for what."""

from __future__ import annotations

import os
from typing import Any

from flexiflow.analysis.history import open_history
from flexiflow.component import AsyncComponent
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import InvalidType, InvalidValue, bounded_repr
from flexiflow.notebook.widgets.component_source import ComponentSource
from flexiflow.notebook.widgets.engine import EngineView
from flexiflow.notebook.widgets.file_source import FileSource
from flexiflow.notebook.widgets.machine import MachineView


def watch(what: Any, component: str | None = None, **traits: Any) -> MachineView:
    """A live view of a machine.

    Args:
        what: a component, an engine, or the path of a database that another process may be
            writing; a file is only read.
        component: which one of an engine or a database. Unless given, the engine's first, or
            the one with the newest record.
        **traits: ``height`` in pixels (560 unless given), and ``selection``.

    Raises:
        ComponentNotFound: (a KeyError) for an unknown component.
        StateFileNotFound: (a FileNotFoundError) where there is no such database.
        InvalidValue: (a ValueError) where there is nothing in it to watch.
        InvalidType: (a TypeError) for something that can't be watched, and for an argument that
            the view does not have.
    """
    if isinstance(what, FlexiFlowEngine):
        name = next(iter(what.components), None) if component is None else component
        if name is None:
            raise _empty("engine", 'Add a component first: engine.add("order-1", Draft).')
        return EngineView(what, name, **traits)
    if isinstance(what, AsyncComponent):
        if component is not None and component != what.name:
            raise _two_components(what, component)
        return MachineView(lambda changed: ComponentSource(what, changed), **traits)
    if isinstance(what, str | os.PathLike):
        source = FileSource(what, _newest(what) if component is None else component)
        view = MachineView(lambda _: source, **traits)
        view.keep_reading(source.read)
        return view
    raise InvalidType(
        f"{bounded_repr(what, 80)} can't be watched.",
        why="A view follows a component, an engine, or a recorded database.",
        fix='Write watch(order), watch(engine, "order-1042") or watch("state.db", "order-1042").',
        context={"got": type(what).__name__},
    )


def _newest(path: str | os.PathLike[str]) -> str:
    components = open_history(path).components()
    if components.empty:
        raise _empty("database", "Record something first: record(engine, path).")
    return str(components.sort_values("last")["component"].iloc[-1])


def _empty(what: str, fix: str) -> InvalidValue:
    return InvalidValue(
        f"The {what} has no component to watch.",
        why="It is empty.",
        fix=fix,
        context={"components": 0},
    )


def _two_components(what: AsyncComponent, component: str) -> InvalidValue:
    return InvalidValue(
        f"{what.name!r} is not {component!r}.",
        why="A component was given to watch, and the name of another one.",
        fix="Leave the name out.",
        context={"component": what.name, "name": component},
    )
