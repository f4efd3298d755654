"""One component in one JSON file; the home is `flexiflow.persistence`."""

from flexiflow.persistence.json_store import load_snapshot, save_component
from flexiflow.persistence.snapshot import ComponentSnapshot, restore_component

__all__ = ["ComponentSnapshot", "load_snapshot", "restore_component", "save_component"]
