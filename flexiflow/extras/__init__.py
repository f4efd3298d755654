"""The import paths of 1.x: re-exports only."""

from flexiflow.extras.persist_json import load_snapshot, restore_component, save_component
from flexiflow.extras.persist_sqlite import list_snapshots as list_snapshots_sqlite
from flexiflow.extras.persist_sqlite import load_latest_snapshot as load_latest_snapshot_sqlite
from flexiflow.extras.persist_sqlite import prune_snapshots as prune_snapshots_sqlite
from flexiflow.extras.persist_sqlite import save_snapshot as save_snapshot_sqlite
from flexiflow.extras.retry import RetryConfig, retry_async
from flexiflow.persistence.snapshot import ComponentSnapshot

__all__ = [
    "ComponentSnapshot",
    "RetryConfig",
    "list_snapshots_sqlite",
    "load_latest_snapshot_sqlite",
    "load_snapshot",
    "prune_snapshots_sqlite",
    "restore_component",
    "retry_async",
    "save_component",
    "save_snapshot_sqlite",
]
