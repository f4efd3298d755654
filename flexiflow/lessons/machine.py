"""A machine that is shown to learners as code."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from flexiflow.state_machine import State


class Machine:
    """The states of a machine, and their code. Made by decorating a function::

        @Machine
        def gate():
            class Locked(State): ...
            class Open(State): ...
            return Locked, Open

    A function's body is a place of its own: broken and mended machines may use the same names.

    Args:
        function: makes the states and returns them, the one to begin in first.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        # All are kept: a name in to= finds a class only as long as somebody holds it.
        self.states: tuple[type[State], ...] = tuple(function())
        self._function = function

    @property
    def start(self) -> type[State]:
        """The state to begin in."""
        return self.states[0]

    @property
    def code(self) -> str:
        """The function's body, as Python that stands alone."""
        lines = inspect.getsource(self._function).splitlines()
        body = lines[next(at for at, line in enumerate(lines) if line.startswith("def ")) + 1 :]
        return textwrap.dedent("\n".join(body)).rpartition("\nreturn ")[0].strip("\n") + "\n"

    def indented_code(self) -> str:
        """The code as a block of a `Reply`'s text."""
        return textwrap.indent(self.code, "    ").rstrip("\n")
