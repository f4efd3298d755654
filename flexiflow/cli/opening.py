"""Opening what a command is given: a database, a trace log, a config; each says what it is not."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import click

from flexiflow.cli.text import visible, write_line
from flexiflow.config_loader import ConfigLoader
from flexiflow.errors import FlexiFlowError, component_not_found
from flexiflow.file_kind import is_sqlite

if TYPE_CHECKING:
    from flexiflow.analysis.history import History
    from flexiflow.analysis.log import Log
    from flexiflow.analysis.machine.machine_graph import MachineGraph


def open_database(db: str, log: str | None = None, *, tell: bool = True) -> History:
    """The history in a database; what to know about the file is said at the end.

    Args:
        db: a database, or a pattern of them.
        log: its trace log; the noted one unless given.
        tell: False where the answer itself has the notices.
    """
    from flexiflow.analysis.history import open_history

    opened = open_history(db, log)
    if tell:
        _tell_at_the_end(opened)
    return opened


def _tell_at_the_end(opened: History | Log) -> None:
    # Not before the answer: that a file is damaged may only show then.
    click.get_current_context().call_on_close(partial(tell_notices, opened))


def tell_notices(opened: History | Log) -> None:
    """Say on standard error what to know before an answer is trusted."""
    with contextlib.suppress(FlexiFlowError):  # which ended the command already
        for notice in opened.notices:
            write_line(visible(f"Note: {notice}"), to=sys.stderr)


def open_machine(source: str, component: str | None = None) -> MachineGraph:
    """The machine of a config, or the one that a database stores with what happened on it.

    Args:
        source: a config, a database, or a glob pattern of databases.
        component: whose, of a database; a config has only one.
    """
    from flexiflow.analysis.machine.machine_graph import machine_graph

    if is_database(source):
        return open_database(source).graph(component)
    find_modules_here()
    ConfigLoader.load_yaml(source)  # raises where it can't be read; other errors are drawn
    machine = machine_graph(source)
    if component not in (None, machine.model.name):
        raise component_not_found(str(component), [machine.model.name])
    return machine


def find_modules_here() -> None:
    """Let a config name the modules beside which the command is typed, as ``python -m`` does."""
    here = os.getcwd()
    if not sys.flags.safe_path and here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)


def is_database(source: str) -> bool:
    """Whether a word names a database, or several, and not a config."""
    if os.path.isfile(source):
        kinds = (".yaml", ".yml", ".json")
        return is_sqlite(source) or (
            not os.path.getsize(source) and not source.lower().endswith(kinds)
        )
    return any(letter in source for letter in "*?[") or source.lower().endswith((".db", ".sqlite"))


def open_trace_log(
    log: str, *, index: bool = False, fields: Mapping[str, str] | None = None
) -> Log:
    """A trace log; `index` and `fields` as `open_log` has them."""
    from flexiflow.analysis.log import open_log

    opened = open_log(log, index=index, fields=fields)
    _tell_at_the_end(opened)
    return opened
