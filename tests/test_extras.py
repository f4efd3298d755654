"""The import paths of 1.x for saving and retrying."""

import subprocess
import sys

import pytest

import flexiflow.extras
from flexiflow.extras import persist_json, persist_sqlite, retry


def test_everything_that_1_x_had_is_there():
    """Under the names that existing code imports."""
    assert sorted(flexiflow.extras.__all__) == [
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


@pytest.mark.parametrize("module", [flexiflow.extras, persist_json, persist_sqlite, retry])
def test_extras_only_pass_on_what_lives_elsewhere(module):
    """One home an object: nothing is defined here."""
    for name in module.__all__:
        assert not getattr(module, name).__module__.startswith("flexiflow.extras")


def test_extras_load_nothing_heavy():
    """Saving a snapshot needs neither pandas nor a notebook."""
    code = (
        "import sys, flexiflow.extras\n"
        "heavy = {'pandas', 'numpy', 'IPython', 'ipywidgets', 'anywidget', 'graphviz', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
