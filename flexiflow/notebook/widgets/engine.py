"""The machine view of an engine: one component at a time, chosen from all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import traitlets

from flexiflow.errors import component_not_found
from flexiflow.notebook.widgets.choosing import offered
from flexiflow.notebook.widgets.component_source import ComponentSource
from flexiflow.notebook.widgets.machine import MachineView

if TYPE_CHECKING:
    from flexiflow.component import AsyncComponent
    from flexiflow.engine import FlexiFlowEngine


class EngineView(MachineView):
    """A live view of an engine's components. Made by `watch`.

    Args:
        engine: whose components.
        component: the name of the one to show first.
        **traits: as for `MachineView`.

    Raises:
        ComponentNotFound: (a KeyError) where the engine has no such component.
    """

    component = traitlets.Unicode(help="the one that is shown; can be set").tag(
        sync=True, argument=True
    )
    names: traitlets.List[list[str]] = traitlets.List(
        help="what can be chosen, and where each is"
    ).tag(sync=True)
    names_left_out = traitlets.Int(help="how many more the engine has").tag(sync=True)

    def __init__(self, engine: FlexiFlowEngine, component: str, **traits: Any) -> None:
        self._engine = engine
        self._component = self._found(component)
        super().__init__(
            lambda changed: ComponentSource(self._component, changed),
            component=component,
            **traits,
        )
        self.observe(self._chosen, "component")

    def refresh(self) -> None:
        """Show the component as it is now, or what has taken its name."""
        present = self._engine.get(self.component)
        if present is not None and present is not self._component:
            self._component = present
            self.follow(lambda changed: ComponentSource(present, changed))
            return
        super().refresh()
        names, self.names_left_out = offered(self._engine.components, self.component)
        found = map(self._engine.get, names)
        self.names = [[each.name, each.state] for each in found if each is not None]

    @traitlets.validate("component")
    def _known(self, proposal: Any) -> str:
        return self._found(proposal["value"]).name

    def _chosen(self, _: Any) -> None:
        self.refresh()

    def _found(self, name: str) -> AsyncComponent:
        found = self._engine.get(name)
        if found is None:
            raise component_not_found(name, self._engine.components)
        return found
