"""The one way up: what the notebook layer makes of an answer, looked up when it is asked for.

`analysis` stands below `notebook` and imports nothing of it; this lookup by name is the only
exception, and the import contract names it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def from_notebook(module: str, name: str) -> Any:
    """The object `name` of ``flexiflow.notebook.module``."""
    return getattr(import_module(f"flexiflow.notebook.{module}"), name)


def card_html(verdict: Any) -> str:
    """A verdict as an HTML card."""
    return str(from_notebook("cards", "verdict_card")(verdict))


def history_explorer(history: Any, component: str | None, **options: Any) -> Any:
    """The widget that explores a history."""
    return from_notebook("widgets.explorer", "HistoryExplorer")(history, component, **options)
