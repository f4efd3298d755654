"""Snapshots in a SQLite database; the home is `flexiflow.persistence.sqlite_store`."""

from flexiflow.persistence.snapshot import ComponentSnapshot
from flexiflow.persistence.sqlite_store import (
    list_snapshots,
    load_latest_snapshot,
    prune_snapshots,
    save_snapshot,
)

__all__ = [
    "ComponentSnapshot",
    "list_snapshots",
    "load_latest_snapshot",
    "prune_snapshots",
    "save_snapshot",
]
