"""``%%flexiflow [ENGINE]``: one cell's steps, shown below it.

A registered cell magic can't await, so there is none: an input transformer replaces the first line
by a line magic, and the cell goes on as any other, with its own line numbers, its last value and
``await``. What was seen is shown when the cell has ended, also with an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import FlexiFlowError, bounded_repr, suggestion
from flexiflow.notebook.cell_card import cell_card, cell_text
from flexiflow.notebook.cell_record import CellRecord

_FIRST_LINE = re.compile(r"%%flexiflow(?:[ \t]+(?P<engine>.*?))?\s*$")


def transformed(lines: list[str]) -> list[str]:
    """A cell's lines with ``%%flexiflow`` as the line magic that stands for it."""
    match = _FIRST_LINE.match(lines[0]) if lines else None
    if match is None:
        return lines
    line = f"cell {match['engine'] or ''}".strip()
    return [f"get_ipython().run_line_magic('flexiflow', {line!r})\n", *lines[1:]]


class CellMagic:
    """Follows the engines of a shell's notebook while a cell runs.

    Args:
        shell: the shell.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._record: CellRecord | None = None
        shell.input_transformers_cleanup.append(transformed)
        shell.events.register("post_run_cell", self._finish)

    def remove(self) -> None:
        """Take the transformer and the listener away."""
        self._finish()
        self._shell.input_transformers_cleanup.remove(transformed)
        self._shell.events.unregister("post_run_cell", self._finish)

    def begin(self, words: list[str]) -> None:
        """Follow the engine that is named, or all there are and those that the cell makes."""
        engines = _named(words[0], self._shell.user_ns) if words else _all(self._shell.user_ns)
        if self._record is None:
            self._record = CellRecord(engines, new_ones=not words)

    def _finish(self, _: Any = None) -> None:
        record, self._record = self._record, None
        if record is None:
            return
        record.finish()
        page = {"text/plain": cell_text(record), "text/html": cell_card(record)}
        display(page, raw=True)  # type: ignore[no-untyped-call]


def _all(names: Mapping[str, Any]) -> list[FlexiFlowEngine]:
    engines = [each for each in names.values() if isinstance(each, FlexiFlowEngine)]
    return list({id(each): each for each in engines}.values())


def _named(word: str, names: Mapping[str, Any]) -> list[FlexiFlowEngine]:
    engine = names.get(word)
    if isinstance(engine, FlexiFlowEngine):
        return [engine]
    known = [name for name, each in names.items() if isinstance(each, FlexiFlowEngine)]
    raise FlexiFlowError(
        f"{word} is no engine.",
        why=f"It is {bounded_repr(engine, 80)}." if word in names else "There is no such variable.",
        fix=suggestion(word, known) or "Write %%flexiflow alone: all engines are followed.",
        context={"engine": word, "engines": known},
    )
