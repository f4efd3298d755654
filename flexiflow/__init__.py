"""FlexiFlow: an async component engine whose state machines you can see, rewind and explain.

The core is imported at once and needs the standard library and PyYAML only. `record`,
`open_history`, `open_log`, `machine_graph`, `watch`, `backup_history` and `prune_history` are
looked up when they are first asked for, and bring what they need with them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from flexiflow._version import __version__
from flexiflow.component import AsyncComponent
from flexiflow.config_loader import ComponentConfig, ConfigLoader
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import (
    ConfigError,
    FlexiFlowError,
    ImportError_,
    PersistenceError,
    StateError,
)
from flexiflow.events import log_event
from flexiflow.explain import ConfigExplanation, Diagnostic, explain
from flexiflow.guards import guard
from flexiflow.pack_loader import collect_provided_keys, load_packs
from flexiflow.state_machine import DEFAULT_REGISTRY, State, StateMachine, StateRegistry
from flexiflow.statepack import MappingPack, StatePack, StateSpec, TransitionSpec
from flexiflow.step import Step
from flexiflow.visualize import visualize

if TYPE_CHECKING:
    from flexiflow.analysis.history import open_history
    from flexiflow.analysis.log import open_log
    from flexiflow.analysis.machine.machine_graph import machine_graph
    from flexiflow.notebook.widgets.watching import watch
    from flexiflow.persistence.backup import backup_history
    from flexiflow.persistence.retention import prune_history
    from flexiflow.recording import record

__all__ = [
    "DEFAULT_REGISTRY",
    "AsyncComponent",
    "ComponentConfig",
    "ConfigError",
    "ConfigExplanation",
    "ConfigLoader",
    "Diagnostic",
    "FlexiFlowEngine",
    "FlexiFlowError",
    "ImportError_",
    "PersistenceError",
    "State",
    "StateError",
    "StateMachine",
    "StatePack",
    "StateRegistry",
    "StateSpec",
    "Step",
    "TransitionSpec",
    "__version__",
    "backup_history",
    "explain",
    "guard",
    "log_event",
    "machine_graph",
    "on",
    "open_history",
    "open_log",
    "prune_history",
    "record",
    "visualize",
    "watch",
]

# Not in __all__, and importable all the same.
_also = (MappingPack, collect_provided_keys, load_packs)

# Names that no module of the package has: a lazy name that is also a module's would turn into
# the module as soon as that is imported.
_LAZY = {
    "backup_history": "flexiflow.persistence.backup",
    "machine_graph": "flexiflow.analysis.machine.machine_graph",
    "open_history": "flexiflow.analysis.history",
    "open_log": "flexiflow.analysis.log",
    "prune_history": "flexiflow.persistence.retention",
    "record": "flexiflow.recording",
    "watch": "flexiflow.notebook.widgets.watching",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_LAZY[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext flexiflow``: magics and error cards."""
    import_module("flexiflow.magics").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext flexiflow``: the shell as it was before."""
    import_module("flexiflow.magics").unload(shell)


if "IPython" in sys.modules:
    import_module("flexiflow.notebook.registration").register_here()
