"""``%flexiflow``: the command line in a notebook, with cards and pictures in place of its text.

``%load_ext flexiflow`` adds the magics and the error cards to a shell, and ``%unload_ext`` takes
them away again. The rooms: `subjects` (what a word of a magic's line stands for), `answers` (what
is shown where a notebook has more than text), `cell` (``%%flexiflow``), `line` (``%flexiflow``),
and this one, which puts
them into a shell.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from IPython.core.interactiveshell import InteractiveShell

from flexiflow.magics.cell import CellMagic
from flexiflow.magics.line import LineMagic
from flexiflow.notebook.error_card import ErrorCards
from flexiflow.notebook.registration import register

NAME = "flexiflow"

_loaded: WeakKeyDictionary[InteractiveShell, _Extension] = WeakKeyDictionary()


def load(shell: InteractiveShell) -> None:
    """Add the magics, the error cards and the reprs to a shell; once more does nothing."""
    register(shell)
    if shell not in _loaded:
        _loaded[shell] = _Extension(shell)


def unload(shell: InteractiveShell) -> None:
    """Put everything back as `load` found it. The reprs stay: they come with the import."""
    extension = _loaded.pop(shell, None)
    if extension is not None:
        extension.remove()


class _Extension:
    """What was put into one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._lines: dict[str, Any] = shell.magics_manager.magics["line"]
        self._former = self._lines.get(NAME)
        self._cell = CellMagic(shell)
        line = LineMagic(shell, self._cell)
        shell.magics_manager.register_function(line.run, "line", NAME)
        self._cards = ErrorCards(shell)

    def remove(self) -> None:
        self._cards.remove()
        self._cell.remove()
        if self._former is not None:
            self._lines[NAME] = self._former
        else:
            self._lines.pop(NAME, None)
